//! From an attempt's end to the request's: answered, tried again, or given up.

use crate::SendError;
use crate::pool::{NONE, Phase};
use crate::sender::Sender;

impl Sender<'_> {
    /// A complete response came; it resolves the request unless it asks to come back later and the policy agrees.
    pub(crate) fn answered(&mut self, shot: u32, now: u64) {
        let record = &self.supply.slot(shot).sent;
        if self.options.retry.busy && matches!(record.status, 429 | 503) {
            let wait = u64::from(record.retry_after.unwrap_or(0)) * 1_000_000_000;
            if record.attempts < self.options.retry.attempts && now.saturating_add(wait) < self.deadline(shot)
            {
                return self.attempt_failed(shot, Some(wait));
            }
        }
        let slot = self.supply.slot_mut(shot);
        if slot.exposed && matches!(slot.sent.status, 408 | 429) {
            // It speaks of this attempt; an earlier one without a response may have been accepted.
            slot.sent.error = Some(SendError::Unknown);
        }
        self.resolve(shot, now);
    }

    /// An attempt brought no answer; `wait` is the least pause the server asked for.
    pub(crate) fn attempt_failed(&mut self, shot: u32, wait: Option<u64>) {
        let now = self.clock.now();
        let attempts = self.supply.slot(shot).sent.attempts;
        let pause = self.retries.pause(&self.options.retry, attempts) + wait.unwrap_or(0);
        let at = now.saturating_add(pause);
        if attempts >= self.options.retry.attempts || at >= self.deadline(shot) {
            return self.give_up(shot, now);
        }
        self.retries.push(at, shot);
    }

    /// Resolves `shot` without an answer.
    pub(crate) fn give_up(&mut self, shot: u32, now: u64) {
        let slot = self.supply.slot_mut(shot);
        let (exposed, record) = (slot.exposed, &mut slot.sent);
        record.status = 0;
        record.last_byte_ns = now;
        record.error = Some(match (record.attempts, exposed) {
            (0, _) => SendError::NeverSent,
            (_, true) => SendError::Unknown,
            (_, false) => SendError::Refused,
        });
        self.resolve(shot, now);
    }

    /// Gives up everything: the run was stopped.
    pub(crate) fn abandon(&mut self) {
        let now = self.clock.now();
        for slot in 0..self.pool.slots.len() as u32 {
            let connection = &self.pool.slots[slot as usize];
            let (shot, exposed) = (
                connection.shot,
                connection.written > 0 && connection.phase != Phase::Connecting,
            );
            if connection.phase != Phase::Closed && shot != NONE {
                self.pool.close(slot);
                self.supply.slot_mut(shot).exposed |= exposed;
                self.give_up(shot, now);
            }
        }
        while let Some(shot) = self.retries.pop() {
            self.give_up(shot, now);
        }
        while let Some(shot) = self.agenda.abandon() {
            self.supply.ensure(shot);
            self.give_up(shot, now);
        }
    }

    /// Ends attempts that take too long and requests past their deadline.
    pub(crate) fn sweep(&mut self, now: u64) {
        let timeout = self.options.retry.attempt_timeout.as_nanos() as u64;
        for slot in 0..self.pool.slots.len() as u32 {
            let connection = &self.pool.slots[slot as usize];
            let exchanging = matches!(
                connection.phase,
                Phase::Connecting | Phase::Writing | Phase::Awaiting
            );
            let expired = connection.shot != NONE && now >= self.deadline(connection.shot);
            if exchanging && (expired || now >= connection.started.saturating_add(timeout)) {
                self.lose(slot);
            }
        }
    }

    fn resolve(&mut self, shot: u32, now: u64) {
        self.unresolved -= 1;
        let until = self.deadline(shot);
        let slot = self.supply.slot_mut(shot);
        let id = slot.sent.id;
        self.tally.resolved(&slot.sent);
        if let Some(live) = &self.options.live {
            slot.forwarded = live.try_send(slot.sent).is_ok();
        }
        self.supply.resolved(shot);
        self.agenda.resolved(&mut self.supply, id, until, now);
    }

    fn deadline(&self, shot: u32) -> u64 {
        self.supply
            .slot(shot)
            .sent
            .intended_ns
            .saturating_add(self.options.deadline.as_nanos() as u64)
    }
}
