//! The control plane's process: five roles that live and die together.

use std::collections::BTreeMap;
use std::time::Duration;

use tally_model::{Instant, Machine, NodeId, Observation, Operation, PlatformConfig, Scaler};
use tally_roles::gateway::{CallId, Gateway, GatewayCommand, Response};
use tally_roles::packet::Packet;
use tally_roles::port::PortCommand;
use tally_roles::{admin, autoscaler, fleet, scheduler};
use tally_substrate::{PodIndex, WatchId};

use crate::happening::{Happening, Life, Role, RoleEvent};

/// What any role wants done.
#[derive(Debug)]
pub(crate) enum Wish {
    Port(PortCommand),
    Observe(Observation),
    Respond(CallId, Response),
    Publish(std::sync::Arc<tally_model::AnswerMessage>),
    Route(NodeId, Option<String>),
    Send(NodeId, Packet),
    Enqueued(Operation, u64),
    Probe(NodeId, u32, String, Duration),
    Describe(NodeId, u32, String),
    Nothing,
}

impl From<GatewayCommand> for Wish {
    fn from(command: GatewayCommand) -> Self {
        match command {
            GatewayCommand::Port(command) => Self::Port(command),
            GatewayCommand::Respond { call, response } => Self::Respond(call, response),
            GatewayCommand::Publish { answer } => Self::Publish(answer),
            GatewayCommand::Observe(observation) => Self::Observe(observation),
            GatewayCommand::Gauge(_) => Self::Nothing,
        }
    }
}

impl From<scheduler::Command> for Wish {
    fn from(command: scheduler::Command) -> Self {
        match command {
            scheduler::Command::Port(command) => Self::Port(command),
            scheduler::Command::Route { node, address } => Self::Route(node, address),
            scheduler::Command::Send { to, packet } => Self::Send(to, packet),
            scheduler::Command::Enqueued { operation, count } => Self::Enqueued(operation, count),
            scheduler::Command::Triggered { .. } => Self::Nothing,
            scheduler::Command::Observe(observation) => Self::Observe(observation),
        }
    }
}

impl From<fleet::Command> for Wish {
    fn from(command: fleet::Command) -> Self {
        match command {
            fleet::Command::Port(command) => Self::Port(command),
            fleet::Command::Describe {
                node,
                incarnation,
                address,
            } => Self::Describe(node, incarnation, address),
            fleet::Command::Observe(observation) => Self::Observe(observation),
        }
    }
}

impl From<admin::Command> for Wish {
    fn from(command: admin::Command) -> Self {
        match command {
            admin::Command::Port(command) => Self::Port(command),
            admin::Command::Probe {
                node,
                incarnation,
                address,
                timeout,
            } => Self::Probe(node, incarnation, address, timeout),
            admin::Command::Observe(observation) => Self::Observe(observation),
        }
    }
}

impl From<autoscaler::Command> for Wish {
    fn from(command: autoscaler::Command) -> Self {
        match command {
            autoscaler::Command::Port(command) => Self::Port(command),
            autoscaler::Command::Observe(observation) => Self::Observe(observation),
        }
    }
}

/// A stream from the control plane to a pod.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    pub(crate) pod: PodIndex,
    pub(crate) up: bool,
    /// Tells this route from an earlier one to the same node.
    pub(crate) serial: u64,
    /// Dials in a row that failed.
    pub(crate) failed: u32,
}

/// A running watch of the store.
#[derive(Debug)]
pub(crate) struct Watching {
    pub(crate) role: Role,
    pub(crate) prefix: String,
    pub(crate) id: WatchId,
    /// It will be told soon.
    pub(crate) noted: bool,
}

/// The process.
#[derive(Debug)]
pub(crate) struct Control {
    pub(crate) life: Life,
    pub(crate) up: bool,
    pub(crate) paused: bool,
    /// How far its clock is ahead of the world's: the wall clock as it was when it started, and its jumps since.
    pub(crate) ahead: Duration,
    /// How far ahead the wall clock was when it started.
    wall: Duration,
    /// When it looked at its clock last.
    looked: Instant,
    /// What came while it was paused.
    pub(crate) held: Vec<Happening>,
    pub(crate) armed: [Option<Instant>; Role::ALL.len()],
    pub(crate) watches: Vec<Watching>,
    pub(crate) pods_watched: bool,
    pub(crate) pods_noted: bool,
    pub(crate) routes: BTreeMap<NodeId, Route>,
    pub(crate) serial: u64,
    /// Which request each open call of a client is about.
    pub(crate) calls: BTreeMap<CallId, u64>,
    gateway: Gateway,
    pub(crate) scheduler: scheduler::Scheduler,
    fleet: fleet::Fleet,
    admin: admin::Admin,
    autoscaler: autoscaler::Autoscaler,
    gateway_out: Vec<GatewayCommand>,
    scheduler_out: Vec<scheduler::Command>,
    fleet_out: Vec<fleet::Command>,
    admin_out: Vec<admin::Command>,
    autoscaler_out: Vec<autoscaler::Command>,
}

