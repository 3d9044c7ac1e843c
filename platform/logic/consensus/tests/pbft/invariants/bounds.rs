//! 11.7 and 11.13: the log never holds more than a window.

use tally_consensus::Outgoing;
use tally_consensus::pbft::Settings;

use super::{Facts, Invariant};

pub struct Bounds(pub Settings);

impl Invariant for Bounds {
    fn step(&mut self, facts: &Facts<'_>, _out: &[Outgoing]) -> Result<(), String> {
        let held = facts.copy.replica.log_len() as u64;
        if held > self.0.window {
            return Err(format!("replica {} holds {held} entries", facts.copy.index));
        }
        Ok(())
    }
}
