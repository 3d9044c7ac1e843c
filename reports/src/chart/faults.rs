//! Faults as windows behind a chart.

use tally_capture::FaultRecord;

use super::Key;
use super::ink::Ink;

/// One fault's window, in seconds.
#[derive(Clone, Debug)]
pub(crate) struct Band {
    /// `F1`: its number in the ledger.
    pub(crate) label: String,
    /// Its name.
    name: String,
    pattern: u8,
    /// When it was asked for.
    pub(crate) asked: f64,
    /// From seen to have taken effect until seen to be healed; none if it never took effect. Without a healing it lasts to the end.
    pub(crate) felt: Option<(f64, f64)>,
    /// Both ends, as far as they were seen.
    pub(crate) edges: Vec<f64>,
}

impl Band {
    /// The `index`th fault of a trial that lasted `end` seconds.
    pub(crate) fn of(index: usize, fault: &FaultRecord, end: f64) -> Self {
        let seconds = |nanos: u64| nanos as f64 / 1e9;
        let effective = fault.effective.as_ref().map(|effect| seconds(effect.at));
        let healed = fault.healed.as_ref().map(|effect| seconds(effect.at));
        Self {
            label: format!("F{}", index + 1),
            name: fault.name.clone(),
            pattern: match fault.kind.as_str() {
                "kill" => 0,
                "pause" => 1,
                _ => 2,
            },
            asked: seconds(fault.requested.unwrap_or(fault.planned)),
            felt: effective.map(|from| (from, healed.unwrap_or(end).max(from))),
            edges: effective.map_or_else(Vec::new, |from| {
                [Some(from), healed].into_iter().flatten().collect()
            }),
        }
    }

    pub(crate) const fn ink(&self) -> Ink {
        Ink::Band(self.pattern)
    }

    /// Where its number stands.
    pub(crate) fn start(&self) -> f64 {
        self.felt.map_or(self.asked, |(from, _)| from)
    }
}

/// Most faults that a key names.
const NAMED: usize = 12;

/// What the windows mean.
pub(super) fn keys(bands: &[Band]) -> Vec<Key> {
    let mut keys: Vec<Key> = bands
        .iter()
        .take(NAMED)
        .map(|band| Key {
            class: band.ink().class("f"),
            shape: "area",
            text: format!("{} {}", band.label, band.name),
        })
        .collect();
    if bands.len() > NAMED {
        keys.push(Key {
            class: Ink::Band(2).class("f"),
            shape: "area",
            text: format!("and {} more, see the ledger", bands.len() - NAMED),
        });
    }
    if !bands.is_empty() {
        keys.push(Key::line(Ink::Asked, "fault asked for"));
        keys.push(Key::line(Ink::Edge, "seen to take effect, seen to be healed"));
    }
    keys
}
