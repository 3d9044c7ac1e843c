//! The world: one agenda, the machines, the models of the outside, and the clock that only the agenda moves.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::{Rng as _, RngExt as _, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tally_consensus::Unsupported;
use tally_model::{Instant, Observation, PlatformConfig, Scaler, SetId, SetRecord, SetState};
use tally_substrate::{Cluster, Link, Queues, Settings, Store, Weather};

use crate::agenda::Agenda;
use crate::clients::Clients;
use crate::control::{Control, Wish};
use crate::costs::Costs;
use crate::disk::Disk;
use crate::happening::{Happening, RoleEvent};
use crate::lines::Lines;
use crate::pods::{Out, Places, PodEvent, PodLife, PodWish};
use crate::trace::Trace;
use crate::unwritten::Unwritten;
use crate::view::{Usage, Work};
use crate::watch::{Oracle, Watch};
use crate::weather::{Clogs, PortWeather};

/// How a world is made.
#[derive(Clone, Debug)]
pub struct Options {
    /// The platform.
    pub config: PlatformConfig,
    /// What things cost.
    pub costs: Costs,
    /// Seed of everything that chance decides outside the platform: keys, ids, pauses of clients, the network.
    pub seed: u64,
    /// Policies that see every signal and decide nothing.
    pub shadows: Vec<Scaler>,
    /// Whether store and queue are one, as in the embedded store, so that a request enters with one write.
    pub joint: bool,
    /// How far the machines' wall clock is ahead of the world's own time at the beginning: so far it can be set back.
    pub wall: Duration,
    /// Keep one line per event (see [`World::take_lines`]).
    pub lines: bool,
    /// Hold everything that is said and decided against the invariants; this is what they compare values with.
    pub oracle: Option<Oracle>,
}

impl Options {
    /// A platform with the default costs.
    pub fn new(config: PlatformConfig, seed: u64) -> Self {
        Self {
            config,
            costs: Costs::default(),
            seed,
            shadows: Vec::new(),
            joint: true,
            wall: Duration::ZERO,
            lines: false,
            oracle: None,
        }
    }
}

/// The platform did not come up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("after {waited:?} of virtual time only {ready} of {wanted} worker sets are ready")]
pub struct NotReady {
    waited: Duration,
    ready: usize,
    wanted: usize,
}

/// The simulated world.
#[derive(Debug)]
pub struct World {
    pub(crate) now: Instant,
    pub(crate) agenda: Agenda<Happening>,
    pub(crate) config: PlatformConfig,
    pub(crate) costs: Costs,
    pub(crate) cluster_id: [u8; 16],
    pub(crate) shadows: Vec<Scaler>,
    pub(crate) joint: bool,
    pub(crate) rng: ChaCha8Rng,
    keys: ChaCha8Rng,
    pub(crate) control: Control,
    pub(crate) disk: Disk,
    pub(crate) unwritten: Unwritten,
    pub(crate) queues: Queues,
    pub(crate) lines: Lines,
    pub(crate) store: Store,
    pub(crate) cluster: Cluster,
    pub(crate) link: Link,
    pub(crate) pods: Vec<PodLife>,
    pub(crate) set_index: BTreeMap<SetId, usize>,
    pub(crate) places: Vec<Places>,
    pub(crate) records: BTreeMap<SetId, SetRecord>,
    pub(crate) history: Vec<SetRecord>,
    pub(crate) clients: Clients,
    pub(crate) observations: Vec<Observation>,
    pub(crate) trace: Trace,
    pub(crate) work: Work,
    pub(crate) usage: Usage,
    pub(crate) trouble: Option<String>,
    pub(crate) watch: Option<Box<Watch>>,
    /// How far the wall clock is ahead, of which a process takes note when it starts.
    pub(crate) wall: Duration,
    pub(crate) clogs: Clogs,
    pub(crate) port_weather: PortWeather,
    /// Messages that were sent and do not show yet.
    pub(crate) late: usize,
    pub(crate) wishes: Vec<Wish>,
    pub(crate) pod_wishes: Vec<PodWish>,
    pub(crate) pod_out: Out,
}

impl World {
    /// A world in which the control plane has just been started.
    ///
    /// # Errors
    /// [`Unsupported`] if the configured protocol is not built.
    pub fn new(options: Options) -> Result<Self, Unsupported> {
        let Options {
            config,
            costs,
            seed,
            shadows,
            joint,
            wall,
            lines,
            oracle,
        } = options;
        let options_config = config.clone();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let keys = ChaCha8Rng::seed_from_u64(rng.next_u64());
        let mut cluster_id = [0; 16];
        rng.fill_bytes(&mut cluster_id);
        let settings = Settings {
            visibility: config.timing.visibility,
            receives: config.limits.receives,
        };
        crate::pods::supported(&config)?;
        let mut world = Self {
            now: Instant::ZERO,
            agenda: Agenda::new(),
            control: Control::new(0, wall, &config, cluster_id, &shadows),
            link: Link::new(Weather::calm(costs.hop)),
            config,
            costs,
            cluster_id,
            shadows,
            joint,
            rng,
            keys,
            disk: Disk::default(),
            unwritten: Unwritten::default(),
            queues: Queues::new(settings),
            lines: Lines::default(),
            store: Store::new(),
            cluster: Cluster::new(),
            pods: Vec::new(),
            set_index: BTreeMap::new(),
            places: Vec::new(),
            records: BTreeMap::new(),
            history: Vec::new(),
            clients: Clients::default(),
            observations: Vec::new(),
            trace: Trace::new(lines),
            work: Work::default(),
            usage: Usage::default(),
            trouble: None,
            watch: oracle.map(|oracle| Box::new(Watch::new(&options_config, oracle))),
            wall,
            clogs: Clogs::default(),
            port_weather: PortWeather::default(),
            late: 0,
            wishes: Vec::new(),
            pod_wishes: Vec::new(),
            pod_out: Out::default(),
        };
        world.begin_control();
        Ok(world)
    }

