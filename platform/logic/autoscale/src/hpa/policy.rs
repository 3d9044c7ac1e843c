//! `hpa`: the model as a policy of the comparison, on an external metric that is the depth of the layer.

use std::time::Duration;

use tally_model::Instant;

use super::{
    Condition, ConditionType, Metric, Outcome, Reason, Scale, Selector, Spec, State, TotalTarget, reconcile,
    written,
};
use crate::{Decision, Policy, Rules, Signal};

/// Average value of the depth per set, target the threshold that all policies share. Looks once per period; between
/// two looks the last decision stands.
#[derive(Clone, Debug)]
pub struct HpaPolicy {
    rules: Rules,
    spec: Spec,
    state: State,
    period: Duration,
    wanted: u32,
    next_look: Option<Instant>,
    why: String,
}

impl HpaPolicy {
    /// How often the controller looks, by default.
    pub const PERIOD: Duration = Duration::from_secs(15);

    /// With the controller's defaults and no behavior.
    pub fn new(rules: Rules) -> Self {
        let whole = |sets: u32| i32::try_from(sets).unwrap_or(i32::MAX);
        let spec = Spec::new(whole(rules.min()), whole(rules.max()));
        Self::with(rules, spec, Self::PERIOD)
    }

    /// With another spec, such as one with a behavior, and another period; the bounds stay those of `rules`.
    pub fn with(rules: Rules, spec: Spec, period: Duration) -> Self {
        let whole = |sets: u32| i32::try_from(sets).unwrap_or(i32::MAX);
        Self {
            spec: Spec {
                min: whole(rules.min()),
                max: whole(rules.max()),
                ..spec
            },
            state: State::default(),
            period,
            wanted: rules.min(),
            next_look: None,
            why: String::new(),
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

    fn look(&mut self, signal: &Signal, backlog: u64) -> Decision {
        let whole = |sets: u32| i32::try_from(sets).unwrap_or(i32::MAX);
        let milli = |count: u64| i64::try_from(count.saturating_mul(1000)).unwrap_or(i64::MAX);
        let scale = Scale {
            spec: whole(self.wanted),
            status: whole(signal.ready.saturating_add(signal.starting)),
            ready: whole(signal.ready),
            selector: Selector::Valid,
        };
        let depth = Metric::External {
            target: TotalTarget::AverageValue(milli(u64::from(self.rules.threshold))),
            reading: Ok(vec![milli(backlog)]),
        };
        let now = signal.now;
        let Some(outcome) = reconcile(&self.spec, &mut self.state, now, Some(&scale), &[depth]) else {
            return Decision::hold(self.wanted, "the scale is unknown");
        };
        written(&self.spec, &mut self.state, now, &outcome, true);
        self.next_look = Some(now + self.period);
        self.wanted = self.rules.clamp(u64::try_from(outcome.desired).unwrap_or(0));
        self.why = self.explain(backlog, &outcome);
        Decision::new(self.wanted, self.why.clone())
    }

    fn explain(&self, backlog: u64, outcome: &Outcome) -> String {
        let asked = match &outcome.proposals {
            Some(Ok(proposals)) => format!("asks for {}", proposals.replicas),
            Some(Err(error)) => format!("is of no use ({error})"),
            None => "is not looked at".to_owned(),
        };
        let limited = self.state.conditions.get(ConditionType::ScalingLimited);
        let reason = limited.map_or(Reason::DesiredWithinRange, |Condition { reason, .. }| reason);
        format!(
            "depth {backlog} at {} per set {asked}: {} ({reason})",
            self.rules.threshold, self.wanted
        )
    }
}

impl Policy for HpaPolicy {
    fn name(&self) -> String {
        "hpa".to_owned()
    }

    fn start(&mut self, previous: Option<u32>) -> Decision {
        self.state = State::default();
        self.next_look = None;
        self.wanted = self.rules.clamp(previous.map_or(0, u64::from));
        if self.wanted == 0 {
            // Nobody has paused the layer: it is empty because it starts empty.
            let conditions = &mut self.state.conditions;
            conditions.set(ConditionType::ScaledToZero, true, Reason::ScaledToZero);
        }
        self.why = match previous {
            Some(sets) => format!("resumed at {sets}"),
            None => "started at the minimum".to_owned(),
        };
        Decision::new(self.wanted, self.why.clone())
    }

    fn decide(&mut self, signal: &Signal) -> Decision {
        let backlog = match signal.backlog(self.rules.stale_after) {
            Ok(backlog) => backlog,
            Err(reason) => return Decision::hold(self.wanted, &reason),
        };
        if self.next_look.is_some_and(|next| signal.now < next) {
            return Decision::new(self.wanted, self.why.clone());
        }
        self.look(signal, backlog)
    }
}
