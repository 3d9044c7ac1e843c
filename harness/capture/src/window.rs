//! Spans of a trial, and the spans that faults cut it into.
//!
//! A request belongs to the window that holds the moment it was *due*, whenever it was sent or answered. Windows of
//! overlapping faults overlap; a request then counts in each.

use serde::{Deserialize, Serialize};

use crate::record::FaultRecord;

/// From a moment (included) to a moment (excluded), in nanoseconds since the trial began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Window {
    /// First moment inside.
    pub from: u64,
    /// First moment after.
    pub to: u64,
}

impl Window {
    /// Everything.
    pub const ALWAYS: Self = Self {
        from: 0,
        to: u64::MAX,
    };

    /// True if `at` is inside.
    pub const fn contains(self, at: u64) -> bool {
        self.from <= at && at < self.to
    }

    /// What both have in common; empty if nothing.
    pub fn intersect(self, other: Self) -> Self {
        let from = self.from.max(other.from);
        Self {
            from,
            to: self.to.min(other.to).max(from),
        }
    }

    /// Its length in nanoseconds.
    pub const fn length(self) -> u64 {
        self.to.saturating_sub(self.from)
    }
}

/// When a fault was felt: from its effect (or the request for it) until it was both healed and made up for (or was to end).
pub(crate) fn of_fault(fault: &FaultRecord) -> Window {
    let seen = |effect: &Option<crate::Effect>| effect.as_ref().map(|effect| effect.at);
    let from = seen(&fault.effective)
        .or(fault.requested)
        .unwrap_or(fault.planned);
    let ended = seen(&fault.healed).max(seen(&fault.recovered));
    let to = ended
        .unwrap_or(fault.planned.saturating_add(fault.duration))
        .max(from);
    Window { from, to }
}

/// The named windows of a trial, each a union of spans: `always`, `steady` (no fault is felt), `before` the first fault,
/// `during` any, `after` the last; for every fault `before:NAME` (since the previous one ended), `during:NAME` and
/// `after:NAME` (until the next one begins). All are cut to `measure`.
pub(crate) fn named(measure: Window, faults: &[FaultRecord]) -> Vec<(String, Vec<Window>)> {
    let mut felt: Vec<(&str, Window)> = faults.iter().map(|f| (f.name.as_str(), of_fault(f))).collect();
    felt.sort_by_key(|(name, window)| (*window, *name));
    let cut = |from: u64, to: u64| {
        Window {
            from,
            to: to.max(from),
        }
        .intersect(measure)
    };
    let first = felt.iter().map(|(_, w)| w.from).min().unwrap_or(u64::MAX);
    let last = felt.iter().map(|(_, w)| w.to).max();
    let mut windows = vec![
        ("always".to_owned(), vec![measure]),
        ("steady".to_owned(), gaps(measure, &felt)),
        ("before".to_owned(), vec![cut(0, first)]),
        (
            "during".to_owned(),
            merged(&felt).into_iter().map(|w| w.intersect(measure)).collect(),
        ),
        (
            "after".to_owned(),
            last.map(|last| cut(last, u64::MAX)).into_iter().collect(),
        ),
    ];
    for (name, window) in &felt {
        let previous = felt
            .iter()
            .map(|(_, w)| w.to)
            .filter(|to| *to <= window.from)
            .max()
            .unwrap_or(0);
        let next = felt
            .iter()
            .map(|(_, w)| w.from)
            .filter(|from| *from >= window.to)
            .min()
            .unwrap_or(u64::MAX);
        windows.push((format!("before:{name}"), vec![cut(previous, window.from)]));
        windows.push((format!("during:{name}"), vec![window.intersect(measure)]));
        windows.push((format!("after:{name}"), vec![cut(window.to, next)]));
    }
    windows
}

/// The union of the felt windows as disjoint spans in order, so that nothing counts twice.
fn merged(felt: &[(&str, Window)]) -> Vec<Window> {
    let mut spans: Vec<Window> = Vec::new();
    for (_, window) in felt {
        match spans.last_mut() {
            Some(last) if window.from <= last.to => last.to = last.to.max(window.to),
            _ => spans.push(*window),
        }
    }
    spans
}

/// What of `measure` no fault covers.
fn gaps(measure: Window, felt: &[(&str, Window)]) -> Vec<Window> {
    let mut from = measure.from;
    let mut spans = Vec::new();
    for span in merged(felt) {
        spans.push(
            Window {
                from,
                to: span.from.max(from),
            }
            .intersect(measure),
        );
        from = from.max(span.to);
    }
    spans.push(
        Window {
            from,
            to: measure.to.max(from),
        }
        .intersect(measure),
    );
    spans.retain(|span| span.length() > 0);
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(name: &str, from: u64, to: u64) -> FaultRecord {
        let effect = |at| {
            Some(crate::Effect {
                at,
                evidence: "seen".into(),
            })
        };
        FaultRecord {
            name: name.into(),
            kind: "kill".into(),
            role: "worker".into(),
            target: "add-0/worker".into(),
            planned: from,
            duration: to - from,
            requested: Some(from),
            effective: effect(from),
            symptom: None,
            detected: None,
            recovered: None,
            healed: effect(to),
            problem: None,
        }
    }

    fn spans(windows: &[(String, Vec<Window>)], name: &str) -> Vec<(u64, u64)> {
        let found = windows.iter().find(|(known, _)| known == name);
        found
            .map(|(_, spans)| spans.iter().map(|w| (w.from, w.to)).collect())
            .unwrap_or_default()
    }

    /// Two faults cut a trial into before, during and after, and the steady rest is exactly what they leave.
    #[test]
    fn faults_cut_a_trial_into_windows() {
        let measure = Window { from: 10, to: 100 };
        let windows = named(measure, &[fault("b", 60, 70), fault("a", 30, 40)]);
        for (name, expected) in [
            ("always", vec![(10, 100)]),
            ("steady", vec![(10, 30), (40, 60), (70, 100)]),
            ("before", vec![(10, 30)]),
            ("during", vec![(30, 40), (60, 70)]),
            ("after", vec![(70, 100)]),
            ("before:b", vec![(40, 60)]),
            ("during:b", vec![(60, 70)]),
            ("after:a", vec![(40, 60)]),
        ] {
            assert_eq!(spans(&windows, name), expected, "{name}");
        }
    }

    /// Overlapping faults are one span of `during`, so no request counts twice there.
    #[test]
    fn overlapping_faults_count_once() {
        let windows = named(
            Window { from: 0, to: 100 },
            &[fault("a", 30, 50), fault("b", 40, 60)],
        );
        assert_eq!(spans(&windows, "during"), [(30, 60)]);
        assert_eq!(spans(&windows, "steady"), [(0, 30), (60, 100)]);
    }

    /// Without faults everything is steady and before; nothing is during or after.
    #[test]
    fn a_trial_without_faults_is_steady() {
        let windows = named(Window { from: 5, to: 9 }, &[]);
        assert_eq!(spans(&windows, "steady"), [(5, 9)]);
        assert_eq!(spans(&windows, "before"), [(5, 9)]);
        assert!(spans(&windows, "during").is_empty() && spans(&windows, "after").is_empty());
    }
}