    /// Runs until every operation has as many ready sets as it must have at least.
    ///
    /// # Errors
    /// [`NotReady`] if that takes longer than `limit` of virtual time.
    pub fn settle(&mut self, limit: Duration) -> Result<(), NotReady> {
        let until = self.now + limit;
        let wanted = self.config.bounds.min;
        let settled = |world: &Self| world.layers().iter().all(|layer| layer.ready >= wanted);
        while !settled(self) {
            if !self.step(until) {
                let ready = self
                    .records
                    .values()
                    .filter(|record| record.state == SetState::Ready)
                    .count();
                return Err(NotReady {
                    waited: limit,
                    ready,
                    wanted: wanted as usize * 4,
                });
            }
        }
        Ok(())
    }

    /// Lets everything happen that is due within `span`, and the clock arrive at its end. What violates an invariant ends it: some
    /// violations have no end of their own.
    pub fn advance(&mut self, span: Duration) {
        let until = self.now + span;
        while self.step(until) && self.violation().is_none() {}
        self.now = until;
    }

    /// Lets the next entry happen if it is due by `until`.
    fn step(&mut self, until: Instant) -> bool {
        let Some((at, happening)) = self.agenda.pop(until) else {
            return false;
        };
        self.now = at;
        self.happen(happening);
        true
    }

    fn happen(&mut self, happening: Happening) {
        if let Happening::Wake(station) = happening {
            self.woken(station);
            return;
        }
        self.trace.happening(self.now, &happening);
        self.work.events += 1;
        match happening {
            Happening::Role(life, event) => self.reach(life, Happening::Role(life, event)),
            Happening::Port(life, role, command) => self.reach(life, Happening::Port(life, role, command)),
            Happening::Written(life, serial) => self.reach(life, Happening::Written(life, serial)),
            Happening::Flush(life, serial) => self.reach(life, Happening::Flush(life, serial)),
            Happening::Inward { from, packet } => {
                let life = self.control.life;
                self.reach(life, Happening::Inward { from, packet });
            }
            Happening::Packet { to, from, packet } => self.turn(to, PodEvent::Packet(from, packet)),
            Happening::SpinDone(pod, task) => self.turn(pod, PodEvent::SpinDone(task)),
            Happening::Hangup { to, of } => self.turn(to, PodEvent::PeerLost(of)),
            Happening::Serve(queue) => self.serve(queue),
            Happening::Late(queue, body) => self.shows(queue, body),
            Happening::Feed(life, watch) => self.feed(life, watch),
            Happening::PodFeed(life) => self.pod_feed(life),
            Happening::PodRuns(pod) => self.pod_runs(pod),
            Happening::Dial(life, node, serial) => self.dial(life, node, serial),
            Happening::Lost(life, node, serial) => self.lost(life, node, serial),
            Happening::Probe(life, probe) => self.probed(life, probe),
            Happening::Describe(life, describe) => self.describe(life, describe),
            Happening::ControlUp(life) => self.control_up(life),
            Happening::Client(event) => self.client(event),
            Happening::Knock(knock) => self.knocked(knock),
            Happening::Reply(call, response) => self.replied(call, response),
            Happening::Wake(_) => {}
        }
    }

    /// Something reaches the control plane, if it is the one that was meant and is awake.
    fn reach(&mut self, life: u32, happening: Happening) {
        if life != self.control.life || !self.control.up {
            if let Happening::Port(_, _, command) = happening {
                self.orphan(command);
            }
            return;
        }
        if self.control.paused {
            self.control.held.push(happening);
            return;
        }
        match happening {
            Happening::Role(_, event) => self.tell(event),
            Happening::Port(_, role, command) => self.perform(role, command),
            Happening::Written(_, serial) => self.written(serial),
            Happening::Flush(_, serial) => self.flush(serial),
            Happening::Inward { from, packet } => {
                self.tell(RoleEvent::Scheduler(tally_roles::scheduler::Event::Packet {
                    from,
                    packet,
                }));
            }
            _ => {}
        }
    }

    pub(crate) fn observe(&mut self, observation: Observation) {
        self.trace.observation(&observation);
        if let Some(watch) = &mut self.watch {
            watch.observed(&observation);
        }
        self.observations.push(observation);
    }

    /// An even word of the world's chance.
    pub(crate) fn draw(&mut self) -> u64 {
        self.rng.next_u64()
    }

    pub(crate) fn entropy(&mut self) -> u128 {
        self.rng.random()
    }

    pub(crate) fn key_seed(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        self.keys.fill_bytes(&mut seed);
        seed
    }
}
