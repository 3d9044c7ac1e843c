//! Results kept under a name, to compare later ones with.
//!
//! `target/tally-bench/<workload>/<baseline>.json` holds the value of every trial; beside it
//! `target/criterion/<workload>/<baseline>/` gets the two files by which critcmp finds a benchmark (criterion 0.8's layout,
//! which is undocumented, so best effort).

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::estimate::{Interval, median, median_interval};
use crate::metric::Metric;

/// Version of the file.
const SCHEMA: u64 = 1;
/// Seed of the intervals in criterion's files.
const SEED: u64 = 1;

/// The value of every trial, by metric.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Trials(pub(crate) BTreeMap<Metric, Vec<f64>>);

impl Trials {
    /// Of one metric; none if it was not measured.
    pub(crate) fn of(&self, metric: Metric) -> &[f64] {
        self.0.get(&metric).map_or(&[], Vec::as_slice)
    }

    fn to_json(&self, workload: &str) -> Value {
        let values = |(metric, values): (&Metric, &Vec<f64>)| (metric.name().to_owned(), json!(values));
        let metrics: serde_json::Map<String, Value> = self.0.iter().map(values).collect();
        json!({ "schema_version": SCHEMA, "workload": workload, "metrics": metrics })
    }

    fn from_json(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        if value["schema_version"].as_u64() != Some(SCHEMA) {
            return None;
        }
        let mut trials = BTreeMap::new();
        for metric in Metric::ALL {
            if let Some(values) = value["metrics"][metric.name()].as_array() {
                trials.insert(
                    metric,
                    values.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>()?,
                );
            }
        }
        Some(Self(trials))
    }
}

/// The folder of all baselines.
#[derive(Clone, Debug)]
pub(crate) struct Shelf {
    target: PathBuf,
}

impl Shelf {
    /// Under this target directory.
    pub(crate) fn new(target: &Path) -> Self {
        Self {
            target: target.to_owned(),
        }
    }

    fn path(&self, workload: &str, baseline: &str) -> PathBuf {
        self.target
            .join("tally-bench")
            .join(workload)
            .join(format!("{baseline}.json"))
    }

    /// What was kept; none if nothing was.
    ///
    /// # Errors
    /// A file that cannot be read or is none of ours.
    pub(crate) fn load(&self, workload: &str, baseline: &str) -> io::Result<Option<Trials>> {
        let path = self.path(workload, baseline);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read?,
        };
        let foreign = || {
            io::Error::other(format!(
                "{} is no baseline of this version; remove it",
                path.display()
            ))
        };
        Trials::from_json(&text).map(Some).ok_or_else(foreign)
    }

    /// Keeps results; criterion's files show `main` as the time of one iteration.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub(crate) fn save(
        &self,
        workload: &str,
        baseline: &str,
        trials: &Trials,
        main: Metric,
    ) -> io::Result<()> {
        write(&self.path(workload, baseline), &trials.to_json(workload))?;
        let folder = self.target.join("criterion").join(workload).join(baseline);
        let benchmark = json!({
            "group_id": workload, "function_id": null, "value_str": null, "throughput": null,
            "full_id": workload, "directory_name": workload, "title": workload,
        });
        write(&folder.join("benchmark.json"), &benchmark)?;
        write(
            &folder.join("estimates.json"),
            &estimates(&nanoseconds(main, trials.of(main))),
        )
    }
}

fn write(path: &Path, value: &Value) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // A reader sees the old file or the new one.
    let fresh = path.with_extension("new");
    fs::write(&fresh, format!("{value:#}\n"))?;
    fs::rename(&fresh, path)
}

/// Criterion knows times only: a rate becomes the time of one request.
pub(crate) fn nanoseconds(metric: Metric, values: &[f64]) -> Vec<f64> {
    let convert = |value: &f64| match metric.unit() {
        "/s" => 1e9 / value,
        "ms" => value * 1e6,
        _ => value * 1e3,
    };
    values.iter().map(convert).collect()
}

fn estimates(values: &[f64]) -> Value {
    let middle = median_interval(values, SEED);
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let deviation =
        (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt();
    let absolute: Vec<f64> = values
        .iter()
        .map(|value| (value - middle.estimate).abs())
        .collect();
    let point = |value: f64| Interval {
        low: value,
        estimate: value,
        high: value,
    };
    let estimate = |interval: Interval| {
        json!({
            "confidence_interval": {
                "confidence_level": 0.95, "lower_bound": interval.low, "upper_bound": interval.high,
            },
            "point_estimate": interval.estimate,
            "standard_error": (interval.high - interval.low) / 3.92,
        })
    };
    json!({
        "mean": estimate(Interval { estimate: mean, ..middle }), "median": estimate(middle), "slope": null,
        "std_dev": estimate(point(deviation)), "median_abs_dev": estimate(point(median(&absolute))),
    })
}
