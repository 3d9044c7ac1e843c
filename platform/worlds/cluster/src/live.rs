//! Live autoscalers as an operator hears of them: what they decide, and how large their targets are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use tally_kubernetes::{AutoscalerFact, Autoscalers, Change, DeploymentFact, Operate};
use tally_model::{Instant, Observation, Operation, Step};
use tally_ports::Clock;
use tally_runtime::SystemClock;

use crate::operator::{Shared, ours};
use crate::platform::WORKERS;

/// Facts kept: days of four autoscalers that decide every 15 s.
const FACTS_MAX: usize = 200_000;

/// What was heard of an autoscaler or of what it scales.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LiveFact {
    /// A HorizontalPodAutoscaler as it was from then on.
    Autoscaler(AutoscalerFact),
    /// A Deployment as it was from then on.
    Deployment(DeploymentFact),
}

/// What was heard, and when, in the order of time.
#[derive(Debug, Default)]
pub(crate) struct Heard(Vec<(Instant, LiveFact)>);

impl Heard {
    fn note(&mut self, at: Instant, fact: LiveFact) {
        if self.0.len() < FACTS_MAX {
            self.0.push((at, fact));
        }
    }

    /// An autoscaler that is gone belonged to an earlier platform.
    fn forget(&mut self, name: &str) {
        self.0
            .retain(|(_, fact)| !matches!(fact, LiveFact::Autoscaler(one) if one.name == name));
    }

    pub(crate) fn all(&self) -> Vec<(Instant, LiveFact)> {
        self.0.clone()
    }
}

/// Hears of the sizes of Deployments.
pub(crate) async fn watch_deployments(operate: Operate, shared: Arc<Shared>) {
    let clock = SystemClock::start();
    let mut facts = operate.watch_deployments(WORKERS, &ours());
    while let Some(changes) = facts.next().await {
        for change in changes {
            if let Change::Applied(fact) = change {
                shared.with(|view| view.heard.note(clock.now(), LiveFact::Deployment(fact)));
            }
        }
    }
}

/// Observes what Kubernetes' own autoscaler decides: a change of the number of pods that it wants.
pub(crate) async fn watch_autoscalers(autoscalers: Autoscalers, shared: Arc<Shared>) {
    let clock = SystemClock::start();
    let mut noticed = Noticed::default();
    let mut facts = autoscalers.watch();
    while let Some(changes) = facts.next().await {
        let now = clock.now();
        for change in changes {
            match change {
                Change::Applied(fact) => {
                    let mut seen = noticed.take(now, &fact);
                    if let Some(operation) = read_processor(&seen) {
                        seen.extend(sample(&autoscalers, operation, now).await);
                    }
                    shared.with(|view| {
                        view.observations.extend(seen);
                        view.autoscalers.insert(fact.name.clone(), fact.clone());
                        view.heard.note(now, LiveFact::Autoscaler(fact));
                    });
                }
                Change::Deleted(fact) => shared.with(|view| {
                    view.autoscalers.remove(&fact.name);
                    view.heard.forget(&fact.name);
                }),
            }
        }
        shared.changed.notify_all();
    }
}

/// The layer of which an autoscaler just read more of the processor than it aims at.
fn read_processor(seen: &[Observation]) -> Option<Operation> {
    let visible = seen.iter().find(|one| one.step == Step::MetricVisible)?;
    visible.operation
}

/// How old the sample was on which an autoscaler acted at `now`; none if nobody says.
async fn sample(autoscalers: &Autoscalers, operation: Operation, now: Instant) -> Option<Observation> {
    let taken = autoscalers
        .sampled(operation)
        .await
        .inspect_err(|error| tracing::debug!(%error, "the age of a sample is not known"));
    let age = age(&taken.ok()??, now)?;
    let sampled = Observation::new(now, Step::MetricSampled).with_operation(operation);
    Some(sampled.with_value(age))
}

/// From an RFC 3339 time to `now`, which counts from the Unix epoch, in seconds; a time to come is one of a clock that is ahead.
fn age(taken: &str, now: Instant) -> Option<f64> {
    let taken: jiff::Timestamp = taken.parse().ok()?;
    let taken = u64::try_from(taken.as_nanosecond()).ok()?;
    Some(now.since(Instant::from_nanos(taken)).as_secs_f64())
}

