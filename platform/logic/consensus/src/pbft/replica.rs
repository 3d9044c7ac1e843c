//! The machine: which message goes where, which epoch it is, and what this member may do in it.
//!
//! Votes are not written to disk before they are sent: [`crate::Replica`] has no effect for that. They need not be where a
//! replica that restarts is somebody else (a new incarnation with a new key, as in the local world): it has no vote to
//! forget, joins as a learner, and votes only above the checkpoint it was given. A world that restarts a replica under its
//! old key must persist what it sends before it sends it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tally_model::{Deadline, Epoch, Instant, NodeId, SetRecord};

use super::batch::{Batches, Pending};
use super::checkpoint::Checkpoints;
use super::desk::{Desk, Macs};
use super::epoch::Farewell;
use super::execution::{Executed, Execution, state_digest};
use super::later::Later;
use super::log::Log;
use super::lost::Lost;
use super::message::{Body, PreparedProof};
use super::murmur::Murmur;
use super::pace::Pace;
use super::quorum::primary;
use super::replies::Replies;
use super::settings::Settings;
use super::timer::Timer;
use super::view_change::Changes;
use crate::collect::Early;
use crate::digest::Digest;
use crate::membership::{Membership, MembershipError};
use crate::message::Message;
use crate::replica::{Effort, Outgoing, Refusal, Refusals, Seat};

/// What a member may do in an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing: its place is somebody else's.
    Outsider,
    /// Listen, until it has a state that the epoch certified.
    Learner,
    /// Vote.
    Voter,
}

/// A replica of a `pbft` set.
#[derive(Debug)]
pub struct Replica {
    pub(super) desk: Desk,
    pub(super) me: u8,
    pub(super) settings: Settings,
    pub(super) current: Option<Arc<Membership>>,
    /// Memberships that were announced and not ordered yet.
    pub(super) next: BTreeMap<Epoch, Arc<Membership>>,
    pub(super) farewell: Option<Farewell>,
    pub(super) standing: Standing,
    /// The place at which the epoch began; nothing at or below it is voted on.
    pub(super) base: u64,
    pub(super) view: u32,
    pub(super) changing: bool,
    pub(super) log: Log,
    pub(super) batches: Batches,
    pub(super) pending: Pending,
    pub(super) execution: Execution,
    pub(super) replies: Replies,
    pub(super) checkpoints: Checkpoints,
    pub(super) changes: Changes,
    pub(super) timer: Timer,
    pub(super) murmur: Murmur,
    pub(super) pace: Pace,
    pub(super) later: Later,
    pub(super) lost: Lost,
    pub(super) early: Early,
    refused: Refusals,
    pub(super) recent: VecDeque<Executed>,
}

impl Replica {
    /// A replica with the sizes of operation.
    pub fn new(seat: Seat) -> Self {
        let settings = Settings::of(&seat.config);
        Self::with_settings(seat, settings)
    }

    /// A replica with other sizes, the same as those of all others of its set.
    pub fn with_settings(seat: Seat, settings: Settings) -> Self {
        let me = match seat.node {
            NodeId::Replica(_, index) => index,
            NodeId::Control | NodeId::Worker(_) => u8::MAX,
        };
        Self {
            desk: Desk::new(seat),
            me,
            settings,
            current: None,
            next: BTreeMap::new(),
            farewell: None,
            standing: Standing::Outsider,
            base: 0,
            view: 0,
            changing: false,
            log: Log::new(settings.window),
            batches: Batches::default(),
            pending: Pending::default(),
            execution: Execution::default(),
            replies: Replies::default(),
            checkpoints: Checkpoints::default(),
            changes: Changes::default(),
            timer: Timer::new(settings.patience),
            murmur: Murmur::default(),
            pace: Pace::default(),
            later: Later::default(),
            lost: Lost::default(),
            early: Early::default(),
            refused: Refusals::new(),
            recent: VecDeque::new(),
        }
    }

    /// The view it is in or on its way to.
    pub const fn view(&self) -> u32 {
        self.view
    }

    /// The epoch it is in; none before it was told of one.
    pub fn epoch(&self) -> Option<Epoch> {
        self.current.as_ref().map(|known| known.epoch())
    }

    /// Whether it is on its way.
    pub const fn is_changing(&self) -> bool {
        self.changing
    }

