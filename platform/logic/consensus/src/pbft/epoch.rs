//! From one membership to the next.

use std::sync::Arc;

use super::later::Later;
use super::quorum::primary;
use super::replica::{FIRST, Replica, Standing};
use super::timer::Timer;
use crate::membership::Membership;
use crate::replica::Outgoing;

impl Replica {
    /// What this member may do in `fresh`, coming from the epoch it knows.
    pub(super) fn standing_in(&self, fresh: &Membership) -> Standing {
        let mine = fresh.replica(self.me).is_some_and(|peer| {
            peer.incarnation == self.desk.seat.incarnation && &peer.key == self.desk.seat.keys.public_key()
        });
        let first = fresh.epoch() <= FIRST && self.desk.seat.incarnation == 0;
        match (mine, self.standing) {
            (false, _) => Standing::Outsider,
            (true, Standing::Voter) => Standing::Voter,
            (true, Standing::Outsider) if first => Standing::Voter,
            (true, Standing::Outsider | Standing::Learner) => Standing::Learner,
        }
    }

    /// Enters an epoch. Its first view is opened by a NEW-VIEW like any other but the very first, so that what the epoch before
    /// decided is carried over.
    pub(super) fn enter_epoch(&mut self, fresh: Arc<Membership>, out: &mut Vec<Outgoing>) {
        let before = self.epochs.current().cloned();
        self.standing = self.standing_in(&fresh);
        self.joined = self.standing == Standing::Learner;
        self.desk.pair_up(&fresh, self.me);
        self.epochs.enter(fresh.clone());
        self.pending.clear();
        self.replies.clear();
        self.checkpoints.enter_epoch();
        self.changes.clear();
        self.later = Later::default();
        self.guides.clear();
        self.timer = Timer::new(self.settings.patience);
        self.view = 0;
        self.changing = false;
        self.mark = None;
        if self.standing == Standing::Voter && (before.is_some() || fresh.epoch() > FIRST) {
            self.log.leave_view();
            let target = first_view(before.as_deref(), &fresh);
            self.leave_for(&fresh, target, out);
        }
    }
}

/// The first view of an epoch whose primary was a member before: one that came new cannot judge what the epoch before signed.
fn first_view(before: Option<&Membership>, fresh: &Membership) -> u32 {
    let stays = |view: &u32| {
        let index = primary(fresh, *view);
        before.is_none_or(|before| before.replica(index) == fresh.replica(index))
            && fresh.replica(index).is_some()
    };
    (1..=u32::from(fresh.size())).find(stays).unwrap_or(1)
}
