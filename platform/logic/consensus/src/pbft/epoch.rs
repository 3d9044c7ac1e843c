//! From one membership to the next (section 10 of the project's PBFT reference).
//!
//! The control plane announces a membership, which is a proposal. The members order it like a request; each agrees only to what
//! was announced to it too, and to no more than f new occupants at once. The place at which it is executed is the last one of
//! the epoch. Once the state there is a stable checkpoint the members go over: watermark, client table and history stay, the
//! log and all votes end, and the state itself says which epoch begins and with which view. A new occupant learns: it votes once
//! it has a state that 2f+1 members of the new epoch certified, and only above it.
//!
//! Whoever missed the end of an epoch is given it by those that went over ([`Replica::farewell`]), or, if it missed more than
//! that, learns like a new occupant ([`Replica::ahead`]).

use std::sync::Arc;

use tally_model::{Instant, NodeId};

use super::later::Later;
use super::message::{Body, Reconfig, State, Status};
use super::pace::Pace;
use super::quorum::primary;
use super::replica::{Replica, Standing};
use super::statement::{self, scope};
use super::timer::Timer;
use crate::membership::Membership;
use crate::message::Message;
use crate::replica::{Outgoing, Refusal};

/// Announced memberships that are remembered; only the newest are of use.
const ANNOUNCED: usize = 8;

/// The end of an epoch, for members that missed it.
#[derive(Debug)]
pub(super) struct Farewell {
    membership: Arc<Membership>,
    state: State,
}

impl Replica {
    /// The control plane announces a membership.
    pub(super) fn announced(&mut self, fresh: Membership, out: &mut Vec<Outgoing>) {
        let Some(known) = self.current.clone().filter(|_| self.is_voter()) else {
            self.join(Arc::new(fresh));
            return;
        };
        self.next.entry(fresh.epoch()).or_insert_with(|| Arc::new(fresh));
        while self.next.len() > ANNOUNCED {
            self.next.pop_first();
        }
        // An order of it may have come before the announcement.
        let places: Vec<u64> = self
            .log
            .ordered_after(self.log.low())
            .map(|(sequence, _)| sequence)
            .collect();
        for sequence in places {
            self.vouch(&known, sequence, out);
        }
        self.execute(&known, out);
    }

    /// Takes part in an epoch without having been in the one before: as a founder, or to learn.
    fn join(&mut self, fresh: Arc<Membership>) {
        let standing = match (self.is_mine(&fresh), fresh.founded() == Some(fresh.epoch())) {
            (false, _) => Standing::Outsider,
            (true, true) => Standing::Voter,
            (true, false) => Standing::Learner,
        };
        if self.executed() == 0
            && let Some(founded) = fresh.founded()
        {
            self.execution.epoch = founded;
        }
        self.begin(fresh, standing);
    }

    fn is_mine(&self, fresh: &Membership) -> bool {
        fresh.replica(self.me).is_some_and(|peer| {
            peer.incarnation == self.desk.seat.incarnation && &peer.key == self.desk.seat.keys.public_key()
        })
    }

    /// Forgets what was of the epoch before.
    fn begin(&mut self, fresh: Arc<Membership>, standing: Standing) {
        self.standing = standing;
        self.desk.pair_up(&fresh, self.me);
        if let Some(before) = self.current.replace(fresh.clone()) {
            self.lost.retain(|member| before.keeps(&fresh, member));
        }
        self.next.retain(|epoch, _| *epoch > fresh.epoch());
        self.pending.clear();
        self.replies.clear();
        self.checkpoints.enter_epoch();
        self.changes.clear();
        self.later = Later::default();
        self.pace = Pace::default();
        self.timer = Timer::new(self.settings.patience);
        self.base = self.execution.base;
        self.view = self.execution.first_view;
        self.changing = false;
        self.log.restart(self.base);
        self.prune();
    }

    /// What the primary orders next about members, if anything: the newest membership that keeps all but f replicas.
    pub(super) fn proposal(&self, membership: &Membership) -> Option<Reconfig> {
        let allowed = |fresh: &Membership| membership.replaced_in(fresh) <= usize::from(membership.faulty());
        let fresh = self.next.values().rev().find(|fresh| allowed(fresh))?;
        let leads = primary(membership, self.view);
        let stays = |index: &u8| membership.keeps(fresh, *index);
        let first = std::iter::once(leads).chain(0..membership.size()).find(stays)?;
        Some(Reconfig {
            epoch: fresh.epoch(),
            membership: fresh.digest(),
            view: u32::from(first),
        })
    }

