//! What is held of one request or task: the same message received again, and, where queues duplicate, messages that say the same.
//! All of them are kept invisible and deleted together. Of a second message that is not, nobody would hear until it was received
//! too often, which ends its request.

use tally_model::{Instant, QueueName, Receipt};

use super::{Command, delete};

/// Receipts held of one request or task. More are left to their leases.
const HELD: usize = 4;

/// Receipts with the end of their leases, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Receipts(Vec<(Receipt, Instant)>);

impl Receipts {
    pub(super) fn of(receipt: Receipt, lease: Instant) -> Self {
        Self(vec![(receipt, lease)])
    }

    /// Adds those of a further delivery; the oldest go when there are too many, for they are the likeliest to be stale.
    pub(super) fn add(&mut self, more: Self) {
        self.0.extend(more.0);
        let excess = self.0.len().saturating_sub(HELD);
        self.0.drain(..excess);
    }

    /// Those whose lease ends by `until`; it is noted as `renewed`.
    pub(super) fn renew(&mut self, until: Instant, renewed: Instant) -> impl Iterator<Item = Receipt> {
        let due = self.0.iter_mut().filter(move |(_, lease)| *lease <= until);
        due.map(move |(receipt, lease)| {
            *lease = renewed;
            receipt.clone()
        })
    }

    pub(super) fn delete(self, queue: QueueName, out: &mut Vec<Command>) {
        out.extend(self.0.into_iter().map(|(receipt, _)| delete(queue, receipt)));
    }
}
