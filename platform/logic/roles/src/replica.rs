//! Agrees.
//!
//! The role around a consensus replica: unwraps packets, and repeats the service time if the experiment asks for it
//! (`work.replicas = true`), one job after the other and each once, by holding back what carries it for as long.

mod computed;

use std::collections::VecDeque;
use std::time::Duration;

use tally_consensus::{Body, ClusterId, Item, Keys, Message, Outgoing, Replica, Seat, Unsupported, pbft};
use tally_model::{Deadline, Epoch, Instant, Machine, NodeId, Observation, PlatformConfig, Step};

use computed::Computed;

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
    /// By the time when each may go on.
    held: VecDeque<Held>,
    computed: Computed,
    /// The view that was observed last.
    view: Option<(Epoch, u32)>,
    /// What the protocol machine sends in one turn, kept for its memory.
    sent: Vec<Outgoing>,
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
    /// An experiment wants wrong answers from now on, or right ones again.
    Corrupt(bool),
    /// The transport says that the connection to a node broke: it may be dead.
    PeerLost {
        /// Which node.
        node: NodeId,
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
            computed: Computed::default(),
            view: None,
            sent: Vec::new(),
        })
    }

    /// The protocol machine inside, for counts.
    pub fn inner(&self) -> &dyn Replica {
        &*self.inner
    }

    fn take(&mut self, now: Instant, from: NodeId, message: Message, out: &mut Vec<ReplicaCommand>) {
        let repeated = self.held.iter().any(|held| held.message == message);
        let until = match batch(&message) {
            Some(_) if repeated || self.held.len() >= HELD => return,
            Some(items) => {
                let config = &self.config;
                let jobs = items.filter_map(|item| Some((&item.job, repetition(config, item)?)));
                self.computed.ready_at(now, jobs)
            }
            None => now,
        };
        if until > now {
            let place = self.held.partition_point(|held| held.until <= until);
            self.held.insert(place, Held { until, from, message });
        } else {
            self.deliver(now, from, message, out);
        }
    }

    fn deliver(&mut self, now: Instant, from: NodeId, message: Message, out: &mut Vec<ReplicaCommand>) {
        self.inner.handle(now, from, message, &mut self.sent);
        self.send(out);
    }

    fn send(&mut self, out: &mut Vec<ReplicaCommand>) {
        let sent = self.sent.drain(..);
        out.extend(sent.map(|Outgoing { to, message }| ReplicaCommand::Send {
            to,
            packet: Packet::Set(message),
        }));
    }

    /// Tells once of every view that the replica enters.
    fn observe_view(&mut self, now: Instant, out: &mut Vec<ReplicaCommand>) {
        let entered = self.inner.entered();
        if entered.is_none() || entered == self.view {
            return;
        }
        self.view = entered;
        if let Some((epoch, view)) = entered {
            let observation = Observation::new(now, Step::ViewEntered)
                .with_node(self.node)
                .with_value(f64::from(view))
                .with_note(epoch.0.to_string());
            out.push(ReplicaCommand::Observe(observation));
        }
    }
}

/// How long this replica has to compute for an item, if replicas repeat what workers do.
fn repetition(config: &PlatformConfig, item: &Item) -> Option<Duration> {
    let repeats = config
        .work_of(item.job.operation)
        .is_some_and(|work| work.replicas);
    repeats.then(|| service_time(config, &item.job, item.work_key))?
}

/// The jobs that a message asks this replica to compute.
fn batch(message: &Message) -> Option<impl Iterator<Item = &Item>> {
    let items: Vec<&[Item]> = match &message.body {
        Body::Propose(propose) => vec![&propose.items],
        Body::PrePrepare(order) => vec![&order.propose.items],
        Body::Pbft(body) => match &**body {
            pbft::Body::Request(request) => vec![&request.items],
            pbft::Body::PrePrepare(order) => order.batch.requests.iter().map(|r| &r.items[..]).collect(),
            _ => return None,
        },
        Body::Commit(_) | Body::Reply(_) | Body::NoQuorum(_) | Body::Health(_) => return None,
    };
    Some(items.into_iter().flatten())
}

impl Machine for ReplicaRole {
    type Event = ReplicaEvent;
    type Command = ReplicaCommand;

    fn handle(&mut self, now: Instant, event: ReplicaEvent, out: &mut Vec<ReplicaCommand>) {
        let (from, packet) = match event {
            ReplicaEvent::Packet { from, packet } => (from, packet),
            ReplicaEvent::Corrupt(lies) => return self.inner.corrupt(lies),
            ReplicaEvent::PeerLost { node } => {
                self.inner.peer_lost(now, node, &mut self.sent);
                self.send(out);
                self.observe_view(now, out);
                return;
            }
        };
        match packet {
            Packet::Configure(record) if from == NodeId::Control => {
                if let Err(error) = self.inner.configure(now, &record, &mut self.sent) {
                    out.push(ReplicaCommand::Observe(
                        Observation::new(now, Step::CertificateRefused)
                            .with_node(self.node)
                            .with_note(error.to_string()),
                    ));
                }
                self.send(out);
            }
            Packet::Set(message) => self.take(now, from, message, out),
            Packet::Configure(_)
            | Packet::Assign(_)
            | Packet::Busy(_)
            | Packet::Done(_)
            | Packet::Led(_)
            | Packet::Suspect(_) => {}
        }
        self.observe_view(now, out);
    }

    fn wake(&mut self, now: Instant, out: &mut Vec<ReplicaCommand>) {
        while self.held.front().is_some_and(|held| held.until <= now) {
            if let Some(Held { from, message, .. }) = self.held.pop_front() {
                self.deliver(now, from, message, out);
            }
        }
        self.inner.wake(now, &mut self.sent);
        self.send(out);
        self.observe_view(now, out);
    }

    fn deadline(&self) -> Option<Deadline> {
        let held = self.held.front().map(|held| Deadline {
            at: held.until,
            reason: "a service time ends",
        });
        Deadline::earlier(held, self.inner.deadline())
    }
}
