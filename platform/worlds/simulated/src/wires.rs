//! Between processes: packets, streams from the control plane, questions about health and identity.
//!
//! Streams between the members of a set are open as long as both run, and whoever stays hears that the other is gone; those of the
//! control plane are dialed, break when their pod ends, and are dialed again.

use std::time::Duration;

use tally_consensus::Keys;
use tally_model::{NodeId, Observation, Step, Suite};
use tally_roles::packet::Packet;
use tally_roles::{admin, fleet, scheduler};
use tally_substrate::{PodIndex, Transit};

use crate::control::Route;
use crate::coverage::Sometimes;
use crate::happening::{Describe, Happening, Life, Probe, RoleEvent};
use crate::pods::{PodLife, Tenant};
use crate::world::World;

/// Pause before a broken stream is dialed again; doubles up to the longest (as the transport over gRPC).
const REDIAL: Duration = Duration::from_millis(20);
const REDIAL_MAX: Duration = Duration::from_millis(500);
/// A dial nobody answers.
const DIAL_TIMEOUT: Duration = Duration::from_secs(1);
/// How a new pod is asked who it is (as the glue of the cluster service).
const ASK_TIMES: u32 = 5;
const ASK_PAUSE: Duration = Duration::from_millis(20);
const ASK_TIMEOUT: Duration = Duration::from_secs(1);

impl World {
    /// A pod says something: it is held against the invariants if the pod is honest, and distorted if not.
    pub(crate) fn say(
        &mut self,
        pod: PodIndex,
        from: NodeId,
        to: NodeId,
        packet: Packet,
        leaves: tally_model::Instant,
        of_twin: bool,
    ) {
        if self.is_heard(pod)
            && let Some(watch) = &mut self.watch
        {
            watch.sent(self.now, Some(pod), (from, to), &packet);
        }
        if self.is_honest(pod) {
            self.send(pod, from, to, packet, leaves);
            return;
        }
        for (from, to, packet, millis) in self.distort(pod, to, packet, of_twin) {
            self.send(
                pod,
                from,
                to,
                packet,
                leaves + Duration::from_millis(u64::from(millis)),
            );
        }
    }

    /// A pod sends.
    pub(crate) fn send(
        &mut self,
        pod: PodIndex,
        from: NodeId,
        to: NodeId,
        packet: Packet,
        leaves: tally_model::Instant,
    ) {
        if to == NodeId::Control {
            self.carry(
                from,
                to,
                leaves,
                |packet| Happening::Inward { from, packet },
                packet,
            );
            return;
        }
        let own = self.pods[pod.0 as usize].set;
        let set = if from.set() == to.set() {
            Some(own)
        } else {
            // Only a liar talks with members of other sets.
            to.set().and_then(|set| self.set_index.get(&set).copied())
        };
        let Some(set) = set else { return };
        if let Some(to_pod) = self.places[set].of(to) {
            let arrive = |packet| Happening::Packet {
                to: to_pod,
                from,
                packet,
            };
            self.carry(from, to, leaves, arrive, packet);
        }
    }

    /// The control plane sends, if there is a stream.
    pub(crate) fn send_outward(&mut self, to: NodeId, packet: Packet) {
        let Some(route) = self.control.routes.get(&to).filter(|route| route.up) else {
            return;
        };
        let pod = route.pod;
        if let Some(watch) = &mut self.watch {
            watch.sent(self.now, None, (NodeId::Control, to), &packet);
        }
        let arrive = |packet| Happening::Packet {
            to: pod,
            from: NodeId::Control,
            packet,
        };
        self.carry(NodeId::Control, to, self.now, arrive, packet);
    }

    fn carry(
        &mut self,
        from: NodeId,
        to: NodeId,
        leaves: tally_model::Instant,
        arrive: impl Fn(Packet) -> Happening,
        packet: Packet,
    ) {
        self.work.packets += 1;
        if let Some(node) = self.clogs.at(from, to) {
            self.clogs.hold(node, arrive(packet));
            return;
        }
        let Self { link, rng, .. } = self;
        let transit = link.transit(from, to, &mut || rand::Rng::next_u64(rng));
        match transit {
            Transit::Lost => self.hit(Sometimes::PacketLost),
            Transit::Arrives(after) => {
                let weather = &self.link.weather;
                if weather.reorder > 0 && after >= weather.delay + weather.hold {
                    self.hit(Sometimes::PacketHeld);
                }
                self.agenda.push(leaves + after, arrive(packet));
            }
            Transit::Twice(first, second) => {
                self.hit(Sometimes::PacketTwice);
                self.agenda.push(leaves + first, arrive(packet.clone()));
                self.agenda.push(leaves + second, arrive(packet));
            }
        }
    }

