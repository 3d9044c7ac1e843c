//! From queues into hand: requests become tasks on their layers, tasks wait for room.

use std::time::Duration;

use tally_consensus::mutant::{self, Mutant};
use tally_model::{Delivery, Instant, Operation, QueueName, RequestId, RequestMessage, TaskMessage};

use super::answer::Answer;
use super::flight::Waiting;
use super::receipts::Receipts;
use super::requests::{Admitted, Held, Progress};
use super::sending::Sending;
use super::{BATCH, Command, Scheduler, delete};
use crate::port::{LONG_WAIT, PortCommand, Trouble};

impl Scheduler {
    /// Asks for more wherever there is room for it.
    pub(super) fn receive_all(&mut self, now: Instant, out: &mut Vec<Command>) {
        self.receive_inbound(out);
        self.receive(QueueName::Faults, BATCH, out);
        self.receive(QueueName::Dead, BATCH, out);
        for operation in Operation::ALL {
            self.receive_layer(now, operation, out);
        }
    }

    /// Asks for as many requests as there is room for, whatever their size.
    pub(super) fn receive_inbound(&mut self, out: &mut Vec<Command>) {
        let room = self.requests.room();
        if room > 0 {
            self.receive(QueueName::Inbound, room.min(BATCH), out);
        }
    }

    /// Asks for more of a layer as soon as there is room for it; in the report's mode layers are looked at on a period only.
    pub(super) fn receive_layer(&mut self, now: Instant, operation: Operation, out: &mut Vec<Command>) {
        if !self.report_mode() {
            self.look_at(now, operation, out);
        }
    }

    /// Asks for as much of a layer as there is room for: for what is there now in the report's mode, and otherwise until there is
    /// something.
    pub(super) fn look_at(&mut self, now: Instant, operation: Operation, out: &mut Vec<Command>) {
        if self.recovery.is_paused(now) {
            return;
        }
        let room = self
            .sets
            .room(now, operation, &self.flights)
            .saturating_sub(self.flights.waiting(operation));
        if room > 0 {
            self.receive(QueueName::Layer(operation), room.min(BATCH), out);
        }
    }

    pub(super) fn receive(&mut self, queue: QueueName, limit: usize, out: &mut Vec<Command>) {
        let is_look = self.report_mode() && matches!(queue, QueueName::Layer(_));
        let outstanding = &mut self.receiving[queue.index()];
        if !*outstanding {
            *outstanding = true;
            let wait = if is_look { Duration::ZERO } else { LONG_WAIT };
            out.push(Command::Port(PortCommand::Receive { queue, limit, wait }));
        }
    }

    pub(super) fn received(
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
        self.receive_again(now, queue, out);
    }

    pub(super) fn receive_again(&mut self, now: Instant, queue: QueueName, out: &mut Vec<Command>) {
        match queue {
            QueueName::Layer(operation) => self.receive_layer(now, operation, out),
            QueueName::Inbound => self.receive_inbound(out),
            QueueName::Faults | QueueName::Dead => self.receive(queue, BATCH, out),
            QueueName::Outbound => {}
        }
    }

    pub(super) fn take_request(&mut self, now: Instant, delivery: Delivery, out: &mut Vec<Command>) {
        let Ok(message) = serde_json::from_str::<RequestMessage>(&delivery.body) else {
            // Nobody can be told: it names no request. Leave it to the dead-letter queue.
            return;
        };
        let lease = now + self.config.timing.visibility;
        let held = Held {
            inbound: Receipts::of(delivery.receipt.clone(), lease),
            dead: None,
        };
        match self.requests.admit(message, held) {
            Admitted::New(id) => self.progress(now, id, out),
            Admitted::Again => {}
            Admitted::Finished => {
                out.push(delete(QueueName::Inbound, delivery.receipt));
            }
        }
    }

    /// Queues what has become ready in a request, or answers it.
    pub(super) fn progress(&mut self, now: Instant, id: RequestId, out: &mut Vec<Command>) {
        match self.requests.progress(now, id) {
            Progress::Ready(tasks) => self.enqueue(tasks, out),
            Progress::Answered(answer) => {
                let answer = Answer::of(&answer);
                if mutant::is(Mutant::DeleteBeforeDurable) {
                    self.settle_messages(id, out);
                }
                self.send(Sending::Answer(id, answer), out);
            }
            Progress::Nothing => {}
        }
    }

    pub(super) fn enqueue(&mut self, tasks: Vec<TaskMessage>, out: &mut Vec<Command>) {
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

    pub(super) fn take_task(
        &mut self,
        now: Instant,
        operation: Operation,
        delivery: Delivery,
        out: &mut Vec<Command>,
    ) {
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
            receipts: Receipts::of(delivery.receipt, lease),
        });
    }
}
