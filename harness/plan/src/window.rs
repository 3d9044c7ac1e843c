//! Which stretches of a trial an expectation is about.

use serde::{Deserialize, Serialize};

use crate::{Plan, When};

/// A stretch of a trial in nanoseconds since its start; the end is excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Window {
    /// First nanosecond.
    pub start: u64,
    /// One past the last.
    pub end: u64,
}

impl Window {
    /// True when an instant lies inside.
    pub const fn contains(&self, at: u64) -> bool {
        self.start <= at && at < self.end
    }
}

/// The windows of `when` in a plan, in order and not overlapping; possibly none.
pub(crate) fn windows(plan: &Plan, when: &When) -> Vec<Window> {
    let measure = Window {
        start: plan.measure_start(),
        end: plan.measure_end(),
    };
    let named = |name: &Option<String>| {
        let name = name.clone();
        plan.faults
            .iter()
            .filter(move |fault| name.as_ref().is_none_or(|name| *name == fault.name))
    };
    let mut windows = match when {
        When::Measure => vec![measure],
        When::Always => vec![Window {
            start: 0,
            end: plan.end(),
        }],
        When::Before => {
            let first = plan
                .faults
                .iter()
                .map(|fault| fault.start)
                .min()
                .unwrap_or(measure.end);
            let start = if first > measure.start { measure.start } else { 0 };
            vec![Window { start, end: first }]
        }
        When::During(name) => named(name)
            .map(|fault| Window {
                start: fault.start,
                end: fault.end,
            })
            .collect(),
        When::After(name) => named(name)
            .map(|fault| {
                let next = plan
                    .faults
                    .iter()
                    .map(|other| other.start)
                    .filter(|start| *start >= fault.end)
                    .min();
                Window {
                    start: fault.end,
                    end: next.unwrap_or(measure.end),
                }
            })
            .collect(),
        When::Steady => steady(plan, measure),
    };
    windows.retain(|window| window.start < window.end);
    windows.sort_unstable();
    merge(&windows)
}

/// `measure` without the time of any fault.
fn steady(plan: &Plan, measure: Window) -> Vec<Window> {
    let mut free = vec![measure];
    for fault in &plan.faults {
        free = free
            .into_iter()
            .flat_map(|window| {
                let before = Window {
                    end: window.end.min(fault.start),
                    ..window
                };
                let after = Window {
                    start: window.start.max(fault.end),
                    ..window
                };
                [before, after]
            })
            .collect();
    }
    free
}

fn merge(sorted: &[Window]) -> Vec<Window> {
    let mut merged: Vec<Window> = Vec::with_capacity(sorted.len());
    for window in sorted {
        match merged.last_mut() {
            Some(last) if window.start <= last.end => last.end = last.end.max(window.end),
            _ => merged.push(*window),
        }
    }
    merged
}
