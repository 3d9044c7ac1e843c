//! Agrees.
//!
//! The role around a consensus replica: unwraps packets, and repeats the service time if the experiment asks for it
//! (`work.replicas = true`), one batch at a time, by holding a batch back for as long.

use std::collections::VecDeque;
use std::time::Duration;

use tally_consensus::{Body, ClusterId, Keys, Message, Outgoing, Propose, Replica, Seat, Unsupported};
use tally_model::{Deadline, Instant, Machine, NodeId, Observation, PlatformConfig, Step};

use crate::packet::Packet;
use crate::worker::service_time;

/// Batches held back at once; more than the slots of a worker, so that repetitions do not crowd out new ones.
const HELD: usize = 16;

/// A replica's process.
#[derive(Debug)]
pub struct ReplicaRole {
    config: PlatformConfig,
    node: NodeId,
    inner: Box<dyn Replica>,
    held: VecDeque<Held>,
    busy_until: Instant,
}

#[derive(Debug)]
struct Held {
    until: Instant,
    from: NodeId,
    message: Message,
}

/// What can happen to a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplicaEvent {
    /// A packet arrived.
    Packet {
        /// Who sent it, says the transport.
        from: NodeId,
        /// What.
        packet: Packet,
    },
}

/// What a replica wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum ReplicaCommand {
    /// Send a packet.
    Send {
        /// To whom.
        to: NodeId,
        /// What.
        packet: Packet,
    },
    /// Record an observation.
    Observe(Observation),
}

impl ReplicaRole {
    /// A replica that knows its place and learns its set from `Packet::Configure`.
    ///
    /// # Errors
    /// [`Unsupported`] if the configured protocol has no replicas or is not built.
    pub fn new(
        config: PlatformConfig,
        cluster: ClusterId,
        node: NodeId,
        incarnation: u32,
        keys: Keys,
    ) -> Result<Self, Unsupported> {
        let inner = tally_consensus::replica(Seat {
            cluster,
            node,
            incarnation,
            keys,
            config: config.clone(),
        })?;
        Ok(Self {
            config,
            node,
            inner,
            held: VecDeque::new(),
            busy_until: Instant::ZERO,
        })
    }

    /// The protocol machine inside, for counts.
    pub fn inner(&self) -> &dyn Replica {
        &*self.inner
    }

    fn take(&mut self, now: Instant, from: NodeId, message: Message, out: &mut Vec<ReplicaCommand>) {
        let held_back = batch(&message).map(|propose| self.service_time_of(propose));
        match held_back {
            Some(service) if service > Duration::ZERO => self.hold(now, from, message, service),
            Some(_) | None => self.deliver(now, from, message, out),
        }
    }

    fn hold(&mut self, now: Instant, from: NodeId, message: Message, service: Duration) {
        let repeated = self.held.iter().any(|held| held.message == message);
        if repeated || self.held.len() >= HELD {
            return;
        }
        let until = self.busy_until.max(now) + service;
        self.busy_until = until;
        self.held.push_back(Held { until, from, message });
    }

    fn deliver(&mut self, now: Instant, from: NodeId, message: Message, out: &mut Vec<ReplicaCommand>) {
        let mut sent = Vec::new();
        self.inner.handle(now, from, message, &mut sent);
        send(sent, out);
    }

    /// What the jobs of a batch take together, if replicas repeat it.
    fn service_time_of(&self, propose: &Propose) -> Duration {
        propose
            .items
            .iter()
            .filter(|item| {
                self.config
                    .work_of(item.job.operation)
                    .is_some_and(|work| work.replicas)
            })
            .filter_map(|item| service_time(&self.config, &item.job, item.work_key))
            .sum()
    }
}

/// The batch a message asks this replica to compute.
const fn batch(message: &Message) -> Option<&Propose> {
    match &message.body {
        Body::Propose(propose) => Some(propose),
        Body::PrePrepare(order) => Some(&order.propose),
        Body::Commit(_) | Body::Reply(_) | Body::NoQuorum(_) | Body::Health(_) | Body::Pbft(_) => None,
    }
}

fn send(sent: Vec<Outgoing>, out: &mut Vec<ReplicaCommand>) {
    out.extend(
        sent.into_iter()
            .map(|Outgoing { to, message }| ReplicaCommand::Send {
                to,
                packet: Packet::Set(message),
            }),
    );
}

impl Machine for ReplicaRole {
    type Event = ReplicaEvent;
    type Command = ReplicaCommand;

    fn handle(&mut self, now: Instant, event: ReplicaEvent, out: &mut Vec<ReplicaCommand>) {
        let ReplicaEvent::Packet { from, packet } = event;
        match packet {
            Packet::Configure(record) if from == NodeId::Control => {
                let mut sent = Vec::new();
                if let Err(error) = self.inner.configure(now, &record, &mut sent) {
                    out.push(ReplicaCommand::Observe(
                        Observation::new(now, Step::CertificateRefused)
                            .with_node(self.node)
                            .with_note(error.to_string()),
                    ));
                }
                send(sent, out);
            }
            Packet::Set(message) => self.take(now, from, message, out),
            Packet::Configure(_)
            | Packet::Assign(_)
            | Packet::Busy(_)
            | Packet::Done(_)
            | Packet::Suspect(_) => {}
        }
    }

    fn wake(&mut self, now: Instant, out: &mut Vec<ReplicaCommand>) {
        while self.held.front().is_some_and(|held| held.until <= now) {
            if let Some(Held { from, message, .. }) = self.held.pop_front() {
                self.deliver(now, from, message, out);
            }
        }
        let mut sent = Vec::new();
        self.inner.wake(now, &mut sent);
        send(sent, out);
    }

    fn deadline(&self) -> Option<Deadline> {
        let held = self.held.front().map(|held| Deadline {
            at: held.until,
            reason: "a service time ends",
        });
        Deadline::earlier(held, self.inner.deadline())
    }
}
