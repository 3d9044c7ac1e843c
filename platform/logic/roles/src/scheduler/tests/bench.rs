//! A scheduler whose ports are answered by hand.

use std::time::Duration;

use tally_model::{
    Change, Delivery, Epoch, Instant, Machine, Member, NodeId, Operation, Outcome, PlatformConfig, Protocol,
    QueueName, Receipt, RequestId, RequestMessage, SetId, SetRecord, SetState, TaskMessage, Versioned,
};

use crate::packet::{Packet, TaskDone};
use crate::port::{PortCommand, PortEvent};
use crate::scheduler::{Command, Event, Scheduler};

/// A scheduler, its clock and everything it asked for.
pub(super) struct Bench {
    pub(super) scheduler: Scheduler,
    pub(super) now: Instant,
    pub(super) out: Vec<Command>,
    pub(super) receipts: u32,
}

impl Bench {
    pub(super) fn new(change: impl FnOnce(&mut PlatformConfig)) -> Self {
        let mut config = PlatformConfig {
            protocol: Protocol::None,
            ..PlatformConfig::default()
        };
        change(&mut config);
        let mut bench = Self {
            scheduler: Scheduler::new(config, [7; 16]),
            now: Instant::from_nanos(1_000_000_000),
            out: Vec::new(),
            receipts: 0,
        };
        bench.scheduler.start(bench.now, &mut bench.out);
        bench
    }

    pub(super) fn event(&mut self, event: Event) {
        self.scheduler.handle(self.now, event, &mut self.out);
    }

    pub(super) fn port(&mut self, event: PortEvent) {
        self.event(Event::Port(event));
    }

    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(deadline) = self.scheduler.deadline().filter(|deadline| deadline.at <= end) {
            self.now = self.now.max(deadline.at);
            self.scheduler.wake(self.now, &mut self.out);
        }
        self.now = end;
    }

    pub(super) fn take(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.out)
    }

    pub(super) fn deliver(&mut self, queue: QueueName, body: String) -> Receipt {
        self.receipts += 1;
        let receipt = Receipt(format!("r{}", self.receipts));
        let delivery = Delivery {
            body,
            receipt: receipt.clone(),
            received: 1,
        };
        self.port(PortEvent::Received(queue, Ok(vec![delivery])));
        receipt
    }

    pub(super) fn request(&mut self, id: u128, expression: &str) -> Receipt {
        self.accepted(self.now, id, expression)
    }

    /// A request comes that was accepted then.
    pub(super) fn accepted(&mut self, accepted: Instant, id: u128, expression: &str) -> Receipt {
        let message = RequestMessage {
            id: RequestId(id),
            expression: expression.into(),
            accepted,
            work_key: 0,
            tag: None,
        };
        self.deliver(QueueName::Inbound, serde_json::to_string(&message).unwrap())
    }

    pub(super) fn set(&mut self, operation: Operation, number: u32, state: SetState) -> SetId {
        self.set_of(operation, number, state, 0)
    }

    /// With so many replicas.
    pub(super) fn set_of(
        &mut self,
        operation: Operation,
        number: u32,
        state: SetState,
        replicas: u8,
    ) -> SetId {
        let id = SetId { operation, number };
        let member = |node| Member {
            node,
            incarnation: 0,
            address: format!("host:{number}"),
            public_key: String::new(),
        };
        let record = SetRecord {
            id,
            epoch: Epoch(1),
            founded: Some(Epoch(1)),
            state,
            leader: 0,
            worker: Some(member(NodeId::Worker(id))),
            replicas: (0..replicas)
                .map(|index| member(NodeId::Replica(id, index)))
                .collect(),
            created: self.now,
            ready: Some(self.now),
        };
        self.store(&record);
        id
    }

    /// The record of a set comes, and its worker is reached.
    pub(super) fn store(&mut self, record: &SetRecord) {
        let id = record.id;
        let value = Versioned {
            value: serde_json::to_string(record).unwrap(),
            version: 1,
        };
        let change = Change {
            key: format!("sets/{id}"),
            value: Some(value),
        };
        self.port(PortEvent::Changed("sets/".into(), vec![change]));
        self.event(Event::PeerUp(NodeId::Worker(id)));
    }

    /// Confirms every send and hands layer messages back as deliveries, as a queue would.
    pub(super) fn settle_sends(&mut self) -> Vec<(QueueName, String)> {
        let mut sent = Vec::new();
        for command in self.take() {
            if let Command::Port(PortCommand::Send { token, queue, bodies }) = command {
                self.port(PortEvent::Sent(token, Ok(())));
                sent.extend(bodies.into_iter().map(|body| (queue, body)));
            } else {
                self.out.push(command);
            }
        }
        sent
    }

    pub(super) fn assigned(&mut self) -> Vec<(NodeId, TaskMessage)> {
        let commands = self.take();
        let assigned = |command| match command {
            Command::Send {
                to,
                packet: Packet::Assign(task),
            } => Some((to, task)),
            _ => None,
        };
        commands.into_iter().filter_map(assigned).collect()
    }

    pub(super) fn done(&mut self, from: NodeId, task: TaskMessage, value: &str) {
        self.answered(from, task, Outcome::Value(value.into()));
    }

    pub(super) fn answered(&mut self, from: NodeId, task: TaskMessage, outcome: Outcome) {
        let done = TaskDone {
            job: task.job,
            outcome,
            certificate: None,
            votes: 0,
            members: 0,
            worked: Duration::ZERO,
            waited: Duration::ZERO,
        };
        self.event(Event::Packet {
            from,
            packet: Packet::Done(Box::new(done)),
        });
    }

    /// One expression whose first tasks are on their layers, and received from there.
    pub(super) fn requested(&mut self, expression: &str) {
        self.request(1, expression);
        for (queue, body) in self.settle_sends() {
            self.deliver(queue, body);
        }
    }

    /// The worker has no room for a task.
    pub(super) fn busy(&mut self, from: NodeId, task: &TaskMessage) {
        self.event(Event::Packet {
            from,
            packet: Packet::Busy(task.job.task),
        });
    }

    /// Runs whatever is on the layers until an answer goes outbound.
    pub(super) fn run_to_answer(&mut self) -> String {
        for _ in 0..20 {
            for (queue, body) in self.settle_sends() {
                if queue == QueueName::Outbound {
                    return body;
                }
                self.deliver(queue, body);
            }
            for (worker, task) in self.assigned() {
                let outcome = tally_expression::compute(&task.job);
                self.answered(worker, task, outcome);
            }
        }
        panic!("no answer");
    }
}

pub(super) fn deleted(commands: &[Command], queue: QueueName) -> Vec<Receipt> {
    commands
        .iter()
        .filter_map(|command| match command {
            Command::Port(PortCommand::Delete { queue: of, receipts }) if *of == queue => {
                Some(receipts.clone())
            }
            _ => None,
        })
        .flatten()
        .collect()
}
