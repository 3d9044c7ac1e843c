//! What an autoscaler remembers: its recommendations, and the steps it has made.

use std::time::Duration;

use tally_model::Instant;

use super::{Behavior, ScalingRules};

/// A number of replicas that the metrics asked for, before stabilisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recommendation {
    /// How many.
    pub replicas: i32,
    /// When.
    pub at: Instant,
}

/// A step that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Replicas added or removed, above 0.
    pub change: i32,
    /// When.
    pub at: Instant,
    /// True once it was older than every period of its direction; then the next step may take its place.
    pub outdated: bool,
}

/// The memory of one autoscaler. Its length is bounded by the windows: an entry that is older than all of them is
/// overwritten before one is added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Recommendations; none until the first reconcile.
    pub recommendations: Option<Vec<Recommendation>>,
    /// Steps up.
    pub ups: Vec<Event>,
    /// Steps down.
    pub downs: Vec<Event>,
}

impl History {
    /// On first sight the current size is the first recommendation, which is why a new controller does not scale down
    /// for as long as its window.
    pub fn seed(&mut self, now: Instant, current: i32) {
        self.recommendations.get_or_insert_with(|| {
            vec![Recommendation {
                replicas: current,
                at: now,
            }]
        });
    }

    /// The recommendations there are.
    pub fn recommended(&self) -> &[Recommendation] {
        self.recommendations.as_deref().unwrap_or_default()
    }

    /// Remembers `replicas` in place of the last entry that is `old`, else at the end.
    pub(super) fn recommend(&mut self, now: Instant, replicas: i32, old: impl Fn(Duration) -> bool) {
        let entry = Recommendation { replicas, at: now };
        let entries = self.recommendations.get_or_insert_default();
        match entries.iter_mut().rev().find(|entry| old(now.since(entry.at))) {
            Some(place) => *place = entry,
            None => entries.push(entry),
        }
    }

    /// Remembers that the target went from `before` to `after`. A step that changes nothing is none.
    pub fn step(&mut self, now: Instant, behavior: &Behavior, before: i32, after: i32) {
        let change = i32::try_from((i64::from(after) - i64::from(before)).abs()).unwrap_or(i32::MAX);
        if after > before {
            store(&mut self.ups, &behavior.up, now, change);
        } else if after < before {
            store(&mut self.downs, &behavior.down, now, change);
        }
    }
}

fn store(events: &mut Vec<Event>, rules: &ScalingRules, now: Instant, change: i32) {
    let longest = rules.longest_period();
    for event in events.iter_mut() {
        event.outdated |= now.since(event.at) > longest;
    }
    let event = Event {
        change,
        at: now,
        outdated: false,
    };
    match events.iter_mut().rev().find(|event| event.outdated) {
        Some(place) => *place = event,
        None => events.push(event),
    }
}

/// Replicas changed by events younger than `period`. Whether they are marked outdated does not matter.
pub(super) fn changed_within(events: &[Event], period: Duration, now: Instant) -> i64 {
    let young = events.iter().filter(|event| now.since(event.at) < period);
    young.map(|event| i64::from(event.change)).sum()
}
