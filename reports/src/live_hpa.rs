//! A live autoscaler beside the model of it, look by look, as plain data.

use serde::{Deserialize, Serialize};
use tally_model::Operation;

use crate::unit;

/// One live HorizontalPodAutoscaler, and what the model made of what it was shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveAutoscaler {
    /// The object's name.
    pub name: String,
    /// The layer it scales.
    pub operation: Operation,
    /// The version of its cluster: `v1.20.2`.
    pub version: String,
    /// Its looks, in the order of time.
    pub looks: Vec<LiveLook>,
    /// Why it cannot be decided again; empty if it can.
    pub problem: String,
}

/// One look: what was read, and what both made of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveLook {
    /// When, in nanoseconds since the trial began; below 0 before it.
    pub at: i64,
    /// What the metric was; none if it could not be read.
    pub read: Option<f64>,
    /// Pods that were asked for before.
    pub asked: i32,
    /// Pods there were.
    pub there: i32,
    /// Pods that the live autoscaler wanted; none if nobody knows.
    pub live: Option<i32>,
    /// Pods that the model wanted; none if it decided nothing.
    pub model: Option<i32>,
    /// Every field in which they differ, in words; none if nobody knows what the live one said.
    pub mismatches: Option<Vec<String>>,
}

/// Looks by how both decided them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Agreement {
    /// Alike.
    pub alike: usize,
    /// Differently.
    pub differently: usize,
    /// Nobody knows what the live one said.
    pub unknown: usize,
}

impl std::iter::Sum for Agreement {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            alike: sum.alike + one.alike,
            differently: sum.differently + one.differently,
            unknown: sum.unknown + one.unknown,
        })
    }
}

impl LiveAutoscaler {
    /// Its looks, counted by how both decided them.
    pub fn agreement(&self) -> Agreement {
        let count = |of: fn(&LiveLook) -> bool| self.looks.iter().filter(|look| of(look)).count();
        Agreement {
            alike: count(|look| look.mismatches.as_ref().is_some_and(Vec::is_empty)),
            differently: count(LiveLook::differs),
            unknown: count(|look| look.mismatches.is_none()),
        }
    }
}

impl LiveLook {
    /// Whether both are known to have decided differently.
    pub fn differs(&self) -> bool {
        self.mismatches.as_ref().is_some_and(|found| !found.is_empty())
    }
}

/// The columns of [`LiveLook::row`].
pub(crate) const COLUMNS: [&str; 7] = [
    "at",
    "metric",
    "asked for",
    "there",
    "live wants",
    "model wants",
    "difference",
];

impl LiveAutoscaler {
    /// What came of it, in a sentence.
    pub(crate) fn sentence(&self) -> String {
        let of = format!("{} of Kubernetes {}", self.name, self.version);
        if !self.problem.is_empty() {
            return format!("{of} cannot be decided again: {}.", self.problem);
        }
        let Agreement {
            alike,
            differently,
            unknown,
        } = self.agreement();
        let unknown = match unknown {
            0 => String::new(),
            unknown => format!("; of {unknown} nobody knows what the live one said"),
        };
        format!(
            "{of} looked {} times: {alike} decided alike, {differently} differently{unknown}.",
            self.looks.len()
        )
    }
}

/// At most `most` of some looks in the order of time, and a sentence on those that are left out, empty if none is: those that differ
/// are the last to be.
pub(crate) fn listed<'a>(
    looks: impl Iterator<Item = &'a LiveLook>,
    most: usize,
) -> (Vec<&'a LiveLook>, String) {
    let (mut listed, alike): (Vec<&LiveLook>, Vec<&LiveLook>) = looks.partition(|look| look.differs());
    listed.extend(alike);
    let rest = listed.split_off(listed.len().min(most));
    listed.sort_by_key(|look| look.at);
    let differ = rest.iter().filter(|look| look.differs()).count();
    let left = match rest.len() {
        0 => String::new(),
        left => format!("{left} more, {differ} of which differ, are listed by `tally hpa-replay`."),
    };
    (listed, left)
}

impl LiveLook {
    /// One row of the table of looks.
    pub(crate) fn row(&self) -> Vec<String> {
        let pods = |count: Option<i32>| count.map_or_else(|| "-".to_owned(), |count| count.to_string());
        vec![
            format!("{:.1} s", self.at as f64 / 1e9),
            self.read.map_or_else(|| "no answer".to_owned(), unit::digits),
            self.asked.to_string(),
            self.there.to_string(),
            pods(self.live),
            pods(self.model),
            match &self.mismatches {
                None => "not known".to_owned(),
                Some(found) if found.is_empty() => "none".to_owned(),
                Some(found) => found.join("; "),
            },
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of too many looks those that differ are kept, in the order of time, and what is left out is counted.
    #[test]
    fn what_differs_is_listed_first_of_all() {
        let look = |at, differs: bool| LiveLook {
            at,
            read: None,
            asked: 1,
            there: 1,
            live: None,
            model: None,
            mismatches: Some(vec![String::new(); usize::from(differs)]),
        };
        let looks = [look(1, false), look(2, true), look(3, false), look(4, true)];
        let listed = |most| {
            let (looks, left) = listed(looks.iter(), most);
            let at: Vec<i64> = looks.iter().map(|look| look.at).collect();
            (at, left)
        };
        assert_eq!(listed(4), (vec![1, 2, 3, 4], String::new()));
        assert_eq!(listed(3).0, [1, 2, 4]);
        assert!(listed(3).1.starts_with("1 more, 0 of which differ"));
        assert_eq!(listed(1).0, [2]);
        assert!(listed(1).1.starts_with("3 more, 1 of which differ"));
    }
}