    /// Whether a question and its answer get through.
    fn connected(&self, node: NodeId) -> bool {
        !self.link.is_cut(NodeId::Control, node) && !self.link.is_cut(node, NodeId::Control)
    }

    /// Tells the transport where a node is, or that it is gone.
    pub(crate) fn route(&mut self, node: NodeId, address: Option<&str>) {
        let Some(pod) = address.and_then(PodIndex::at) else {
            self.control.routes.remove(&node);
            return;
        };
        self.control.serial += 1;
        let serial = self.control.serial;
        let route = Route {
            pod,
            up: false,
            serial,
            failed: 0,
        };
        self.control.routes.insert(node, route);
        let at = self.now + self.costs.dial;
        self.agenda
            .push(at, Happening::Dial(self.control.life, node, serial));
    }

    fn current(&mut self, life: Life, node: NodeId, serial: u64) -> Option<&mut Route> {
        let current = life == self.control.life && self.control.up;
        let route = self.control.routes.get_mut(&node);
        route.filter(|route| current && route.serial == serial)
    }

    /// The control plane dials; it goes on until it is answered.
    pub(crate) fn dial(&mut self, life: Life, node: NodeId, serial: u64) {
        let reachable = self.connected(node);
        let Some(route) = self.current(life, node, serial) else {
            return;
        };
        let pod = route.pod;
        let listens = self.pods[pod.0 as usize].tenant.is_some();
        let answers = listens && !self.pods[pod.0 as usize].paused && reachable;
        let Some(route) = self.current(life, node, serial) else {
            return;
        };
        if answers {
            route.up = true;
            route.failed = 0;
            self.reach_control(RoleEvent::Scheduler(scheduler::Event::PeerUp(node)));
            return;
        }
        let pause = REDIAL.saturating_mul(1 << route.failed.min(10)).min(REDIAL_MAX);
        route.failed += 1;
        let silence = if listens { DIAL_TIMEOUT } else { Duration::ZERO };
        let at = self.now + silence + pause;
        self.agenda.push(at, Happening::Dial(life, node, serial));
        self.tell_lost(node);
    }

    /// The stream to a node breaks.
    pub(crate) fn lost(&mut self, life: Life, node: NodeId, serial: u64) {
        let Some(route) = self.current(life, node, serial) else {
            return;
        };
        route.up = false;
        self.agenda
            .push(self.now + REDIAL, Happening::Dial(life, node, serial));
        self.tell_lost(node);
    }

    fn tell_lost(&mut self, node: NodeId) {
        self.reach_control(RoleEvent::Admin(admin::Event::PeerLost { node }));
        self.reach_control(RoleEvent::Scheduler(scheduler::Event::PeerLost(node)));
    }

    /// An event for the control plane as it is now.
    fn reach_control(&mut self, event: RoleEvent) {
        let life = self.control.life;
        self.agenda.push(self.now, Happening::Role(life, event));
    }

    /// Streams to a pod that is gone break: those of the control plane, and those of the other members of its set.
    fn hang_up(&mut self, pod: PodIndex) {
        let (life, at) = (self.control.life, self.now + self.costs.hop);
        let PodLife { node: of, set, .. } = self.pods[pod.0 as usize];
        for to in self.places[set].all() {
            if self.pods[to.0 as usize].tenant.is_some() {
                self.agenda.push(at, Happening::Hangup { to, of });
            }
        }
        for (&node, route) in &self.control.routes {
            if route.pod == pod && route.up {
                self.agenda.push(at, Happening::Lost(life, node, route.serial));
            }
        }
    }

    pub(crate) fn ask_health(&mut self, node: NodeId, incarnation: u32, address: &str, timeout: Duration) {
        let probe = Probe {
            node,
            incarnation,
            pod: PodIndex::at(address),
            until: self.now + timeout,
        };
        let at = self.now + self.costs.hop;
        self.agenda.push(at, Happening::Probe(self.control.life, probe));
    }