impl Control {
    /// The `life`-th process, which starts when the wall clock is so far ahead.
    pub(crate) fn new(
        life: Life,
        wall: Duration,
        config: &PlatformConfig,
        cluster: [u8; 16],
        shadows: &[Scaler],
    ) -> Self {
        Self {
            life,
            up: true,
            paused: false,
            ahead: wall,
            wall,
            looked: Instant::ZERO,
            held: Vec::new(),
            armed: [None; Role::ALL.len()],
            watches: Vec::new(),
            pods_watched: false,
            pods_noted: false,
            routes: BTreeMap::new(),
            serial: 0,
            calls: BTreeMap::new(),
            gateway: Gateway::new(config.limits, config.timing),
            scheduler: scheduler::Scheduler::new(config.clone(), cluster),
            fleet: fleet::Fleet::new(config, "{}".to_owned()),
            admin: admin::Admin::new(config),
            autoscaler: autoscaler::Autoscaler::with_shadows(config, shadows),
            gateway_out: Vec::new(),
            scheduler_out: Vec::new(),
            fleet_out: Vec::new(),
            admin_out: Vec::new(),
            autoscaler_out: Vec::new(),
        }
    }

    /// What the scheduler wants at its start. Requests enter with one write if store and queue are `joint`.
    pub(crate) fn start(&mut self, now: Instant, joint: bool, wishes: &mut Vec<Wish>) {
        if joint {
            self.gateway.enter_at_once();
        }
        let now = self.look(now);
        self.scheduler.start(now, &mut self.scheduler_out);
        wishes.extend(self.scheduler_out.drain(..).map(Wish::from));
    }

    /// The time by its clock, which it is told now.
    fn look(&mut self, now: Instant) -> Instant {
        self.looked = now;
        now + self.ahead
    }

    /// The wall clock's time that it was told last, its own jumps apart: a wall clock that reads less was set back.
    pub(crate) fn wall_told(&self) -> Instant {
        self.looked + self.wall
    }

    /// Hands an event to its role.
    pub(crate) fn handle(&mut self, now: Instant, event: RoleEvent, wishes: &mut Vec<Wish>) {
        let now = self.look(now);
        match event {
            RoleEvent::Gateway(event) => {
                turn(&mut self.gateway, now, Some(event), &mut self.gateway_out, wishes);
            }
            RoleEvent::Scheduler(event) => {
                turn(
                    &mut self.scheduler,
                    now,
                    Some(event),
                    &mut self.scheduler_out,
                    wishes,
                );
            }
            RoleEvent::Fleet(event) => turn(&mut self.fleet, now, Some(event), &mut self.fleet_out, wishes),
            RoleEvent::Admin(event) => turn(&mut self.admin, now, Some(event), &mut self.admin_out, wishes),
            RoleEvent::Autoscaler(event) => {
                turn(
                    &mut self.autoscaler,
                    now,
                    Some(event),
                    &mut self.autoscaler_out,
                    wishes,
                );
            }
        }
    }

    /// Wakes a role that is due.
    pub(crate) fn wake(&mut self, now: Instant, role: Role, wishes: &mut Vec<Wish>) {
        let now = self.look(now);
        match role {
            Role::Gateway => turn(&mut self.gateway, now, None, &mut self.gateway_out, wishes),
            Role::Scheduler => turn(&mut self.scheduler, now, None, &mut self.scheduler_out, wishes),
            Role::Fleet => turn(&mut self.fleet, now, None, &mut self.fleet_out, wishes),
            Role::Admin => turn(&mut self.admin, now, None, &mut self.admin_out, wishes),
            Role::Autoscaler => turn(&mut self.autoscaler, now, None, &mut self.autoscaler_out, wishes),
        }
    }

    /// When a role wants to be woken, by the world's clock.
    pub(crate) fn deadline(&self, role: Role) -> Option<Instant> {
        let deadline = match role {
            Role::Gateway => self.gateway.deadline(),
            Role::Scheduler => self.scheduler.deadline(),
            Role::Fleet => self.fleet.deadline(),
            Role::Admin => self.admin.deadline(),
            Role::Autoscaler => self.autoscaler.deadline(),
        };
        deadline.map(|deadline| deadline.at - self.ahead)
    }

    /// Accepted requests without an outcome, as the gateway counts them.
    pub(crate) fn pending(&self) -> u64 {
        self.gateway.gauge().pending
    }
}

/// One turn of one machine: an event, or its deadline.
fn turn<M: Machine>(
    machine: &mut M,
    now: Instant,
    event: Option<M::Event>,
    out: &mut Vec<M::Command>,
    wishes: &mut Vec<Wish>,
) where
    Wish: From<M::Command>,
{
    match event {
        Some(event) => machine.handle(now, event, out),
        None => machine.wake(now, out),
    }
    wishes.extend(out.drain(..).map(Wish::from));
}
