//! Tasks between their layer and their answer: waiting for room, or in flight at a set.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use tally_model::{Deadline, Instant, Job, Operation, Receipt, SetId, TaskId, TaskMessage};

use super::receipts::Receipts;

/// A task received from its layer that waits for room at a set.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) message: TaskMessage,
    pub(super) receipts: Receipts,
}

#[derive(Debug)]
struct Flight {
    waiting: Waiting,
    set: SetId,
    departed: Instant,
    expires: Instant,
}

/// What is known of a task that landed.
#[derive(Debug)]
pub(super) struct Landed {
    pub(super) receipts: Receipts,
    pub(super) ready: Instant,
    pub(super) departed: Instant,
}

/// All tasks received and not answered.
#[derive(Debug, Default)]
pub(super) struct Flights {
    waiting: [VecDeque<Waiting>; 4],
    flying: BTreeMap<TaskId, Flight>,
    at_set: BTreeMap<SetId, usize>,
    expiry: BTreeSet<(Instant, TaskId)>,
}

impl Flights {
    /// Takes a delivery; one of a task that is in hand already only brings a further receipt.
    pub(super) fn admit(&mut self, new: Waiting) {
        let task = new.message.job.task;
        if let Some(flight) = self.flying.get_mut(&task) {
            flight.waiting.receipts.add(new.receipts);
            return;
        }
        let layer = &mut self.waiting[new.message.job.operation.index()];
        match layer.iter_mut().find(|waiting| waiting.message.job.task == task) {
            Some(waiting) => waiting.receipts.add(new.receipts),
            None => layer.push_back(new),
        }
    }

    pub(super) fn waiting(&self, operation: Operation) -> usize {
        self.waiting[operation.index()].len()
    }

    pub(super) fn at(&self, set: SetId) -> usize {
        self.at_set.get(&set).copied().unwrap_or(0)
    }

    pub(super) fn next(&mut self, operation: Operation) -> Option<Waiting> {
        self.waiting[operation.index()].pop_front()
    }

    /// A task goes to a set, where it may stay for `timeout`. What takes long on purpose has its own `service` on top, after that of what
    /// the set was given before: a worker works on one at a time.
    pub(super) fn depart(
        &mut self,
        waiting: Waiting,
        set: SetId,
        now: Instant,
        timeout: Duration,
        service: Duration,
    ) {
        let task = waiting.message.job.task;
        let mut expires = now + timeout;
        if !service.is_zero() {
            let there = self.flying.values().filter(|flight| flight.set == set);
            expires = there.fold(expires, |latest, flight| latest.max(flight.expires)) + service;
        }
        self.expiry.insert((expires, task));
        *self.at_set.entry(set).or_insert(0) += 1;
        self.flying.insert(
            task,
            Flight {
                waiting,
                set,
                departed: now,
                expires,
            },
        );
    }

    fn remove(&mut self, task: TaskId) -> Option<Flight> {
        let flight = self.flying.remove(&task)?;
        self.expiry.remove(&(flight.expires, task));
        if let Some(count) = self.at_set.get_mut(&flight.set) {
            *count -= 1;
            if *count == 0 {
                self.at_set.remove(&flight.set);
            }
        }
        Some(flight)
    }

    /// Whether the task that this job names asks for something else.
    pub(super) fn is_other_job(&self, job: &Job) -> bool {
        let flying = self.flying.get(&job.task).map(|flight| &flight.waiting);
        let mut waiting = self.waiting[job.operation.index()].iter();
        let known = flying.or_else(|| waiting.find(|waiting| waiting.message.job.task == job.task));
        known.is_some_and(|known| known.message.job != *job)
    }

    /// A task was answered, wherever it is.
    pub(super) fn land(&mut self, task: TaskId) -> Option<Landed> {
        if let Some(flight) = self.remove(task) {
            return Some(Landed {
                receipts: flight.waiting.receipts,
                ready: flight.waiting.message.ready,
                departed: flight.departed,
            });
        }
        for layer in &mut self.waiting {
            if let Some(place) = layer.iter().position(|waiting| waiting.message.job.task == task) {
                return layer.remove(place).map(|waiting| Landed {
                    receipts: waiting.receipts,
                    ready: waiting.message.ready,
                    departed: waiting.message.ready,
                });
            }
        }
        None
    }

    /// Puts a task that is in flight at `set` back to the head of its layer.
    pub(super) fn give_back(&mut self, task: TaskId, set: SetId) -> bool {
        if self.flying.get(&task).is_none_or(|flight| flight.set != set) {
            return false;
        }
        if let Some(flight) = self.remove(task) {
            self.waiting[flight.waiting.message.job.operation.index()].push_front(flight.waiting);
        }
        true
    }

    /// Puts everything in flight at `set` back; returns how much.
    pub(super) fn give_back_all(&mut self, set: SetId) -> usize {
        let tasks: Vec<TaskId> = self
            .flying
            .iter()
            .filter(|(_, flight)| flight.set == set)
            .map(|(task, _)| *task)
            .collect();
        for task in tasks.iter().rev() {
            self.give_back(*task, set);
        }
        tasks.len()
    }

    /// Tasks whose time at their set is up.
    pub(super) fn expired(&self, now: Instant) -> Vec<(TaskId, SetId)> {
        self.expiry
            .iter()
            .take_while(|(at, _)| *at <= now)
            .filter_map(|(_, task)| self.flying.get(task).map(|flight| (*task, flight.set)))
            .collect()
    }

    pub(super) fn deadline(&self) -> Option<Deadline> {
        self.expiry.first().map(|(at, _)| Deadline {
            at: *at,
            reason: "a dispatched task is late",
        })
    }

    /// Receipts of a layer whose lease ends before `until`; their lease is noted as `renewed`.
    pub(super) fn renew(&mut self, operation: Operation, until: Instant, renewed: Instant) -> Vec<Receipt> {
        let flying = self
            .flying
            .values_mut()
            .filter(|flight| flight.waiting.message.job.operation == operation)
            .map(|flight| &mut flight.waiting);
        self.waiting[operation.index()]
            .iter_mut()
            .chain(flying)
            .flat_map(|waiting| waiting.receipts.renew(until, renewed))
            .collect()
    }
}
