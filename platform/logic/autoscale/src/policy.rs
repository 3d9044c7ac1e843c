//! The question every policy answers.

use tally_model::Scaler;

use crate::{Fixed, Rules, Signal, Threshold, ThresholdReport};

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

/// The policy of that name, for one layer.
pub fn policy(scaler: Scaler, rules: Rules) -> Box<dyn Policy> {
    match scaler {
        Scaler::Threshold => Box::new(Threshold::new(rules)),
        Scaler::ThresholdReport => Box::new(ThresholdReport::new(rules)),
        Scaler::Fixed(sets) => Box::new(Fixed::new(rules, sets)),
    }
}
