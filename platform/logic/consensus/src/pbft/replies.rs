//! Replies that were signed, so that a repeated request costs no signature.

use std::collections::BTreeMap;

use super::client_table::ClientId;
use super::message::Reply;

/// The last signed reply of every client; not part of the state, since it is this member's own.
#[derive(Debug, Default)]
pub(super) struct Replies(BTreeMap<ClientId, Reply>);

impl Replies {
    pub(super) fn get(&self, client: ClientId, timestamp: u64) -> Option<&Reply> {
        self.0.get(&client).filter(|reply| reply.timestamp == timestamp)
    }

    /// Keeps one; those of past occupants of the worker's place are dropped.
    pub(super) fn put(&mut self, client: ClientId, reply: Reply) {
        self.0.retain(|known, _| known.incarnation >= client.incarnation);
        self.0.insert(client, reply);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
