//! `keda`: the event-driven autoscaler, which sends a layer to zero and back and leaves the rest to an `hpa`.

use std::time::Duration;

use tally_model::{HpaMetric, HpaRules, Instant};

use crate::hpa::HpaPolicy;
use crate::{Decision, Policy, Rules, Signal};

/// KEDA's `ScaledObject` on the depth of the layer, with its defaults: polled every 30 s, active if there is anything to
/// do, to the minimum after 300 s without. Between one and the maximum an `hpa` decides every 15 s.
#[derive(Clone, Debug)]
pub struct Keda {
    rules: Rules,
    hpa: HpaPolicy,
    wanted: u32,
    next_poll: Option<Instant>,
    last_active: Option<Instant>,
}

impl Keda {
    /// `pollingInterval`.
    pub const POLLING_INTERVAL: Duration = Duration::from_secs(30);
    /// `cooldownPeriod`.
    pub const COOLDOWN_PERIOD: Duration = Duration::from_mins(5);

    /// With these bounds; a minimum of zero lets it switch the layer off.
    pub fn new(rules: Rules) -> Self {
        Self {
            hpa: HpaPolicy::new(Self::awake(rules)),
            wanted: rules.min(),
            next_poll: None,
            last_active: None,
            rules,
        }
    }

    /// The rules of the autoscaler that it makes: that one never goes below one.
    fn awake(rules: Rules) -> Rules {
        let hpa = HpaRules {
            target: None,
            metric: HpaMetric::Queue,
            period: HpaRules::default().period,
            ..rules.hpa
        };
        let mut awake = rules.at_least_one();
        awake.hpa = hpa;
        awake
    }

    /// One poll: what it sets, if anything.
    fn poll(&mut self, now: Instant, backlog: u64) -> Option<Decision> {
        self.next_poll = Some(now + Self::POLLING_INTERVAL);
        if backlog > 0 {
            self.last_active = Some(now);
            let asleep = self.wanted == 0;
            return asleep.then(|| self.set(1, format!("depth {backlog}: active")));
        }
        let idle = self.last_active.map(|last| now.since(last));
        let cooled = idle.is_none_or(|idle| idle > Self::COOLDOWN_PERIOD);
        let may_sleep = self.wanted > 0 && self.rules.min() == 0 && cooled;
        may_sleep.then(|| self.set(0, "nothing to do for the cooldown period".to_owned()))
    }

    fn set(&mut self, sets: u64, why: String) -> Decision {
        self.wanted = self.rules.clamp(sets);
        self.hpa.adopt(self.wanted);
        Decision::new(self.wanted, format!("{why}: {}", self.wanted))
    }
}

impl Policy for Keda {
    fn name(&self) -> String {
        "keda".to_owned()
    }

    fn start(&mut self, previous: Option<u32>) -> Decision {
        self.next_poll = None;
        self.last_active = None;
        self.wanted = self.rules.clamp(previous.map_or(0, u64::from));
        let _ = self.hpa.start(Some(self.wanted));
        Decision::first(self.wanted, previous)
    }

    fn decide(&mut self, signal: &Signal) -> Decision {
        let backlog = match signal.backlog(self.rules.stale_after) {
            Ok(backlog) => backlog,
            Err(reason) => return Decision::hold(self.wanted, &reason),
        };
        let polls = self.next_poll.is_none_or(|next| signal.now >= next);
        if polls && let Some(decision) = self.poll(signal.now, backlog) {
            return decision;
        }
        if self.wanted == 0 {
            self.hpa.pass(signal.now);
            return Decision::new(0, format!("depth {backlog}: asleep until the next poll"));
        }
        let decision = self.hpa.decide(signal);
        self.wanted = self.rules.clamp(u64::from(decision.wanted));
        Decision {
            wanted: self.wanted,
            ..decision
        }
    }
}
