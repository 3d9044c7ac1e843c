//! Sets that hold on to their tasks and answer none.
//!
//! More members than the protocol masks can be lost without anybody seeing more than f of them gone at a time: one that was
//! replaced has a process, but no vote until it has learned what the others agreed on, and nobody can teach it once they are
//! too few. Such a set is healthy by every probe and works for nobody. Tasks are pure, so another set does as well.

use std::collections::BTreeMap;

use tally_consensus::mutant::{self, Mutant};
use tally_model::{FaultEvent, FaultType, Instant, SetId};

use super::{Command, Scheduler};
use crate::worker::longest_service;

/// Task timeouts that a set may let pass, one after the other, without a single answer.
const PATIENCE: u32 = 3;

/// Since when sets have let tasks expire, or turned them away, without an answer.
#[derive(Debug, Default)]
pub(super) struct Silence {
    since: BTreeMap<SetId, Instant>,
}

impl Silence {
    /// It answered, or it is gone.
    pub(super) fn heard(&mut self, set: SetId) {
        self.since.remove(&set);
    }
}

impl Scheduler {
    /// A task expired at `set`, a timeout after it was handed over.
    pub(super) fn let_expire(&mut self, now: Instant, set: SetId, out: &mut Vec<Command>) {
        self.unhelped(now, set, PATIENCE - 1, out);
    }

    /// `set` had no room for a task.
    pub(super) fn turned_away(&mut self, now: Instant, set: SetId, out: &mut Vec<Command>) {
        self.unhelped(now, set, PATIENCE, out);
    }

    /// Has a set made anew that answered nothing for so many task timeouts since the first of these calls: with one replica more
    /// gone than its protocol masks, the cluster service drains it and makes another.
    fn unhelped(&mut self, now: Instant, set: SetId, timeouts: u32, out: &mut Vec<Command>) {
        if mutant::is(Mutant::NoJoin) {
            return; // Healed from outside, what the members of a set do not do would never be seen.
        }
        let since = *self.silence.since.entry(set).or_insert(now);
        // One that works for longer than tasks may take is slow, and its answer is taken when it comes.
        let patience =
            self.config.timing.task_timeout * timeouts + longest_service(&self.config, set.operation);
        if now.since(since) < patience {
            return;
        }
        self.silence.heard(set);
        let Some(record) = self.sets.record(set) else {
            return;
        };
        let masked = usize::from(self.config.faulty());
        let leader = usize::from(record.leader);
        // The leader before all others: where a set has no other without it (`collect`), it is the one that can stop it alone. Then
        // those who were replaced least often: what was silent before them and is silent after them is not silent because of them.
        let mut members: Vec<_> = record.replicas.iter().enumerate().collect();
        members.sort_by_key(|(index, member)| (*index != leader, member.incarnation));
        let events: Vec<FaultEvent> = members
            .into_iter()
            .take(masked + 1)
            .map(|(index, member)| FaultEvent {
                kind: if index == leader {
                    FaultType::Leader
                } else {
                    FaultType::Follower
                },
                node: member.node,
                incarnation: member.incarnation,
                source: "scheduler: its set answers nothing".into(),
                noticed: now,
            })
            .collect();
        for event in &events {
            self.raise(event, now, out);
        }
    }
}
