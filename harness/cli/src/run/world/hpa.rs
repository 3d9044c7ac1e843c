//! What was heard of live autoscalers, as lines of `hpa.jsonl`.

use std::collections::BTreeMap;

use serde_json::Value;
use tally_capture::{HPA_SETTLES, HpaCondition, HpaFact, HpaLine};
use tally_cluster::{AutoscalerFact, LiveFact};
use tally_model::{Instant, Observation, Operation, Step};

/// Every line, in the order of time, without answers of which it may not have been heard yet what came. `zero` is when the trial began
/// and `now` is now, in nanoseconds by the wall clock.
pub(super) fn lines(
    version: String,
    heard: Vec<(Instant, LiveFact)>,
    observations: &[Observation],
    zero: u64,
    now: u64,
) -> Vec<HpaLine> {
    let mut lines = vec![HpaLine {
        at: 0,
        fact: HpaFact::Server(version),
    }];
    let mut specs = BTreeMap::new();
    for (at, fact) in heard {
        let at = since(at, zero);
        match fact {
            LiveFact::Autoscaler(fact) => {
                let told = autoscaler(fact, &mut specs);
                lines.extend(told.into_iter().map(|fact| HpaLine { at, fact }));
            }
            LiveFact::Deployment(fact) => lines.push(HpaLine {
                at,
                fact: HpaFact::Deployment {
                    name: fact.name,
                    wanted: fact.wanted,
                    there: fact.there,
                    ready: fact.ready,
                },
            }),
        }
    }
    let settled = |one: &&Observation| (one.at + HPA_SETTLES).as_nanos() <= now;
    lines.extend(
        observations
            .iter()
            .filter(settled)
            .filter_map(|one| answer(one, zero)),
    );
    lines.sort_by_key(|line| line.at);
    lines
}

/// Its status, and before it its spec if that is new.
fn autoscaler(fact: AutoscalerFact, specs: &mut BTreeMap<String, Value>) -> Vec<HpaFact> {
    let mut told = Vec::new();
    let operation = fact.operation.as_deref().and_then(Operation::from_name);
    if let Some(operation) = operation
        && specs.get(&fact.name) != Some(&fact.spec)
    {
        specs.insert(fact.name.clone(), fact.spec.clone());
        told.push(HpaFact::Object {
            name: fact.name.clone(),
            operation,
            spec: fact.spec,
        });
    }
    let conditions = fact.conditions.into_iter().map(|one| HpaCondition {
        kind: one.kind,
        status: one.status,
        reason: one.reason,
        message: one.message,
    });
    told.push(HpaFact::Status {
        name: fact.name,
        desired: fact.desired,
        current: fact.current,
        metrics: fact.metrics,
        conditions: conditions.collect(),
        last_scale: fact.last_scale,
    });
    told
}

fn answer(seen: &Observation, zero: u64) -> Option<HpaLine> {
    let (Step::MetricServed, Some(operation), Some(metric)) = (seen.step, seen.operation, &seen.metric)
    else {
        return None;
    };
    Some(HpaLine {
        at: since(seen.at, zero),
        fact: HpaFact::Answer {
            operation,
            metric: metric.clone(),
            value: seen.value,
        },
    })
}

fn since(at: Instant, zero: u64) -> i64 {
    at.as_nanos().cast_signed().wrapping_sub(zero.cast_signed())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// An answer is told with its metric as it was observed; one that is so young that its status may be under way is left out, and
    /// so is one that does not say of what it is.
    #[test]
    fn answers_are_told_once_they_are_settled() {
        let begin = Instant::ZERO + Duration::from_mins(10);
        let served = |seconds| {
            Observation::new(begin + Duration::from_secs(seconds), Step::MetricServed)
                .with_operation(Operation::Mul)
                .with_value(9.0)
        };
        let observations = [
            served(1).with_metric("tally_layer_depth").with_note("a: b"),
            served(2),
            served(10).with_metric("tally_layer_depth"),
        ];
        let now = begin + Duration::from_secs(9) + HPA_SETTLES;
        let told = lines(
            "v1.33.0".to_owned(),
            Vec::new(),
            &observations,
            begin.as_nanos(),
            now.as_nanos(),
        );
        let answer = HpaLine {
            at: 1_000_000_000,
            fact: HpaFact::Answer {
                operation: Operation::Mul,
                metric: "tally_layer_depth".to_owned(),
                value: Some(9.0),
            },
        };
        assert_eq!(told[1..], [answer]);
    }
}
