//! Trouble at the ports and on the links that a swarm brings about: queues that deliver twice, late or not at all, calls that
//! fail, links that hold messages back, clocks that step.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tally_model::{NodeId, QueueName};
use tally_roles::port::{PortCommand, PortEvent, Trouble};

use crate::coverage::Sometimes;
use crate::happening::{Happening, Role};
use crate::world::World;

/// Trouble at the ports; what is no duration is a probability in millionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortWeather {
    /// A message that is sent is there twice.
    pub duplicate: u32,
    /// A delete is confirmed and does not happen.
    pub lost_delete: u32,
    /// Messages are received (and counted) by nobody.
    pub lost_receive: u32,
    /// A message that is sent shows only after `late_by`, others before it.
    pub late: u32,
    /// See `late`.
    pub late_by: Duration,
    /// A call fails; half of those that write have written.
    pub failure: u32,
}

impl PortWeather {
    /// Whether a message may be received more often than anybody saw it.
    pub const fn may_bury(&self) -> bool {
        self.lost_receive > 0 || self.lost_delete > 0 || self.failure > 0
    }
}

/// Links that hold what is sent, in the order it was sent.
#[derive(Debug, Default)]
pub(crate) struct Clogs {
    nodes: BTreeSet<NodeId>,
    held: BTreeMap<NodeId, Vec<Happening>>,
}

impl Clogs {
    /// Whether something sent on this way is held at one of its ends.
    pub(crate) fn at(&self, from: NodeId, to: NodeId) -> Option<NodeId> {
        if self.nodes.is_empty() {
            return None;
        }
        [from, to].into_iter().find(|node| self.nodes.contains(node))
    }

    pub(crate) fn hold(&mut self, node: NodeId, happening: Happening) {
        self.held.entry(node).or_default().push(happening);
    }
}

impl World {
    /// Holds everything from and to a node, or lets it all go.
    pub fn clog(&mut self, node: NodeId, clogged: bool) {
        if clogged {
            self.clogs.nodes.insert(node);
            return;
        }
        self.clogs.nodes.remove(&node);
        let at = self.now + self.costs.hop;
        let held = self.clogs.held.remove(&node).unwrap_or_default();
        if !held.is_empty() {
            self.hit(Sometimes::Clogged);
        }
        for happening in held {
            self.agenda.push(at, happening);
        }
    }

    /// Changes the weather at the ports.
    pub const fn set_port_weather(&mut self, weather: PortWeather) {
        self.port_weather = weather;
    }

    /// The clock of a pod jumps forward: for it, `by` has passed at once, as on a machine that was suspended.
    ///
    /// # Errors
    /// [`crate::Missed`] if there is no such pod.
    pub fn step_clock(&mut self, pod: &str, by: Duration) -> Result<(), crate::Missed> {
        let index = self.find(pod)?;
        let life = &mut self.pods[index.0 as usize];
        life.ahead += by;
        life.armed = None;
        self.arm_pod(index);
        self.hit(Sometimes::ClockStep);
        Ok(())
    }

    /// The clock of the control plane jumps forward.
    pub fn step_control_clock(&mut self, by: Duration) {
        if self.control.up && !self.control.paused {
            self.control.ahead += by;
            self.rearm_control();
            self.hit(Sometimes::ControlClockStep);
        }
    }

    /// The wall clock is set: forward, or back, but not to before the beginning of the world. Processes that run do not see it.
    pub const fn set_wall_clock(&mut self, ahead: Duration) {
        self.wall = ahead;
    }

    /// How far the wall clock is ahead of the world's own time.
    pub const fn wall_clock(&self) -> Duration {
        self.wall
    }

    pub(crate) fn hit(&mut self, what: Sometimes) {
        if let Some(watch) = &mut self.watch {
            watch.coverage.hit(what);
        }
    }

    /// Whether something of this probability happens now.
    pub(crate) fn happens(&mut self, millionths: u32) -> bool {
        millionths > 0 && self.draw() % 1_000_000 < u64::from(millionths)
    }

    /// A message that was sent may show late; if not, it is given back.
    pub(crate) fn dawdle(&mut self, queue: QueueName, body: String) -> Option<String> {
        if !self.happens(self.port_weather.late) {
            return Some(body);
        }
        self.hit(Sometimes::QueueLate);
        self.late += 1;
        let at = self.now + self.port_weather.late_by;
        self.agenda.push(at, Happening::Late(queue, body));
        None
    }

    /// A message that was sent before shows.
    pub(crate) fn shows(&mut self, queue: QueueName, body: String) {
        self.late -= 1;
        self.queues.send(queue, body);
        self.serve_soon(queue);
    }

    /// A call may fail: whether it has an effect, and whether its answer is an error.
    pub(crate) fn fate(&mut self) -> (bool, bool) {
        if !self.happens(self.port_weather.failure) {
            return (true, false);
        }
        self.hit(Sometimes::PortTrouble);
        (self.draw() & 1 == 0, true)
    }

    /// A failed call: what is answered in place of the truth.
    pub(crate) fn failed(&mut self, role: Role, command: PortCommand, effective: bool) {
        let event = failure(&command);
        if effective {
            match command {
                PortCommand::Send { queue, bodies, .. } => self.hand_over(None, queue, bodies),
                PortCommand::PutAndSend { entry, .. } => self.enter(None, entry),
                other => drop(self.effect(other)),
            }
        }
        if let Some(event) = event {
            self.tell(crate::ports::wrap(role, event));
        }
    }
}

fn failure(command: &PortCommand) -> Option<PortEvent> {
    let trouble = || Trouble {
        transient: true,
        message: "the port did not answer in time".to_owned(),
    };
    Some(match command {
        PortCommand::Send { token, .. } => PortEvent::Sent(*token, Err(trouble())),
        PortCommand::Receive { queue, .. } => PortEvent::Received(*queue, Err(trouble())),
        PortCommand::Delete { queue, .. } => PortEvent::Deleted(*queue, Err(trouble())),
        PortCommand::Depth { queue } => PortEvent::Depth(*queue, Err(trouble())),
        PortCommand::Get { token, .. } => PortEvent::Got(*token, Err(trouble())),
        PortCommand::List { token, .. } => PortEvent::Listed(*token, Err(trouble())),
        PortCommand::Put { token, .. } | PortCommand::PutAndSend { token, .. } => {
            PortEvent::PutDone(*token, Err(trouble()))
        }
        PortCommand::DeleteKey { token, .. } => PortEvent::KeyDeleted(*token, Err(trouble())),
        PortCommand::CreatePod(spec) => PortEvent::PodCreated(spec.name(), Err(trouble())),
        PortCommand::DeletePod(name) => PortEvent::PodDeleted(name.clone(), Err(trouble())),
        PortCommand::Extend { .. }
        | PortCommand::Watch { .. }
        | PortCommand::WatchPods
        | PortCommand::CreateService(_) => return None,
    })
}
