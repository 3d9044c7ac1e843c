//! Calls that take effect, or fail, or both.

use std::time::Duration;

use rand::RngExt;
use tally_model::{Depth, FaultEvent, Precondition, Put, QueueName};
use tally_roles::fleet;
use tally_roles::port::{PortCommand, PortEvent, Trouble};

use super::{Happening, Role, World};

fn trouble() -> Trouble {
    Trouble {
        transient: true,
        message: "lost".to_owned(),
    }
}

impl World {
    pub(super) fn effect(&mut self, role: Role, life: u32, command: PortCommand) {
        let fails = self.trouble > 0 && self.chance(self.trouble);
        let happens = !fails || self.chance(50);
        match command {
            PortCommand::Put {
                token,
                key,
                value,
                when,
            } => {
                let done = happens.then(|| self.put(&key, value, when));
                let result = done.filter(|_| !fails).ok_or_else(trouble);
                self.answer(role, life, PortEvent::PutDone(token, result));
            }
            PortCommand::DeleteKey { token, key, when } => {
                let done = happens.then(|| self.delete(&key, when));
                let result = done.filter(|_| !fails).ok_or_else(trouble);
                self.answer(role, life, PortEvent::KeyDeleted(token, result));
            }
            PortCommand::CreatePod(_) | PortCommand::DeletePod(_) => {
                self.pod_effect(role, life, command, happens, fails);
            }
            PortCommand::Watch { prefix } => {
                let watch = self.store.watch(&prefix);
                self.watches.push((role, life, prefix.clone(), watch));
                self.after(
                    Duration::from_micros(10),
                    Happening::Feed(role, life, prefix, watch),
                );
            }
            PortCommand::WatchPods => {
                self.pods.news();
                let all = self.pods.all();
                self.deliver(role, life, PortEvent::Pods(all));
            }
            PortCommand::Depth {
                queue: QueueName::Layer(operation),
            } => {
                let depth = Depth {
                    visible: self.depths[operation.index()],
                    in_flight: 0,
                };
                let result = if fails { Err(trouble()) } else { Ok(depth) };
                self.answer(role, life, PortEvent::Depth(QueueName::Layer(operation), result));
            }
            PortCommand::Send {
                token,
                queue: QueueName::Faults,
                bodies,
            } => {
                if happens {
                    for body in &bodies {
                        self.recover(body);
                    }
                }
                let result = if fails { Err(trouble()) } else { Ok(()) };
                self.answer(role, life, PortEvent::Sent(token, result));
            }
            PortCommand::CreateService(_) => {}
            other => panic!("nobody here asks for {other:?}"),
        }
    }

    fn pod_effect(&mut self, role: Role, life: u32, command: PortCommand, happens: bool, fails: bool) {
        match command {
            PortCommand::CreatePod(spec) => {
                let done = happens.then(|| self.pods.create(&spec));
                if happens {
                    let start = Duration::from_millis(self.rng.random_range(5..60));
                    self.after(start, Happening::PodRuns(spec.name()));
                    self.pods_changed();
                }
                let result = done.filter(|_| !fails).ok_or_else(trouble);
                self.answer(role, life, PortEvent::PodCreated(spec.name(), result));
            }
            PortCommand::DeletePod(name) => {
                if happens {
                    self.pods.end(&name);
                    self.pods_changed();
                }
                let result = if fails { Err(trouble()) } else { Ok(()) };
                self.answer(role, life, PortEvent::PodDeleted(name, result));
            }
            other => panic!("{other:?} is not about pods"),
        }
    }

    /// What the scheduler does with a fault event.
    fn recover(&mut self, body: &str) {
        let event: FaultEvent = serde_json::from_str(body).unwrap();
        let value = format!("{{\"incarnation\":{},\"kind\":\"any\"}}", event.incarnation);
        let key = fleet::repair_key(event.node);
        self.store.put(&key, value, Precondition::Any);
        self.store_changed(&key);
    }

    fn put(&mut self, key: &str, value: String, when: Precondition) -> Put {
        if let Some(id) = key.strip_prefix(fleet::SETS_PREFIX) {
            let id = id.parse().unwrap();
            self.check_record(id, &serde_json::from_str(&value).unwrap());
        }
        let put = self.store.put(key, value, when);
        self.store_changed(key);
        put
    }

    fn delete(&mut self, key: &str, when: Precondition) -> bool {
        let held = self.store.delete(key, when);
        if let Some(id) = key.strip_prefix(fleet::SETS_PREFIX) {
            self.deleted.insert(id.parse().unwrap());
        }
        self.store_changed(key);
        held
    }

    pub(super) fn store_changed(&mut self, key: &str) {
        for (role, life, prefix, watch) in self.watches.clone() {
            if !key.starts_with(&prefix) {
                continue;
            }
            let delay = self.latency();
            self.after(delay, Happening::Feed(role, life, prefix, watch));
        }
        let lives = self.lives;
        self.watches
            .retain(|(role, life, ..)| lives[*role as usize] == *life);
    }

    pub(super) fn pods_changed(&mut self) {
        let delay = self.latency();
        self.after(delay, Happening::PodFeed(self.life(Role::Fleet)));
    }
}
