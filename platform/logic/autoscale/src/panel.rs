//! One policy drives, others look over its shoulder.

use std::sync::Arc;

use tally_model::Scaler;

use crate::{Decision, Known, Policy, Rules, Signal, policy};

/// What the policies of a panel decided on one signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What counts.
    pub driving: Decision,
    /// What the shadows would have done, by name, in the order they were given.
    pub shadows: Vec<(Arc<str>, Decision)>,
}

/// The policies of one layer. All see every signal; only the first acts.
#[derive(Debug)]
pub struct Panel {
    driving: Box<dyn Policy>,
    shadows: Vec<(Arc<str>, Box<dyn Policy>)>,
}

impl Panel {
    /// `driving` decides, `shadows` are only recorded.
    pub fn new(driving: Scaler, shadows: &[Scaler], rules: Rules, known: &Known) -> Self {
        Self {
            driving: policy(driving, rules, known),
            shadows: shadows
                .iter()
                .map(|&scaler| {
                    let shadow = policy(scaler, rules, known);
                    (shadow.name().into(), shadow)
                })
                .collect(),
        }
    }

    /// See [`Policy::start`]. Shadows start where the driving policy does.
    pub fn start(&mut self, previous: Option<u32>) -> Verdict {
        let driving = self.driving.start(previous);
        let shadows = self
            .shadows
            .iter_mut()
            .map(|(name, shadow)| (Arc::clone(name), shadow.start(Some(driving.wanted))))
            .collect();
        Verdict { driving, shadows }
    }

    /// See [`Policy::decide`].
    pub fn decide(&mut self, signal: &Signal) -> Verdict {
        let driving = self.driving.decide(signal);
        let shadows = self
            .shadows
            .iter_mut()
            .map(|(name, shadow)| (Arc::clone(name), shadow.decide(signal)))
            .collect();
        Verdict { driving, shadows }
    }
}
