//! What is said does not cause ever more to be said: a member that floods the others must not make them flood each other.

use tally_model::Instant;

use crate::watch::{Invariant, Sent, Verdict};

/// Packets of honest members and the control plane within one [`WINDOW`]. Of 300 seeds of each protocol the busiest said 81,800
/// things in a window with `pbft` and 1,400 with any other; what has no end passes every bound.
const MOST: u32 = 200_000;
/// In nanoseconds.
const WINDOW: u64 = 1_000_000_000;

/// What is counted.
#[derive(Debug, Default)]
pub(super) struct Restraint {
    window: u64,
    said: u32,
}

impl Restraint {
    fn count(&mut self, at: Instant) -> Verdict {
        let window = at.as_nanos() / WINDOW;
        if std::mem::replace(&mut self.window, window) != window {
            self.said = 0;
        }
        self.said += 1;
        if self.said > MOST {
            return Err(format!(
                "more than {MOST} packets within a second: each causes more than one"
            ));
        }
        Ok(())
    }
}

impl Invariant for Restraint {
    fn name(&self) -> &'static str {
        "restraint"
    }

    fn source(&self) -> &'static str {
        "experience-and-reliability.md B4, Z8"
    }

    fn sent(&mut self, sent: &Sent<'_>) -> Verdict {
        self.count(sent.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same number of packets is a flood within one second, and none over two.
    #[test]
    fn too_many_packets_are_too_many_at_once() {
        let play = |spread: u64| {
            let mut all = Restraint::default();
            (0..=u64::from(MOST)).try_for_each(|n| all.count(Instant::from_nanos(n * spread)))
        };
        assert!(play(4_000).is_err());
        assert!(play(9_000).is_ok());
    }
}
