//! Looks at the platform several times a second: queues, sets, memory, and every version of every set record.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::Value;
use tally_capture::{SCHEMA_VERSION, Sample, TrialKeys};
use tally_load::Client;
use tally_local::resident_bytes;
use tally_model::{Epoch, PlatformConfig, SetId, SetRecord};

use super::recorder::Recorder;
use super::world::{Sizes, World};

/// How often.
const PERIOD: Duration = Duration::from_millis(200);
/// How long one question may take.
const ASK: Duration = Duration::from_secs(1);

/// The largest resident sizes seen.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Memory {
    pub(super) control_plane: u64,
    pub(super) member: u64,
    pub(super) harness: u64,
}

/// Watches one platform during one trial.
pub(super) struct Sampler<'a> {
    platform: &'a PlatformConfig,
    cluster: String,
    recorder: &'a Recorder,
    start: Instant,
    client: Client,
    sizes: Box<dyn FnMut() -> Option<Sizes> + Send>,
    known: BTreeSet<(SetId, Epoch, String)>,
    records: Vec<SetRecord>,
    memory: Memory,
}

impl<'a> Sampler<'a> {
    pub(super) fn new(
        world: &'a dyn World,
        platform: &'a PlatformConfig,
        recorder: &'a Recorder,
        start: Instant,
    ) -> Self {
        Self {
            platform,
            cluster: world.cluster(),
            recorder,
            start,
            client: Client::new(world.http(), ASK),
            sizes: world.memory(),
            known: BTreeSet::new(),
            records: Vec::new(),
            memory: Memory::default(),
        }
    }

    /// Samples until told to stop, and once more then; returns the largest memory seen.
    pub(super) fn run(mut self, over: &dyn Fn() -> bool) -> Memory {
        loop {
            let last = over();
            self.look();
            self.recorder.tick();
            if last {
                return self.memory;
            }
            std::thread::sleep(PERIOD);
        }
    }

    fn look(&mut self) {
        self.look_at_sets();
        let rss = self.look_at_memory();
        let Some(status) = self
            .client
            .status()
            .ok()
            .and_then(|r| serde_json::from_slice::<Value>(&r.body).ok())
        else {
            return;
        };
        let mut sample = Sample {
            at: self.start.elapsed().as_nanos() as u64,
            pending: status["pending"].as_u64().unwrap_or(0),
            rss,
            ..Sample::default()
        };
        for (index, layer) in status["layers"]
            .as_array()
            .into_iter()
            .flatten()
            .enumerate()
            .take(4)
        {
            let number = |key: &str| layer[key].as_u64().unwrap_or(0);
            sample.visible[index] = number("visible");
            sample.in_flight[index] = number("in_flight");
            sample.ready[index] = number("ready") as u32;
            sample.starting[index] = number("starting") as u32;
        }
        self.recorder.write(|writer| writer.sample(&sample));
    }

    /// Certificates name their epoch, so every version of every record is needed to check them.
    fn look_at_sets(&mut self) {
        let sets = self.client.get("/v1/sets").ok();
        let Some(sets) = sets.and_then(|r| serde_json::from_slice::<Vec<SetRecord>>(&r.body).ok()) else {
            return;
        };
        let before = self.records.len();
        for set in sets {
            let keys: String = set.members().map(|member| member.public_key.as_str()).collect();
            if self.known.insert((set.id, set.epoch, keys)) {
                self.records.push(set);
            }
        }
        if self.records.len() > before {
            let keys = TrialKeys {
                schema_version: SCHEMA_VERSION,
                cluster: self.cluster.clone(),
                config: self.platform.clone(),
                sets: self.records.clone(),
            };
            self.recorder.write(|writer| writer.keys(&keys));
        }
    }

    fn look_at_memory(&mut self) -> [u64; 3] {
        let mut rss = [0, 0, resident_bytes()];
        if let Some(sizes) = (self.sizes)() {
            (rss[0], rss[1]) = (sizes.control_plane, sizes.member);
            self.memory.control_plane = self.memory.control_plane.max(sizes.control_plane_peak);
            self.memory.member = self.memory.member.max(sizes.member_peak);
        }
        self.memory.harness = self.memory.harness.max(rss[2]);
        rss
    }
}
