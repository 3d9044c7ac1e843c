//! Turns: an event or a deadline reaches a machine, and what it wants is noted on the agenda.

use tally_model::{NodeId, Observation, Step};
use tally_substrate::PodIndex;

use crate::control::Wish;
use crate::happening::{Happening, Role, RoleEvent, Station};
use crate::pods::{PodEvent, PodWish, Tenant};
use crate::world::World;

impl World {
    /// Hands an event to a role now.
    pub(crate) fn tell(&mut self, event: RoleEvent) {
        let role = event.role();
        let mut wishes = std::mem::take(&mut self.wishes);
        self.work.turns += 1;
        self.control.handle(self.now, event, &mut wishes);
        self.obey(role, &mut wishes);
        self.wishes = wishes;
    }

    pub(crate) fn woken(&mut self, station: Station) {
        let now = self.now;
        match station {
            Station::Role(role) => {
                if self.control.armed[role as usize] != Some(now) {
                    return;
                }
                self.control.armed[role as usize] = None;
                if !self.control.up || self.control.paused {
                    return;
                }
                if self.control.deadline(role).is_some_and(|at| at <= now) {
                    self.count(station);
                    let mut wishes = std::mem::take(&mut self.wishes);
                    self.control.wake(now, role, &mut wishes);
                    self.obey(role, &mut wishes);
                    self.wishes = wishes;
                } else {
                    self.arm_role(role);
                }
            }
            Station::Queue(queue) => {
                if self.lines.disarm(queue, now) {
                    self.queue_due(queue);
                }
            }
            Station::Pod(pod) => {
                let life = &mut self.pods[pod.0 as usize];
                if life.armed != Some(now) {
                    return;
                }
                life.armed = None;
                if life.paused {
                    return;
                }
                if life.deadline().is_some_and(|at| at <= now) {
                    self.count(station);
                    self.turn(pod, PodEvent::Wake);
                } else {
                    self.arm_pod(pod);
                }
            }
        }
    }

    /// A machine is really woken.
    pub(crate) fn count(&mut self, station: Station) {
        self.work.events += 1;
        if matches!(station, Station::Role(_)) {
            self.work.turns += 1;
        }
        self.trace.happening(self.now, &Happening::Wake(station));
    }

    /// Carries out what a role wants, and notes when it wants to be woken.
    pub(crate) fn obey(&mut self, role: Role, wishes: &mut Vec<Wish>) {
        for wish in wishes.drain(..) {
            match wish {
                Wish::Port(command) => self.ask(role, command),
                Wish::Observe(observation) => self.observe(observation),
                Wish::Respond(call, response) => {
                    if self.control.calls.remove(&call).is_some() {
                        let at = self.now + self.costs.door;
                        self.agenda.push(at, Happening::Reply(call, response));
                    }
                }
                Wish::Publish(answer) => {
                    let event = crate::clients::ClientEvent::Answer(answer);
                    self.agenda
                        .push(self.now + self.costs.door, Happening::Client(event));
                }
                Wish::Route(node, address) => self.route(node, address.as_deref()),
                Wish::Send(to, packet) => self.send_outward(to, packet),
                Wish::Enqueued(operation, count) => {
                    let event = tally_roles::autoscaler::Event::Enqueued { operation, count };
                    self.note(RoleEvent::Autoscaler(event));
                }
                Wish::Probe(node, incarnation, address, timeout) => {
                    self.ask_health(node, incarnation, &address, timeout);
                }
                Wish::Describe(node, incarnation, address) => self.ask_identity(node, incarnation, address),
                Wish::Nothing => {}
            }
        }
        self.arm_role(role);
    }

    /// An event for a role, within the process.
    pub(crate) fn note(&mut self, event: RoleEvent) {
        self.agenda
            .push(self.now, Happening::Role(self.control.life, event));
    }

    pub(crate) fn arm_role(&mut self, role: Role) {
        let Some(at) = self.control.deadline(role) else {
            return;
        };
        let at = at.max(self.now);
        let armed = &mut self.control.armed[role as usize];
        if armed.is_none_or(|armed| at < armed) {
            *armed = Some(at);
            self.agenda.push(at, Happening::Wake(Station::Role(role)));
        }
    }

    /// Notes when each role wants to be woken, after a time in which none was.
    pub(crate) fn rearm_control(&mut self) {
        self.control.armed = Default::default();
        for role in Role::ALL {
            self.arm_role(role);
        }
        for queue in tally_model::QueueName::ALL {
            self.queue_due(queue);
        }
    }

