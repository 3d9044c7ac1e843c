//! Looks at the platform several times a second: queues, sets, memory, and every version of every set record.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::Value;
use tally_capture::{SCHEMA_VERSION, Sample, TrialKeys};
use tally_load::Client;
use tally_local::{Operator, State, peak_bytes_of, resident_bytes, resident_bytes_of};
use tally_model::{Epoch, PlatformConfig, PodPhase, SetId, SetRecord};

use super::recorder::Recorder;

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
    operator: Option<Operator>,
    known: BTreeSet<(SetId, Epoch, String)>,
    records: Vec<SetRecord>,
    memory: Memory,
}

impl<'a> Sampler<'a> {
    pub(super) fn new(
        state: &'a State,
        platform: &'a PlatformConfig,
        recorder: &'a Recorder,
        start: Instant,
    ) -> Self {
        let cluster = std::fs::read_to_string(state.data.join("cluster"))
            .unwrap_or_default()
            .trim()
            .to_owned();
        Self {
            platform,
            cluster,
            recorder,
            start,
            client: Client::new(state.http, ASK),
            operator: Operator::new(state.supervisor).ok(),
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
        if let Some(status) = self.operator.as_mut().and_then(|operator| operator.status().ok()) {
            if let Some(process) = status.control_plane.pod.process {
                rss[0] = resident_bytes_of(process);
                self.memory.control_plane = self.memory.control_plane.max(peak_bytes_of(process));
            }
            let running = status
                .pods
                .iter()
                .filter(|occupant| occupant.pod.phase == PodPhase::Running);
            for process in running.filter_map(|occupant| occupant.pod.process) {
                rss[1] = rss[1].max(resident_bytes_of(process));
                self.memory.member = self.memory.member.max(peak_bytes_of(process));
            }
        }
        self.memory.harness = self.memory.harness.max(rss[2]);
        rss
    }
}
