//! Pods: workers and replicas, each with its machine, from the moment it listens to the moment it is gone.

use std::time::Duration;

use tally_consensus::{Effort, Keys, Unsupported};
use tally_model::{Instant, Machine, NodeId, Observation, Operation, PlatformConfig, SetId, Suite, TaskId};
use tally_roles::packet::Packet;
use tally_roles::replica::{ReplicaCommand, ReplicaEvent, ReplicaRole};
use tally_roles::worker::{WorkerCommand, WorkerEvent, WorkerRole};

use crate::happening::Happening;
use crate::lies::Liar;

/// What a pod wants done.
#[derive(Debug)]
pub(crate) enum PodWish {
    Send(NodeId, Packet),
    Observe(Observation),
    Spin(TaskId, Duration),
}

impl From<WorkerCommand> for PodWish {
    fn from(command: WorkerCommand) -> Self {
        match command {
            WorkerCommand::Send { to, packet } => Self::Send(to, packet),
            WorkerCommand::Spin { task, duration } => Self::Spin(task, duration),
            WorkerCommand::Observe(observation) => Self::Observe(observation),
        }
    }
}

impl From<ReplicaCommand> for PodWish {
    fn from(command: ReplicaCommand) -> Self {
        match command {
            ReplicaCommand::Send { to, packet } => Self::Send(to, packet),
            ReplicaCommand::Observe(observation) => Self::Observe(observation),
        }
    }
}

/// What runs in a pod.
#[derive(Debug)]
pub(crate) enum Tenant {
    Worker(Box<WorkerRole>),
    Replica(Box<ReplicaRole>),
}

/// What happens to a pod.
#[derive(Debug)]
pub(crate) enum PodEvent {
    Packet(NodeId, Packet),
    SpinDone(TaskId),
    /// The connection to another member broke.
    PeerLost(NodeId),
    /// An experiment wants wrong answers, or right ones again.
    Corrupt(bool),
    Wake,
}

impl PodEvent {
    /// The same once more, for a second machine.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Packet(from, packet) => Self::Packet(*from, packet.clone()),
            Self::SpinDone(task) => Self::SpinDone(*task),
            Self::PeerLost(node) => Self::PeerLost(*node),
            Self::Corrupt(lies) => Self::Corrupt(*lies),
            Self::Wake => Self::Wake,
        }
    }
}

impl Tenant {
    /// Moves in.
    pub(crate) fn new(
        config: &PlatformConfig,
        cluster: [u8; 16],
        node: NodeId,
        incarnation: u32,
        keys: Keys,
    ) -> Result<Self, Unsupported> {
        let config = config.clone();
        Ok(match node {
            NodeId::Worker(_) => Self::Worker(Box::new(WorkerRole::new(
                config,
                cluster,
                node,
                incarnation,
                keys,
            )?)),
            NodeId::Replica(..) | NodeId::Control => Self::Replica(Box::new(ReplicaRole::new(
                config,
                cluster,
                node,
                incarnation,
                keys,
            )?)),
        })
    }

    /// One turn; `wishes` gets what follows.
    pub(crate) fn turn(&mut self, now: Instant, event: PodEvent, out: &mut Out, wishes: &mut Vec<PodWish>) {
        match self {
            Self::Worker(worker) => {
                match event {
                    PodEvent::Packet(from, packet) => {
                        worker.handle(now, WorkerEvent::Packet { from, packet }, &mut out.worker);
                    }
                    PodEvent::SpinDone(task) => {
                        worker.handle(now, WorkerEvent::SpinDone { task }, &mut out.worker);
                    }
                    PodEvent::PeerLost(node) => {
                        worker.handle(now, WorkerEvent::PeerLost { node }, &mut out.worker);
                    }
                    PodEvent::Corrupt(lies) => {
                        worker.handle(now, WorkerEvent::Corrupt(lies), &mut out.worker);
                    }
                    PodEvent::Wake => worker.wake(now, &mut out.worker),
                }
                wishes.extend(out.worker.drain(..).map(PodWish::from));
            }
            Self::Replica(replica) => {
                match event {
                    PodEvent::Packet(from, packet) => {
                        replica.handle(now, ReplicaEvent::Packet { from, packet }, &mut out.replica);
                    }
                    PodEvent::PeerLost(node) => {
                        replica.handle(now, ReplicaEvent::PeerLost { node }, &mut out.replica);
                    }
                    PodEvent::Corrupt(lies) => {
                        replica.handle(now, ReplicaEvent::Corrupt(lies), &mut out.replica);
                    }
                    PodEvent::SpinDone(_) => {}
                    PodEvent::Wake => replica.wake(now, &mut out.replica),
                }
                wishes.extend(out.replica.drain(..).map(PodWish::from));
            }
        }
    }

