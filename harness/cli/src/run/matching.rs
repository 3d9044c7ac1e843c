//! Whether a platform that runs already is what an experiment asks for: its numbers are recorded and judged as those of the file's
//! settings.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tally_load::Client;
use tally_model::{Operation, PlatformConfig};

/// How long the platform may take to tell its settings.
const ASK: Duration = Duration::from_secs(2);
/// Groups of settings that an experiment file does not have.
const UNNAMED: [&str; 3] = ["timing.", "bounds.", "scaling."];

/// Refuses a platform with other settings.
///
/// # Errors
/// Every setting that differs, with both values, and what to do.
pub(super) fn must_match(http: SocketAddr, asked: &PlatformConfig) -> Result<(), String> {
    let reply = Client::new(http, ASK)
        .status()
        .map_err(|error| error.to_string())?;
    let status: Value = serde_json::from_slice(&reply.body).map_err(|error| error.to_string())?;
    let runs: PlatformConfig = serde_json::from_value(status["config"].clone()).map_err(|error| {
        format!(
            "the platform that runs does not tell all of its settings ({error}): start it again with this program (`tally down`, \
             `tally up`), or leave out --attach"
        )
    })?;
    let differ = differences(&runs, asked);
    if differ.is_empty() {
        return Ok(());
    }
    Err(format!(
        "the platform that runs has other settings than the experiment:\n  {}\n  leave out --attach, and one with these settings is \
         started; or choose them for `tally up` (protocol, suite, replicas), or in the file or by --set platform.NAME=VALUE",
        differ.join("\n  ")
    ))
}

/// One line per setting that is not the same. What is drawn may differ: the seed is the experiment's own.
fn differences(runs: &PlatformConfig, asked: &PlatformConfig) -> Vec<String> {
    let (runs, asked) = (settings(runs), settings(asked));
    let names: BTreeSet<&String> = runs.keys().chain(asked.keys()).collect();
    let shown =
        |of: &BTreeMap<String, String>, name: &String| of.get(name).cloned().unwrap_or_else(|| "none".into());
    let differ = names
        .into_iter()
        .filter(|name| runs.get(*name) != asked.get(*name));
    differ
        .map(|name| {
            format!(
                "{name}: {} runs, the experiment asks for {}",
                shown(&runs, name),
                shown(&asked, name)
            )
        })
        .collect()
}

/// Every setting that has an effect, by the name it has in a file.
fn settings(config: &PlatformConfig) -> BTreeMap<String, String> {
    let effective = PlatformConfig {
        seed: 0,
        replicas: config.replicas_per_set(),
        leader: config.leader_change(),
        ..config.clone()
    };
    let mut value = serde_json::to_value(&effective).unwrap_or_default();
    value["scaler"] = effective.scaler.to_string().into();
    let work: serde_json::Map<String, Value> = Operation::ALL
        .iter()
        .map(|operation| {
            (
                operation.name().to_owned(),
                value["work"][operation.index()].clone(),
            )
        })
        .collect();
    value["work"] = Value::Object(work);
    let mut found = BTreeMap::new();
    flatten("", &value, &mut found);
    found
}

fn flatten(path: &str, value: &Value, found: &mut BTreeMap<String, String>) {
    let name = || {
        let name = path.replace('_', "-");
        match UNNAMED.iter().find_map(|group| name.strip_prefix(group)) {
            Some("interval") => "scale-interval".to_owned(),
            Some(own) => own.to_owned(),
            None => name,
        }
    };
    match value {
        Value::Null => {}
        Value::Object(fields) => match serde_json::from_value::<Duration>(value.clone()) {
            Ok(duration) => drop(found.insert(name(), format!("{duration:?}"))),
            Err(_) => {
                for (key, value) in fields {
                    let path = if path.is_empty() {
                        key.clone()
                    } else {
                        format!("{path}.{key}")
                    };
                    flatten(&path, value, found);
                }
            }
        },
        Value::String(text) => drop(found.insert(name(), text.clone())),
        other => drop(found.insert(name(), other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use tally_model::{Bounds, Dispatch, Protocol, Scaler, Work, WorkDistribution, WorkKind};

    use super::*;

    /// Every setting counts, all that differ are told at once, each with both values.
    #[test]
    fn every_setting_that_differs_is_named_with_both_values() {
        let runs = PlatformConfig::default();
        assert!(differences(&runs, &runs).is_empty());
        let mut asked = PlatformConfig {
            dispatch: Dispatch::Report,
            scaler: Scaler::Fixed(3),
            bounds: Bounds { min: 2, max: 8 },
            ..runs.clone()
        };
        asked.timing.task_timeout = Duration::from_millis(1500);
        asked.scaling.objective = Duration::from_secs(1);
        asked.limits.pending = 7;
        asked.work[0] = Some(Work {
            kind: WorkKind::Delay,
            mean: Duration::from_millis(20),
            distribution: WorkDistribution::Fixed,
            replicas: false,
            processor: 0,
        });
        assert_eq!(
            differences(&runs, &asked),
            [
                "dispatch: event runs, the experiment asks for report",
                "limits.pending: 20000 runs, the experiment asks for 7",
                "min: 1 runs, the experiment asks for 2",
                "objective: 500ms runs, the experiment asks for 1s",
                "scaler: threshold runs, the experiment asks for fixed-3",
                "task-timeout: 5s runs, the experiment asks for 1.5s",
                "work.add.distribution: none runs, the experiment asks for fixed",
                "work.add.kind: none runs, the experiment asks for delay",
                "work.add.mean: none runs, the experiment asks for 20ms",
                "work.add.processor: none runs, the experiment asks for 0",
                "work.add.replicas: none runs, the experiment asks for false",
            ]
        );
    }

    /// What has no effect is not compared: the seed, and the size of sets without replicas.
    #[test]
    fn what_has_no_effect_may_differ() {
        let plain = |seed, replicas| PlatformConfig {
            seed,
            replicas,
            protocol: Protocol::None,
            ..PlatformConfig::default()
        };
        assert!(differences(&plain(1, 0), &plain(7, 4)).is_empty());
        let certified = PlatformConfig::default();
        let larger = PlatformConfig {
            replicas: 7,
            ..certified.clone()
        };
        assert_eq!(
            differences(&certified, &larger),
            ["replicas: 4 runs, the experiment asks for 7"]
        );
    }
}
