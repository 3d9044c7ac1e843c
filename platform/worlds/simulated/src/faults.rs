//! What can be done to a running world from outside: kill, pause, cut.

use tally_model::{NodeId, Pod};
use tally_substrate::{Link, PodIndex};

use crate::control::Control;
use crate::coverage::Sometimes;
use crate::happening::{Happening, Life};
use crate::pods::PodEvent;
use crate::world::World;

/// Why a fault has no effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no pod `{0}` any more")]
pub struct Missed(String);

impl World {
    /// Pods that are not gone.
    pub fn pods(&self) -> impl Iterator<Item = &Pod> {
        self.cluster.alive().map(|(_, pod)| pod)
    }

    /// The links between nodes, to change their weather or cut them.
    pub const fn link(&mut self) -> &mut Link {
        &mut self.link
    }

    pub(crate) fn find(&self, pod: &str) -> Result<PodIndex, Missed> {
        self.cluster.named(pod).ok_or_else(|| Missed(pod.to_owned()))
    }

    /// Ends a pod at once (SIGKILL).
    ///
    /// # Errors
    /// [`Missed`] if there is no such pod.
    pub fn kill(&mut self, pod: &str) -> Result<(), Missed> {
        let index = self.find(pod)?;
        self.hit(Sometimes::Killed);
        self.end_pod(index);
        Ok(())
    }

    /// Stops a pod (SIGSTOP): what reaches it waits.
    ///
    /// # Errors
    /// [`Missed`] if there is no such pod.
    pub fn pause(&mut self, pod: &str) -> Result<(), Missed> {
        let index = self.find(pod)?;
        self.pods[index.0 as usize].paused = true;
        Ok(())
    }

    /// Lets a stopped pod go on with all that waits for it (SIGCONT).
    ///
    /// # Errors
    /// [`Missed`] if it is gone meanwhile.
    pub fn resume(&mut self, pod: &str) -> Result<(), Missed> {
        let index = self.find(pod)?;
        let life = &mut self.pods[index.0 as usize];
        life.paused = false;
        for held in std::mem::take(&mut life.held) {
            self.agenda.push(self.now, held);
        }
        self.arm_pod(index);
        self.hit(Sometimes::Resumed);
        Ok(())
    }

    /// Makes a pod answer wrongly, or rightly again, as the signals of an experiment do: it signs what it says. Only a platform that
    /// is [`corruptible`](tally_model::PlatformConfig::corruptible) obeys, and only pods that run.
    ///
    /// # Errors
    /// [`Missed`] if there is no such pod.
    pub fn answer_wrongly(&mut self, pod: &str, wrongly: bool) -> Result<(), Missed> {
        let index = self.find(pod)?;
        self.turn(index, PodEvent::Corrupt(wrongly));
        Ok(())
    }

    /// Ends the control plane; the next one serves after [`crate::Costs::restart`]. Its leases and watches end with it, and what
    /// it was writing may have become durable or not.
    pub fn kill_control(&mut self) {
        if !self.control.up {
            return;
        }
        self.control.up = false;
        self.control.paused = false;
        self.break_connections(true);
        let held = std::mem::take(&mut self.control.held);
        for happening in held {
            match happening {
                Happening::Port(_, _, command) => self.orphan(command),
                Happening::Knock(knock) => self.agenda.push(self.now, Happening::Knock(knock)),
                _ => {}
            }
        }
        self.lose_unwritten();
        for watching in std::mem::take(&mut self.control.watches) {
            self.store.unwatch(watching.id);
        }
        self.lines.clear();
        self.control.routes.clear();
        let at = self.now + self.costs.restart;
        self.agenda.push(at, Happening::ControlUp(self.control.life));
    }

    /// The next control plane, over the same files.
    pub(crate) fn control_up(&mut self, of: Life) {
        if self.control.up || of != self.control.life {
            return;
        }
        self.queues = self.queues.reopen();
        self.hit(Sometimes::ControlRestart);
        let life = of + 1;
        if self.now + self.wall < self.control.wall_told() {
            self.hit(Sometimes::ControlSetBack);
        }
        self.control = Control::new(life, self.wall, &self.config, self.cluster_id, &self.shadows);
        self.begin_control();
    }

    /// Stops the control plane.
    pub fn pause_control(&mut self) {
        if self.control.up && !self.control.paused {
            self.control.paused = true;
            self.break_connections(false);
        }
    }

    /// Lets it go on.
    pub fn resume_control(&mut self) {
        if !self.control.paused {
            return;
        }
        self.control.paused = false;
        for held in std::mem::take(&mut self.control.held) {
            self.agenda.push(self.now, held);
        }
        self.rearm_control();
    }

    /// Whether the control plane serves, and which of its lives this is.
    pub const fn control(&self) -> (bool, u32) {
        (self.control.up, self.control.life)
    }

    /// Cuts or mends one direction between two nodes.
    pub fn cut(&mut self, from: NodeId, to: NodeId, cut: bool) {
        if cut {
            self.link.cut(from, to);
        } else {
            self.link.mend(from, to);
        }
    }
}