/// What was last noticed of the autoscaler of each layer.
#[derive(Debug, Default)]
struct Noticed {
    wanted: BTreeMap<Operation, u32>,
    busy: BTreeSet<Operation>,
}

impl Noticed {
    /// What is new: it reads more of the processor than it aims at, or wants another number of pods. What it read comes first,
    /// because it decided by that.
    fn take(&mut self, now: Instant, fact: &AutoscalerFact) -> Vec<Observation> {
        let Some(operation) = fact.operation.as_deref().and_then(Operation::from_name) else {
            return Vec::new();
        };
        let observe = |step, value| {
            Observation::new(now, step)
                .with_operation(operation)
                .with_value(value)
        };
        let mut seen = Vec::new();
        let over = fact.utilization().filter(|percent| Some(*percent) > target(fact));
        if let Some(percent) = over {
            if self.busy.insert(operation) {
                let note = format!("HorizontalPodAutoscaler {} read this percentage", fact.name);
                seen.push(observe(Step::MetricVisible, percent as f64).with_note(note));
            }
        } else {
            self.busy.remove(&operation);
        }
        if fact.desired > 0 && self.wanted.insert(operation, fact.desired) != Some(fact.desired) {
            let note = format!("HorizontalPodAutoscaler {} at {} pod(s)", fact.name, fact.current);
            seen.push(observe(Step::Decision, f64::from(fact.desired)).with_note(note));
        }
        seen
    }
}

/// The percentage of the processor that an autoscaler aims at.
fn target(fact: &AutoscalerFact) -> Option<i64> {
    let target = |metric: &Value| metric["resource"]["target"]["averageUtilization"].as_i64();
    fact.spec["metrics"].as_array()?.iter().find_map(target)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fact(desired: u32, percent: Option<i64>) -> AutoscalerFact {
        let of = |what: &str, value| json!([{ "type": "Resource", "resource": { what: { "averageUtilization": value } } }]);
        AutoscalerFact {
            name: "worker-mul".into(),
            operation: Some("mul".into()),
            desired,
            current: 1,
            spec: json!({ "metrics": of("target", json!(50)) }),
            metrics: percent.map_or(Value::Null, |percent| of("current", json!(percent))),
            conditions: Vec::new(),
            last_scale: None,
            active: Some(true),
            why: String::new(),
        }
    }

    /// The age of a sample is that of its time on the clock of the cluster; one of a clock that is ahead is new.
    #[test]
    fn a_sample_is_as_old_as_its_time() {
        let now = Instant::from_nanos(1_795_843_310_250_000_000);
        assert_eq!(age("2026-11-28T05:21:35Z", now), Some(15.25));
        assert_eq!(age("2026-11-28T05:21:51Z", now), Some(0.0));
        assert_eq!(age("yesterday", now), None);
    }

    /// A percentage above the target is noticed once until it was below again, and before what was decided by it.
    #[test]
    fn a_busy_processor_is_noticed_before_the_decision() {
        let mut noticed = Noticed::default();
        let now = Instant::from_nanos(5);
        let mut steps = |desired, percent| -> Vec<(Step, Option<f64>)> {
            let seen = noticed.take(now, &fact(desired, percent));
            seen.into_iter().map(|one| (one.step, one.value)).collect()
        };
        assert_eq!(steps(0, None), []);
        assert_eq!(steps(1, Some(50)), [(Step::Decision, Some(1.0))]);
        assert_eq!(
            steps(3, Some(140)),
            [(Step::MetricVisible, Some(140.0)), (Step::Decision, Some(3.0))]
        );
        assert_eq!(steps(3, Some(60)), []);
        assert_eq!(steps(3, Some(20)), []);
        assert_eq!(steps(3, Some(51)), [(Step::MetricVisible, Some(51.0))]);
    }

    /// What an earlier platform's autoscaler decided is not what this one's did.
    #[test]
    fn an_autoscaler_that_is_gone_is_forgotten() {
        let mut heard = Heard::default();
        let now = Instant::from_nanos(5);
        heard.note(now, LiveFact::Autoscaler(fact(1, None)));
        heard.note(now, LiveFact::Deployment(DeploymentFact::default()));
        heard.forget("worker-mul");
        assert_eq!(
            heard.all(),
            [(now, LiveFact::Deployment(DeploymentFact::default()))]
        );
    }
}
