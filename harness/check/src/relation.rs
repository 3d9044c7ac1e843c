//! What only two lines together show: repeated ids, second outcomes, later reads that disagree.

use std::collections::BTreeMap;

use tally_capture::Sight;
use tally_model::{Observation, RequestId, Step};

use crate::entry::{Entry, Seen};
use crate::finding::Collector;
use crate::line::Id;

/// What pairs of lines show.
#[derive(Debug, Default)]
pub(crate) struct Relations {
    pub(crate) duplicated: Collector,
    pub(crate) conflicting: Collector,
    pub(crate) unexpected: Collector,
    pub(crate) non_monotonic: Collector,
    pub(crate) malformed: Collector,
    /// Plan entries with at least one line.
    pub(crate) requests: u64,
}

/// Compares lines with each other; both slices are sorted.
pub(crate) fn relate(entries: &[Entry], seen: &[Seen], events: &[Observation]) -> Relations {
    let mut relations = Relations::default();
    for lines in entries.chunk_by(|a, b| a.n == b.n) {
        relations.requests += 1;
        relations.same_entry(lines);
    }
    relations.same_id(entries);
    for sights in seen.chunk_by(|a, b| a.n == b.n) {
        let n = sights[0].n;
        let first = entries.partition_point(|entry| entry.n < n);
        match entries.get(first).filter(|entry| entry.n == n) {
            Some(entry) => relations.sights(entry, sights),
            None => relations.unexpected.note(n, None, || {
                "an outcome for a request that is not in the history".into()
            }),
        }
    }
    relations.told(entries, events);
    relations
}

impl Relations {
    /// Several lines for one plan entry: each must be explained.
    fn same_entry(&mut self, lines: &[Entry]) {
        for pair in lines.windows(2) {
            let (a, b) = (pair[0], pair[1]);
            if a.key != b.key {
                self.duplicated.note(a.n, a.id(), || {
                    format!("also recorded with the id {}", name(b.id()))
                });
            } else if matches!((a.outcome, b.outcome), (Some(x), Some(y)) if x != y) {
                self.conflicting
                    .note(a.n, a.id(), || "two lines with different outcomes".into());
            } else if matches!((a.folded, b.folded), (Some(x), Some(y)) if x != y) {
                self.duplicated
                    .note(a.n, a.id(), || "two lines with different outcome records".into());
            } else {
                self.malformed.note(a.n, a.id(), || "recorded twice".into());
            }
        }
    }

    /// One id for several plan entries.
    fn same_id(&mut self, entries: &[Entry]) {
        let mut ids: Vec<(u64, u32)> = entries
            .iter()
            .zip(0_u32..)
            .filter_map(|(entry, place)| Some((entry.key?.low(), place)))
            .collect();
        let whole = |place: u32| {
            let entry = &entries[place as usize];
            (entry.key, entry.n)
        };
        // Half of an id and a place take a third of the room of an id and a number.
        ids.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| whole(a.1).cmp(&whole(b.1))));
        for pair in ids.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
            let ((id, first), (other, second)) = (whole(pair[0].1), whole(pair[1].1));
            if id == other && first != second {
                let detail = || format!("has the id of request {first}");
                self.duplicated.note(second, id.map(Id::name), detail);
            }
        }
    }

    /// Later sights of the outcome of `entry`, in order of time.
    fn sights(&mut self, entry: &Entry, sights: &[Seen]) {
        let (mut known, mut record) = (entry.outcome, entry.folded);
        for seen in sights {
            let at = || format!("at {} ms", seen.at / 1_000_000);
            let Some(outcome) = seen.outcome else {
                if known.is_some() && seen.sight == Sight::Read {
                    self.non_monotonic
                        .note(entry.n, entry.id(), || format!("{}: the answer is gone", at()));
                }
                continue;
            };
            if entry.fate == tally_capture::Fate::Fail || !entry.sent {
                let detail = || {
                    format!(
                        "{}: an outcome for a request that was refused or never sent",
                        at()
                    )
                };
                self.unexpected.note(entry.n, entry.id(), detail);
            }
            if known.is_some_and(|known| known != outcome) {
                self.conflicting.note(entry.n, entry.id(), || {
                    format!("{}: another outcome than before", at())
                });
                if seen.sight == Sight::Read {
                    self.non_monotonic.note(entry.n, entry.id(), || {
                        format!("{}: the answer has changed", at())
                    });
                }
            } else if matches!((record, seen.folded), (Some(x), Some(y)) if x != y) {
                let detail = || format!("{}: the same outcome in a second outcome record", at());
                self.duplicated.note(entry.n, entry.id(), detail);
            }
            known = known.or(Some(outcome));
            record = record.or(seen.folded);
        }
    }

    /// What the platform itself reported.
    fn told(&mut self, entries: &[Entry], events: &[Observation]) {
        let told: Vec<&Observation> = events
            .iter()
            .filter(|event| event.step == Step::ConflictingOutcome)
            .collect();
        if told.is_empty() {
            return;
        }
        let by_id: BTreeMap<RequestId, u64> = entries
            .iter()
            .filter_map(|entry| Some((entry.id()?, entry.n)))
            .collect();
        for event in told {
            let n = event
                .request
                .and_then(|id| by_id.get(&id))
                .copied()
                .unwrap_or(u64::MAX);
            let note = event.note.clone().unwrap_or_default();
            self.conflicting.note(n, event.request, || {
                format!("the platform reported a conflicting outcome {note}")
            });
        }
    }
}

fn name(id: Option<RequestId>) -> String {
    id.map_or_else(|| "none".into(), |id| id.to_string())
}
