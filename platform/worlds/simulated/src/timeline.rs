//! What clients do, and what they saw: the two ends of a run, in terms of nobody's file format.

use std::sync::Arc;
use std::time::Duration;

use tally_model::{AnswerMessage, Instant, Outcome, RequestId};

/// One request of a timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shot {
    /// Its number, which names it in everything that is recorded; never used twice.
    pub n: u64,
    /// When it is due, since the start of the timeline. Of a request of [`Users`] it is ignored.
    pub due: Duration,
    /// What is sent.
    pub expression: String,
    /// Which draw of the service-time model its tasks get.
    pub work_key: u64,
}

/// Requests in the order they are due, or in the order in which users take them.
pub type Shots = Box<dyn Iterator<Item = Shot> + Send>;

/// Users that think, ask, wait for their answer, and begin again.
pub struct Users {
    /// How many.
    pub users: u32,
    /// From an answer to the next request of the same user, and before the first.
    pub think: Duration,
    /// What they ask, one after the other whoever is next.
    pub requests: Shots,
}

impl std::fmt::Debug for Users {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Users")
            .field("users", &self.users)
            .finish_non_exhaustive()
    }
}

/// Everything that clients do.
pub struct Timeline {
    /// Requests with due times, in their order.
    pub shots: Shots,
    /// Users, if any.
    pub users: Vec<Users>,
    /// When users stop to begin new requests, since the start.
    pub closed_end: Duration,
    /// When clients stop sending and ask for what is outstanding, since the start.
    pub drain: Duration,
    /// Names the run on the platform; idempotency keys begin with it.
    pub tag: String,
    /// How long a request whose connection fails is tried again.
    pub patience: Duration,
}

impl std::fmt::Debug for Timeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Timeline")
            .field("users", &self.users.len())
            .field("tag", &self.tag)
            .finish_non_exhaustive()
    }
}

/// Why a request has no status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// No attempt reached the platform.
    Refused,
    /// An attempt reached it and no response came back.
    Unknown,
}

/// One request from its due time to its end. Times are of the world's clock.
#[derive(Clone, Debug)]
pub struct Request {
    /// See [`Shot::n`].
    pub n: u64,
    /// When it was due.
    pub intended: Instant,
    /// When it was first sent.
    pub sent: Instant,
    /// When the last response to it arrived.
    pub first_byte: Option<Instant>,
    /// When its answer arrived.
    pub done: Option<Instant>,
    /// Status of the last response, as of HTTP; 0 if there was none.
    pub status: u16,
    /// Why there is no status.
    pub missing: Option<Missing>,
    /// Whether the client was told that it is accepted.
    pub accepted: bool,
    /// The id the platform gave it.
    pub id: Option<RequestId>,
    /// Further ids that later attempts were given; an idempotent platform gives none.
    pub other_ids: Vec<RequestId>,
    /// How often it was sent, always under one key.
    pub attempts: u32,
    /// What it asked.
    pub expression: String,
    /// Its answer.
    pub answer: Option<Arc<AnswerMessage>>,
}

/// An answer under an id that no request is known to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stray {
    /// The id it came under.
    pub id: RequestId,
    /// When.
    pub at: Instant,
    /// What was answered.
    pub outcome: Outcome,
}

/// A further sight of the outcome of a request that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    /// Which request.
    pub n: u64,
    /// When.
    pub at: Instant,
    /// Delivered unasked, rather than read.
    pub delivered: bool,
    /// What was seen; none if the platform did not know it.
    pub outcome: Option<Outcome>,
    /// When the platform folded it, which tells one outcome record from another.
    pub folded: Option<Instant>,
}
