//! Everything that can stand on the agenda.

use tally_model::{NodeId, QueueName, TaskId};
use tally_roles::gateway::{CallId, GatewayEvent, Response};
use tally_roles::packet::Packet;
use tally_roles::port::PortCommand;
use tally_roles::{admin, autoscaler, fleet, scheduler};
use tally_substrate::PodIndex;

use crate::clients::ClientEvent;

/// The five roles of the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    Gateway,
    Scheduler,
    Fleet,
    Admin,
    Autoscaler,
}

impl Role {
    pub(crate) const ALL: [Self; 5] = [
        Self::Gateway,
        Self::Scheduler,
        Self::Fleet,
        Self::Admin,
        Self::Autoscaler,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Scheduler => "scheduler",
            Self::Fleet => "fleet",
            Self::Admin => "admin",
            Self::Autoscaler => "autoscaler",
        }
    }
}

/// Something that happens to a role.
#[derive(Debug)]
pub(crate) enum RoleEvent {
    Gateway(GatewayEvent),
    Scheduler(scheduler::Event),
    Fleet(fleet::Event),
    Admin(admin::Event),
    Autoscaler(autoscaler::Event),
}

impl RoleEvent {
    pub(crate) const fn role(&self) -> Role {
        match self {
            Self::Gateway(_) => Role::Gateway,
            Self::Scheduler(_) => Role::Scheduler,
            Self::Fleet(_) => Role::Fleet,
            Self::Admin(_) => Role::Admin,
            Self::Autoscaler(_) => Role::Autoscaler,
        }
    }
}

/// Who can want to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Station {
    Role(Role),
    Queue(QueueName),
    Pod(PodIndex),
}

/// Which life of the control plane; what an earlier one asked for finds nobody.
pub(crate) type Life = u32;

/// An entry of the agenda.
#[derive(Debug)]
pub(crate) enum Happening {
    /// An event reaches a role of the control plane.
    Role(Life, RoleEvent),
    /// A packet reaches the control plane from a pod.
    Inward { from: NodeId, packet: Packet },
    /// A packet reaches a pod.
    Packet {
        to: PodIndex,
        from: NodeId,
        packet: Packet,
    },
    /// A member of a set finds that its connection to another one broke.
    Hangup { to: PodIndex, of: NodeId },
    /// Somebody may be due.
    Wake(Station),
    /// A question to a port takes effect.
    Port(Life, Role, PortCommand),
    /// A send is durable.
    Written(Life, u64),
    /// A send that nobody waits for has waited long enough.
    Flush(Life, u64),
    /// A queue has messages for somebody who waits.
    Serve(QueueName),
    /// A message that was sent shows in its queue.
    Late(QueueName, String),
    /// A watch of the store has news; its place among the watches of this life.
    Feed(Life, usize),
    /// The pod watch has news.
    PodFeed(Life),
    /// A pod listens.
    PodRuns(PodIndex),
    /// The control plane dials a node.
    Dial(Life, NodeId, u64),
    /// The stream to a node broke.
    Lost(Life, NodeId, u64),
    /// A question about health reaches a pod.
    Probe(Life, Probe),
    /// A question about identity reaches a pod.
    Describe(Life, Describe),
    /// A worker has burnt its CPU time.
    SpinDone(PodIndex, TaskId),
    /// The next control plane serves.
    ControlUp(Life),
    /// Something happens to a client.
    Client(ClientEvent),
    /// A client's question reaches the gateway.
    Knock(Knock),
    /// A response of the gateway reaches its client.
    Reply(CallId, Response),
}

/// See [`Happening::Probe`].
#[derive(Debug)]
pub(crate) struct Probe {
    pub(crate) node: NodeId,
    pub(crate) incarnation: u32,
    pub(crate) pod: Option<PodIndex>,
    /// When it counts as missed.
    pub(crate) until: tally_model::Instant,
}

/// See [`Happening::Describe`].
#[derive(Debug)]
pub(crate) struct Describe {
    pub(crate) node: NodeId,
    pub(crate) incarnation: u32,
    pub(crate) address: String,
    pub(crate) attempt: u32,
}

/// See [`Happening::Knock`].
#[derive(Debug)]
pub(crate) struct Knock {
    /// The request it is about.
    pub(crate) n: u64,
    pub(crate) event: GatewayEvent,
}