    /// What it may do in this epoch.
    pub const fn standing(&self) -> Standing {
        self.standing
    }

    /// Last executed place in the order.
    pub const fn executed(&self) -> u64 {
        self.execution.executed
    }

    /// h: the low watermark. H is h plus [`Settings::window`].
    pub const fn stable(&self) -> u64 {
        self.log.low()
    }

    /// Entries of the log, of which there are never more than [`Settings::window`].
    pub fn log_len(&self) -> usize {
        self.log.iter().count()
    }

    /// Digest of the state, as a checkpoint here would have it.
    pub fn state_digest(&self) -> Digest {
        state_digest(self.desk.seat.config.suite, &self.execution.snapshot())
    }

    /// The last executed places, at most a window of them, oldest first.
    pub fn recent(&self) -> impl DoubleEndedIterator<Item = &Executed> {
        self.recent.iter()
    }

    /// The certificates of what is prepared here and not yet below a stable checkpoint, of the highest view per place.
    pub fn prepared(&self) -> impl Iterator<Item = &PreparedProof> {
        self.log.iter().filter_map(|(_, entry)| entry.proof.as_ref())
    }

    /// Authentication codes made and checked.
    pub const fn macs(&self) -> Macs {
        self.desk.macs
    }

    pub(super) fn membership(&self) -> Result<Arc<Membership>, Refusal> {
        self.current.clone().ok_or(Refusal::Unconfigured)
    }

    pub(super) fn is_voter(&self) -> bool {
        self.standing == Standing::Voter
    }

    pub(super) fn leads(&self, membership: &Membership) -> bool {
        primary(membership, self.view) == self.me
    }

    /// Sends one body to every other replica that is up.
    pub(super) fn broadcast(&self, membership: &Membership, body: Body, out: &mut Vec<Outgoing>) {
        let mut others = membership.others(self.me).map(|(_, to)| to);
        let Some(first) = others.next() else {
            return;
        };
        let last = others.fold(first, |to, next| {
            out.push(self.to(membership, to, body.clone()));
            next
        });
        out.push(self.to(membership, last, body));
    }

    /// Addresses one body; the view of the message is the member's own where the kind has one.
    pub(super) fn to(&self, membership: &Membership, to: NodeId, body: Body) -> Outgoing {
        let view = match &body {
            Body::PrePrepare(_)
            | Body::Prepare(_)
            | Body::Commit(_)
            | Body::Reply(_)
            | Body::NewView(_)
            | Body::Status(_) => self.view,
            Body::ViewChange(change) => change.view,
            Body::Request(_) | Body::Checkpoint(_) | Body::Batches(_) | Body::State(_) => 0,
        };
        Outgoing {
            to,
            message: Message {
                set: membership.set(),
                epoch: membership.epoch(),
                view,
                body: crate::Body::Pbft(Box::new(body)),
            },
        }
    }

    pub(super) fn take(
        &mut self,
        now: Instant,
        from: NodeId,
        message: Message,
        out: &mut Vec<Outgoing>,
    ) -> Result<(), Refusal> {
        let membership = self.membership()?;
        if self.standing == Standing::Outsider {
            return Err(Refusal::NotAMember);
        }
        let crate::Body::Pbft(body) = message.body else {
            return Err(Refusal::Misdirected);
        };
        let view = message.view;
        if matches!(*body, Body::PrePrepare(_) | Body::Prepare(_) | Body::Commit(_)) {
            let early = view > self.view || (view == self.view && self.changing);
            if early {
                self.later.keep(&membership, &self.settings, from, view, *body)?;
                self.settle(now, &membership, out);
                return Ok(());
            }
            if view < self.view {
                return Err(Refusal::OtherView);
            }
        }
        match *body {
            Body::Request(request) => self.request(&membership, from, request, out),
            Body::PrePrepare(order) => self.pre_prepare(&membership, order, out),
            Body::Prepare(vote) => self.prepare(&membership, vote, out),
            Body::Commit(vote) => self.commit(&membership, vote, out),
            Body::Checkpoint(vote) => self.checkpoint(&membership, vote),
            Body::ViewChange(change) => self.view_change(&membership, from, change, out),
            Body::NewView(new) => self.new_view(&membership, view, new, out),
            Body::Status(status) => self.status(now, &membership, view, &status, out),
            Body::Batches(batches) => self.learn_batches(&membership, batches, out),
            Body::State(state) => self.install(&membership, state, out),
            Body::Reply(_) => Err(Refusal::Misdirected),
        }?;
        self.settle(now, &membership, out);
        Ok(())
    }

