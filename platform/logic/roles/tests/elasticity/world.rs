//! A small world in virtual time: autoscaler, fleet and admin over one model store, fake pods, and a stand-in for the
//! scheduler. Answers take their time and overtake each other; calls can fail; the fleet can be killed at any command.

mod checks;
mod effects;
mod lives;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tally_model::{
    Deadline, Instant, Machine, NodeId, Observation, Operation, PlatformConfig, Precondition, SetId, SetState,
};
use tally_roles::port::{PortCommand, PortEvent};
use tally_roles::{admin, autoscaler, fleet};
use tally_substrate::{Store, WatchId};

use crate::pods::FakePods;

/// How long a set works on a task.
const SERVICE: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Autoscaler,
    Fleet,
    Admin,
}

#[derive(Debug)]
enum Happening {
    /// A call takes effect.
    Effect(Role, u32, PortCommand),
    /// An answer arrives.
    Port(Role, u32, PortEvent),
    Described(u32, fleet::Event),
    Probed(admin::Event),
    /// A watch may have something to tell.
    Feed(Role, u32, String, WatchId),
    PodFeed(u32),
    PodRuns(String),
    Serve,
    Drained(SetId),
}

/// See the module.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) now: Instant,
    config: PlatformConfig,
    agenda: BTreeMap<(Instant, u64), Happening>,
    sequence: u64,
    rng: ChaCha8Rng,
    pub(crate) store: Store,
    watches: Vec<(Role, u32, String, WatchId)>,
    pub(crate) pods: FakePods,
    pub(crate) depths: [u64; 4],
    autoscaler: autoscaler::Autoscaler,
    fleet: fleet::Fleet,
    admin: admin::Admin,
    lives: [u32; 3],
    /// Until then nobody is the fleet.
    fleet_up: Instant,
    /// Chance in percent that a call fails, having happened or not.
    pub(crate) trouble: u32,
    /// Chance in percent that a pod dies while it starts.
    pub(crate) stillborn: u32,
    /// The fleet dies instead of giving its command of this number.
    pub(crate) crash_at: BTreeSet<u64>,
    pub(crate) fleet_commands: u64,
    pub(crate) observations: Vec<Observation>,
    deleted: BTreeSet<SetId>,
    told: BTreeSet<SetId>,
    wakes: u32,
}

impl World {
    pub(crate) fn new(config: &PlatformConfig, seed: u64) -> Self {
        let mut world = Self {
            now: Instant::from_nanos(1_000_000_000),
            config: config.clone(),
            agenda: BTreeMap::new(),
            sequence: 0,
            rng: ChaCha8Rng::seed_from_u64(seed),
            store: Store::new(),
            watches: Vec::new(),
            pods: FakePods::default(),
            depths: [0; 4],
            autoscaler: autoscaler::Autoscaler::new(config),
            fleet: fleet::Fleet::new(config, "{}".to_owned()),
            admin: admin::Admin::new(config),
            lives: [0; 3],
            fleet_up: Instant::ZERO,
            trouble: 0,
            stillborn: 0,
            crash_at: BTreeSet::new(),
            fleet_commands: 0,
            observations: Vec::new(),
            deleted: BTreeSet::new(),
            told: BTreeSet::new(),
            wakes: 0,
        };
        world.after(SERVICE, Happening::Serve);
        world
    }

    fn after(&mut self, delay: Duration, happening: Happening) {
        self.sequence += 1;
        self.agenda.insert((self.now + delay, self.sequence), happening);
    }

    fn latency(&mut self) -> Duration {
        Duration::from_micros(self.rng.random_range(50..3000))
    }

