//! Splits, queues, dispatches, folds, answers: the report's PR-SC service (section 3.3, step 4).
//!
//! ```text
//!  inbound --> [requests] --ready--> layer-* --> [waiting] --capacity--> worker
//!                  ^                                                       |
//!                  +------------- fold <--- verify certificate <-----------+
//!                  |
//!                  +--answer--> outbound, then the inbound message is deleted
//! ```
//!
//! The inbound message is the durable state of a request: its lease is extended for as long as the request is in hand, and
//! whatever this machine forgets by dying is received and computed again.

mod flight;
mod leases;
pub mod recovery;
mod requests;
mod sets;

use std::time::Duration;

use tally_model::{
    CertifiedTask, Deadline, Delivery, Dispatch, FaultEvent, Instant, Machine, NodeId, Observation,
    Operation, Outcome, PlatformConfig, QueueName, RequestMessage, SetId, Step, TaskId, TaskMessage,
};

use crate::packet::{Packet, TaskDone};
use crate::port::{PortCommand, PortEvent, Trouble};
use flight::{Flights, Waiting};
use recovery::Recovery;
use requests::{Progress, Requests};
use sets::Sets;

/// Most messages asked for in one receive.
const BATCH: usize = 64;
/// Requests in hand at once; more wait in the inbound queue.
const REQUESTS_MAX: usize = 8_192;
/// Pause after a port failed.
const RETRY: Duration = Duration::from_millis(200);

/// What can happen to a scheduler.
#[derive(Debug)]
pub enum Event {
    /// A port answered.
    Port(PortEvent),
    /// A node sent something.
    Packet {
        /// The sender.
        from: NodeId,
        /// What it sent.
        packet: Packet,
    },
    /// The stream to a node is up.
    PeerUp(NodeId),
    /// The stream to a node broke.
    PeerLost(NodeId),
    /// Somebody called TriggerParsing; answered by [`Command::Triggered`].
    Trigger {
        /// Names the call.
        call: u64,
    },
}

/// What a scheduler wants done.
#[derive(Debug)]
pub enum Command {
    /// Ask a port.
    Port(PortCommand),
    /// Tell the transport where a node is, or that it is gone.
    Route {
        /// The node.
        node: NodeId,
        /// Host and port.
        address: Option<String>,
    },
    /// Send to a node.
    Send {
        /// Receiver.
        to: NodeId,
        /// What to send.
        packet: Packet,
    },
    /// Tell the autoscaler that tasks are durable on a layer ("autoscale probe on enqueue", M92).
    Enqueued {
        /// The layer.
        operation: Operation,
        /// How many.
        count: u64,
    },
    /// Answer a TriggerParsing call with the number of requests in hand.
    Triggered {
        /// Which call.
        call: u64,
        /// Requests in hand.
        pending: u64,
    },
    /// Record something that happened.
    Observe(Observation),
}

/// Answers still to be made durable, and sends still to be confirmed, by token.
#[derive(Debug)]
enum Sending {
    /// Tasks on a layer; lost ones are sent again.
    Tasks(Operation, Vec<String>),
    /// The answer of a request.
    Answer(tally_model::RequestId, String),
    /// A fault raised by a worker, or an answer redriven from the dead-letter queue.
    Other(QueueName, String),
}

/// The scheduler.
#[derive(Debug)]
pub struct Scheduler {
    config: PlatformConfig,
    requests: Requests,
    sets: Sets,
    flights: Flights,
    recovery: Recovery,
    sending: std::collections::BTreeMap<u64, Sending>,
    receiving: [bool; QueueName::ALL.len()],
    retry_at: Option<Instant>,
    retries: Vec<Sending>,
    next_token: u64,
    next_poll: Instant,
    next_lease: Instant,
}

