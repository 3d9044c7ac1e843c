//! The pass over the history: what one line shows by itself, and what is remembered of it for the rest.

use std::collections::BTreeMap;
use std::path::Path;

use tally_capture::{CaptureError, Fate, Tail, fold_frames, parse_line};
use tally_model::{Outcome, RequestId};

use crate::entry::{Entry, Seen};
use crate::finding::Collector;
use crate::line::{End, Line, Operation};
use crate::options::Options;
use crate::reference::evaluate;
use crate::stray::Strays;

/// An answer whose certificates are to be audited.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    pub(crate) expression: String,
    pub(crate) id: Option<RequestId>,
    pub(crate) outcome: Option<Outcome>,
}

/// What one thread found.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    pub(crate) entries: Vec<Entry>,
    pub(crate) seen: Vec<Seen>,
    pub(crate) chosen: BTreeMap<u64, Chosen>,
    pub(crate) accepted: u64,
    pub(crate) answered: u64,
    pub(crate) refused: u64,
    pub(crate) unknown: u64,
    pub(crate) lost: Collector,
    pub(crate) overdue: Collector,
    pub(crate) duplicated: Collector,
    pub(crate) wrong: Collector,
    pub(crate) unexpected: Collector,
    pub(crate) failed: Collector,
    pub(crate) recovered: Collector,
    pub(crate) malformed: Collector,
    pub(crate) strays: Strays,
}

/// Reads a history. `chosen` says which expressions to keep for the audit.
pub(crate) fn read(
    path: &Path,
    options: &Options,
    chosen: impl Fn(u64) -> bool + Sync,
) -> Result<(Lines, Tail), CaptureError> {
    let (parts, tail) = fold_frames(path, options.threads, Lines::default, |lines, line, frame| {
        match parse_line(line, frame, path)? {
            Line::Op(op) => {
                let keep = chosen(op.n);
                lines.operation(op, options, keep);
            }
            Line::Read(read) => lines.seen.push(Seen::of(&read)),
            Line::Stray(stray) => lines.strays.answer(&stray),
        }
        Ok(())
    })?;
    let mut parts = parts.into_iter();
    let mut all = parts.next().unwrap_or_default();
    for part in parts {
        all.merge(part);
    }
    all.entries.sort_unstable();
    all.seen.sort_unstable();
    Ok((all, tail))
}

impl Lines {
    fn operation(&mut self, op: Operation<'_>, options: &Options, chosen: bool) {
        let tasks = op.expression.bytes().any(|b| b"+-*/".contains(&b));
        self.entries.push(Entry::of(&op, tasks));
        self.accepted += u64::from(op.accepted);
        match &op.outcome {
            Some(outcome) => self.answer(&op, outcome, options),
            None => self.silence(&op),
        }
        for other in op.other_ids.iter().filter(|other| Some(**other) != op.id()) {
            self.duplicated
                .note(op.n, op.id(), || format!("a later post of it got the id {other}"));
        }
        if chosen {
            self.chosen.insert(
                op.n,
                Chosen {
                    id: op.id(),
                    outcome: op.outcome.as_ref().map(End::to_outcome),
                    expression: op.expression.into_owned(),
                },
            );
        }
    }

    fn answer(&mut self, op: &Operation<'_>, outcome: &End<'_>, options: &Options) {
        self.answered += 1;
        if op.fate == Fate::Fail {
            self.unexpected.note(op.n, op.id(), || {
                format!("{outcome} for a request that was refused with {}", op.status)
            });
        } else if op.sent.is_none() && op.attempts == 0 {
            self.unexpected.note(op.n, op.id(), || {
                format!("{outcome} for a request that was never sent")
            });
        }
        if op.attempts > 1 {
            self.recovered.note(op.n, op.id(), || {
                format!("answered after {} attempts", op.attempts)
            });
        }
        if let End::Error(failure) = outcome
            && !failure.is_deterministic()
        {
            self.failed.note(op.n, op.id(), || failure.to_string());
            return;
        }
        let right = evaluate(&op.expression);
        if !outcome.is(&right) {
            let detail = || {
                format!(
                    "{} is {}, not {}",
                    shown(&op.expression),
                    shown_outcome(&right),
                    shown(&outcome.to_string())
                )
            };
            self.wrong.note(op.n, op.id(), detail);
        } else if let Some(expected) = options
            .expected
            .get(&op.n)
            .filter(|expected| !outcome.is(expected))
        {
            self.wrong.note(op.n, op.id(), || {
                format!(
                    "the plan expects {}, not {}",
                    shown_outcome(expected),
                    shown(&outcome.to_string())
                )
            });
        }
    }

    fn silence(&mut self, op: &Operation<'_>) {
        if op.accepted && op.overdue {
            self.overdue.note(op.n, op.id(), || {
                format!(
                    "accepted with {}, and still worked on at the last look",
                    op.status
                )
            });
        } else if op.accepted {
            let why = op.reason.as_deref().unwrap_or("no reason recorded");
            self.lost.note(op.n, op.id(), || {
                format!(
                    "accepted with {} on attempt {}, no outcome: {why}",
                    op.status, op.attempts
                )
            });
        } else if op.fate == Fate::Ok {
            self.malformed.note(op.n, op.id(), || {
                "recorded as answered, without an outcome".into()
            });
        } else if op.fate == Fate::Fail {
            self.refused += u64::from(op.sent.is_some());
        } else {
            self.unknown += 1;
            self.strays.unknown(&op.expression);
        }
    }

    fn merge(&mut self, other: Self) {
        self.entries.extend(other.entries);
        self.seen.extend(other.seen);
        self.chosen.extend(other.chosen);
        self.accepted += other.accepted;
        self.answered += other.answered;
        self.refused += other.refused;
        self.unknown += other.unknown;
        self.lost.merge(other.lost);
        self.overdue.merge(other.overdue);
        self.duplicated.merge(other.duplicated);
        self.wrong.merge(other.wrong);
        self.unexpected.merge(other.unexpected);
        self.failed.merge(other.failed);
        self.recovered.merge(other.recovered);
        self.malformed.merge(other.malformed);
        self.strays.merge(other.strays);
    }
}

/// The beginning of a long text.
pub(crate) fn shown(text: &str) -> String {
    const LONGEST: usize = 80;
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("`{}...`", &text[..at]),
        None => format!("`{text}`"),
    }
}

/// The beginning of a long outcome.
pub(crate) fn shown_outcome(outcome: &Outcome) -> String {
    shown(&outcome.to_string())
}