    pub(crate) fn chance(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    pub(crate) fn pick(&mut self, below: usize) -> usize {
        self.rng.random_range(0..below)
    }

    const fn life(&self, role: Role) -> u32 {
        self.lives[role as usize]
    }

    /// Enqueues tasks on a layer and tells the autoscaler, as the scheduler does.
    pub(crate) fn enqueue(&mut self, operation: Operation, count: u64) {
        self.depths[operation.index()] += count;
        let mut out = Vec::new();
        self.autoscaler.handle(
            self.now,
            autoscaler::Event::Enqueued { operation, count },
            &mut out,
        );
        self.autoscaler_wants(out);
    }

    /// The transport notices a broken stream.
    pub(crate) fn peer_lost(&mut self, node: NodeId) {
        let mut out = Vec::new();
        self.admin
            .handle(self.now, admin::Event::PeerLost { node }, &mut out);
        self.admin_wants(out);
    }

    pub(crate) fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            let deadlines = [
                self.autoscaler.deadline(),
                self.fleet_deadline(),
                self.admin.deadline(),
            ];
            let wake = deadlines
                .into_iter()
                .flatten()
                .min()
                .map(|Deadline { at, .. }| at.max(self.now));
            let due = self.agenda.first_key_value().map(|((at, _), _)| *at);
            let next = wake.into_iter().chain(due).min().unwrap_or(end);
            if next > end {
                self.now = end;
                return;
            }
            if next > self.now {
                self.wakes = 0;
            }
            self.now = next;
            if due == Some(next) {
                let (_, happening) = self.agenda.pop_first().unwrap();
                self.happen(happening);
            } else {
                self.wakes += 1;
                assert!(self.wakes < 1000, "a machine is woken for nothing: {deadlines:?}");
                self.wake();
            }
        }
    }

    fn fleet_deadline(&self) -> Option<Deadline> {
        let deadline = self.fleet.deadline()?;
        Some(Deadline {
            at: deadline.at.max(self.fleet_up),
            ..deadline
        })
    }

    fn wake(&mut self) {
        let now = self.now;
        let due = |deadline: Option<Deadline>| deadline.is_some_and(|deadline| deadline.at <= now);
        if due(self.autoscaler.deadline()) {
            let mut out = Vec::new();
            self.autoscaler.wake(now, &mut out);
            self.autoscaler_wants(out);
        }
        if due(self.fleet_deadline()) {
            let mut out = Vec::new();
            self.fleet.wake(now, &mut out);
            self.fleet_wants(out);
        }
        if due(self.admin.deadline()) {
            let mut out = Vec::new();
            self.admin.wake(now, &mut out);
            self.admin_wants(out);
        }
    }

    fn autoscaler_wants(&mut self, commands: Vec<autoscaler::Command>) {
        for command in commands {
            match command {
                autoscaler::Command::Port(command) => self.call(Role::Autoscaler, command),
                autoscaler::Command::Observe(observation) => self.observations.push(observation),
            }
        }
    }

    fn admin_wants(&mut self, commands: Vec<admin::Command>) {
        for command in commands {
            match command {
                admin::Command::Port(command) => self.call(Role::Admin, command),
                admin::Command::Observe(observation) => self.observations.push(observation),
                admin::Command::Probe {
                    node,
                    incarnation,
                    timeout,
                    ..
                } => {
                    let ok = self.pods.answers(node, incarnation);
                    let delay = if ok { self.latency() } else { timeout };
                    self.after(
                        delay,
                        Happening::Probed(admin::Event::Probed {
                            node,
                            incarnation,
                            ok,
                        }),
                    );
                }
            }
        }
    }

    fn fleet_wants(&mut self, commands: Vec<fleet::Command>) {
        for command in commands {
            if !matches!(command, fleet::Command::Observe(_)) {
                self.fleet_commands += 1;
                if self.crash_at.remove(&self.fleet_commands) {
                    self.restart_fleet();
                    return;
                }
            }
            match command {
                fleet::Command::Port(command) => self.call(Role::Fleet, command),
                fleet::Command::Observe(observation) => self.observations.push(observation),
                fleet::Command::Describe {
                    node,
                    incarnation,
                    address,
                } => {
                    let ok = self.pods.answers(node, incarnation);
                    let result = if ok {
                        Ok(format!("{incarnation:02x}"))
                    } else {
                        Err(())
                    };
                    let event = fleet::Event::Described {
                        node,
                        incarnation,
                        address,
                        result,
                    };
                    let delay = self.latency();
                    self.after(delay, Happening::Described(self.life(Role::Fleet), event));
                }
            }
        }
    }

    fn call(&mut self, role: Role, command: PortCommand) {
        let delay = self.latency();
        let life = self.life(role);
        self.after(delay, Happening::Effect(role, life, command));
    }

    fn answer(&mut self, role: Role, life: u32, event: PortEvent) {
        let delay = self.latency();
        self.after(delay, Happening::Port(role, life, event));
    }

    fn happen(&mut self, happening: Happening) {
        let mut out = Vec::new();
        match happening {
            Happening::Effect(role, life, command) => self.effect(role, life, command),
            Happening::Port(role, life, event) => self.deliver(role, life, event),
            Happening::Described(life, event) => {
                if life == self.life(Role::Fleet) {
                    self.fleet.handle(self.now, event, &mut out);
                    self.fleet_wants(out);
                }
            }
            Happening::Probed(event) => {
                let mut out = Vec::new();
                self.admin.handle(self.now, event, &mut out);
                self.admin_wants(out);
            }
            Happening::Feed(role, life, prefix, watch) => {
                if let Some(changes) = self.store.changes(watch) {
                    self.deliver(role, life, PortEvent::Changed(prefix, changes));
                }
            }
            Happening::PodFeed(life) if life != self.life(Role::Fleet) => {}
            Happening::PodFeed(life) => {
                let news = self.pods.news();
                if !news.is_empty() {
                    self.deliver(Role::Fleet, life, PortEvent::Pods(news));
                }
            }
            Happening::PodRuns(name) => {
                if self.stillborn > 0 && self.chance(self.stillborn) {
                    self.pods.end(&name);
                } else {
                    self.pods.run(&name);
                }
                self.pods_changed();
            }
            Happening::Serve => self.serve(),
            Happening::Drained(id) => {
                if self.records().contains_key(&id) {
                    let key = fleet::drained_key(id);
                    self.store.put(&key, "{}".to_owned(), Precondition::Any);
                    self.store_changed(&key);
                }
            }
        }
    }

    fn deliver(&mut self, role: Role, life: u32, event: PortEvent) {
        if life != self.life(role) {
            return;
        }
        match role {
            Role::Autoscaler => {
                let mut out = Vec::new();
                self.autoscaler
                    .handle(self.now, autoscaler::Event::Port(event), &mut out);
                self.autoscaler_wants(out);
            }
            Role::Fleet => {
                let mut out = Vec::new();
                self.fleet.handle(self.now, fleet::Event::Port(event), &mut out);
                self.fleet_wants(out);
            }
            Role::Admin => {
                let mut out = Vec::new();
                self.admin.handle(self.now, admin::Event::Port(event), &mut out);
                self.admin_wants(out);
            }
        }
    }

    /// Each ready set finishes a task of its layer.
    fn serve(&mut self) {
        if self.depths != [0; 4] {
            for (id, record) in self.records() {
                let depth = &mut self.depths[id.operation.index()];
                *depth = depth.saturating_sub(u64::from(record.state == SetState::Ready));
            }
        }
        self.after(SERVICE, Happening::Serve);
    }
}
