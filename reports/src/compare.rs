//! Several arms side by side: what they came to, how sure that is, and whether they can be compared at all.
//!
//! The trial is the unit: requests of one trial are not independent, so every number is computed per trial and arms are compared
//! over trials. The first arm is what the others are compared with.

mod calibration;
mod fairness;
mod headline;
mod input;
mod number;
mod reaction;
mod sentence;
mod statistics;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tally_capture::SCHEMA_VERSION;

pub use calibration::{Calibration, CalibrationError};
pub(crate) use fairness::duration;
pub use fairness::{Differing, Unfair, fair};
pub use headline::Unit;
pub(crate) use headline::{FAULT_METRICS, METRICS, sets};
pub(crate) use input::Entry;
pub use input::{ComparedRun, Contestant, scaler_name};
pub use number::{Difference, Estimate, Number, Verdict};
pub(crate) use number::{NOISE, estimate, missing};
pub use reaction::{Part, Reached, Reaction};
pub use statistics::{Interval, median, median_interval};

/// A comparison, as `results.json` has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// `tally_capture::SCHEMA_VERSION`.
    pub schema_version: u32,
    /// Name of the experiment.
    pub name: String,
    /// For people; says so if an autoscaler of Kubernetes is a model here.
    pub title: String,
    /// What was found, in plain sentences.
    pub sentences: Vec<String>,
    /// How trials belong together: `paired` or `unpaired`.
    pub pairing: Pairing,
    /// The arms; the first is what the others are compared with.
    pub arms: Vec<Arm>,
    /// The headline table.
    pub numbers: Vec<Number>,
    /// Settings that differ between the arms: what is compared.
    pub settings: Vec<Differing>,
    /// Simulated arms beside those that they stand for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calibrations: Vec<Calibration>,
    /// Facts of machine and program that differ.
    pub environment: Vec<Differing>,
    /// What to know before believing the numbers.
    pub notes: Vec<String>,
}

/// How the trials of different arms belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pairing {
    /// Trials of one pair had the same plan, and each plan was played once on each arm (or in turns).
    Paired,
    /// Trials do not belong together.
    Unpaired,
}

/// One arm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Arm {
    /// Its name.
    pub label: String,
    /// The policy that drove it.
    pub scaler: String,
    /// Its trials that are compared.
    pub trials: Vec<TrialLine>,
    /// Answers that were lost, wrong, doubled or in conflict, over all trials; none if a trial was not checked.
    pub unsafe_answers: Option<u64>,
    /// Accepted requests, over all trials.
    pub accepted: u64,
    /// Nine stages of its scale-ups, over all trials.
    pub reaction: Reaction,
}

/// One trial that is compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialLine {
    /// Its run.
    pub run: String,
    /// Its seed.
    pub seed: u64,
    /// Its plan.
    pub plan: String,
    /// The verdict of its run.
    pub verdict: String,
    /// Whether the generator kept its schedule.
    pub valid: bool,
}

impl Comparison {
    /// Compares arms, each with at least one run. `interleaved` says that they were played in turns, so that the nth trials of one
    /// plan belong together.
    ///
    /// # Errors
    /// If the arms differ in what must be equal, each field by name.
    pub fn of(contestants: &[Contestant], interleaved: bool) -> Result<Self, Unfair> {
        let settings = fairness::settings(contestants);
        let (entries, notes) = common(contestants);
        let (settings, entries) = match (settings, entries) {
            (Ok(settings), Ok(entries)) => (settings, entries),
            (settings, entries) => {
                let problems = settings.err().into_iter().chain(entries.err());
                return Err(Unfair {
                    problems: problems.flat_map(|unfair| unfair.problems).collect(),
                });
            }
        };
        let repeated = entries.iter().flatten().any(|entry| entry.nth > 0);
        let places = |trials: &Vec<Entry<'_>>| -> Vec<(String, usize)> {
            trials
                .iter()
                .map(|entry| (entry.run.plan.clone(), entry.nth))
                .collect()
        };
        let equal = entries.iter().all(|trials| places(trials) == places(&entries[0]));
        let paired = equal && (interleaved || !repeated);
        let number = |metric| {
            let values = entries.iter().map(|trials| values(trials, metric)).collect();
            Number::of(metric, values, paired)
        };
        let faulty = |entry: &Entry<'_>| !entry.trial.summary.faults.is_empty();
        let of_faults: &[_] = if entries.iter().flatten().any(faulty) {
            &FAULT_METRICS
        } else {
            &[]
        };
        let numbers: Vec<Number> = METRICS.iter().chain(of_faults).map(number).collect();
        let arms: Vec<Arm> = contestants
            .iter()
            .zip(&entries)
            .map(|(contestant, trials)| arm(contestant, trials))
            .collect();
        let first = contestants.first().and_then(|first| first.runs.first());
        let name = first.map_or_else(String::new, |run| run.report.name.clone());
        let mut comparison = Self {
            schema_version: SCHEMA_VERSION,
            title: sentence::title(
                first.map_or("", |run| run.report.title.as_str()),
                &name,
                contestants,
            ),
            name,
            sentences: Vec::new(),
            pairing: if paired {
                Pairing::Paired
            } else {
                Pairing::Unpaired
            },
            arms,
            numbers,
            settings,
            calibrations: calibration::calibrations(contestants, &entries),
            environment: fairness::environment(contestants),
            notes,
        };
        comparison.notes.extend(sentence::notes(&comparison, interleaved));
        comparison.sentences = sentence::sentences(&comparison);
        Ok(comparison)
    }
}

