//! The last reply of every client: what makes a repeated request a repeated answer and not a second execution.
//!
//! It is part of the state that checkpoints certify. Without it a replica that caught up by state transfer would execute
//! again what the others answer from memory, and their states would part.

use std::collections::BTreeMap;
use std::sync::Arc;

use tally_model::Outcome;

use super::codec::{Reader, Writer};
use super::message::Request;
use crate::digest::Digest;
use crate::membership::{Membership, Peer};
use crate::mutant::{self, Mutant};
use crate::replica::Refusal;

/// One client of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientId {
    /// Which occupant of the worker's place.
    pub incarnation: u32,
    /// Which slot of it.
    pub slot: u8,
}

/// What a client was answered last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answered {
    pub(super) timestamp: u64,
    pub(super) sequence: u64,
    pub(super) outcomes: Arc<[Outcome]>,
    pub(super) root: Digest,
}

/// Whether a request was executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// Not yet.
    New,
    /// It is the client's last one.
    Last,
    /// The client has had a later one answered, or is the past occupant of the worker's place.
    Past,
}

/// The table; at most one entry per slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ClientTable(BTreeMap<ClientId, Answered>);

impl Request {
    pub(crate) const fn client(&self) -> ClientId {
        ClientId {
            incarnation: self.incarnation,
            slot: self.slot,
        }
    }

    /// The present occupant of the worker's place, if the request is its.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotAMember`] if it is of an earlier or a later one.
    pub(crate) fn sender<'a>(&self, membership: &'a Membership) -> Result<&'a Peer, Refusal> {
        let worker = membership.worker();
        worker
            .filter(|worker| worker.incarnation == self.incarnation)
            .ok_or(Refusal::NotAMember)
    }
}

impl ClientTable {
    pub(super) fn known(&self, client: ClientId, timestamp: u64) -> Known {
        if mutant::is(Mutant::NoDedupe) {
            return Known::New;
        }
        if self
            .0
            .last_key_value()
            .is_some_and(|(last, _)| last.incarnation > client.incarnation)
        {
            return Known::Past;
        }
        match self.0.get(&client) {
            Some(last) if last.timestamp == timestamp => Known::Last,
            Some(last) if last.timestamp > timestamp => Known::Past,
            Some(_) | None => Known::New,
        }
    }

    pub(super) fn last(&self, client: ClientId) -> Option<&Answered> {
        self.0.get(&client)
    }

    /// Records an answer; those of past occupants of the worker's place are dropped.
    pub(super) fn record(&mut self, client: ClientId, answered: Answered) {
        self.0.retain(|known, _| known.incarnation >= client.incarnation);
        self.0.insert(client, answered);
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.u32(self.0.len() as u32);
        for (client, answered) in &self.0 {
            writer.u32(client.incarnation);
            writer.u8(client.slot);
            writer.u64(answered.timestamp);
            writer.u64(answered.sequence);
            writer.digest(answered.root);
            writer.u32(answered.outcomes.len() as u32);
            for outcome in answered.outcomes.iter() {
                writer.bytes(outcome.text().as_bytes());
            }
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let clients = reader.u32()?;
        let mut table = BTreeMap::new();
        for _ in 0..clients {
            let client = ClientId {
                incarnation: reader.u32()?,
                slot: reader.u8()?,
            };
            let (timestamp, sequence, root) = (reader.u64()?, reader.u64()?, reader.digest()?);
            let count = reader.u32()?;
            let mut outcomes = Vec::new();
            for _ in 0..count {
                let text = String::from_utf8(reader.bytes()?.to_vec()).ok()?;
                outcomes.push(Outcome::try_from(text).ok()?);
            }
            let answered = Answered {
                timestamp,
                sequence,
                outcomes: outcomes.into(),
                root,
            };
            table.insert(client, answered);
        }
        Some(Self(table))
    }
}
