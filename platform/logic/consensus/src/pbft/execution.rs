//! What the order is for: the state, which every correct replica has the same of at the same place.
//!
//! The service is arithmetic and keeps nothing; the state is the client table, a digest over everything ever executed, and
//! which epoch began where.

use std::sync::Arc;

use tally_model::{Epoch, Outcome, Suite};

use super::batch;
use super::client_table::{Answered, ClientId, ClientTable, Known};
use super::codec::{Reader, Writer};
use crate::collect::{execute, leaves};
use crate::digest::{Digest, Domain, digest};
use crate::merkle;

/// One executed place in the order, for traces and checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executed {
    /// The place.
    pub sequence: u64,
    /// Of the batch.
    pub digest: Digest,
    /// The requests that were executed, not those that were only answered again.
    pub requests: Vec<(ClientId, u64)>,
    /// What came out, per request.
    pub outcomes: Vec<Arc<[Outcome]>>,
    /// Over everything executed so far, in order.
    pub history: Digest,
}

/// The state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Execution {
    pub(super) executed: u64,
    history: Digest,
    /// The epoch that the order has come to.
    pub(super) epoch: Epoch,
    /// The place at which it began.
    pub(super) base: u64,
    /// The view it began with.
    pub(super) first_view: u32,
    pub(super) table: ClientTable,
}

impl Default for Execution {
    fn default() -> Self {
        Self {
            executed: 0,
            history: Digest([0; 32]),
            epoch: Epoch(0),
            base: 0,
            first_view: 0,
            table: ClientTable::default(),
        }
    }
}

impl Execution {
    /// Executes the next place. A request that was executed before is skipped (section 3 of the paper's normal case).
    pub(super) fn apply(&mut self, suite: Suite, name: Digest, known: &batch::Known) -> Executed {
        self.executed += 1;
        self.history = digest(suite, Domain::History, &[&self.history.0, &name.0]);
        let mut done = Executed {
            sequence: self.executed,
            digest: name,
            requests: Vec::new(),
            outcomes: Vec::new(),
            history: self.history,
        };
        if let Some(reconfig) = known.batch.reconfig {
            self.epoch = reconfig.epoch;
            self.base = self.executed;
            self.first_view = reconfig.view;
        }
        for (request, content) in known.batch.requests.iter().zip(&known.contents) {
            let client = request.client();
            if self.table.known(client, request.timestamp) != Known::New {
                continue;
            }
            let outcomes: Arc<[Outcome]> = execute(&request.items).into();
            let answered = Answered {
                timestamp: request.timestamp,
                sequence: self.executed,
                root: merkle::root(suite, leaves(suite, &content.jobs, &outcomes)),
                outcomes: outcomes.clone(),
            };
            self.table.record(client, answered);
            done.requests.push((client, request.timestamp));
            done.outcomes.push(outcomes);
        }
        done
    }

    /// The bytes of the state.
    pub(super) fn snapshot(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.u64(self.executed);
        writer.digest(self.history);
        writer.u32(self.epoch.0);
        writer.u64(self.base);
        writer.u32(self.first_view);
        self.table.write(&mut writer);
        writer.0
    }

    /// Reads them; nothing may follow.
    pub(super) fn restore(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let state = Self {
            executed: reader.u64()?,
            history: reader.digest()?,
            epoch: Epoch(reader.u32()?),
            base: reader.u64()?,
            first_view: reader.u32()?,
            table: ClientTable::read(&mut reader)?,
        };
        reader.0.is_empty().then_some(state)
    }
}

/// What a checkpoint certifies.
pub(super) fn state_digest(suite: Suite, snapshot: &[u8]) -> Digest {
    digest(suite, Domain::State, &[snapshot])
}