    /// When it wants to be woken.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let deadline = match self {
            Self::Worker(worker) => worker.deadline(),
            Self::Replica(replica) => replica.deadline(),
        };
        deadline.map(|deadline| deadline.at)
    }

    /// Signatures made and checked so far.
    pub(crate) fn effort(&self) -> Effort {
        match self {
            Self::Worker(worker) => worker
                .client()
                .map_or(Effort::default(), |client| client.effort()),
            Self::Replica(replica) => replica.inner().effort(),
        }
    }
}

/// Commands of one turn, kept for their memory.
#[derive(Debug, Default)]
pub(crate) struct Out {
    worker: Vec<WorkerCommand>,
    replica: Vec<ReplicaCommand>,
}

/// A pod as the world keeps it; its place in the cluster has the same index.
#[derive(Debug)]
pub(crate) struct PodLife {
    pub(crate) node: NodeId,
    pub(crate) incarnation: u32,
    /// Which set it belongs to, by its place among all sets there ever were.
    pub(crate) set: usize,
    /// None before it listens and after it is gone.
    pub(crate) tenant: Option<Tenant>,
    pub(crate) public_key: String,
    pub(crate) paused: bool,
    /// What came while it was paused.
    pub(crate) held: Vec<Happening>,
    pub(crate) armed: Option<Instant>,
    /// Its processor signs and verifies until then.
    pub(crate) busy: Instant,
    /// Since when it exists, for replica-seconds.
    pub(crate) created: Instant,
    /// Not gone.
    pub(crate) alive: bool,
    /// Its identity, for a second machine that has the same.
    pub(crate) keys: Option<Keys>,
    /// How it lies, if it does.
    pub(crate) liar: Option<Box<Liar>>,
    /// How far its clock is ahead.
    pub(crate) ahead: Duration,
}

impl PodLife {
    /// When a machine of it wants to be woken, by the world's clock.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let twin = self.liar.as_deref().and_then(|liar| liar.twin.as_ref());
        let deadlines = self.tenant.iter().chain(twin).filter_map(Tenant::deadline);
        deadlines.min().map(|at| at - self.ahead)
    }

    /// A pod that was just created.
    pub(crate) const fn new(node: NodeId, incarnation: u32, set: usize, now: Instant) -> Self {
        Self {
            node,
            incarnation,
            set,
            tenant: None,
            public_key: String::new(),
            paused: false,
            held: Vec::new(),
            armed: None,
            busy: now,
            created: now,
            alive: true,
            keys: None,
            liar: None,
            ahead: Duration::ZERO,
        }
    }
}

/// Whether the configured protocol is built.
///
/// # Errors
/// [`Unsupported`] if it is not.
pub(crate) fn supported(config: &PlatformConfig) -> Result<(), Unsupported> {
    let set = SetId {
        operation: Operation::Add,
        number: 0,
    };
    let keys = Keys::generate(Suite::Modern, [1; 32]).map_err(|_| Unsupported(config.protocol))?;
    Tenant::new(config, [0; 16], NodeId::Worker(set), 1, keys).map(drop)
}

/// Who fills the places of a set now.
#[derive(Debug, Default)]
pub(crate) struct Places {
    pub(crate) worker: Option<tally_substrate::PodIndex>,
    pub(crate) replicas: Vec<Option<tally_substrate::PodIndex>>,
}

impl Places {
    /// Everybody who fills a place.
    pub(crate) fn all(&self) -> impl Iterator<Item = tally_substrate::PodIndex> + '_ {
        self.replicas.iter().flatten().copied().chain(self.worker)
    }

    /// The newest pod of a place.
    pub(crate) fn of(&self, node: NodeId) -> Option<tally_substrate::PodIndex> {
        match node {
            NodeId::Worker(_) => self.worker,
            NodeId::Replica(_, index) => self.replicas.get(usize::from(index)).copied().flatten(),
            NodeId::Control => None,
        }
    }

    /// A new pod takes a place.
    pub(crate) fn fill(&mut self, node: NodeId, pod: tally_substrate::PodIndex) {
        match node {
            NodeId::Worker(_) => self.worker = Some(pod),
            NodeId::Replica(_, index) => {
                let index = usize::from(index);
                if self.replicas.len() <= index {
                    self.replicas.resize(index + 1, None);
                }
                self.replicas[index] = Some(pod);
            }
            NodeId::Control => {}
        }
    }
}
