//! Sends that are not durable yet: remembered until the queue confirms them, tried again if it fails.

use tally_model::{Instant, Operation, QueueName, Receipt, RequestId};

use super::answer::Answer;
use super::{Command, RETRY, Scheduler, delete};
use crate::port::{PortCommand, Trouble};

/// Answers still to be made durable, and sends still to be confirmed, by token.
#[derive(Debug)]
pub(super) enum Sending {
    /// Tasks on a layer; lost ones are sent again.
    Tasks(Operation, Vec<String>),
    /// The answer of a request.
    Answer(RequestId, Answer),
    /// A fault raised by a worker.
    Fault(String),
    /// An answer that goes outbound once more, and its message in the dead-letter queue, which goes after that.
    Redriven(String, Receipt),
}

impl Scheduler {
    pub(super) fn token(&mut self) -> u64 {
        self.next_token += 1;
        self.next_token
    }

    pub(super) fn send(&mut self, sending: Sending, out: &mut Vec<Command>) {
        let token = self.token();
        let (queue, bodies) = match &sending {
            Sending::Tasks(operation, bodies) => (QueueName::Layer(*operation), bodies.clone()),
            Sending::Answer(_, answer) => (QueueName::Outbound, vec![answer.body().to_owned()]),
            Sending::Redriven(body, _) => (QueueName::Outbound, vec![body.clone()]),
            Sending::Fault(body) => (QueueName::Faults, vec![body.clone()]),
        };
        self.sending.insert(token, sending);
        out.push(Command::Port(PortCommand::Send { token, queue, bodies }));
    }

    pub(super) fn sent(
        &mut self,
        now: Instant,
        token: u64,
        result: Result<(), Trouble>,
        out: &mut Vec<Command>,
    ) {
        let Some(mut sending) = self.sending.remove(&token) else {
            return;
        };
        if let Err(trouble) = result {
            if let Sending::Answer(_, answer) = &mut sending
                && !trouble.transient
                && answer.refused()
            {
                self.send(sending, out);
                return;
            }
            self.retries.push(sending);
            self.retry_later(now);
            return;
        }
        match sending {
            Sending::Answer(id, _) => {
                self.settle_messages(id, out);
                self.receive_inbound(out);
            }
            Sending::Tasks(operation, bodies) => {
                self.load.arrived(operation, bodies.len() as u64);
                out.push(Command::Enqueued {
                    operation,
                    count: bodies.len() as u64,
                });
            }
            Sending::Redriven(_, receipt) => out.push(delete(QueueName::Dead, receipt)),
            Sending::Fault(_) => {}
        }
    }

    /// Deletes the messages that the answer of a request settles.
    pub(super) fn settle_messages(&mut self, id: RequestId, out: &mut Vec<Command>) {
        if let Some(held) = self.requests.finish(id) {
            held.inbound.delete(QueueName::Inbound, out);
            out.extend(held.dead.map(|receipt| delete(QueueName::Dead, receipt)));
        }
    }

    pub(super) fn retry_later(&mut self, now: Instant) {
        self.retry_at.get_or_insert(now + RETRY);
    }

    pub(super) fn retry(&mut self, now: Instant, out: &mut Vec<Command>) {
        self.retry_at = None;
        for sending in std::mem::take(&mut self.retries) {
            self.send(sending, out);
        }
        for operation in Operation::ALL {
            self.dispatch(now, operation, out);
        }
        self.receive_all(now, out);
    }
}
