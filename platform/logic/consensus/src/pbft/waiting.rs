//! What happens after every event: order what can be ordered, and decide what to wait for (OSDI'99, section 4.4).

use tally_model::Instant;

use super::replica::Replica;
use super::timer::Watch;
use crate::membership::Membership;
use crate::replica::Outgoing;

impl Replica {
    /// After every event: order, and decide what to wait for.
    pub(super) fn settle(&mut self, now: Instant, membership: &Membership, out: &mut Vec<Outgoing>) {
        if self.cross(membership, out) {
            self.open_epoch(now, out);
            return;
        }
        self.order(membership, out);
        let watch = self.to_watch(membership);
        self.timer.watch(now, watch);
        let done = self.executed() + self.stable();
        let missing = self.is_missing_something();
        self.murmur.keep(now, &self.settings, missing, done);
    }

    /// Takes up what came for an epoch before it began here.
    pub(super) fn open_epoch(&mut self, now: Instant, out: &mut Vec<Outgoing>) {
        let Some(fresh) = self.current.clone() else { return };
        self.settle(now, &fresh, out);
        for (from, message) in self.early.release(fresh.epoch()) {
            crate::Replica::handle(self, now, from, message, out);
        }
    }

    /// What a backup waits for: the request it began to wait for, else the oldest, else the next place in the order.
    fn to_watch(&self, membership: &Membership) -> Option<Watch> {
        if !self.is_voter() {
            return None;
        }
        if self.changing {
            let enough = self.changes.at_least(self.view) >= usize::from(membership.quorum());
            return enough.then_some(Watch::View(self.view));
        }
        let place = || {
            let next = self.log.ordered_after(self.executed()).next();
            next.map(|_| Watch::Place(self.executed() + 1))
        };
        if self.leads(membership) {
            // Who has executed a place does not time out for it, and who has left the view does not vote in it: with f members gone
            // a primary may be the last to wait, and those who left too few to be joined.
            let somebody_left = self.changes.at_least(self.view.saturating_add(1)) > 0;
            return place().filter(|_| somebody_left);
        }
        if let Some(Watch::Request(client, timestamp)) = self.timer.watched()
            && self
                .pending
                .get(client)
                .is_some_and(|request| request.timestamp == timestamp)
        {
            return self.timer.watched();
        }
        let oldest = self.pending.oldest();
        oldest
            .map(|(client, timestamp)| Watch::Request(client, timestamp))
            .or_else(place)
            .or_else(|| self.proposal(membership).map(|next| Watch::Epoch(next.epoch)))
    }
}
