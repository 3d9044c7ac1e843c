//! 11.3: what is executed was asked for by the client.

use std::collections::BTreeSet;

use tally_consensus::pbft::{Body, ClientId};
use tally_consensus::{Message, Outgoing};

use super::{Facts, Invariant};

#[derive(Default)]
pub struct Validity(BTreeSet<(ClientId, u64)>);

impl Invariant for Validity {
    fn asked(&mut self, message: &Message) {
        if let tally_consensus::Body::Pbft(body) = &message.body
            && let Body::Request(request) = &**body
        {
            let client = ClientId {
                incarnation: request.incarnation,
                slot: request.slot,
            };
            self.0.insert((client, request.timestamp));
        }
    }

    fn step(&mut self, facts: &Facts<'_>, _out: &[Outgoing]) -> Result<(), String> {
        for done in facts.copy.replica.recent() {
            for request in &done.requests {
                if !self.0.contains(request) {
                    return Err(format!("executed {request:?}, which nobody asked for"));
                }
            }
        }
        Ok(())
    }
}
