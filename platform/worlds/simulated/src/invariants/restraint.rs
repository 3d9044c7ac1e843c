//! What is said does not cause ever more to be said: a member that floods the others must not make them flood each other.

use crate::watch::{Invariant, Sent, Verdict};

/// Packets of honest members and the control plane within one second. The busiest second of a swarm, of which `tally sim --seeds 1000
/// --protocols pbft` tells, has not half as many; what has no end passes every bound.
const MOST: u32 = 200_000;

/// See the module.
#[derive(Debug)]
pub(super) struct Restraint;

impl Invariant for Restraint {
    fn name(&self) -> &'static str {
        "restraint"
    }

    fn source(&self) -> &'static str {
        "experience-and-reliability.md B4, Z8"
    }

    fn sent(&mut self, sent: &Sent<'_>) -> Verdict {
        if sent.said > MOST {
            return Err(format!(
                "more than {MOST} packets within a second: each causes more than one"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tally_model::{Instant, NodeId, RequestId, TaskId};
    use tally_roles::packet::Packet;

    use super::*;

    /// As many as may be are no violation, one more is.
    #[test]
    fn too_many_packets_are_too_many_at_once() {
        let packet = Packet::Busy(TaskId {
            request: RequestId(1),
            index: 0,
        });
        let verdict = |said| {
            Restraint.sent(&Sent {
                at: Instant::ZERO,
                pod: None,
                from: NodeId::Control,
                to: NodeId::Control,
                packet: &packet,
                said,
            })
        };
        assert_eq!(verdict(MOST), Ok(()));
        assert!(verdict(MOST + 1).is_err());
    }
}
