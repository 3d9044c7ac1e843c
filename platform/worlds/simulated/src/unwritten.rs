//! Messages that can be received and are not on the disk yet.
//!
//! As the embedded store does it (ARCHITECTURE.md, decision 2): a message is handed to whoever receives as soon as it is on its way
//! to the disk, its sender is told when it is there. What is sent inbound begins a commit, as every write of a key does; tasks
//! and answers on their way, which nobody waits for, ride on the next commit, or begin one themselves after [`Costs::linger`].
//! All of that is one process: whoever received such a message dies with it.
//!
//! [`Costs::linger`]: crate::Costs::linger

use std::collections::BTreeMap;

use tally_model::{Entry, Instant, Precondition, QueueName};
use tally_roles::port::{PortEvent, Token};
use tally_substrate::MessageId;

use crate::coverage::Sometimes;
use crate::happening::{Happening, Role};
use crate::ports::wrap;
use crate::world::World;

/// One send that is on its way to the disk.
#[derive(Debug)]
struct Sent {
    /// Who is told when it is there; nobody if the call failed for its sender.
    sender: Option<(Role, Token)>,
    messages: Vec<MessageId>,
    /// The key and value that are written with it, if it is not only a send.
    key: Option<(String, String)>,
}

/// Every send that is on its way to the disk.
#[derive(Debug, Default)]
pub(crate) struct Unwritten {
    next: u64,
    sends: BTreeMap<u64, Sent>,
    /// Those that wait for a commit to ride on, the first of them first.
    riding: Vec<u64>,
}

impl World {
    /// A role sends: what it sends can be received at once. `sender` is told when it is durable.
    pub(crate) fn hand_over(&mut self, sender: Option<(Role, Token)>, queue: QueueName, bodies: Vec<String>) {
        let messages = self.admit(queue, bodies);
        let serial = self.board(Sent {
            sender,
            messages,
            key: None,
        });
        if queue == QueueName::Inbound {
            self.commit();
        } else if let Some(at) = self.disk.waiting(self.now) {
            self.embark(at);
        } else if self.unwritten.riding.len() == 1 {
            let at = self.now + self.costs.linger;
            self.agenda.push(at, Happening::Flush(self.control.life, serial));
        }
    }

    fn board(&mut self, sent: Sent) -> u64 {
        let serial = self.unwritten.next;
        self.unwritten.next += 1;
        self.unwritten.sends.insert(serial, sent);
        self.unwritten.riding.push(serial);
        serial
    }

    /// A role writes a key and a message at once: what the first sends can be received at once, and becomes durable with the key; who
    /// comes second is refused, also while the first is not durable yet.
    pub(crate) fn enter(&mut self, sender: Option<(Role, Token)>, entry: Entry) {
        let ours = |sent: &Sent| {
            sent.key
                .as_ref()
                .is_some_and(|(unwritten, _)| *unwritten == entry.key)
        };
        let taken = self.store.get(&entry.key).is_some() || self.unwritten.sends.values().any(ours);
        let messages = if taken {
            Vec::new()
        } else {
            self.admit(entry.queue, vec![entry.body])
        };
        self.board(Sent {
            sender,
            messages,
            key: Some((entry.key, entry.value)),
        });
        self.commit();
    }

    /// Puts messages where they can be received; one that dawdles is not among those returned.
    pub(crate) fn admit(&mut self, queue: QueueName, bodies: Vec<String>) -> Vec<MessageId> {
        let mut messages = Vec::new();
        for body in bodies {
            if self.happens(self.port_weather.duplicate) {
                self.hit(Sometimes::QueueTwice);
                messages.push(self.queues.send(queue, body.clone()));
            }
            if let Some(body) = self.dawdle(queue, body) {
                messages.push(self.queues.send(queue, body));
            }
        }
        self.serve_soon(queue);
        messages
    }

    /// When a write that is asked for now is durable; whatever waits for a commit to ride on is written with it.
    pub(crate) fn commit(&mut self) -> Instant {
        let at = self.disk.write(self.now, self.costs.commit);
        self.embark(at);
        at
    }

    fn embark(&mut self, at: Instant) {
        let life = self.control.life;
        for serial in std::mem::take(&mut self.unwritten.riding) {
            self.agenda.push(at, Happening::Written(life, serial));
        }
    }

    /// No commit came along to ride on since this send began to wait.
    pub(crate) fn flush(&mut self, serial: u64) {
        if self.unwritten.riding.first() == Some(&serial) {
            self.commit();
        }
    }

    /// A send is durable.
    pub(crate) fn written(&mut self, serial: u64) {
        let Some(sent) = self.unwritten.sends.remove(&serial) else {
            return;
        };
        let put = sent
            .key
            .map(|(key, value)| self.put(&key, value, Precondition::Absent));
        let Some((role, token)) = sent.sender else {
            return;
        };
        let event = match put {
            None => PortEvent::Sent(token, Ok(())),
            Some(put) => PortEvent::PutDone(token, Ok(put)),
        };
        self.tell(wrap(role, event));
    }

    /// The process ends: what it was writing became durable or not, and nobody is told. What did not was never there.
    pub(crate) fn lose_unwritten(&mut self) {
        let sends = std::mem::take(&mut self.unwritten.sends);
        self.unwritten.riding.clear();
        for sent in sends.into_values() {
            if self.draw() & 1 == 0 {
                if let Some((key, value)) = sent.key {
                    self.put(&key, value, Precondition::Absent);
                }
                continue;
            }
            for message in sent.messages {
                if self.queues.withdraw(message) {
                    self.hit(Sometimes::UnwrittenLost);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a set-up that fails must fail the test")]

    use tally_model::PlatformConfig;
    use tally_roles::port::PortCommand;

    use super::*;
    use crate::world::Options;

    /// A send that failed for its sender and took effect is no sooner on the disk than any other: some end with the process.
    #[test]
    fn what_failed_for_its_sender_may_be_lost_with_the_process() {
        let mut world = World::new(Options::new(PlatformConfig::default(), 1)).unwrap();
        for n in 0..32 {
            let send = PortCommand::Send {
                token: n,
                queue: QueueName::Inbound,
                bodies: vec![n.to_string()],
            };
            world.failed(Role::Gateway, send, n % 2 == 0);
        }
        assert_eq!(world.queues.peek(QueueName::Inbound).visible, 16);
        world.kill_control();
        let left = world.queues.peek(QueueName::Inbound).visible;
        assert!((1..16).contains(&left), "{left}");
    }
}
