//! What the order is for: the state, which every correct replica has the same of at the same place.
//!
//! The service is arithmetic and keeps nothing; the state is the client table and a digest over everything ever executed.

use tally_model::{Outcome, Suite};

use super::client_table::{Answered, ClientId, ClientTable, Known};
use super::codec::{Reader, Writer};
use super::message::Batch;
use crate::collect::{execute, leaves};
use crate::digest::{Digest, Domain, digest, job_digest};
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
    pub outcomes: Vec<Vec<Outcome>>,
    /// Over everything executed so far, in order.
    pub history: Digest,
}

/// The state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Execution {
    pub(super) executed: u64,
    history: Digest,
    pub(super) table: ClientTable,
}

impl Default for Execution {
    fn default() -> Self {
        Self {
            executed: 0,
            history: Digest([0; 32]),
            table: ClientTable::default(),
        }
    }
}

impl Execution {
    /// Executes the next place. A request that was executed before is skipped (section 3 of the paper's normal case).
    pub(super) fn apply(&mut self, suite: Suite, name: Digest, batch: &Batch) -> Executed {
        self.executed += 1;
        self.history = digest(suite, Domain::History, &[&self.history.0, &name.0]);
        let mut done = Executed {
            sequence: self.executed,
            digest: name,
            requests: Vec::new(),
            outcomes: Vec::new(),
            history: self.history,
        };
        for request in &batch.requests {
            let client = request.client();
            if self.table.known(client, request.timestamp) != Known::New {
                continue;
            }
            let outcomes = execute(&request.items);
            let jobs: Vec<Digest> = request
                .items
                .iter()
                .map(|item| job_digest(suite, &item.job))
                .collect();
            let answered = Answered {
                timestamp: request.timestamp,
                sequence: self.executed,
                root: merkle::root(suite, &leaves(suite, &jobs, &outcomes)),
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
        self.table.write(&mut writer);
        writer.0
    }

    /// Reads them; nothing may follow.
    pub(super) fn restore(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let state = Self {
            executed: reader.u64()?,
            history: reader.digest()?,
            table: ClientTable::read(&mut reader)?,
        };
        reader.0.is_empty().then_some(state)
    }
}

/// What a checkpoint certifies.
pub(super) fn state_digest(suite: Suite, snapshot: &[u8]) -> Digest {
    digest(suite, Domain::State, &[snapshot])
}
