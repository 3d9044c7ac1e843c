//! Computes one operation and asks its replicas to agree. With `dispatch = whole` it is given an expression instead, and computes all of it.
//!
//! A task is taken up, its service time passes (one task at a time), it is computed, and proposed. Without a service-time
//! model tasks are pipelined freely. With `protocol = none` the worker's own value is the answer.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use tally_consensus::{Client, ClusterId, Item, Keys, Seat, Unsupported};
use tally_expression::compute;
use tally_model::{
    Deadline, Epoch, Instant, Job, Machine, NodeId, Observation, Outcome, PlatformConfig, Protocol,
    SetRecord, Step, TaskId, TaskMessage,
};

use crate::packet::{Packet, TaskDone};

mod service;
mod telling;
#[cfg(test)]
mod tests;

pub(crate) use service::longest_service;
pub use service::service_time;

/// A worker's process.
#[derive(Debug)]
pub struct WorkerRole {
    config: PlatformConfig,
    node: NodeId,
    incarnation: u32,
    client: Option<Box<dyn Client>>,
    waiting: VecDeque<(Instant, TaskMessage)>,
    current: Option<Current>,
    /// Proposed, with the own value.
    proposed: BTreeMap<TaskId, Proposed>,
    /// Every task that waits, is worked on or is proposed.
    known: BTreeSet<TaskId>,
    /// Boxed, because the map moves what is in it.
    done: BTreeMap<TaskId, Box<TaskDone>>,
    done_order: VecDeque<TaskId>,
    /// The newest epoch it was told of.
    epoch: Epoch,
    blamed_itself: bool,
    /// Whether it answers wrongly, for an experiment.
    lies: bool,
}

/// The task whose service time passes.
#[derive(Debug)]
struct Current {
    task: TaskMessage,
    waited: Duration,
    started: Instant,
    /// None while the driver burns CPU.
    until: Option<Instant>,
    /// What is still to be waited for after that.
    delay: Duration,
}

#[derive(Debug)]
struct Proposed {
    own: Outcome,
    took: Took,
}

/// Where the time of a task at its worker went.
#[derive(Clone, Copy, Debug, Default)]
struct Took {
    waited: Duration,
    worked: Duration,
}

/// What can happen to a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkerEvent {
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
    /// The answer to [`WorkerCommand::Spin`].
    SpinDone {
        /// Which task.
        task: TaskId,
    },
}

/// What a worker wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum WorkerCommand {
    /// Send a packet.
    Send {
        /// To whom.
        to: NodeId,
        /// What.
        packet: Packet,
    },
    /// Burn CPU, then say [`WorkerEvent::SpinDone`]. At most one at a time.
    Spin {
        /// Which task.
        task: TaskId,
        /// CPU time.
        duration: Duration,
    },
    /// Record an observation.
    Observe(Observation),
}

impl WorkerRole {
    /// A worker that knows its place and learns its set from `Packet::Configure`.
    ///
    /// # Errors
    /// [`Unsupported`] if the configured protocol is not built.
    pub fn new(
        config: PlatformConfig,
        cluster: ClusterId,
        node: NodeId,
        incarnation: u32,
        keys: Keys,
    ) -> Result<Self, Unsupported> {
        let client = if config.protocol == Protocol::None {
            None
        } else {
            Some(tally_consensus::client(Seat {
                cluster,
                node,
                incarnation,
                keys,
                config: config.clone(),
            })?)
        };
        Ok(Self {
            config,
            node,
            incarnation,
            client,
            waiting: VecDeque::new(),
            current: None,
            proposed: BTreeMap::new(),
            known: BTreeSet::new(),
            done: BTreeMap::new(),
            done_order: VecDeque::new(),
            epoch: Epoch::default(),
            blamed_itself: false,
            lies: false,
        })
    }

    /// The protocol machine inside, for counts; none with `protocol = none`.
    pub fn client(&self) -> Option<&dyn Client> {
        self.client.as_deref()
    }

    /// Tasks that wait, are worked on or are proposed.
    pub fn in_flight(&self) -> usize {
        self.known.len()
    }

    fn assign(&mut self, now: Instant, task: TaskMessage, out: &mut Vec<WorkerCommand>) {
        let id = task.job.task;
        if let Some(done) = self.done.get(&id).filter(|done| done.job == task.job) {
            out.push(self.tell(done.clone()));
            return;
        }
        if self.known.contains(&id) {
            return;
        }
        if self.known.len() >= self.config.limits.in_flight || !self.is_mine(&task.job) {
            out.push(to_control(Packet::Busy(id)));
            return;
        }
        self.known.insert(id);
        self.waiting.push_back((now, task));
        self.advance(now, out);
    }

    fn is_mine(&self, job: &Job) -> bool {
        self.node.set().is_some_and(|set| set.operation == job.operation)
    }

    /// Takes up waiting tasks: the next one if it takes time, all of them up to there if not.
    fn advance(&mut self, now: Instant, out: &mut Vec<WorkerCommand>) {
        while self.current.is_none() {
            let Some((came, task)) = self.waiting.pop_front() else {
                return;
            };
            let waited = now.since(came);
            let Some(service) = service::service(&self.config, &task.job, task.work_key) else {
                let worked = Duration::ZERO;
                self.compute(now, task, Took { waited, worked }, out);
                continue;
            };
            let until = if service.spin.is_zero() {
                Some(now + service.delay)
            } else {
                out.push(WorkerCommand::Spin {
                    task: task.job.task,
                    duration: service.spin,
                });
                None
            };
            self.current = Some(Current {
                task,
                waited,
                started: now,
                until,
                delay: service.delay,
            });
        }
    }