    /// Hands over what was kept for the view that was just entered.
    pub(super) fn catch_later(&mut self, membership: &Membership, out: &mut Vec<Outgoing>) {
        for body in self.later.release(self.view) {
            let result = match body {
                Body::PrePrepare(order) => self.pre_prepare(membership, order, out),
                Body::Prepare(vote) => self.prepare(membership, vote, out),
                Body::Commit(vote) => self.commit(membership, vote, out),
                _ => Err(Refusal::Misdirected),
            };
            self.note(result);
        }
    }

    fn note(&mut self, result: Result<(), Refusal>) {
        if let Err(refusal) = result {
            *self.refused.entry(refusal).or_default() += 1;
        }
    }
}

impl crate::Replica for Replica {
    fn configure(
        &mut self,
        now: Instant,
        record: &SetRecord,
        out: &mut Vec<Outgoing>,
    ) -> Result<(), MembershipError> {
        if self.desk.seat.node.set() != Some(record.id) {
            return Ok(());
        }
        let fresh = Membership::from_record(record, self.desk.seat.cluster, &self.desk.seat.config)?;
        let known = self.current.as_ref().map(|known| known.epoch());
        if fresh.founded().is_none() || known.is_some_and(|known| known >= fresh.epoch()) {
            return Ok(()); // The set is being built, or this is no news: within an epoch nobody is replaced.
        }
        self.announced(fresh, out);
        self.open_epoch(now, out);
        Ok(())
    }

    fn handle(&mut self, now: Instant, from: NodeId, message: Message, out: &mut Vec<Outgoing>) {
        self.lost.heard(now, from);
        let known = self.current.as_ref().map(|known| known.epoch());
        let result = if Some(message.set) != self.desk.seat.node.set() {
            Err(Refusal::OtherSet)
        } else if known.is_none_or(|known| message.epoch > known) {
            self.ahead(now, from, message, out)
        } else if known.is_some_and(|known| message.epoch < known) {
            self.farewell(&message, out)
        } else {
            self.take(now, from, message, out)
        };
        self.note(result);
    }

    fn wake(&mut self, now: Instant, out: &mut Vec<Outgoing>) {
        let Ok(membership) = self.membership() else {
            return;
        };
        if self.timer.expired(now) {
            self.timer.give_up();
            self.leave_for(&membership, self.next_view(&membership), out);
        } else if self.lost.expired(now, primary(&membership, self.view)) {
            self.leave_for(&membership, self.next_view(&membership), out);
        }
        if self.murmur.is_due(now) {
            self.speak(&membership, out);
            self.murmur.said();
        }
        self.settle(now, &membership, out);
    }

    fn deadline(&self) -> Option<Deadline> {
        let timer = self.timer.at().map(|at| Deadline {
            at,
            reason: "the primary has not made a request executed",
        });
        let murmur = self.murmur.at().map(|at| Deadline {
            at,
            reason: "something is missing",
        });
        let lost = self.membership().ok().filter(|_| self.is_voter());
        let lost = lost.and_then(|membership| self.lost.at(primary(&membership, self.view)));
        let lost = lost.map(|at| Deadline {
            at,
            reason: "the connection to the primary broke",
        });
        Deadline::earlier(lost, Deadline::earlier(timer, murmur))
    }

    fn peer_lost(&mut self, now: Instant, peer: NodeId, _out: &mut Vec<Outgoing>) {
        if let NodeId::Replica(set, index) = peer
            && Some(set) == self.desk.seat.node.set()
        {
            self.lost.lost(now, index, self.settings.grace);
        }
    }

    fn entered(&self) -> Option<(Epoch, u32)> {
        let epoch = self.current.as_ref()?.epoch();
        (self.is_voter() && !self.changing).then_some((epoch, self.view))
    }

    fn effort(&self) -> Effort {
        self.desk.effort
    }

    fn refused(&self) -> &Refusals {
        &self.refused
    }
}
