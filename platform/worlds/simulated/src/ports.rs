//! Questions to queues, store and cluster: when they take effect, and what is answered.

use tally_model::{PodPhase, Precondition, Put, SetRecord};
use tally_roles::gateway::GatewayEvent;
use tally_roles::port::{PortCommand, PortEvent};
use tally_roles::{admin, autoscaler, fleet, scheduler};

use crate::control::Watching;
use crate::coverage::Sometimes;
use crate::happening::{Happening, Life, Role, RoleEvent};
use crate::pods::PodLife;
use crate::world::World;

pub(crate) fn wrap(role: Role, event: PortEvent) -> RoleEvent {
    match role {
        Role::Gateway => RoleEvent::Gateway(GatewayEvent::Port(event)),
        Role::Scheduler => RoleEvent::Scheduler(scheduler::Event::Port(event)),
        Role::Fleet => RoleEvent::Fleet(fleet::Event::Port(event)),
        Role::Admin => RoleEvent::Admin(admin::Event::Port(event)),
        Role::Autoscaler => RoleEvent::Autoscaler(autoscaler::Event::Port(event)),
    }
}

impl World {
    /// A role asks; notes when it takes effect.
    pub(crate) fn ask(&mut self, role: Role, command: PortCommand) {
        let at = match &command {
            PortCommand::Put { .. } | PortCommand::DeleteKey { .. } => self.commit(),
            PortCommand::CreatePod(_) | PortCommand::DeletePod(_) => self.now + self.costs.hop,
            _ => self.now + self.costs.local,
        };
        if let PortCommand::Put { key, value, .. } = &command
            && key.starts_with(fleet::SETS_PREFIX)
            && let Ok(record) = serde_json::from_str::<SetRecord>(value)
        {
            // Auditors must know an epoch before anybody can act in it.
            self.history.push(record);
        }
        self.agenda
            .push(at, Happening::Port(self.control.life, role, command));
    }

    /// The question takes effect.
    pub(crate) fn perform(&mut self, role: Role, command: PortCommand) {
        let (effective, fails) = match command {
            PortCommand::Watch { .. } | PortCommand::WatchPods | PortCommand::CreateService(_) => {
                (true, false)
            }
            _ => self.fate(),
        };
        if fails {
            self.failed(role, command, effective);
            return;
        }
        match command {
            PortCommand::Receive { queue, limit, wait } => self.receive(role, queue, limit, wait),
            PortCommand::Watch { prefix } => self.watch(role, prefix),
            PortCommand::WatchPods => {
                self.control.pods_watched = true;
                let pods = self.cluster.list();
                self.tell(wrap(role, PortEvent::Pods(pods)));
            }
            PortCommand::Send { token, queue, bodies } => {
                self.hand_over(Some((role, token)), queue, bodies);
            }
            PortCommand::PutAndSend { token, entry } => self.enter(Some((role, token)), entry),
            other => {
                if let Some(event) = self.effect(other) {
                    self.tell(wrap(role, event));
                }
            }
        }
    }

    /// Of a process that is gone meanwhile: a write may have become durable or not; nobody is told.
    pub(crate) fn orphan(&mut self, command: PortCommand) {
        let written = matches!(
            command,
            PortCommand::Send { .. }
                | PortCommand::Put { .. }
                | PortCommand::PutAndSend { .. }
                | PortCommand::DeleteKey { .. }
                | PortCommand::CreatePod(_)
                | PortCommand::DeletePod(_)
        );
        if written && self.draw() & 1 == 0 {
            self.effect(command);
        }
    }

    pub(crate) fn effect(&mut self, command: PortCommand) -> Option<PortEvent> {
        let now = self.now;
        Some(match command {
            PortCommand::Send { queue, bodies, .. } => {
                self.admit(queue, bodies);
                return None;
            }
            PortCommand::Delete { queue, receipts } => {
                if self.happens(self.port_weather.lost_delete) {
                    self.hit(Sometimes::DeleteLost);
                    return Some(PortEvent::Deleted(queue, Ok(0)));
                }
                let stale = self.queues.delete(now, queue, &receipts);
                if stale > 0 {
                    self.hit(Sometimes::StaleReceipt);
                }
                PortEvent::Deleted(queue, Ok(stale))
            }
            PortCommand::Extend {
                queue,
                receipts,
                lease,
            } => {
                self.queues.extend(now, queue, &receipts, lease);
                self.arm_queue(queue);
                return None;
            }
            PortCommand::Depth { queue } => PortEvent::Depth(queue, Ok(self.queues.depth(now, queue))),
            PortCommand::Get { token, key } => PortEvent::Got(token, Ok(self.store.get(&key).cloned())),
            PortCommand::List { token, prefix, limit } => {
                PortEvent::Listed(token, Ok(self.store.list(&prefix, limit)))
            }
            PortCommand::Put {
                token,
                key,
                value,
                when,
            } => PortEvent::PutDone(token, Ok(self.put(&key, value, when))),
            PortCommand::PutAndSend { token, entry } => {
                let put = self.put(&entry.key, entry.value, Precondition::Absent);
                if matches!(put, Put::Written(_)) {
                    self.admit(entry.queue, vec![entry.body]);
                }
                PortEvent::PutDone(token, Ok(put))
            }
            PortCommand::DeleteKey { token, key, when } => {
                let held = self.store.delete(&key, when);
                self.key_changed(&key);
                PortEvent::KeyDeleted(token, Ok(held))
            }
            PortCommand::CreatePod(spec) => {
                let name = spec.name();
                PortEvent::PodCreated(name, Ok(self.create_pod(&spec)))
            }
            PortCommand::DeletePod(name) => {
                if let Some(index) = self.cluster.named(&name) {
                    self.end_pod(index);
                }
                PortEvent::PodDeleted(name, Ok(()))
            }
            PortCommand::Receive { .. }
            | PortCommand::Watch { .. }
            | PortCommand::WatchPods
            | PortCommand::CreateService(_) => return None,
        })
    }