fn values(trials: &[Entry<'_>], metric: &headline::Metric) -> Vec<Option<f64>> {
    let value = |entry: &Entry<'_>| (metric.of)(entry.trial).filter(|value| value.is_finite());
    trials.iter().map(value).collect()
}

/// Of every arm the trials whose plan and number every other arm has too, in one order for all; and what was left out.
fn common(contestants: &[Contestant]) -> (Result<Vec<Vec<Entry<'_>>>, Unfair>, Vec<String>) {
    let all: Vec<Vec<Entry<'_>>> = contestants.iter().map(Contestant::entries).collect();
    let plans = |entries: &Vec<Entry<'_>>| -> BTreeSet<(u64, String)> {
        entries
            .iter()
            .map(|entry| (entry.run.seed, entry.run.plan.clone()))
            .collect()
    };
    let mut shared = all.first().map(plans).unwrap_or_default();
    for entries in all.iter().skip(1) {
        shared = shared.intersection(&plans(entries)).cloned().collect();
    }
    if shared.is_empty() {
        let shown = contestants.iter().zip(&all).map(|(arm, entries)| {
            let plans: BTreeSet<&str> = entries.iter().map(|entry| short(&entry.run.plan)).collect();
            let plans: Vec<&str> = plans.into_iter().take(4).collect();
            format!(
                "{} on {}",
                if plans.is_empty() {
                    "none".to_owned()
                } else {
                    plans.join(" / ")
                },
                arm.label
            )
        });
        let shown: Vec<String> = shown.collect();
        let problem = format!(
            "no workload fingerprint (`plan`) is common to all arms: {}",
            shown.join(", ")
        );
        return (
            Err(Unfair {
                problems: vec![problem],
            }),
            Vec::new(),
        );
    }
    let (mut kept, mut notes) = (Vec::new(), Vec::new());
    for (contestant, entries) in contestants.iter().zip(all) {
        let before = entries.len();
        let mut entries: Vec<Entry<'_>> = entries
            .into_iter()
            .filter(|entry| shared.contains(&(entry.run.seed, entry.run.plan.clone())))
            .collect();
        if entries.len() < before {
            notes.push(format!(
                "{} of {before} trials of {} are left out: not every arm has their plan.",
                before - entries.len(),
                contestant.label
            ));
        }
        entries.sort_by(|a, b| (a.run.seed, &a.run.plan, a.nth).cmp(&(b.run.seed, &b.run.plan, b.nth)));
        kept.push(entries);
    }
    (Ok(kept), notes)
}

/// The first letters of a fingerprint.
pub(crate) fn short(plan: &str) -> &str {
    plan.get(..12).unwrap_or(plan)
}

/// The trials of every arm that are compared, in the order of [`Number`]'s values.
pub(crate) fn compared(contestants: &[Contestant]) -> Vec<Vec<Entry<'_>>> {
    common(contestants).0.unwrap_or_default()
}

fn arm(contestant: &Contestant, trials: &[Entry<'_>]) -> Arm {
    let found = || trials.iter().filter_map(|entry| entry.trial.correctness.as_ref());
    let broken = found().map(|found| found.lost + found.wrong + found.duplicated + found.conflicting);
    Arm {
        label: contestant.label.clone(),
        scaler: contestant
            .runs
            .first()
            .map_or_else(String::new, ComparedRun::scaler),
        trials: trials
            .iter()
            .map(|entry| TrialLine {
                run: entry.run.id.clone(),
                seed: entry.run.seed,
                plan: entry.run.plan.clone(),
                verdict: entry.run.report.verdict.clone(),
                valid: entry.trial.generator.valid,
            })
            .collect(),
        unsafe_answers: (found().count() == trials.len()).then(|| broken.sum()),
        accepted: found().map(|found| found.accepted).sum(),
        reaction: Reaction::of(trials.iter().map(|entry| entry.trial)),
    }
}
