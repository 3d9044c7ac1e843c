//! `hpa`: the model as a policy of the comparison, on the depth of the layer or on how busy its sets are.

use std::time::Duration;

use tally_model::{HpaMetric, HpaRules, HpaVersion, Instant, Scaler};

use super::cpu::Cpu;
use super::{
    Behavior, Compat, Condition, ConditionType, Metric, Outcome, Reason, Scale, Selector, Spec, State,
    Tolerance, TotalTarget, reconcile, written,
};
use crate::{Decision, Policy, Rules, Signal};

/// Looks once per period; between two looks the last decision stands.
#[derive(Clone, Debug)]
pub struct HpaPolicy {
    name: Scaler,
    rules: Rules,
    spec: Spec,
    state: State,
    period: Duration,
    source: Source,
    wanted: u32,
    next_look: Option<Instant>,
    why: String,
}

/// What is looked at.
#[derive(Clone, Debug)]
enum Source {
    /// The depth of the layer, an external metric; thousandths of a task per set.
    Queue { target: i64 },
    /// How busy the sets are, the resource `cpu`.
    Cpu(Cpu),
}

impl HpaPolicy {
    /// As `rules.hpa` says.
    pub fn new(rules: Rules) -> Self {
        Self::preset(Scaler::Hpa, rules)
    }

    /// One of the configurations that have a name: `hpa` is as `rules.hpa` says, the others are theirs whatever it says.
    pub fn preset(name: Scaler, rules: Rules) -> Self {
        let (zero, minute) = (Some(Duration::ZERO), Some(Duration::from_mins(1)));
        let hpa = match name {
            Scaler::HpaCpu80 => HpaRules {
                metric: HpaMetric::Cpu,
                ..HpaRules::default()
            },
            Scaler::HpaCpu50 => HpaRules {
                metric: HpaMetric::Cpu,
                target: Some(50.0),
                up_window: zero,
                down_window: minute,
                ..HpaRules::default()
            },
            Scaler::Hpa1s => HpaRules {
                period: Duration::from_secs(1),
                up_window: zero,
                down_window: minute,
                ..HpaRules::default()
            },
            Scaler::Hpa
            | Scaler::Threshold
            | Scaler::ThresholdReport
            | Scaler::Keda
            | Scaler::Kpa
            | Scaler::Kalman
            | Scaler::Dc2Ps
            | Scaler::StaticOptimum
            | Scaler::Clairvoyant
            | Scaler::Fixed(_) => rules.hpa,
        };
        Self {
            spec: spec(&rules, &hpa),
            state: State::default(),
            period: hpa.period,
            source: Source::new(&rules, &hpa),
            wanted: rules.min(),
            next_look: None,
            why: String::new(),
            name,
            rules,
        }
    }

    /// Somebody else has set the number of sets; it is found at the next look.
    pub(crate) const fn adopt(&mut self, sets: u32) {
        self.wanted = sets;
    }

    /// Lets a look pass at which there was nothing to decide, because scaling is off.
    pub(crate) fn pass(&mut self, now: Instant) {
        if self.next_look.is_none_or(|next| now >= next) {
            self.next_look = Some(now + self.period);
        }
    }

    fn look(&mut self, signal: &Signal, metric: &Metric, seen: &str) -> Decision {
        let scale = Scale {
            spec: whole(self.wanted),
            status: whole(signal.ready.saturating_add(signal.starting)),
            ready: whole(signal.ready),
            selector: Selector::Valid,
        };
        let now = signal.now;
        let metrics = std::slice::from_ref(metric);
        let Some(outcome) = reconcile(&self.spec, &mut self.state, now, Some(&scale), metrics) else {
            return Decision::hold(self.wanted, "the scale is unknown");
        };
        written(&self.spec, &mut self.state, now, &outcome, true);
        self.next_look = Some(now + self.period);
        self.wanted = self.rules.clamp(u64::try_from(outcome.desired).unwrap_or(0));
        self.why = self.explain(seen, &outcome);
        Decision {
            held: outcome.error().is_some(),
            ..Decision::new(self.wanted, self.why.clone())
        }
    }