impl Scheduler {
    /// A scheduler that begins to receive with [`Scheduler::start`].
    pub fn new(config: PlatformConfig, cluster: [u8; 16]) -> Self {
        let sets = Sets::new(&config, cluster);
        Self {
            requests: Requests::default(),
            sets,
            flights: Flights::default(),
            recovery: Recovery::default(),
            sending: std::collections::BTreeMap::new(),
            receiving: [false; QueueName::ALL.len()],
            retry_at: None,
            retries: Vec::new(),
            next_token: 0,
            next_poll: Instant::ZERO,
            next_lease: Instant::ZERO,
            config,
        }
    }

    /// Opens the watch on sets and the first receives.
    pub fn start(&mut self, now: Instant, out: &mut Vec<Command>) {
        out.push(Command::Port(PortCommand::Watch {
            prefix: "sets/".into(),
        }));
        self.next_poll = now + self.config.timing.report_poll;
        self.next_lease = now + self.config.timing.visibility / 3;
        self.receive_all(now, out);
    }

    /// Requests in hand.
    pub fn pending(&self) -> usize {
        self.requests.len()
    }

    /// Tasks in flight at a set.
    pub fn in_flight(&self, set: SetId) -> usize {
        self.flights.at(set)
    }

    fn token(&mut self) -> u64 {
        self.next_token += 1;
        self.next_token
    }

    fn send(&mut self, sending: Sending, out: &mut Vec<Command>) {
        let token = self.token();
        let (queue, bodies) = match &sending {
            Sending::Tasks(operation, bodies) => (QueueName::Layer(*operation), bodies.clone()),
            Sending::Answer(_, body) => (QueueName::Outbound, vec![body.clone()]),
            Sending::Other(queue, body) => (*queue, vec![body.clone()]),
        };
        self.sending.insert(token, sending);
        out.push(Command::Port(PortCommand::Send { token, queue, bodies }));
    }

    fn report_mode(&self) -> bool {
        self.config.dispatch == Dispatch::Report
    }

    /// Asks for more wherever there is room for it.
    fn receive_all(&mut self, now: Instant, out: &mut Vec<Command>) {
        if self.requests.len() < REQUESTS_MAX {
            self.receive(
                QueueName::Inbound,
                BATCH.min(REQUESTS_MAX - self.requests.len()),
                out,
            );
        }
        self.receive(QueueName::Faults, BATCH, out);
        self.receive(QueueName::Dead, BATCH, out);
        for operation in Operation::ALL {
            self.receive_layer(now, operation, out);
        }
    }

    fn receive_layer(&mut self, now: Instant, operation: Operation, out: &mut Vec<Command>) {
        if self.recovery.is_paused(now) {
            return;
        }
        let room = self
            .sets
            .room(operation, &self.flights)
            .saturating_sub(self.flights.waiting(operation));
        if room > 0 {
            self.receive(QueueName::Layer(operation), room.min(BATCH), out);
        }
    }

    fn receive(&mut self, queue: QueueName, limit: usize, out: &mut Vec<Command>) {
        let outstanding = &mut self.receiving[queue.index()];
        if !*outstanding {
            *outstanding = true;
            out.push(Command::Port(PortCommand::Receive { queue, limit }));
        }
    }

    fn received(
        &mut self,
        now: Instant,
        queue: QueueName,
        result: Result<Vec<Delivery>, Trouble>,
        out: &mut Vec<Command>,
    ) {
        self.receiving[queue.index()] = false;
        let deliveries = match result {
            Ok(deliveries) => deliveries,
            Err(_) => {
                self.retry_later(now);
                return;
            }
        };
        for delivery in deliveries {
            match queue {
                QueueName::Inbound => self.take_request(now, delivery, out),
                QueueName::Layer(operation) => self.take_task(now, operation, delivery, out),
                QueueName::Faults => self.take_fault(now, delivery, out),
                QueueName::Dead => self.take_dead(now, delivery, out),
                QueueName::Outbound => {}
            }
        }
        if let QueueName::Layer(operation) = queue {
            self.dispatch(now, operation, out);
        }
        // In the report's mode layers are looked at on a period only.
        if !(self.report_mode() && matches!(queue, QueueName::Layer(_))) {
            self.receive_again(now, queue, out);
        }
    }

