//! `kalman`: learns rate, trend and service time of a layer, and asks for the fewest sets that will be enough once sets that
//! are asked for now are ready.
//!
//! Our design, from the idea of DC2 (Gandhi et al., ICAC 2014): see `docs/method.md`, "Policies".

use std::time::Duration;

use crate::demand::Demand;
use crate::observed::Observed;
use crate::pace::Pace;
use crate::{Decision, Policy, Rules, Signal};

/// See the module.
#[derive(Clone, Debug)]
pub struct Kalman {
    rules: Rules,
    observed: Observed,
    pace: Pace,
    wanted: u32,
}

/// What a decision looks at, in seconds and tasks.
#[derive(Clone, Copy, Debug)]
struct Outlook {
    /// From now until a set that is asked for now is ready, and the next decision.
    lead: Duration,
    /// Tasks per second then, cautiously.
    rate: f64,
    /// Tasks that will wait then.
    backlog: f64,
}

impl Kalman {
    /// Standard deviations by which rate and service time are each taken to be worse than estimated: 80 %. What is asked of the sets
    /// is their product, which is then worse in one of eight cases if both are as uncertain.
    const CAUTION: f64 = 0.84;

    /// Starts at the minimum.
    pub fn new(rules: Rules) -> Self {
        Self {
            observed: Observed::new(&rules),
            pace: Pace::default(),
            wanted: rules.min(),
            rules,
        }
    }

    fn outlook(&self, signal: &Signal, backlog: u64) -> Outlook {
        let interval = self.rules.interval;
        let start = signal.start_delay.unwrap_or(interval);
        let lead = start.saturating_add(interval.saturating_mul(2));
        let steps = lead.as_secs_f64() / interval.as_secs_f64();
        let steps = (steps.ceil() as u32).min(MOST_STEPS);
        let surge = self.observed.surge(signal.now).unwrap_or(0.0);
        let service = self.observed.service.service(0.0);
        let mut waiting = backlog as f64 - f64::from(signal.ready);
        for step in 0..steps {
            let later = interval.saturating_mul(step);
            let sets = if later < start {
                signal.ready
            } else {
                signal.ready.saturating_add(signal.starting)
            };
            let rate = self.observed.rate(step, 0.0).max(surge);
            waiting += (rate - f64::from(sets) / service) * interval.as_secs_f64();
            waiting = waiting.max(0.0);
        }
        Outlook {
            lead,
            rate: self.observed.rate(steps, Self::CAUTION).max(surge),
            backlog: waiting,
        }
    }

    fn needed(&self, outlook: &Outlook, backlog: u64) -> (u32, bool) {
        let demand = Demand {
            station: self.observed.station(outlook.rate, Self::CAUTION),
            objective: self.rules.objective.as_secs_f64(),
            backlog: outlook.backlog,
            drain: self
                .rules
                .objective
                .max(self.rules.interval.saturating_mul(2))
                .as_secs_f64(),
        };
        let fewest = demand.fewest(self.rules.min(), self.rules.max());
        let needed = fewest.unwrap_or(self.rules.max());
        if self.observed.service.is_cold() {
            let floor = self
                .rules
                .clamp(backlog.div_ceil(u64::from(self.rules.threshold)));
            return (needed.max(floor), fewest.is_some());
        }
        (needed, fewest.is_some())
    }

    fn explain(&self, outlook: &Outlook, backlog: u64, needed: u32, enough: bool) -> String {
        let short = if enough { "" } else { ", and they are not enough" };
        format!(
            "{:.1}/s in {:.1} s, service {:.1} ms, depth {backlog}: {needed} needed{short}, {} sets",
            outlook.rate,
            outlook.lead.as_secs_f64(),
            self.observed.service.service(0.0) * 1000.0,
            self.wanted
        )
    }

    /// How long a number that was needed holds the way down.
    fn window(&self, lead: Duration) -> Duration {
        self.rules.scale_down_after.max(lead.saturating_mul(2))
    }
}

/// Intervals that are looked ahead at most.
const MOST_STEPS: u32 = 256;

impl Policy for Kalman {
    fn name(&self) -> String {
        "kalman".to_owned()
    }

    fn start(&mut self, previous: Option<u32>) -> Decision {
        *self = Self::new(self.rules);
        self.wanted = self.rules.clamp(previous.map_or(0, u64::from));
        Decision::first(self.wanted, previous)
    }

    fn decide(&mut self, signal: &Signal) -> Decision {
        let learned = self.observed.learn(signal);
        let backlog = match learned.and_then(|_| signal.backlog(self.rules.stale_after)) {
            Ok(backlog) => backlog,
            Err(reason) => return Decision::hold(self.wanted, &reason),
        };
        let outlook = self.outlook(signal, backlog);
        let (needed, enough) = self.needed(&outlook, backlog);
        let busy = backlog > 0 || signal.arrivals > 0;
        let next = self
            .pace
            .next(signal.now, self.wanted, needed, self.window(outlook.lead), busy);
        self.wanted = self.rules.clamp(u64::from(next));
        Decision::new(self.wanted, self.explain(&outlook, backlog, needed, enough))
    }
}
