//! What a test may ask a world.

use std::collections::BTreeMap;
use std::time::Duration;

use tally_consensus::ClientEvent;
use tally_model::Outcome;

use crate::world::{Copy, World};

impl World {
    /// What was certified, by request number.
    pub fn certified(&self) -> BTreeMap<u128, Outcome> {
        self.told
            .iter()
            .filter_map(|event| match event {
                ClientEvent::Certified { job, outcome, .. } => Some((job.task.request.0, outcome.clone())),
                _ => None,
            })
            .collect()
    }

    /// Demands that everything submitted is answered within so many milliseconds.
    #[track_caller]
    pub fn must_answer(&mut self, millis: u64) {
        let want = self.submitted as usize;
        let done = self.run_until(Duration::from_millis(millis), |world| {
            world.certified().len() == want
        });
        assert!(
            done,
            "seed {}: {} of {want} answered after {millis} ms; {}",
            self.seed,
            self.certified().len(),
            self.describe()
        );
    }

    /// Where every copy is, for messages.
    pub fn describe(&self) -> String {
        self.copies
            .iter()
            .map(|copy| {
                let replica = &copy.replica;
                format!(
                    "[{} {:?}{}{} view {}{} executed {} stable {}]",
                    copy.index,
                    replica.standing(),
                    if copy.up { "" } else { " down" },
                    if copy.correct { "" } else { " faulty" },
                    replica.view(),
                    if replica.is_changing() { "?" } else { "" },
                    replica.executed(),
                    replica.stable(),
                )
            })
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// The correct copies that run.
    pub fn correct(&self) -> impl Iterator<Item = &Copy> {
        self.copies.iter().filter(|copy| copy.up && copy.correct)
    }
}
