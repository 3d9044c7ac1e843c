//! Everything a report says about one run, as plain data; the caller fills it in and stores it as `results.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tally_capture::{FaultRecord, RunReader, Sample, Summary};
use tally_model::Observation;

use crate::live_hpa::LiveAutoscaler;

/// One run, judged. All durations are nanoseconds, all moments nanoseconds since the trial began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunReport {
    /// `tally_capture::SCHEMA_VERSION`.
    pub schema_version: u32,
    /// Name of the experiment: `burst`.
    pub name: String,
    /// Its title for people; empty if it has none.
    pub title: String,
    /// `NAME/STAMP`.
    pub run_id: String,
    /// Seed of the whole run.
    pub seed: u64,
    /// Where it ran: `local`, `kind`, `kube`, `sim`.
    pub target: String,
    /// Fingerprint of the plan.
    pub plan: String,
    /// `PASS`, `FAIL`, `UNSAFE`, `INCONCLUSIVE`, `INTERRUPTED`, or another word that the exit code has.
    pub verdict: String,
    /// The process's exit code.
    pub exit_code: u8,
    /// What happened, in one or two plain sentences.
    pub sentence: String,
    /// The expectations, in the order of the file.
    pub expectations: Vec<ExpectationLine>,
    /// The trials, in order.
    pub trials: Vec<TrialReport>,
    /// What the reader should know before believing the numbers.
    pub warnings: Vec<Warning>,
    /// The machine and the program: name and value.
    pub environment: Vec<(String, String)>,
    /// Commands to go on with.
    pub next: Vec<String>,
    /// The command that makes this run again.
    pub repro: String,
}

/// One expectation and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectationLine {
    /// As written: `p99(latency) < 800ms`.
    pub text: String,
    /// The window it is about: `always`, `steady`, `during:kill-leader`; empty is `always`.
    pub when: String,
    /// Whether it held; none if that cannot be told.
    pub held: Option<bool>,
    /// What was measured: `911 ms`, `0 of 12,031`, or why nothing was.
    pub shown: String,
}

/// One trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialReport {
    /// Its number, from 1.
    pub number: u32,
    /// Counts, latencies, seconds, windows, layers.
    pub summary: Summary,
    /// The platform's state over time. Not stored again: `series.jsonl` has it, see [`RunReport::attach`].
    #[serde(default, skip_serializing)]
    pub samples: Vec<Sample>,
    /// The platform's observations. Not stored again: `events.jsonl` has them.
    #[serde(default, skip_serializing)]
    pub events: Vec<Observation>,
    /// The ledgers of the faults.
    pub faults: Vec<FaultRecord>,
    /// What the checker found; none if it did not look.
    pub correctness: Option<Correctness>,
    /// Its live autoscalers beside the model of them; none in most runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub autoscalers: Vec<LiveAutoscaler>,
    /// How well the generator kept its schedule.
    pub generator: GeneratorFacts,
    /// Highest resident memory, per kind of process.
    pub memory: Vec<Memory>,
}

/// What the checker found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correctness {
    /// Known to be accepted.
    pub accepted: u64,
    /// With an outcome.
    pub answered: u64,
    /// Accepted, and no outcome.
    pub lost: u64,
    /// Accepted, and still worked on when the harness stopped to wait.
    #[serde(default)]
    pub overdue: u64,
    /// One request with two ids or two outcome records, or one id for two requests.
    pub duplicated: u64,
    /// Not what the arithmetic gives.
    pub wrong: u64,
    /// Two different outcomes.
    pub conflicting: u64,
    /// An outcome for a request that was refused or never sent.
    pub unexpected: u64,
    /// A later read that shows nothing or something else.
    pub non_monotonic: u64,
    /// Certificates verified, all signatures each.
    pub certificates_audited: u64,
    /// Certificates there were.
    pub certificates_total: u64,
    /// What the audit found, by name.
    #[serde(default)]
    pub flaws: BTreeMap<String, u64>,
    /// Gaps in the record itself, in words.
    #[serde(default)]
    pub gaps: Vec<String>,
    /// Findings in words, the first few: `request 17: answered 12, the arithmetic gives 13`.
    #[serde(default)]
    pub examples: Vec<String>,
}

/// How well the generator kept its schedule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GeneratorFacts {
    /// Median lag: from due to handed to the kernel.
    pub lag_p50: u64,
    /// 99th percentile.
    pub lag_p99: u64,
    /// 99.9th percentile, which is compared with the bound.
    pub lag_p999: u64,
    /// Longest.
    pub lag_max: u64,
    /// Most that the 99.9th percentile may be: the larger of 5 ms and 10 % of the measured p99.
    pub bound: u64,
    /// Whether it was within the bound.
    pub valid: bool,
    /// Whether the generator ran with realtime priority.
    pub realtime: bool,
    /// Requests sent by the generator's second thread, because the first was held up.
    #[serde(default)]
    pub relieved: u64,
    /// Processor time of the generator, in seconds.
    pub cpu_seconds: f64,
    /// Each agent on its own; none if the harness sent everything itself. The figures above are of all together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<AgentFacts>,
}

/// How well one agent kept its share of the schedule. Times in nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentFacts {
    /// Which, from 0.
    pub agent: u32,
    /// Requests that it sent.
    pub sent: u64,
    /// Median lag.
    pub lag_p50: u64,
    /// 99th percentile.
    pub lag_p99: u64,
    /// 99.9th percentile.
    pub lag_p999: u64,
    /// Longest.
    pub lag_max: u64,
}

/// Memory of one kind of process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Whose: `control plane`.
    pub label: String,
    /// Resident bytes at the highest.
    pub bytes: u64,
}

/// Something to know before believing the numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// Stable name: `generator-late`.
    pub code: String,
    /// What was seen and what the limit is.
    pub text: String,
    /// What to do about it.
    pub remedy: String,
}

impl RunReport {
    /// Fills in samples, observations and fault ledgers from the run directory, for a report read back from `results.json`.
    ///
    /// # Errors
    /// If a file is missing or damaged; a torn tail is not an error.
    pub fn attach(&mut self, run: &RunReader) -> tally_capture::Result<()> {
        for reader in run.trials()? {
            let Some(trial) = self
                .trials
                .iter_mut()
                .find(|trial| trial.number == reader.number())
            else {
                continue;
            };
            trial.samples = reader.series()?.0;
            trial.events = reader.events()?.0;
            trial.faults = reader.faults()?.0;
        }
        Ok(())
    }

    /// How many expectations held, failed, and could not be told.
    pub(crate) fn tally(&self) -> [usize; 3] {
        [Some(true), Some(false), None]
            .map(|held| self.expectations.iter().filter(|line| line.held == held).count())
    }
}
