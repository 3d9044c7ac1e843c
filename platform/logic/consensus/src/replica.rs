//! The seam behind which protocols live: what a replica is, whatever it runs.

use std::collections::BTreeMap;

use tally_model::{Deadline, Epoch, Instant, NodeId, PlatformConfig, Protocol, SetRecord};

use crate::authenticator::Keys;
use crate::collect::CollectReplica;
use crate::corrupt::Corruptible;
use crate::membership::MembershipError;

use crate::message::Message;
use crate::statement::ClusterId;
use crate::vote::VoteReplica;

/// Who a member is and what it knows from birth.
#[derive(Clone, Debug)]
pub struct Seat {
    /// The cluster it belongs to.
    pub cluster: ClusterId,
    /// Its place.
    pub node: NodeId,
    /// Which occupant of the place.
    pub incarnation: u32,
    /// Its keys.
    pub keys: Keys,
    /// The platform's configuration.
    pub config: PlatformConfig,
}

/// A message and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// To whom.
    pub to: NodeId,
    /// What.
    pub message: Message,
}

/// How much cryptography was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// Signatures made.
    pub signed: u64,
    /// Signatures checked.
    pub verified: u64,
}

/// Why a message was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// No membership that this member is part of is known yet.
    Unconfigured,
    /// Of another set.
    OtherSet,
    /// Of an earlier epoch, or of a later one with the buffer for those full.
    OtherEpoch,
    /// Of another view.
    OtherView,
    /// Of a kind this role does not take.
    Misdirected,
    /// An index or size beyond its bound.
    OutOfBounds,
    /// A job of another operation than the set's.
    OtherOperation,
    /// From or about somebody who is no member.
    NotAMember,
    /// A signature that does not hold.
    Signature,
    /// Older than what this slot did last.
    Stale,
    /// Says something else than what was signed before under the same number.
    Conflict,
    /// A second, different vote of one member on one batch.
    DoubleVote,
    /// About a batch that is not or no longer known.
    UnknownSequence,
    /// Outcomes that do not have the root that was signed.
    Outcomes,
    /// A certificate with a flaw.
    Certificate,
}

/// How many messages were dropped, by reason.
pub type Refusals = BTreeMap<Refusal, u64>;

/// One replica of a set. No IO, no clock: `now` is an argument, and what it wants sent is appended to `out`.
pub trait Replica: std::fmt::Debug + Send {
    /// Takes a set record. A higher epoch ends everything of the one before; an older record is ignored.
    ///
    /// # Errors
    /// [`MembershipError`] if the record describes no membership; the member then stays in the epoch it was in.
    fn configure(
        &mut self,
        now: Instant,
        record: &SetRecord,
        out: &mut Vec<Outgoing>,
    ) -> Result<(), MembershipError>;
    /// Takes one message. `from` is what the transport says; what is believed is signed.
    fn handle(&mut self, now: Instant, from: NodeId, message: Message, out: &mut Vec<Outgoing>);
    /// Called at or after the deadline.
    fn wake(&mut self, now: Instant, out: &mut Vec<Outgoing>);
    /// The transport says that the connection to `peer` broke. That is a hint and no proof: it may only make waiting shorter.
    fn peer_lost(&mut self, now: Instant, peer: NodeId, out: &mut Vec<Outgoing>) {
        let _ = (now, peer, out);
    }
    /// From now on answer wrongly, or rightly again. Nothing happens unless `PlatformConfig::corruptible` is set.
    fn corrupt(&mut self, lies: bool) {
        let _ = lies;
    }
    /// The view it takes part in, and its epoch; none between views, and where a protocol has none.
    fn entered(&self) -> Option<(Epoch, u32)> {
        None
    }
    /// When [`Replica::wake`] is next useful.
    fn deadline(&self) -> Option<Deadline>;
    /// Cryptography done so far.
    fn effort(&self) -> Effort;
    /// Messages dropped so far.
    fn refused(&self) -> &Refusals;
}

/// A protocol that is not built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsupported(pub Protocol);

impl std::fmt::Display for Unsupported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "protocol `{}` has no replicas here; use `pbft`, `collect`, `vote` or `none`",
            self.0
        )
    }
}

impl std::error::Error for Unsupported {}

/// Makes the replica of the configured protocol.
///
/// # Errors
/// [`Unsupported`] if the protocol has no replicas or is not built.
pub fn replica(seat: Seat) -> Result<Box<dyn Replica>, Unsupported> {
    let corruptible = seat.config.corruptible.then(|| seat.clone());
    let made: Box<dyn Replica> = match seat.config.protocol {
        Protocol::Collect => Box::new(CollectReplica::new(seat)),
        Protocol::Pbft => Box::new(crate::pbft::Replica::new(seat)),
        Protocol::Vote => Box::new(VoteReplica::new(seat)),
        other @ Protocol::None => return Err(Unsupported(other)),
    };
    Ok(match corruptible {
        Some(seat) => Box::new(Corruptible::new(seat, made)),
        None => made,
    })
}
