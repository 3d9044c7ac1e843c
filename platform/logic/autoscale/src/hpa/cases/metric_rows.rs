//! Rows about one metric, and metrics inside of rows about a reconcile.

use serde_json::Value;

use super::compare::Got;
use super::fields::Fields;
use crate::hpa::{
    Calculation, Compat, Metric, PodReading, PodSample, PodState, PodTarget, Scale, Tolerance, TotalTarget,
};

/// Which metric, and what its target means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MetricKind {
    Resource,
    ResourceAverage,
    Container,
    ContainerAverage,
    Pods,
    ObjectValue,
    ObjectAverage,
    ExternalValue,
    ExternalAverage,
}

/// As rows call them.
pub(super) const KINDS: &[(&str, MetricKind)] = &[
    ("resource", MetricKind::Resource),
    ("resource_avg", MetricKind::ResourceAverage),
    ("container", MetricKind::Container),
    ("container_avg", MetricKind::ContainerAverage),
    ("pods", MetricKind::Pods),
    ("object_value", MetricKind::ObjectValue),
    ("object_avg", MetricKind::ObjectAverage),
    ("external_value", MetricKind::ExternalValue),
    ("external_avg", MetricKind::ExternalAverage),
];

/// A row about one metric.
#[derive(Debug)]
pub(super) struct MetricRow {
    metric: Metric,
    scale: Scale,
    by: Calculation,
}

impl MetricRow {
    pub(super) fn read(fields: &Fields<'_>, kind: MetricKind, compat: Compat) -> Self {
        let scale = scale(fields, fields.replicas("cur"));
        Self {
            metric: metric_of(fields, kind),
            scale,
            by: Calculation {
                tolerance: tolerance(fields),
                compat,
            },
        }
    }

    pub(super) fn evaluate(&self) -> Got {
        match self.metric.propose(&self.scale, &self.by) {
            Ok(proposal) => Got {
                replicas: Some(proposal.replicas),
                utilization: proposal.utilization,
                usage: Some(proposal.usage),
                ..Got::default()
            },
            Err(error) => Got {
                error: Some(error.message),
                ..Got::default()
            },
        }
    }
}

/// `cur` replicas, of which `ready` are ready and `status` are there; all of them if the row does not say.
pub(super) fn scale(fields: &Fields<'_>, current: i32) -> Scale {
    let status = fields.optional_replicas("status").unwrap_or(current);
    Scale {
        status,
        ready: fields.optional_replicas("ready").unwrap_or(status),
        ..Scale::settled(current)
    }
}

/// `tol`: an array of two fractions, down and up.
pub(super) fn tolerance(fields: &Fields<'_>) -> Tolerance {
    match fields.optional_array("tol") {
        None => Tolerance::default(),
        Some([down, up]) => Tolerance {
            down: fields.fraction("tol[0]", down).unwrap_or_default(),
            up: fields.fraction("tol[1]", up).unwrap_or_default(),
        },
        Some(other) => {
            fields.problem(
                "tol",
                format!("has {} elements: give two, down and up", other.len()),
            );
            Tolerance::default()
        }
    }
}

/// The metric of an object that says its kind; a problem if there is none. Replicas that the object gives go to `scale`.
pub(super) fn metric(fields: &Fields<'_>, scale: &mut Scale) -> Option<Metric> {
    let kind = fields.choice("kind", KINDS)?;
    let metric = metric_of(fields, kind);
    scale.status = fields.optional_replicas("status").unwrap_or(scale.status);
    scale.ready = fields.optional_replicas("ready").unwrap_or(scale.ready);
    fields.finish();
    Some(metric)
}

fn metric_of(fields: &Fields<'_>, kind: MetricKind) -> Metric {
    let target = match kind {
        MetricKind::Resource | MetricKind::Container => fields.int("target", 1, i64::from(i32::MAX)),
        _ => fields.target(),
    };
    let percent = PodTarget::Utilization(target as i32);
    let average = PodTarget::AverageValue(target);
    match kind {
        MetricKind::Resource => Metric::Resource {
            target: percent,
            reading: Ok(pods(fields)),
        },
        MetricKind::ResourceAverage => Metric::Resource {
            target: average,
            reading: Ok(pods(fields)),
        },
        MetricKind::Container => Metric::ContainerResource {
            target: percent,
            reading: Ok(pods(fields)),
        },
        MetricKind::ContainerAverage => Metric::ContainerResource {
            target: average,
            reading: Ok(pods(fields)),
        },
        MetricKind::Pods => Metric::Pods {
            target,
            reading: Ok(pods(fields)),
        },
        MetricKind::ObjectValue => object(fields, TotalTarget::Value(target)),
        MetricKind::ObjectAverage => object(fields, TotalTarget::AverageValue(target)),
        MetricKind::ExternalValue => external(fields, TotalTarget::Value(target)),
        MetricKind::ExternalAverage => external(fields, TotalTarget::AverageValue(target)),
    }
}

fn object(fields: &Fields<'_>, target: TotalTarget) -> Metric {
    let reading = total(fields).map(|series| series.iter().fold(0, |sum, value| value.saturating_add(sum)));
    Metric::Object { target, reading }
}

fn external(fields: &Fields<'_>, target: TotalTarget) -> Metric {
    let reading = total(fields);
    Metric::External { target, reading }
}

/// `total`: a number, an array of numbers (series), or null if nothing could be read.
fn total(fields: &Fields<'_>) -> Result<Vec<i64>, String> {
    match fields.value("total") {
        None if fields.has("total") => Err("no metrics returned".to_owned()),
        None => {
            fields.problem(
                "total",
                "is missing: give a number, or null if nothing could be read",
            );
            Ok(Vec::new())
        }
        Some(Value::Array(series)) => {
            let series = series.iter().enumerate();
            let read = |(index, value)| fields.whole(&format!("total[{index}]"), value, i64::MIN, i64::MAX);
            Ok(series.filter_map(read).collect())
        }
        Some(value) => Ok(fields
            .whole("total", value, i64::MIN, i64::MAX)
            .into_iter()
            .collect()),
    }
}

/// `pods` and `extra_metrics`.
fn pods(fields: &Fields<'_>) -> PodReading {
    let pods = fields.optional_objects("pods").unwrap_or_else(|| {
        if fields.value("pods").is_none() {
            fields.problem("pods", "is missing: give an array of pods");
        }
        Vec::new()
    });
    let extra = fields
        .optional_array("extra_metrics")
        .unwrap_or_default()
        .iter()
        .enumerate();
    let superfluous =
        |(index, value)| fields.whole(&format!("extra_metrics[{index}]"), value, i64::MIN, i64::MAX);
    PodReading {
        pods: pods.iter().map(pod).collect(),
        superfluous: extra.filter_map(superfluous).collect(),
    }
}

fn pod(fields: &Fields<'_>) -> PodSample {
    const STATES: &[(&str, PodState)] = &[
        ("ok", PodState::Counted),
        ("unready", PodState::Unready),
        ("missing", PodState::Missing),
        ("ignored", PodState::Ignored),
    ];
    let state = fields.choice("st", STATES);
    let usage = fields.optional_int("v", i64::MIN, i64::MAX);
    if state == Some(PodState::Counted) && fields.value("v").is_none() {
        fields.problem("v", "a pod that is ok has a value; without one it is missing");
    }
    let pod = PodSample {
        state: state.unwrap_or(PodState::Ignored),
        usage,
        request: fields.optional_int("req", 0, i64::MAX),
    };
    fields.finish();
    pod
}
