//! What all parts of the gateway share: open questions to ports, requests without an outcome, recent answers, counts.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tally_model::{Instant, Limits, RequestId, Timing};

use super::interface::{CallId, GatewayCommand, Gauge, Response};
use super::recent::Recent;
use crate::port::{PortCommand, Token, Trouble};

/// Answers kept in memory.
const RECENT: usize = 10_000;
/// Bytes of answers kept in memory, about.
const RECENT_BYTES: usize = 64 << 20;
/// Removals under way at once, before those of one page more.
const REMOVALS: usize = 64;
/// What a client that was refused is asked to wait.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why a port was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Accept: write `request/<id>`.
    Record(RequestId),
    /// Accept: write `request/<id>` and send it inbound, at once.
    Enter(RequestId),
    /// Accept: was a request for which there is no room accepted before?
    AskRecord(RequestId),
    /// Accept: is a request that was seen before already answered?
    Replay(RequestId),
    /// Accept: send these inbound.
    Send(Vec<RequestId>),
    /// Collect: write `answer/<id>` of the held message with this number.
    Store(u64),
    /// Read: is there an answer?
    ReadAnswer(RequestId),
    /// Read: was it accepted?
    ReadRequest(RequestId),
    /// Forget: is there an answer whose retention is over?
    ForgetLook(RequestId),
    /// Forget: is the record that of the answer?
    ForgetRead(Stale),
    /// Forget: delete `request/<id>`, then the answer.
    ForgetRequest(Stale),
    /// Forget: delete `answer/<id>`.
    ForgetAnswer(RequestId),
    /// Forget: which answers are there?
    Sweep,
}

/// A stored answer whose retention is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stale {
    /// Of which request.
    pub(crate) id: RequestId,
    /// When that request was accepted; a later use of its key was accepted later.
    pub(crate) accepted: Instant,
    /// Of the key `answer/<id>`.
    pub(crate) version: u64,
}

/// The shared state.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// Bounds.
    pub(crate) limits: Limits,
    /// Waits.
    pub(crate) timing: Timing,
    /// The newest answers.
    pub(crate) recent: Recent,
    /// Sent inbound by this process, without an outcome.
    pub(crate) pending: BTreeSet<RequestId>,
    /// The same from earlier lives: the depth of `inbound` at the start, less the answers to strangers since, and less those that
    /// were submitted again, which are in `pending`.
    pub(crate) inherited: u64,
    /// When this life began, once it has: what was accepted before is of an earlier one.
    pub(crate) started: Option<Instant>,
    /// Being removed from the store, because their retention is over. Nothing is taken in under such an id meanwhile.
    pub(crate) removing: BTreeSet<RequestId>,
    /// See [`Gauge`]; `pending` and `waiting` are filled in when it is reported.
    pub(crate) gauge: Gauge,
    asked: BTreeMap<Token, Purpose>,
    next: Token,
}

impl Ledger {
    /// Nothing known yet.
    pub(crate) fn new(limits: Limits, timing: Timing) -> Self {
        Self {
            limits,
            timing,
            recent: Recent::new(RECENT, RECENT_BYTES),
            pending: BTreeSet::new(),
            inherited: 0,
            started: None,
            removing: BTreeSet::new(),
            gauge: Gauge::default(),
            asked: BTreeMap::new(),
            next: 0,
        }
    }

    /// A token for a question, to be found again by [`Ledger::answered`].
    pub(crate) fn ask(&mut self, purpose: Purpose) -> Token {
        self.next += 1;
        self.asked.insert(self.next, purpose);
        self.next
    }

    /// Why the token was asked; each answer counts once.
    pub(crate) fn answered(&mut self, token: Token) -> Option<Purpose> {
        self.asked.remove(&token)
    }

    /// Asks for the answer of a request.
    pub(crate) fn get(&mut self, key: String, purpose: Purpose, out: &mut Vec<GatewayCommand>) {
        let token = self.ask(purpose);
        out.push(GatewayCommand::Port(PortCommand::Get { token, key }));
    }

    /// Requests that have an id and no outcome.
    pub(crate) fn unfinished(&self) -> usize {
        self.pending
            .len()
            .saturating_add(usize::try_from(self.inherited).unwrap_or(usize::MAX))
    }

    /// Whether more can be removed at once.
    pub(crate) fn has_room(&self) -> bool {
        self.removing.len() < REMOVALS
    }

    /// Whether something stored at `stored` should be gone by now.
    pub(crate) fn is_over(&self, now: Instant, stored: Instant) -> bool {
        now.since(stored) >= self.timing.retention
    }

    /// Counts a failed port call and words it for the client.
    pub(crate) fn unavailable(&mut self, trouble: &Trouble) -> Response {
        self.gauge.troubles += 1;
        Response::Unavailable {
            retry_after: RETRY_AFTER,
            message: format!(
                "a part of the platform does not answer ({}); try again with the same Idempotency-Key",
                trouble.message
            ),
        }
    }
}

/// Answers several calls alike.
pub(crate) fn respond_all(
    calls: impl IntoIterator<Item = CallId>,
    response: &Response,
    out: &mut Vec<GatewayCommand>,
) {
    out.extend(calls.into_iter().map(|call| GatewayCommand::Respond {
        call,
        response: response.clone(),
    }));
}

/// Capped exponential delay after `failures` failures in a row: 50 ms, 100 ms, ... 2 s.
pub(crate) fn backoff(failures: u32) -> Duration {
    Duration::from_millis(50)
        .saturating_mul(1 << failures.saturating_sub(1).min(6))
        .min(Duration::from_secs(2))
}
