//! The question every policy answers.

use tally_model::Scaler;

use crate::hpa::HpaPolicy;
use crate::{
    Clairvoyant, Dc2Ps, Fixed, Kalman, Keda, Known, Kpa, Rules, Signal, StaticOptimum, Threshold,
    ThresholdReport,
};

/// How many sets there should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The total, sets that are still starting included; within the bounds.
    pub wanted: u32,
    /// True if the input was missing or stale, so that the last decision stands.
    pub held: bool,
    /// The inputs and the rule, for people: `depth 20 > 4 x 1: 5 sets`.
    pub why: String,
}

impl Decision {
    /// A decision on the merits.
    pub(crate) fn new(wanted: u32, why: String) -> Self {
        Self {
            wanted,
            held: false,
            why,
        }
    }

    /// The first decision: that of an earlier life, or where a policy starts.
    pub(crate) fn first(wanted: u32, previous: Option<u32>) -> Self {
        let why = match previous {
            Some(sets) => format!("resumed at {sets}"),
            None => "started at the minimum".to_owned(),
        };
        Self::new(wanted, why)
    }

    /// The last decision stands because the input is of no use.
    pub(crate) fn hold(wanted: u32, reason: &str) -> Self {
        Self {
            wanted,
            held: true,
            why: format!("{reason}: holding {wanted}"),
        }
    }
}

/// One policy for one layer. Its memory is its own; everything else comes with the signal.
pub trait Policy: std::fmt::Debug + Send {
    /// Its name in files and flags.
    fn name(&self) -> String;

    /// The first decision: that of an earlier life if there was one, else where the policy starts.
    fn start(&mut self, previous: Option<u32>) -> Decision;

    /// The decision on this signal. Always within the bounds; a missing or stale reading holds the last decision.
    fn decide(&mut self, signal: &Signal) -> Decision;
}

/// The policy of that name, for one layer; `known` is for those that know the plan.
pub fn policy(scaler: Scaler, rules: Rules, known: &Known) -> Box<dyn Policy> {
    match scaler {
        Scaler::Threshold => Box::new(Threshold::new(rules)),
        Scaler::ThresholdReport => Box::new(ThresholdReport::new(rules)),
        Scaler::Hpa | Scaler::HpaCpu80 | Scaler::HpaCpu50 | Scaler::Hpa1s => {
            Box::new(HpaPolicy::preset(scaler, rules))
        }
        Scaler::Keda => Box::new(Keda::new(rules)),
        Scaler::Kpa => Box::new(Kpa::new(rules)),
        Scaler::Kalman => Box::new(Kalman::new(rules)),
        Scaler::Dc2Ps => Box::new(Dc2Ps::new(rules)),
        Scaler::StaticOptimum => Box::new(StaticOptimum::new(rules, known)),
        Scaler::Clairvoyant => Box::new(Clairvoyant::new(rules, known.clone())),
        Scaler::Fixed(sets) => Box::new(Fixed::new(rules, sets)),
    }
}