    pub(crate) fn put(&mut self, key: &str, value: String, when: Precondition) -> Put {
        let put = self.store.put(key, value, when);
        self.key_changed(key);
        put
    }

    fn watch(&mut self, role: Role, prefix: String) {
        let id = self.store.watch(&prefix);
        let place = self.control.watches.len();
        self.control.watches.push(Watching {
            role,
            prefix,
            id,
            noted: false,
        });
        self.feed(self.control.life, place);
    }

    fn key_changed(&mut self, key: &str) {
        if let Some(name) = key.strip_prefix(fleet::SETS_PREFIX) {
            self.record_changed(name, key);
        }
        if let (Some(set), Some(watch)) = (fleet::lock_of(key), &mut self.watch) {
            let holder = self.store.get(key).map(|holder| holder.value.as_str());
            watch.locked(set, holder);
        }
        let (life, at) = (self.control.life, self.now + self.costs.watch);
        for (place, watching) in self.control.watches.iter_mut().enumerate() {
            if key.starts_with(&watching.prefix) && !std::mem::replace(&mut watching.noted, true) {
                self.agenda.push(at, Happening::Feed(life, place));
            }
        }
    }

    /// Keeps the view of the sets.
    fn record_changed(&mut self, name: &str, key: &str) {
        let Ok(id) = name.parse() else { return };
        let record = self
            .store
            .get(key)
            .and_then(|value| serde_json::from_str::<SetRecord>(&value.value).ok());
        match record {
            Some(record) => {
                if let Some(watch) = &mut self.watch {
                    watch.record(self.now, &record);
                }
                self.records.insert(id, record);
            }
            None => {
                self.records.remove(&id);
                if let Some(watch) = &mut self.watch {
                    watch.deleted(id);
                }
            }
        }
    }

    /// Tells a watcher what changed since it was told last.
    pub(crate) fn feed(&mut self, life: Life, place: usize) {
        if life != self.control.life || !self.control.up {
            return;
        }
        if self.control.paused {
            self.control.held.push(Happening::Feed(life, place));
            return;
        }
        let Some(watching) = self.control.watches.get_mut(place) else {
            return;
        };
        watching.noted = false;
        let (role, prefix) = (watching.role, watching.prefix.clone());
        if let Some(changes) = self.store.changes(watching.id) {
            self.tell(wrap(role, PortEvent::Changed(prefix, changes)));
        }
    }

    fn create_pod(&mut self, spec: &tally_model::PodSpec) -> tally_model::Pod {
        let (pod, index) = self.cluster.create(spec);
        if let (Some(index), Some(set)) = (index, spec.node.set()) {
            let next = self.set_index.len();
            let set = *self.set_index.entry(set).or_insert(next);
            if self.places.len() <= set {
                self.places.resize_with(set + 1, Default::default);
            }
            self.places[set].fill(spec.node, index);
            self.pods
                .push(PodLife::new(spec.node, spec.incarnation, set, self.now));
            self.agenda
                .push(self.now + self.costs.pod_start, Happening::PodRuns(index));
            self.pods_changed();
        }
        pod
    }

    pub(crate) fn pods_changed(&mut self) {
        let watched = self.control.pods_watched;
        if watched && !std::mem::replace(&mut self.control.pods_noted, true) {
            let at = self.now + self.costs.hop;
            self.agenda.push(at, Happening::PodFeed(self.control.life));
        }
    }

    /// Tells the fleet which pods changed.
    pub(crate) fn pod_feed(&mut self, life: Life) {
        if life != self.control.life || !self.control.up {
            return;
        }
        if self.control.paused {
            self.control.held.push(Happening::PodFeed(life));
            return;
        }
        self.control.pods_noted = false;
        let news = self.cluster.news();
        if !news.is_empty() {
            debug_assert!(
                news.iter()
                    .all(|pod| pod.phase != PodPhase::Running || pod.address.is_some())
            );
            self.tell(wrap(Role::Fleet, PortEvent::Pods(news)));
        }
    }
}
