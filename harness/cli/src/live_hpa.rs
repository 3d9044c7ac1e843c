//! Recorded live autoscalers, decided again by the model of the HorizontalPodAutoscaler.
//!
//! That the adapter was asked is that the controller looked: it asks once per autoscaler and look. A look that never reached the
//! adapter shows in the status alone, as a metric that could not be read.

mod recording;
#[cfg(test)]
mod tests;

use tally_autoscale::hpa::replay::{Decided, Live, Look, replay};
use tally_autoscale::hpa::{Compat, ConditionType, ExternalObject, Metric, Scale, Selector, milli};
use tally_capture::{HpaCondition, HpaLine};
use tally_model::Instant;
use tally_reports::{LiveAutoscaler, LiveLook};

use recording::{Object, Recording, Seen, Status};

/// Every autoscaler of a record beside the model of it.
pub(crate) fn against_model(lines: &[HpaLine]) -> Vec<LiveAutoscaler> {
    let recording = Recording::of(lines);
    let one = |object: &Object<'_>| {
        let decided = decide(&recording, object);
        LiveAutoscaler {
            name: object.name.to_owned(),
            operation: object.operation,
            version: recording.version.to_owned(),
            problem: decided.as_ref().err().cloned().unwrap_or_default(),
            looks: decided.unwrap_or_default(),
        }
    };
    recording.objects.iter().map(one).collect()
}

fn decide(recording: &Recording<'_>, object: &Object<'_>) -> Result<Vec<LiveLook>, String> {
    let compat = Compat::parse(recording.version).ok_or_else(|| {
        format!(
            "Kubernetes {:?} is not modelled: known are {}",
            recording.version,
            Compat::NAMES
        )
    })?;
    if object.changed {
        return Err("its spec was changed while it was recorded".to_owned());
    }
    let external = ExternalObject::read(object.spec, compat)?;
    let seen = recording.looks(object, &external.metric, &external.target);
    let start = seen.first().map_or(0, |seen| seen.at);
    let looks: Vec<Look> = seen.iter().map(|seen| look(seen, &external, start)).collect();
    let decided = replay(&external.spec, &looks);
    Ok(seen
        .iter()
        .zip(decided)
        .map(|(seen, decided)| line(seen, decided))
        .collect())
}

fn look(seen: &Seen<'_>, external: &ExternalObject, start: i64) -> Look {
    let reading = match seen.read {
        // Thousandths are exact for every depth there can be.
        Some(value) => Ok(vec![(value * 1000.0).round() as i64]),
        None => Err("it was not answered".to_owned()),
    };
    Look {
        at: Instant::from_nanos((seen.at - start).unsigned_abs()),
        scale: Scale {
            spec: seen.asked,
            status: seen.there,
            ready: seen.ready,
            selector: Selector::Valid,
        },
        metrics: vec![Metric::External {
            target: external.wanted,
            reading,
        }],
        live: seen.status.map(live),
    }
}

fn live(status: &Status<'_>) -> Live {
    let average = |metric: &serde_json::Value| {
        let average = metric["external"]["current"]["averageValue"].as_str();
        average.and_then(|text| milli(text).ok())
    };
    let condition = |one: &HpaCondition| {
        let kind = ConditionType::ALL
            .into_iter()
            .find(|kind| kind.to_string() == one.kind)?;
        Some((kind, format!("{}/{}", one.status, one.reason)))
    };
    Live {
        desired: i32::try_from(status.desired).unwrap_or(i32::MAX),
        averages: status
            .metrics
            .as_array()
            .into_iter()
            .flatten()
            .map(average)
            .collect(),
        conditions: status.conditions.iter().filter_map(condition).collect(),
    }
}

fn line(seen: &Seen<'_>, decided: Decided) -> LiveLook {
    let told = |found: Vec<tally_autoscale::hpa::replay::Mismatch>| {
        let told = found
            .into_iter()
            .map(|one| format!("{}: live {}, model {}", one.field, one.live, one.model));
        told.collect()
    };
    LiveLook {
        at: seen.at,
        read: seen.read,
        asked: seen.asked,
        there: seen.there,
        live: seen
            .status
            .map(|status| i32::try_from(status.desired).unwrap_or(i32::MAX)),
        model: decided.desired,
        mismatches: decided.mismatches.map(told),
    }
}
