//! `fixed-N`: always the same number of sets.

use crate::{Decision, Policy, Rules, Signal};

/// Wants N sets whatever happens, within the bounds that all policies of a comparison share.
#[derive(Clone, Debug)]
pub struct Fixed {
    rules: Rules,
    sets: u32,
}

impl Fixed {
    /// `sets` sets.
    pub const fn new(rules: Rules, sets: u32) -> Self {
        Self { rules, sets }
    }

    fn decision(&self) -> Decision {
        let wanted = self.rules.clamp(u64::from(self.sets));
        let why = if wanted == self.sets {
            format!("fixed at {wanted}")
        } else {
            format!("fixed at {}, bounded to {wanted}", self.sets)
        };
        Decision::new(wanted, why)
    }
}

impl Policy for Fixed {
    fn name(&self) -> String {
        format!("fixed-{}", self.sets)
    }

    fn start(&mut self, _previous: Option<u32>) -> Decision {
        self.decision()
    }

    fn decide(&mut self, _signal: &Signal) -> Decision {
        self.decision()
    }
}