    fn receive_again(&mut self, now: Instant, queue: QueueName, out: &mut Vec<Command>) {
        match queue {
            QueueName::Layer(operation) => self.receive_layer(now, operation, out),
            QueueName::Inbound if self.requests.len() >= REQUESTS_MAX => {}
            QueueName::Inbound | QueueName::Faults | QueueName::Dead => self.receive(queue, BATCH, out),
            QueueName::Outbound => {}
        }
    }

    fn take_request(&mut self, now: Instant, delivery: Delivery, out: &mut Vec<Command>) {
        let Ok(message) = serde_json::from_str::<RequestMessage>(&delivery.body) else {
            // Nobody can be told: it names no request. Leave it to the dead-letter queue.
            return;
        };
        let lease = now + self.config.timing.visibility;
        match self.requests.admit(message, delivery.receipt.clone(), lease) {
            requests::Admitted::New(id) => self.progress(now, id, out),
            requests::Admitted::Again => {}
            requests::Admitted::Finished => {
                out.push(delete(QueueName::Inbound, delivery.receipt));
            }
        }
    }

    /// Queues what has become ready in a request, or answers it.
    fn progress(&mut self, now: Instant, id: tally_model::RequestId, out: &mut Vec<Command>) {
        match self.requests.progress(now, id) {
            Progress::Ready(tasks) => self.enqueue(tasks, out),
            Progress::Answered(answer) => {
                let body = serde_json::to_string(&answer).unwrap_or_default();
                self.send(Sending::Answer(id, body), out);
            }
            Progress::Nothing => {}
        }
    }

    fn enqueue(&mut self, tasks: Vec<TaskMessage>, out: &mut Vec<Command>) {
        let mut layers: [Vec<String>; 4] = Default::default();
        for task in tasks {
            let body = serde_json::to_string(&task).unwrap_or_default();
            layers[task.job.operation.index()].push(body);
        }
        for operation in Operation::ALL {
            let bodies = std::mem::take(&mut layers[operation.index()]);
            if !bodies.is_empty() {
                self.send(Sending::Tasks(operation, bodies), out);
            }
        }
    }

    fn take_task(&mut self, now: Instant, operation: Operation, delivery: Delivery, out: &mut Vec<Command>) {
        let queue = QueueName::Layer(operation);
        let Ok(message) = serde_json::from_str::<TaskMessage>(&delivery.body) else {
            return;
        };
        let task = message.job.task;
        if !self.requests.wants(task) {
            // Left over from before a restart, or answered by another delivery.
            out.push(delete(queue, delivery.receipt));
            return;
        }
        let lease = now + self.config.timing.visibility;
        self.flights.admit(Waiting {
            message,
            receipt: delivery.receipt,
            lease,
        });
    }

    /// Gives waiting tasks to the sets with the most room.
    fn dispatch(&mut self, now: Instant, operation: Operation, out: &mut Vec<Command>) {
        if self.recovery.is_paused(now) {
            return;
        }
        while let Some(set) = self.sets.least_loaded(operation, &self.flights) {
            let Some(waiting) = self.flights.next(operation) else {
                return;
            };
            if !self.requests.wants(waiting.message.job.task) {
                out.push(delete(QueueName::Layer(operation), waiting.receipt));
                continue;
            }
            let packet = Packet::Assign(waiting.message.clone());
            self.flights
                .depart(waiting, set, now, now + self.config.timing.task_timeout);
            out.push(Command::Send {
                to: NodeId::Worker(set),
                packet,
            });
        }
    }