    /// A question about health reaches its pod, or nobody.
    pub(crate) fn probed(&mut self, life: Life, probe: Probe) {
        let Probe {
            node,
            incarnation,
            pod,
            until,
        } = probe;
        let pod = pod.and_then(|pod| self.pods.get(pod.0 as usize));
        let listens = pod.is_some_and(|pod| pod.tenant.is_some());
        let silent = pod.is_some_and(|pod| pod.paused) || !self.connected(node);
        let (at, event) = if silent {
            (until, admin::Event::Silent { node, incarnation })
        } else {
            let answer = admin::Event::Probed {
                node,
                incarnation,
                ok: listens,
            };
            (self.now + self.costs.hop, answer)
        };
        self.agenda
            .push(at, Happening::Role(life, RoleEvent::Admin(event)));
    }

    pub(crate) fn ask_identity(&mut self, node: NodeId, incarnation: u32, address: String) {
        let describe = Describe {
            node,
            incarnation,
            address,
            attempt: 1,
        };
        let at = self.now + self.costs.hop;
        self.agenda
            .push(at, Happening::Describe(self.control.life, describe));
    }

    /// A question about identity reaches its pod, or nobody.
    pub(crate) fn describe(&mut self, life: Life, mut describe: Describe) {
        let pod = PodIndex::at(&describe.address).and_then(|pod| self.pods.get(pod.0 as usize));
        let listens = pod.is_some_and(|pod| pod.tenant.is_some());
        let answers = listens && pod.is_some_and(|pod| !pod.paused) && self.connected(describe.node);
        let key = pod.map(|pod| pod.public_key.clone()).unwrap_or_default();
        if !answers && describe.attempt < ASK_TIMES {
            describe.attempt += 1;
            let silence = if listens { ASK_TIMEOUT } else { self.costs.hop };
            let at = self.now + silence + ASK_PAUSE;
            self.agenda.push(at, Happening::Describe(life, describe));
            return;
        }
        let event = fleet::Event::Described {
            node: describe.node,
            incarnation: describe.incarnation,
            address: describe.address,
            result: if answers { Ok(key) } else { Err(()) },
        };
        let at = self.now + self.costs.hop;
        self.agenda
            .push(at, Happening::Role(life, RoleEvent::Fleet(event)));
    }

    /// A pod listens now.
    pub(crate) fn pod_runs(&mut self, index: PodIndex) {
        let (node, incarnation) = {
            let life = &self.pods[index.0 as usize];
            (life.node, life.incarnation)
        };
        if !self.pods[index.0 as usize].alive {
            return;
        }
        if self.pods[index.0 as usize].paused {
            self.pods[index.0 as usize].held.push(Happening::PodRuns(index));
            return;
        }
        let seed = self.key_seed();
        let keys = match self.config.suite {
            Suite::Simulation => Ok(Keys::simulated(seed)),
            Suite::Modern | Suite::Report => Keys::generate(self.config.suite, seed),
        };
        let made = keys.map_err(|error| error.to_string()).and_then(|keys| {
            let public_key = keys.public_key().to_string();
            Tenant::new(&self.config, self.cluster_id, node, incarnation, keys.clone())
                .map(|tenant| (tenant, public_key, keys))
                .map_err(|error| error.to_string())
        });
        match made {
            Ok((tenant, public_key, keys)) => {
                let life = &mut self.pods[index.0 as usize];
                life.ahead = self.wall;
                life.tenant = Some(tenant);
                life.keys = Some(keys);
                life.public_key = public_key;
                self.cluster.run(index);
                if self.now + self.wall < self.control.wall_told() {
                    self.hit(Sometimes::SetBack);
                }
                self.observe(Observation::new(self.now, Step::RoleStarted).with_node(node));
                self.pods_changed();
                self.arm_pod(index);
            }
            Err(problem) => drop(self.trouble.get_or_insert(format!("{node}: {problem}"))),
        }
    }

    /// A pod ends, whoever wants it.
    pub(crate) fn end_pod(&mut self, index: PodIndex) {
        if !self.cluster.end(index) {
            return;
        }
        let now = self.now;
        let life = &mut self.pods[index.0 as usize];
        life.tenant = None;
        life.liar = None;
        life.alive = false;
        life.held.clear();
        life.paused = false;
        let seconds = now.since(life.created).as_secs_f64();
        self.usage.pod_seconds += seconds;
        if let NodeId::Worker(set) = life.node {
            self.usage.set_seconds[set.operation.index()] += seconds;
        }
        if let Some(watch) = &mut self.watch {
            watch.gone(index);
        }
        self.hang_up(index);
        self.pods_changed();
    }
}
