//! From hand to the workers and back: assign, verify, fold, send elsewhere.

use std::collections::BTreeSet;
use std::time::Duration;

use tally_consensus::mutant::{self, Mutant};
use tally_model::{
    CertifiedTask, FaultEvent, FaultType, Instant, NodeId, Observation, Operation, Precondition, QueueName,
    SetId, Step, TaskId, TaskMessage,
};

use super::{Command, Scheduler, hex};
use crate::packet::{Packet, TaskDone};
use crate::port::PortCommand;
use crate::worker::service_time;

impl Scheduler {
    /// Gives waiting tasks to the sets with the most room.
    pub(super) fn dispatch(&mut self, now: Instant, operation: Operation, out: &mut Vec<Command>) {
        if self.recovery.is_paused(now) {
            return;
        }
        while let Some(set) = self.sets.least_loaded(now, operation, &self.flights) {
            let Some(waiting) = self.flights.next(operation) else {
                return;
            };
            if !self.requests.wants(waiting.message.job.task) {
                waiting.receipts.delete(QueueName::Layer(operation), out);
                continue;
            }
            let packet = Packet::Assign(waiting.message.clone());
            let whole = self.service_of_whole(&waiting.message);
            self.flights
                .depart(waiting, set, now, self.config.timing.task_timeout, whole);
            out.push(Command::Send {
                to: NodeId::Worker(set),
                packet,
            });
        }
        if self.flights.waiting(operation) > 0 && self.sets.distrusts(now, operation) {
            self.retry_later(now);
        }
    }

    /// How long a whole expression takes by the experiment's model; zero for a single operation.
    ///
    /// `task-timeout` is about what is not meant to take long. An expression may take longer on purpose, and would be computed again and
    /// again elsewhere if that counted.
    fn service_of_whole(&self, task: &TaskMessage) -> Duration {
        let whole = task.job.expression.as_ref();
        whole
            .and_then(|_| service_time(&self.config, &task.job, task.work_key))
            .unwrap_or_default()
    }

    pub(super) fn arrived(&mut self, now: Instant, from: NodeId, done: TaskDone, out: &mut Vec<Command>) {
        let task = done.job.task;
        let Some(set) = from.set() else { return };
        if let Err(flaw) = self.sets.verify(set, &done) {
            out.push(Command::Observe(
                Observation::new(now, Step::CertificateRefused)
                    .with_node(from)
                    .with_request(task.request)
                    .with_note(flaw),
            ));
            self.blame(now, set, "its answer does not hold", out);
            self.reroute(now, task, set, out);
            return;
        }
        if self.flights.is_other_job(&done.job) && !mutant::is(Mutant::OtherJob) {
            // A worker may ask its replicas for anything, and they certify what they were asked.
            self.blame(now, set, "it answered another job than it was given", out);
            self.reroute(now, task, set, out);
            return;
        }
        self.silence.heard(set);
        // What a set answers late, after the task went elsewhere, is as good as any other certified answer.
        let Some(flight) = self.flights.land(task) else {
            return;
        };
        self.count(now, &done, &flight);
        let operation = done.job.operation;
        flight.receipts.delete(QueueName::Layer(operation), out);
        if self.sets.first_answer(set) {
            out.push(Command::Observe(
                Observation::new(now, Step::FirstAnswer).with_set(set),
            ));
        }
        let certified = CertifiedTask {
            job: done.job,
            outcome: done.outcome,
            set,
            certificate: done.certificate.map(|bytes| hex(&bytes)),
            ready: flight.ready,
            dispatched: flight.departed,
            done: now,
        };
        self.requests.fold(task, certified);
        if self.report_mode() {
            // Dependents are found ready by the next poll; a finished request is answered at once.
            if self.requests.is_complete(task.request) {
                self.progress(now, task.request, out);
            }
        } else {
            self.progress(now, task.request, out);
        }
        self.settle(now, operation, set, out);
    }

    /// The worker is what is wrong: honest ones check what they pass on (fault type I, Byzantine).
    fn blame(&mut self, now: Instant, set: SetId, what: &str, out: &mut Vec<Command>) {
        if let Some(incarnation) = self.sets.blame(now, set) {
            let event = FaultEvent {
                kind: FaultType::Worker,
                node: NodeId::Worker(set),
                incarnation,
                source: format!("scheduler: {what}"),
                noticed: now,
            };
            self.raise(&event, now, out);
        }
    }

    /// After room was made at a set.
    pub(super) fn settle(&mut self, now: Instant, operation: Operation, set: SetId, out: &mut Vec<Command>) {
        self.dispatch(now, operation, out);
        self.receive_layer(now, operation, out);
        self.report_drained(set, out);
    }

    pub(super) fn report_drained(&mut self, set: SetId, out: &mut Vec<Command>) {
        if self.flights.at(set) == 0 && self.sets.take_drained(set) {
            let token = self.token();
            out.push(Command::Port(PortCommand::Put {
                token,
                key: format!("drained/{set}"),
                value: "{}".into(),
                when: Precondition::Any,
            }));
        }
    }

    /// Sends a task that one set could not answer to another.
    pub(super) fn reroute(&mut self, now: Instant, task: TaskId, set: SetId, out: &mut Vec<Command>) {
        if self.flights.give_back(task, set) {
            // Nobody may want it any more: then there is room for another.
            self.settle(now, set.operation, set, out);
        }
    }

    pub(super) fn peer_lost(&mut self, now: Instant, node: NodeId, out: &mut Vec<Command>) {
        if let NodeId::Worker(set) = node {
            self.sets.unreachable(set);
            if !mutant::is(Mutant::NoReroute) {
                self.flights.give_back_all(set);
            }
            self.settle(now, set.operation, set, out);
        }
    }

    pub(super) fn peer_up(&mut self, now: Instant, node: NodeId, out: &mut Vec<Command>) {
        if let Some(record) = node.set().and_then(|set| self.sets.record(set)) {
            out.push(Command::Send {
                to: node,
                packet: Packet::Configure(record.clone()),
            });
        }
        if let NodeId::Worker(set) = node {
            self.sets.reachable(set);
            self.dispatch(now, set.operation, out);
            self.receive_layer(now, set.operation, out);
        }
    }

    pub(super) fn expire_flights(&mut self, now: Instant, out: &mut Vec<Command>) {
        let expired = self.flights.expired(now);
        let sets: BTreeSet<SetId> = expired.iter().map(|(_, set)| *set).collect();
        for set in sets {
            self.remind(set, out);
            self.let_expire(now, set, out);
        }
        for (task, set) in expired {
            if mutant::is(Mutant::NoReroute) {
                let _forgotten = self.flights.land(task);
                continue;
            }
            self.reroute(now, task, set, out);
        }
    }

    /// Tells the members of a set their membership again: one that missed it works for nobody, and the transport promises nothing.
    fn remind(&self, set: SetId, out: &mut Vec<Command>) {
        let Some(record) = self.sets.record(set) else {
            return;
        };
        out.extend(record.members().map(|member| Command::Send {
            to: member.node,
            packet: Packet::Configure(record.clone()),
        }));
    }

    /// A worker has no room: its task waits a moment instead of being pushed at it again.
    pub(super) fn put_off(&mut self, now: Instant, from: NodeId, task: TaskId, out: &mut Vec<Command>) {
        if let Some(set) = from.set() {
            self.flights.give_back(task, set);
            self.retry_later(now);
            self.turned_away(now, set, out);
        }
    }
}