    pub(crate) fn arm_pod(&mut self, pod: PodIndex) {
        let life = &mut self.pods[pod.0 as usize];
        let Some(at) = life.deadline() else {
            return;
        };
        let at = at.max(self.now);
        if life.armed.is_none_or(|armed| at < armed) {
            life.armed = Some(at);
            self.agenda.push(at, Happening::Wake(Station::Pod(pod)));
        }
    }

    /// One turn of a pod's machine; what it sends leaves when its processor is done with the signatures.
    pub(crate) fn turn(&mut self, pod: PodIndex, event: PodEvent) {
        let life = &mut self.pods[pod.0 as usize];
        if life.paused {
            if let Some(held) = hold(pod, event) {
                life.held.push(held);
            }
            return;
        }
        if life.liar.is_some() {
            self.turn_of_liar(pod, event);
            return;
        }
        let Some(mut tenant) = life.tenant.take() else {
            return;
        };
        self.turn_of(pod, &mut tenant, event, false);
        self.pods[pod.0 as usize].tenant = Some(tenant);
        self.arm_pod(pod);
    }

    /// A lying pod may be two machines.
    pub(crate) fn turn_of_liar(&mut self, pod: PodIndex, event: PodEvent) {
        let (first, second) = match &event {
            PodEvent::Packet(from, _) => self.is_for_twin(pod, *from),
            PodEvent::SpinDone(_) | PodEvent::PeerLost(_) | PodEvent::Corrupt(_) | PodEvent::Wake => {
                (true, true)
            }
        };
        let mut again = second.then(|| event.again());
        let life = &mut self.pods[pod.0 as usize];
        let (tenant, twin) = (
            life.tenant.take(),
            life.liar.as_mut().and_then(|liar| liar.twin.take()),
        );
        let Some(mut tenant) = tenant else {
            return;
        };
        let mut event = event;
        if let PodEvent::Packet(_, packet) = &mut event {
            self.tamper(pod, packet);
        }
        if first {
            self.turn_of(pod, &mut tenant, event, false);
        }
        let twin = twin.map(|mut twin| {
            if let Some(event) = again.take() {
                self.turn_of(pod, &mut twin, event, true);
            }
            twin
        });
        let life = &mut self.pods[pod.0 as usize];
        life.tenant = Some(tenant);
        if let Some(liar) = &mut life.liar {
            liar.twin = twin;
        }
        self.arm_pod(pod);
    }

    pub(crate) fn turn_of(&mut self, pod: PodIndex, tenant: &mut Tenant, event: PodEvent, of_twin: bool) {
        let now = self.now;
        let life = &mut self.pods[pod.0 as usize];
        self.work.turns += 1;
        let before = tenant.effort();
        let mut wishes = std::mem::take(&mut self.pod_wishes);
        tenant.turn(now + life.ahead, event, &mut self.pod_out, &mut wishes);
        let after = tenant.effort();
        let spent = self.costs.sign * (after.signed - before.signed) as u32
            + self.costs.verify * (after.verified - before.verified) as u32;
        life.busy = life.busy.max(now) + spent;
        let (leaves, from) = (life.busy, life.node);
        for wish in wishes.drain(..) {
            match wish {
                PodWish::Send(to, packet) => self.say(pod, from, to, packet, leaves, of_twin),
                PodWish::Observe(observation) => self.observe(observation),
                PodWish::Spin(task, duration) => {
                    self.agenda.push(now + duration, Happening::SpinDone(pod, task));
                }
            }
        }
        self.pod_wishes = wishes;
    }

    pub(crate) fn begin_control(&mut self) {
        let started = Observation::new(self.now, Step::RoleStarted).with_node(NodeId::Control);
        self.observe(started);
        let mut wishes = std::mem::take(&mut self.wishes);
        self.control.start(self.now, self.joint, &mut wishes);
        self.obey(Role::Scheduler, &mut wishes);
        self.wishes = wishes;
        for role in Role::ALL {
            self.arm_role(role);
        }
    }
}

/// What a paused pod will find when it goes on; its deadlines are looked at then anyway.
fn hold(pod: PodIndex, event: PodEvent) -> Option<Happening> {
    match event {
        PodEvent::Packet(from, packet) => Some(Happening::Packet {
            to: pod,
            from,
            packet,
        }),
        PodEvent::SpinDone(task) => Some(Happening::SpinDone(pod, task)),
        PodEvent::PeerLost(of) => Some(Happening::Hangup { to: pod, of }),
        // Signals are for processes that run.
        PodEvent::Corrupt(_) | PodEvent::Wake => None,
    }
}