    fn arrived(&mut self, now: Instant, from: NodeId, done: TaskDone, out: &mut Vec<Command>) {
        let task = done.job.task;
        let Some(set) = from.set() else { return };
        if let Err(flaw) = self.sets.verify(set, &done) {
            out.push(Command::Observe(
                Observation::new(now, Step::CertificateRefused)
                    .with_node(from)
                    .with_request(task.request)
                    .with_note(flaw),
            ));
            self.reroute(now, task, set, out);
            return;
        }
        // What a set answers late, after the task went elsewhere, is as good as any other certified answer.
        let Some(flight) = self.flights.land(task) else {
            return;
        };
        let operation = done.job.operation;
        out.push(delete(QueueName::Layer(operation), flight.receipt));
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

    /// After room was made at a set.
    fn settle(&mut self, now: Instant, operation: Operation, set: SetId, out: &mut Vec<Command>) {
        self.dispatch(now, operation, out);
        if !self.report_mode() {
            self.receive_layer(now, operation, out);
        }
        self.report_drained(set, out);
    }

    fn report_drained(&mut self, set: SetId, out: &mut Vec<Command>) {
        if self.flights.at(set) == 0 && self.sets.take_drained(set) {
            let token = self.token();
            out.push(Command::Port(PortCommand::Put {
                token,
                key: format!("drained/{set}"),
                value: "{}".into(),
                when: tally_model::Precondition::Any,
            }));
        }
    }

    /// Sends a task that one set could not answer to another.
    fn reroute(&mut self, now: Instant, task: TaskId, set: SetId, out: &mut Vec<Command>) {
        if self.flights.give_back(task, set) {
            self.dispatch(now, set.operation, out);
        }
    }

    fn peer_lost(&mut self, now: Instant, node: NodeId, out: &mut Vec<Command>) {
        if let NodeId::Worker(set) = node {
            self.sets.unreachable(set);
            if self.flights.give_back_all(set) > 0 {
                self.dispatch(now, set.operation, out);
            }
            self.report_drained(set, out);
        }
    }

    fn peer_up(&mut self, now: Instant, node: NodeId, out: &mut Vec<Command>) {
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

    fn sent(&mut self, now: Instant, token: u64, result: Result<(), Trouble>, out: &mut Vec<Command>) {
        let Some(sending) = self.sending.remove(&token) else {
            return;
        };
        if result.is_err() {
            self.retries.push(sending);
            self.retry_later(now);
            return;
        }
        match sending {
            Sending::Answer(id, _) => {
                if let Some(receipt) = self.requests.finish(id) {
                    out.push(delete(QueueName::Inbound, receipt));
                }
                self.receive_again(now, QueueName::Inbound, out);
            }
            Sending::Tasks(operation, bodies) => {
                out.push(Command::Enqueued {
                    operation,
                    count: bodies.len() as u64,
                });
            }
            Sending::Other(..) => {}
        }
    }

    fn retry_later(&mut self, now: Instant) {
        self.retry_at.get_or_insert(now + RETRY);
    }

    /// A worker has no room: its task waits a moment instead of being pushed at it again.
    fn put_off(&mut self, now: Instant, from: NodeId, task: TaskId) {
        if let Some(set) = from.set() {
            self.flights.give_back(task, set);
            self.retry_later(now);
        }
    }

    fn retry(&mut self, now: Instant, out: &mut Vec<Command>) {
        self.retry_at = None;
        for sending in std::mem::take(&mut self.retries) {
            self.send(sending, out);
        }
        for operation in Operation::ALL {
            self.dispatch(now, operation, out);
        }
        self.receive_all(now, out);
    }

    /// The report's mode: layers and dependents are looked at on a period (M37, M58, M71).
    fn poll(&mut self, now: Instant, out: &mut Vec<Command>) {
        self.next_poll = now + self.config.timing.report_poll;
        if self.recovery.is_paused(now) {
            return;
        }
        for id in self.requests.ids() {
            self.progress(now, id, out);
        }
        for operation in Operation::ALL {
            self.dispatch(now, operation, out);
        }
        self.receive_all(now, out);
    }

    fn expire_flights(&mut self, now: Instant, out: &mut Vec<Command>) {
        for (task, set) in self.flights.expired(now) {
            self.reroute(now, task, set, out);
        }
    }

    fn raise(&mut self, event: &FaultEvent, now: Instant, out: &mut Vec<Command>) {
        let body = serde_json::to_string(event).unwrap_or_default();
        out.push(Command::Observe(
            Observation::new(now, Step::FaultRaised)
                .with_node(event.node)
                .with_note(format!("type {} by {}", event.kind.numeral(), event.source)),
        ));
        self.send(Sending::Other(QueueName::Faults, body), out);
    }

    fn end_request(
        &mut self,
        now: Instant,
        id: tally_model::RequestId,
        outcome: Outcome,
        detail: &str,
        out: &mut Vec<Command>,
    ) {
        if self.requests.end(id, outcome, detail) {
            out.push(Command::Observe(
                Observation::new(now, Step::DeadLettered).with_request(id),
            ));
            self.progress(now, id, out);
        }
    }
}

impl Machine for Scheduler {
    type Event = Event;
    type Command = Command;

    fn handle(&mut self, now: Instant, event: Event, out: &mut Vec<Command>) {
        match event {
            Event::Port(event) => self.port(now, event, out),
            Event::Packet { from, packet } => match packet {
                Packet::Done(done) => self.arrived(now, from, done, out),
                Packet::Suspect(fault) => self.raise(&fault, now, out),
                Packet::Busy(task) => self.put_off(now, from, task),
                Packet::Configure(_) | Packet::Assign(_) | Packet::Set(_) => {}
            },
            Event::PeerUp(node) => self.peer_up(now, node, out),
            Event::PeerLost(node) => self.peer_lost(now, node, out),
            Event::Trigger { call } => {
                self.receive_all(now, out);
                out.push(Command::Triggered {
                    call,
                    pending: self.requests.len() as u64,
                });
            }
        }
    }

    fn wake(&mut self, now: Instant, out: &mut Vec<Command>) {
        if self.retry_at.is_some_and(|at| at <= now) {
            self.retry(now, out);
        }
        if self.recovery.resume(now) {
            out.push(Command::Observe(Observation::new(now, Step::DispatchResumed)));
            self.poll(now, out);
        }
        if self.report_mode() && self.next_poll <= now {
            self.poll(now, out);
        }
        if self.next_lease <= now {
            self.extend_leases(now, out);
        }
        self.expire_flights(now, out);
    }

    fn deadline(&self) -> Option<Deadline> {
        let at = |at, reason| Some(Deadline { at, reason });
        let mut first = at(self.next_lease, "extend leases");
        first = Deadline::earlier(
            first,
            self.retry_at.map(|at| Deadline {
                at,
                reason: "retry a failed port",
            }),
        );
        first = Deadline::earlier(first, self.flights.deadline());
        first = Deadline::earlier(first, self.recovery.deadline());
        if self.report_mode() {
            first = Deadline::earlier(first, at(self.next_poll, "the report's poll"));
        }
        first
    }
}

impl Scheduler {
    fn port(&mut self, now: Instant, event: PortEvent, out: &mut Vec<Command>) {
        match event {
            PortEvent::Received(queue, result) => self.received(now, queue, result, out),
            PortEvent::Sent(token, result) => self.sent(now, token, result, out),
            PortEvent::PutDone(token, result) => self.repair_stored(now, token, result.is_ok(), out),
            PortEvent::Changed(_, changes) => self.sets_changed(now, changes, out),
            PortEvent::Deleted(..)
            | PortEvent::Depth(..)
            | PortEvent::Got(..)
            | PortEvent::KeyDeleted(..)
            | PortEvent::PodCreated(..)
            | PortEvent::PodDeleted(..)
            | PortEvent::Pods(_) => {}
        }
    }
}

fn delete(queue: QueueName, receipt: tally_model::Receipt) -> Command {
    Command::Port(PortCommand::Delete {
        queue,
        receipts: vec![receipt],
    })
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|b| {
            [
                DIGITS[(b >> 4) as usize] as char,
                DIGITS[(b & 15) as usize] as char,
            ]
        })
        .collect()
}

#[cfg(test)]
mod tests;
