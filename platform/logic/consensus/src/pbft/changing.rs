//! Leaving a view and entering the next (OSDI'99, section 4.4).

use tally_model::NodeId;

use super::message::{Batch, Body, NewView, Order, PreparedProof, ViewChange};
use super::quorum::primary;
use super::replica::{Replica, Standing};
use super::statement::{self, scope};
use super::view_change::Choice;
use crate::Signature;
use crate::digest::Digest;
use crate::membership::Membership;
use crate::replica::{Outgoing, Refusal};

impl Replica {
    /// The digest of the null request.
    fn null(membership: &Membership) -> Digest {
        Batch::default().digest(membership.suite(), &[])
    }

    /// The next view, those of primaries whose connection broke left out.
    pub(super) fn next_view(&self, membership: &Membership) -> u32 {
        let next = self.view.saturating_add(1);
        (next..next.saturating_add(u32::from(membership.size())))
            .find(|view| !self.lost.contains(primary(membership, *view)))
            .unwrap_or(next)
    }

    /// Stops taking part in the view and asks for `target`.
    pub(super) fn leave_for(&mut self, membership: &Membership, target: u32, out: &mut Vec<Outgoing>) {
        if !self.is_voter() || target < self.view || (target == self.view && self.changing) {
            return;
        }
        self.view = target;
        self.changing = true;
        self.changes.entered = None;
        self.timer.turn();
        let mut change = ViewChange {
            view: target,
            member: self.me,
            stable: self.checkpoints.stable.clone(),
            prepared: self.log.prepared(),
            signature: Signature::new(),
        };
        change.signature = self.desk.sign(&statement::view_change(membership, &change));
        self.changes.put(change.clone());
        self.broadcast(membership, Body::ViewChange(change), out);
        self.open(membership, out);
    }

    /// VIEW-CHANGE of another member.
    pub(super) fn view_change(
        &mut self,
        membership: &Membership,
        from: NodeId,
        change: ViewChange,
        out: &mut Vec<Outgoing>,
    ) -> Result<(), Refusal> {
        if !self.is_voter() || change.member == self.me {
            return Err(Refusal::Misdirected);
        }
        if change.view < self.view || (change.view == self.view && !self.changing) {
            // Whoever asks for a view that is open missed its opening.
            if let Some(new) = &self.changes.entered {
                out.push(self.to(membership, from, Body::NewView(new.clone())));
            }
            return Err(Refusal::OtherView);
        }
        if let Some(known) = self.changes.get(change.member)
            && known.view >= change.view
        {
            return if *known == change {
                Ok(())
            } else {
                Err(Refusal::Stale)
            };
        }
        let base = self.base;
        // Who is to open the view shows the changes to others, who may have nothing but their signatures to go by.
        let shows = primary(membership, change.view) == self.me;
        let holds = |proof: &PreparedProof| !shows && self.log.holds(proof);
        change.check(&mut self.desk, membership, base, self.settings.window, holds)?;
        self.changes.put(change);
        if let Some(target) = self.changes.joined(self.view, membership.weak_quorum()) {
            self.leave_for(membership, target, out);
        }
        self.open(membership, out);
        Ok(())
    }

    /// The primary of the view it goes to opens it once 2f+1 members go there.
    fn open(&mut self, membership: &Membership, out: &mut Vec<Outgoing>) {
        if !self.changing || !self.leads(membership) {
            return;
        }
        let changes = self.changes.for_view(self.view);
        if changes.len() < usize::from(membership.quorum()) {
            return;
        }
        let choice = Choice::of(&changes, Self::null(membership), self.base);
        let scope = scope(membership, self.view);
        let orders: Vec<Order> = choice
            .orders
            .iter()
            .map(|(sequence, digest)| Order {
                sequence: *sequence,
                digest: *digest,
                signature: self
                    .desk
                    .sign(&statement::pre_prepare(&scope, *sequence, self.me, *digest)),
            })
            .collect();
        let mut new = NewView {
            changes,
            orders,
            signature: Signature::new(),
        };
        new.signature = self
            .desk
            .sign(&statement::new_view(membership, self.view, self.me, &new));
        self.broadcast(membership, Body::NewView(new.clone()), out);
        self.enter(membership, self.view, new, &choice, out);
    }

    /// NEW-VIEW of a primary: believed only as far as it follows from the VIEW-CHANGEs in it.
    pub(super) fn new_view(
        &mut self,
        membership: &Membership,
        view: u32,
        new: NewView,
        out: &mut Vec<Outgoing>,
    ) -> Result<(), Refusal> {
        if view < self.view || (view == self.view && !self.changing) {
            return Err(Refusal::OtherView);
        }
        if self.standing == Standing::Learner || primary(membership, view) == self.me {
            return Err(Refusal::Misdirected);
        }
        let primary = primary(membership, view);
        let statement = statement::new_view(membership, view, primary, &new);
        self.desk
            .verify_replica(membership, primary, &statement, &new.signature)?;
        let mut members: Vec<u8> = new.changes.iter().map(|change| change.member).collect();
        members.sort_unstable();
        members.dedup();
        if members.len() != new.changes.len()
            || members.len() < usize::from(membership.quorum())
            || new.changes.iter().any(|change| change.view != view)
        {
            return Err(Refusal::Certificate);
        }
        let base = self.base;
        for change in &new.changes {
            if self.changes.get(change.member) != Some(change) {
                let holds = |proof: &PreparedProof| self.log.holds(proof);
                change.check(&mut self.desk, membership, base, self.settings.window, holds)?;
            }
        }
        let choice = Choice::of(&new.changes, Self::null(membership), self.base);
        let orders = new.orders.iter().map(|order| (order.sequence, order.digest));
        if !orders.eq(choice.orders.iter().copied()) {
            return Err(Refusal::Conflict);
        }
        let scope = scope(membership, view);
        for order in &new.orders {
            let statement = statement::pre_prepare(&scope, order.sequence, primary, order.digest);
            self.desk
                .verify_replica(membership, primary, &statement, &order.signature)?;
        }
        self.enter(membership, view, new, &choice, out);
        Ok(())
    }

    /// Enters a view: logs O, and prepares all of it again.
    fn enter(
        &mut self,
        membership: &Membership,
        view: u32,
        new: NewView,
        choice: &Choice,
        out: &mut Vec<Outgoing>,
    ) {
        let missed = !self.changing;
        self.view = view;
        self.changing = false;
        self.timer.turn();
        if let Some(proof) = &choice.stable {
            self.adopt(proof.clone());
            // Everything up to min-s is certified; what is missing of it comes as a state.
            self.log.advance(proof.sequence);
        }
        self.log.leave_view();
        self.batches
            .keep(Self::null(membership), Batch::default(), Vec::new());
        for order in &new.orders {
            if self.log.accepts(order.sequence) {
                self.log.entry(order.sequence).order = Some(order.clone());
            }
        }
        let mut needed = self.log.digests();
        needed.push(Self::null(membership));
        self.batches.retain(needed);
        let orders = new.orders.iter().map(|order| order.sequence).collect::<Vec<_>>();
        self.changes.entered = Some(new);
        for sequence in orders {
            if self.log.accepts(sequence) {
                self.vouch(membership, sequence, out);
                self.advance(membership, sequence, out);
            }
        }
        self.make_checkpoint(membership, out);
        // Who did not see the others leave has missed more than that.
        if missed || !self.missing_batches().is_empty() || self.checkpoints.ahead.is_some() {
            self.speak(membership, out);
        }
        self.catch_later(membership, out);
    }
}
