//! `hpa.jsonl` sorted by what it is about, and the looks that it tells of.

use serde_json::Value;
use tally_capture::{HPA_SETTLES, HpaCondition, HpaFact, HpaLine};
use tally_model::Operation;

/// A status belongs to the answer before it if it came within these nanoseconds; one that comes later is of a look whose answer was
/// not recorded.
const PROMPT: i64 = HPA_SETTLES.as_nanos() as i64;

/// One record, sorted.
#[derive(Debug, Default)]
pub(super) struct Recording<'a> {
    pub(super) version: &'a str,
    pub(super) objects: Vec<Object<'a>>,
    answers: Vec<Answer<'a>>,
    statuses: Vec<Status<'a>>,
    sizes: Vec<Size<'a>>,
}

/// An autoscaler.
#[derive(Debug)]
pub(super) struct Object<'a> {
    since: i64,
    pub(super) name: &'a str,
    pub(super) operation: Operation,
    pub(super) spec: &'a Value,
    /// Whether another spec was seen later.
    pub(super) changed: bool,
}

#[derive(Debug)]
struct Answer<'a> {
    at: i64,
    operation: Operation,
    metric: &'a str,
    value: Option<f64>,
}

/// The status of an autoscaler after a look.
#[derive(Debug)]
pub(super) struct Status<'a> {
    at: i64,
    name: &'a str,
    pub(super) desired: u32,
    pub(super) metrics: &'a Value,
    pub(super) conditions: &'a [HpaCondition],
}

#[derive(Debug)]
struct Size<'a> {
    at: i64,
    name: &'a str,
    counts: [i32; 3],
}

/// One look with everything that is known of it.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    pub(super) at: i64,
    pub(super) read: Option<f64>,
    pub(super) asked: i32,
    pub(super) there: i32,
    pub(super) ready: i32,
    pub(super) status: Option<&'a Status<'a>>,
}

impl<'a> Recording<'a> {
    pub(super) fn of(lines: &'a [HpaLine]) -> Self {
        let mut recording = Self::default();
        for line in lines {
            recording.take(line.at, &line.fact);
        }
        recording
    }

    fn take(&mut self, at: i64, fact: &'a HpaFact) {
        match fact {
            HpaFact::Server(version) => self.version = version,
            HpaFact::Object {
                name,
                operation,
                spec,
            } => match self.objects.iter_mut().find(|object| object.name == name) {
                Some(known) => known.changed |= known.spec != spec,
                None => self.objects.push(Object {
                    since: at,
                    name,
                    operation: *operation,
                    spec,
                    changed: false,
                }),
            },
            HpaFact::Answer {
                operation,
                metric,
                value,
            } => self.answers.push(Answer {
                at,
                operation: *operation,
                metric,
                value: *value,
            }),
            // Before its first look an autoscaler says nothing.
            HpaFact::Status { conditions, .. } if conditions.is_empty() => {}
            HpaFact::Status {
                name,
                desired,
                metrics,
                conditions,
                ..
            } => self.statuses.push(Status {
                at,
                name,
                desired: *desired,
                metrics,
                conditions,
            }),
            HpaFact::Deployment {
                name,
                wanted,
                there,
                ready,
            } => self.sizes.push(Size {
                at,
                name,
                counts: [*wanted, *there, *ready].map(|count| i32::try_from(count).unwrap_or(i32::MAX)),
            }),
        }
    }

    /// The looks of an autoscaler on `metric` at the Deployment `target`, in the order of time. One before the size of the target
    /// was known is left out.
    pub(super) fn looks(&self, object: &Object<'_>, metric: &str, target: &str) -> Vec<Seen<'_>> {
        let of_it = |answer: &&Answer<'_>| {
            answer.operation == object.operation && answer.metric == metric && answer.at >= object.since
        };
        let mut moments: Vec<(i64, Option<f64>)> = self
            .answers
            .iter()
            .filter(of_it)
            .map(|answer| (answer.at, answer.value))
            .collect();
        let answered = |at: i64| {
            moments
                .iter()
                .any(|(asked, _)| (0..PROMPT).contains(&(at - asked)))
        };
        let mine = || self.statuses.iter().filter(|status| status.name == object.name);
        let unanswered: Vec<i64> = mine()
            .filter(|status| status.is_blind() && !answered(status.at))
            .map(|status| status.at)
            .collect();
        moments.extend(unanswered.into_iter().map(|at| (at, None)));
        moments.sort_by_key(|(at, _)| *at);
        let next = moments.iter().skip(1).map(|(at, _)| *at).chain([i64::MAX]);
        let ends = moments
            .iter()
            .zip(next)
            .map(|((at, _), next)| next.min(at + PROMPT));
        let seen = moments.iter().zip(ends).filter_map(|(&(at, read), end)| {
            let sizes = self
                .sizes
                .iter()
                .filter(|size| size.name == target && size.at <= at);
            let [asked, there, ready] = sizes.max_by_key(|size| size.at)?.counts;
            Some(Seen {
                at,
                read,
                asked,
                there,
                ready,
                // What does not change is not told again.
                status: mine()
                    .filter(|status| status.at < end)
                    .max_by_key(|status| status.at),
            })
        });
        seen.collect()
    }
}

impl Status<'_> {
    /// Whether it could not read its metric.
    fn is_blind(&self) -> bool {
        let active = self.conditions.iter().find(|one| one.kind == "ScalingActive");
        active.is_some_and(|one| one.status == "False" && one.reason.starts_with("FailedGet"))
    }
}