    /// The driver has burnt what a task was to burn.
    fn spun(&mut self, now: Instant, task: TaskId, out: &mut Vec<WorkerCommand>) {
        let spinning = |current: &&mut Current| current.until.is_none() && current.task.job.task == task;
        let Some(current) = self.current.as_mut().filter(spinning) else {
            return;
        };
        if current.delay.is_zero() {
            self.finish(now, out);
        } else {
            current.until = Some(now + current.delay);
        }
    }

    /// The service time of the current task has passed.
    fn finish(&mut self, now: Instant, out: &mut Vec<WorkerCommand>) {
        if let Some(current) = self.current.take() {
            let took = Took {
                waited: current.waited,
                worked: now.since(current.started),
            };
            self.compute(now, current.task, took, out);
        }
        self.advance(now, out);
    }

    fn compute(&mut self, now: Instant, task: TaskMessage, took: Took, out: &mut Vec<WorkerCommand>) {
        let TaskMessage { job, work_key, .. } = task;
        let own = compute(&job);
        if let Some(client) = &mut self.client {
            self.proposed.insert(job.task, Proposed { own, took });
            let mut events = Vec::new();
            client.submit(now, Item { job, work_key }, &mut events);
            self.follow(now, events, out);
        } else {
            let done = TaskDone {
                job,
                outcome: own,
                certificate: None,
                votes: 0,
                members: 0,
                worked: took.worked,
                waited: took.waited,
            };
            self.complete(done, out);
        }
    }

    fn tell(&self, mut done: Box<TaskDone>) -> WorkerCommand {
        if self.lies {
            done.outcome = Outcome::Value("-1/7".into());
        }
        to_control(Packet::Done(done))
    }

    fn complete(&mut self, done: TaskDone, out: &mut Vec<WorkerCommand>) {
        let (id, done) = (done.job.task, Box::new(done));
        self.known.remove(&id);
        if self.done.insert(id, done.clone()).is_none() {
            self.done_order.push_back(id);
        }
        while self.done_order.len() > self.config.limits.in_flight * 2 {
            if let Some(old) = self.done_order.pop_front() {
                self.done.remove(&old);
            }
        }
        out.push(self.tell(done));
    }

    fn configure(&mut self, now: Instant, record: &SetRecord, out: &mut Vec<WorkerCommand>) {
        let Some(client) = &mut self.client else {
            return;
        };
        let mut events = Vec::new();
        let result = client.configure(now, record, &mut events);
        if result.is_ok() && record.epoch > self.epoch {
            self.epoch = record.epoch;
            // Certificates of earlier epochs are not believed for long; the members still know what they answered.
            self.done.clear();
            self.done_order.clear();
        }
        self.follow(now, events, out);
        if let Err(error) = result {
            out.push(self.observe(now, Step::CertificateRefused, None, Some(error.to_string())));
        }
    }
}

fn to_control(packet: Packet) -> WorkerCommand {
    WorkerCommand::Send {
        to: NodeId::Control,
        packet,
    }
}

impl Machine for WorkerRole {
    type Event = WorkerEvent;
    type Command = WorkerCommand;

    fn handle(&mut self, now: Instant, event: WorkerEvent, out: &mut Vec<WorkerCommand>) {
        match event {
            WorkerEvent::SpinDone { task } => self.spun(now, task, out),
            WorkerEvent::Corrupt(lies) => self.lies = lies && self.config.corruptible,
            WorkerEvent::PeerLost { node } => {
                let mut events = Vec::new();
                if let Some(client) = &mut self.client {
                    client.peer_lost(now, node, &mut events);
                }
                self.follow(now, events, out);
            }
            WorkerEvent::Packet { from, packet } => match (from, packet) {
                (NodeId::Control, Packet::Configure(record)) => self.configure(now, &record, out),
                (NodeId::Control, Packet::Assign(task)) => self.assign(now, task, out),
                (from, Packet::Set(message)) => {
                    let mut events = Vec::new();
                    if let Some(client) = &mut self.client {
                        client.handle(now, from, message, &mut events);
                    }
                    self.follow(now, events, out);
                }
                _ => {}
            },
        }
    }

    fn wake(&mut self, now: Instant, out: &mut Vec<WorkerCommand>) {
        let over = self
            .current
            .as_ref()
            .is_some_and(|current| current.until.is_some_and(|until| until <= now));
        if over {
            self.finish(now, out);
        }
        let mut events = Vec::new();
        if let Some(client) = &mut self.client {
            client.wake(now, &mut events);
        }
        self.follow(now, events, out);
    }

    fn deadline(&self) -> Option<Deadline> {
        let service = self.current.as_ref().and_then(|current| current.until);
        let service = service.map(|at| Deadline {
            at,
            reason: "a service time ends",
        });
        let client = self.client.as_ref().and_then(|client| client.deadline());
        Deadline::earlier(service, client)
    }
}
