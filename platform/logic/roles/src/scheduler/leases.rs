//! Keeps what is in hand invisible to others.

use tally_model::{Instant, Operation, QueueName};

use super::{Command, Scheduler};
use crate::port::PortCommand;

impl Scheduler {
    /// Extends every lease that would end within two thirds of the visibility timeout; called each third of it.
    pub(super) fn extend_leases(&mut self, now: Instant, out: &mut Vec<Command>) {
        let visibility = self.config.timing.visibility;
        self.next_lease = now + visibility / 3;
        let until = now + visibility * 2 / 3;
        let renewed = now + visibility;
        let mut extend = |queue, receipts: Vec<_>| {
            if !receipts.is_empty() {
                out.push(Command::Port(PortCommand::Extend {
                    queue,
                    receipts,
                    lease: visibility,
                }));
            }
        };
        extend(QueueName::Inbound, self.requests.renew(until, renewed));
        for operation in Operation::ALL {
            extend(
                QueueName::Layer(operation),
                self.flights.renew(operation, until, renewed),
            );
        }
    }
}
