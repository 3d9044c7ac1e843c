//! What must be equal for a comparison to mean anything, what may differ, and what differed.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::input::{ComparedRun, Contestant, scaler_name};

/// Settings that all arms share (design decision 16), by their path in `resolved.json`. The workload itself is compared by its
/// fingerprint.
const SHARED: [&str; 7] = [
    "phases",
    "faults",
    "platform.bounds",
    "platform.limits",
    "platform.replicas",
    "platform.timing",
    "platform.work",
];
/// Parts of these that belong to a policy and may be what is compared.
const OF_THE_POLICY: [&str; 2] = ["platform.timing.scale_tick", "platform.timing.scale_down_after"];
/// Settings that say nothing about the platform under test.
const SILENT: [&str; 8] = [
    "name",
    "title",
    "seed",
    "trials",
    "platform.seed",
    "loads",
    "expectations",
    "compare",
];

/// A setting, or a fact of the machine, with its value on each arm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Differing {
    /// `platform.scaler`, `kernel`.
    pub name: String,
    /// Per arm; several values of one arm stand beside each other.
    pub values: Vec<String>,
}

/// Why arms are not compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these runs cannot be compared: {}", .problems.join("; "))]
pub struct Unfair {
    /// Every reason, each with the field and its values.
    pub problems: Vec<String>,
}

/// Settings that differ between arms and may. An arm is its label and the settings (`resolved.json`) of its runs.
///
/// # Errors
/// Every field that must be equal and is not.
pub fn fair(arms: &[(&str, Vec<&Value>)]) -> Result<Vec<Differing>, Unfair> {
    let per_arm: Vec<_> = arms
        .iter()
        .map(|(_, runs)| gathered(runs.iter().map(|settings| flat(settings))))
        .collect();
    let (mut differing, mut problems) = (Vec::new(), Vec::new());
    for one in differences(&per_arm) {
        if is_under(&one.name, &SHARED) && !is_under(&one.name, &OF_THE_POLICY) {
            let named = arms.iter().zip(&one.values);
            let values: Vec<String> = named
                .map(|((label, _), value)| format!("{value} on {label}"))
                .collect();
            problems.push(format!("`{}` differs: {}", one.name, values.join(", ")));
        } else if !is_under(&one.name, &SILENT) {
            differing.push(one);
        }
    }
    if problems.is_empty() {
        Ok(differing)
    } else {
        Err(Unfair { problems })
    }
}

/// The same for stored runs.
pub(crate) fn settings(contestants: &[Contestant]) -> Result<Vec<Differing>, Unfair> {
    let arms: Vec<(&str, Vec<&Value>)> = contestants
        .iter()
        .map(|arm| {
            (
                arm.label.as_str(),
                arm.runs.iter().map(|run| &run.settings).collect(),
            )
        })
        .collect();
    fair(&arms)
}

/// Facts of machine and program that differ between arms.
pub(crate) fn environment(contestants: &[Contestant]) -> Vec<Differing> {
    let facts = |run: &ComparedRun| {
        let mut facts = flat(&serde_json::to_value(&run.environment).unwrap_or_default());
        // Load is different at any two moments, and has a row of its own.
        facts.retain(|(name, _)| !name.starts_with("load_") && name != "schema_version");
        facts.push(("target".to_owned(), run.target.clone()));
        facts
    };
    let per_arm: Vec<_> = contestants
        .iter()
        .map(|arm| gathered(arm.runs.iter().map(facts)))
        .collect();
    differences(&per_arm)
}

fn is_under(name: &str, prefixes: &[&str]) -> bool {
    let below = |prefix: &&str| {
        name.strip_prefix(*prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    prefixes.iter().any(below)
}

/// Every value of every name.
fn gathered(all: impl Iterator<Item = Vec<(String, String)>>) -> BTreeMap<String, BTreeSet<String>> {
    let mut gathered: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, value) in all.flatten() {
        gathered.entry(name).or_default().insert(value);
    }
    gathered
}

fn differences(per_arm: &[BTreeMap<String, BTreeSet<String>>]) -> Vec<Differing> {
    let names: BTreeSet<&String> = per_arm.iter().flat_map(BTreeMap::keys).collect();
    let row = |name: &String| {
        let value = |arm: &BTreeMap<String, BTreeSet<String>>| match arm.get(name) {
            Some(values) => values.iter().cloned().collect::<Vec<_>>().join(" / "),
            None => "none".to_owned(),
        };
        let values: Vec<String> = per_arm.iter().map(value).collect();
        let differs = values.iter().any(|value| *value != values[0]) || values[0].contains(" / ");
        differs.then(|| Differing {
            name: name.clone(),
            values,
        })
    };
    names.into_iter().filter_map(row).collect()
}

/// Every leaf with its path; durations as one leaf, in the form in which they are read.
fn flat(value: &Value) -> Vec<(String, String)> {
    let mut leaves = Vec::new();
    walk(value, String::new(), &mut leaves);
    leaves
}

fn walk(value: &Value, path: String, leaves: &mut Vec<(String, String)>) {
    let below = |key: &str| {
        if path.is_empty() {
            key.to_owned()
        } else {
            format!("{path}.{key}")
        }
    };
    match value {
        // A policy is known by one name, whether it has values or not.
        scaler if path == "platform.scaler" => leaves.push((path, scaler_name(scaler))),
        Value::Object(fields) => {
            if let Some(nanos) = duration(value) {
                leaves.push((path, crate::unit::nanos(nanos)));
                return;
            }
            for (key, value) in fields {
                walk(value, below(key), leaves);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                walk(value, below(&index.to_string()), leaves);
            }
        }
        Value::Null => {}
        Value::String(text) => leaves.push((path, text.clone())),
        other => leaves.push((path, other.to_string())),
    }
}

/// A `std::time::Duration` as serde writes it, in nanoseconds.
pub(crate) fn duration(value: &Value) -> Option<u64> {
    let fields = value.as_object().filter(|fields| fields.len() == 2)?;
    let secs = fields.get("secs")?.as_u64()?;
    let nanos = fields.get("nanos")?.as_u64()?;
    secs.checked_mul(1_000_000_000)?.checked_add(nanos)
}
