//! The other side of the seam: how a worker gets a certificate, whatever protocol its replicas run.

use tally_model::{Deadline, Epoch, FaultType, Instant, Job, NodeId, Outcome, Protocol, SetRecord};

use crate::certificate::Flaw;
use crate::collect::CollectClient;
use crate::membership::MembershipError;

use crate::message::{Item, Message};
use crate::replica::{Effort, Outgoing, Refusals, Seat, Unsupported};

/// What a client wants done, or has to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientEvent {
    /// Send this.
    Send(Outgoing),
    /// A job is done; the certificate was checked.
    Certified {
        /// Which job.
        job: Job,
        /// What came out, whatever the worker itself computed (C8).
        outcome: Outcome,
        /// See [`crate::Certificate::encode`].
        certificate: Vec<u8>,
        /// Votes in it.
        votes: u8,
        /// n.
        members: u8,
    },
    /// A member does not do its part.
    Suspect {
        /// Type II for the leader, III for a follower.
        kind: FaultType,
        /// Its place.
        node: NodeId,
        /// Which occupant.
        incarnation: u32,
        /// What it did or did not do, for people.
        reason: String,
    },
    /// The leader sent a certificate that does not hold (C7).
    Refused(Flaw),
    /// f+1 replicas are in a view with this primary (`pbft`).
    Led {
        /// In which epoch.
        epoch: Epoch,
        /// Index of the primary.
        leader: u8,
    },
    /// Some members do not vote.
    Degraded {
        /// How many still do.
        voting: u8,
        /// n.
        members: u8,
    },
    /// All members vote: for the first time in this epoch, or again.
    Full {
        /// n.
        members: u8,
    },
}

/// The client of one set. No IO, no clock.
pub trait Client: std::fmt::Debug + Send {
    /// Takes a set record. What is under way is proposed again to a new epoch.
    ///
    /// # Errors
    /// [`MembershipError`] if the record describes no membership; the client then stays in the epoch it was in.
    fn configure(
        &mut self,
        now: Instant,
        record: &SetRecord,
        out: &mut Vec<ClientEvent>,
    ) -> Result<(), MembershipError>;
    /// Asks for one job. Whoever calls bounds how many are under way.
    fn submit(&mut self, now: Instant, item: Item, out: &mut Vec<ClientEvent>);
    /// Takes one message of a replica.
    fn handle(&mut self, now: Instant, from: NodeId, message: Message, out: &mut Vec<ClientEvent>);
    /// Called at or after the deadline.
    fn wake(&mut self, now: Instant, out: &mut Vec<ClientEvent>);
    /// The transport says that the connection to `peer` broke; see [`crate::Replica::peer_lost`].
    fn peer_lost(&mut self, now: Instant, peer: NodeId, out: &mut Vec<ClientEvent>) {
        let _ = (now, peer, out);
    }
    /// When [`Client::wake`] is next useful.
    fn deadline(&self) -> Option<Deadline>;
    /// Cryptography done so far.
    fn effort(&self) -> Effort;
    /// Messages dropped so far.
    fn refused(&self) -> &Refusals;
}

/// Makes the client of the configured protocol.
///
/// # Errors
/// [`Unsupported`] if the protocol has no replicas or is not built.
pub fn client(seat: Seat) -> Result<Box<dyn Client>, Unsupported> {
    match seat.config.protocol {
        Protocol::Collect => Ok(Box::new(CollectClient::new(seat))),
        Protocol::Pbft | Protocol::Vote => Ok(Box::new(crate::pbft::Client::new(seat))),
        other @ Protocol::None => Err(Unsupported(other)),
    }
}