    /// Whether a change of members is what was announced here too, and keeps enough of them.
    pub(super) fn agrees(&self, membership: &Membership, reconfig: &Reconfig) -> bool {
        self.next.get(&reconfig.epoch).is_some_and(|fresh| {
            fresh.digest() == reconfig.membership
                && membership.replaced_in(fresh) <= usize::from(membership.faulty())
                && reconfig.view < u32::from(membership.size())
                && membership.keeps(fresh, primary(membership, reconfig.view))
        })
    }

    /// Whether the epoch's last place is ordered: nothing may come after it.
    pub(super) fn is_closing(&self, membership: &Membership) -> bool {
        let reconfigures = |digest| {
            self.batches
                .get(digest)
                .is_some_and(|batch| batch.reconfig.is_some())
        };
        self.execution.epoch > membership.epoch()
            || self
                .log
                .ordered_after(self.executed())
                .any(|(_, entry)| entry.digest().is_some_and(reconfigures))
    }

    /// Goes over to the epoch that was ordered, once the state at its beginning is stable. True if it did.
    pub(super) fn cross(&mut self, membership: &Membership, out: &mut Vec<Outgoing>) -> bool {
        let base = self.execution.base;
        if self.execution.epoch <= membership.epoch() || self.executed() != base {
            return false;
        }
        let proof = self
            .checkpoints
            .stable
            .clone()
            .filter(|proof| proof.sequence == base);
        let (Some(proof), Some(fresh)) = (proof, self.next.get(&self.execution.epoch).cloned()) else {
            return false;
        };
        if let (Some(known), Some((_, snapshot))) =
            (self.current.clone(), self.checkpoints.snapshots.get(&base))
        {
            self.farewell = Some(Farewell {
                membership: known,
                state: State {
                    proof,
                    snapshot: snapshot.clone(),
                },
            });
        }
        let standing = match (self.is_mine(&fresh), self.standing) {
            (false, _) => Standing::Outsider,
            (true, standing) => standing,
        };
        self.begin(fresh.clone(), standing);
        // Under the new keys, so that new occupants have something to learn.
        self.make_checkpoint(&fresh, out);
        true
    }

    /// A message of an epoch that is over here: whoever asks how far it is was left behind.
    pub(super) fn farewell(&mut self, message: &Message, out: &mut Vec<Outgoing>) -> Result<(), Refusal> {
        let Some(Farewell { membership, state }) = &self.farewell else {
            return Err(Refusal::OtherEpoch);
        };
        let Some(status) = status_in(message).filter(|_| message.epoch == membership.epoch()) else {
            return Err(Refusal::OtherEpoch);
        };
        if status.executed > state.proof.sequence || status.member == self.me {
            return Err(Refusal::Stale);
        }
        let statement = statement::status(&scope(membership, message.view), status);
        self.desk
            .check_tag(membership, status.member, &statement, &status.tag)?;
        let to = NodeId::Replica(membership.set(), status.member);
        out.push(self.to(membership, to, Body::State(state.clone())));
        Ok(())
    }

    /// A message of an epoch that has not begun here. A certified state of it shows that it has elsewhere, and is learned.
    pub(super) fn ahead(
        &mut self,
        now: Instant,
        from: NodeId,
        message: Message,
        out: &mut Vec<Outgoing>,
    ) -> Result<(), Refusal> {
        if status_in(&message).is_some() {
            return Err(Refusal::OtherEpoch); // It will be said again.
        }
        let state = match &message.body {
            crate::Body::Pbft(body) => match &**body {
                Body::State(state) => Some(state),
                _ => None,
            },
            _ => None,
        };
        let (Some(state), Some(fresh)) = (state, self.next.get(&message.epoch).cloned()) else {
            return self.early.keep(from, message);
        };
        state.proof.check(&mut self.desk, &fresh)?;
        self.join(fresh);
        self.take(now, from, message, out)
    }
}

fn status_in(message: &Message) -> Option<&Status> {
    match &message.body {
        crate::Body::Pbft(body) => match &**body {
            Body::Status(status) => Some(status),
            _ => None,
        },
        _ => None,
    }
}