    fn explain(&self, seen: &str, outcome: &Outcome) -> String {
        let asked = match &outcome.proposals {
            Some(Ok(proposals)) => format!("asks for {}", proposals.replicas),
            Some(Err(error)) => format!("is of no use ({error})"),
            None => "is not looked at".to_owned(),
        };
        let limited = self.state.conditions.get(ConditionType::ScalingLimited);
        let reason = limited.map_or(Reason::DesiredWithinRange, |Condition { reason, .. }| reason);
        format!("{seen} {asked}: {} ({reason})", self.wanted)
    }
}

fn whole(sets: u32) -> i32 {
    i32::try_from(sets).unwrap_or(i32::MAX)
}

fn milli(count: u64) -> i64 {
    i64::try_from(count.saturating_mul(1000)).unwrap_or(i64::MAX)
}

/// What `hpa` says as Kubernetes would be told it. A behavior is there if one of its windows is.
fn spec(rules: &Rules, hpa: &HpaRules) -> Spec {
    let rules = match hpa.metric {
        HpaMetric::Queue => *rules,
        // Without a pod there is no sample of one, so Kubernetes refuses a minimum of zero here.
        HpaMetric::Cpu => rules.at_least_one(),
    };
    let mut spec = Spec::new(whole(rules.min()), whole(rules.max()));
    spec.tolerance = Tolerance {
        down: hpa.down_tolerance,
        up: hpa.up_tolerance,
    };
    spec.compat = match hpa.version {
        HpaVersion::V1_20 => Compat::V1_20,
        HpaVersion::V1_28 => Compat::V1_28,
        HpaVersion::V1_37 => Compat::V1_37,
    };
    if hpa.up_window.is_some() || hpa.down_window.is_some() {
        let mut behavior = Behavior::defaults(hpa.down_window.unwrap_or(Spec::DOWNSCALE_STABILIZATION));
        behavior.up.window = hpa.up_window.unwrap_or(behavior.up.window);
        spec.behavior = Some(behavior);
    }
    spec
}

impl Source {
    fn new(rules: &Rules, hpa: &HpaRules) -> Self {
        match hpa.metric {
            HpaMetric::Queue => {
                let target = hpa.target.unwrap_or_else(|| f64::from(rules.threshold));
                Self::Queue {
                    target: ((target * 1000.0) as i64).max(1),
                }
            }
            HpaMetric::Cpu => Self::Cpu(Cpu::new(hpa.target.unwrap_or(80.0) as i32)),
        }
    }
}

impl Policy for HpaPolicy {
    fn name(&self) -> String {
        self.name.to_string()
    }

    fn start(&mut self, previous: Option<u32>) -> Decision {
        self.state = State::default();
        self.next_look = None;
        let least = u64::try_from(self.spec.min).unwrap_or(0);
        self.wanted = self.rules.clamp(previous.map_or(0, u64::from).max(least));
        if self.wanted == 0 {
            // Nobody has paused the layer: it is empty because it starts empty.
            let conditions = &mut self.state.conditions;
            conditions.set(ConditionType::ScaledToZero, true, Reason::ScaledToZero);
        }
        let decision = Decision::first(self.wanted, previous);
        self.why.clone_from(&decision.why);
        decision
    }

    fn decide(&mut self, signal: &Signal) -> Decision {
        if let Source::Cpu(cpu) = &mut self.source {
            cpu.record(signal);
        }
        let backlog = match signal.backlog(self.rules.stale_after) {
            Ok(backlog) => backlog,
            Err(reason) => return Decision::hold(self.wanted, &reason),
        };
        if self.next_look.is_some_and(|next| signal.now < next) {
            return Decision::new(self.wanted, self.why.clone());
        }
        match &self.source {
            Source::Queue { target } => {
                let metric = Metric::External {
                    target: TotalTarget::AverageValue(*target),
                    reading: Ok(vec![milli(backlog)]),
                };
                let seen = format!("depth {backlog} at {} per set", *target as f64 / 1000.0);
                self.look(signal, &metric, &seen)
            }
            Source::Cpu(cpu) => {
                let (metric, seen) = cpu.metric(signal);
                self.look(signal, &metric, &seen)
            }
        }
    }
}
