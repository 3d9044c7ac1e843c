//! From text to `Experiment`: read the tree, walk it, check what it means; collect every problem on the way.

mod document;
mod expressions;
mod faults;
mod loads;
mod overrides;
mod platform;
mod quantities;
mod reader;
mod scaling;
mod top;

pub(crate) use document::{Document, Node, Value};
pub(crate) use reader::Reader;

use tally_model::{Diagnostic, Span};

use crate::Experiment;
use crate::diagnose::Problems;
use crate::key::LIVE;

/// The longest experiment file, in bytes.
pub const MAX_FILE_BYTES: usize = 1 << 20;

/// Reads an experiment file.
///
/// # Errors
///
/// Every problem of the file at once, in the order of the file, each with code, place and remedy; at most 100.
pub fn parse(source: &str) -> Result<Experiment, Vec<Diagnostic>> {
    parse_with(source, &[])
}

/// Like [`parse`], with values of the file replaced before anything is checked: `("platform.scaler", "fixed-2")`.
///
/// A key is the path in the file; tables of a list are reached by name or by number from 0: `load.spike.rate`. A value
/// is what would stand in the file, and quotes may be left out.
///
/// # Errors
///
/// As [`parse`]. Problems of an override have no span; their message names it.
pub fn parse_with(source: &str, overrides: &[(String, String)]) -> Result<Experiment, Vec<Diagnostic>> {
    parse_for(source, overrides, Beside::Nothing)
}

/// Like [`parse_with`], for arms of which one is scaled by a live HorizontalPodAutoscaler: with what `[live]` changes.
///
/// # Errors
///
/// As [`parse_with`].
pub fn parse_live(source: &str, overrides: &[(String, String)]) -> Result<Experiment, Vec<Diagnostic>> {
    parse_for(source, overrides, Beside::Live)
}

/// What an experiment is played beside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beside {
    Nothing,
    Live,
}

fn parse_for(
    source: &str,
    overrides: &[(String, String)],
    beside: Beside,
) -> Result<Experiment, Vec<Diagnostic>> {
    if source.len() > MAX_FILE_BYTES {
        let message = format!(
            "the file has {} bytes; an experiment has at most {MAX_FILE_BYTES}",
            source.len()
        );
        let help = "describe expressions by `expr = { kind = ... }` instead of listing them";
        return Err(vec![
            Diagnostic::new("F0102", message).at(Span::new(0, 0)).help(help),
        ]);
    }
    let mut problems = Problems::default();
    let mut document = Document::parse(source, &mut problems);
    let mut live = None;
    if problems.count() == 0 {
        set_all(&mut document, overrides, &mut problems);
        live = changed_live(&mut document, overrides, &mut problems);
    }
    // Syntax errors leave holes that would be reported a second time as missing keys.
    if problems.count() > 0 {
        return Err(problems.into_sorted());
    }
    let own = top::read(&document, &mut problems);
    // What `[live]` makes of the file is checked when the file is; what is wrong without it is told once.
    let live = live.filter(|_| problems.count() == 0);
    let live = live.and_then(|live| top::read(&live, &mut problems));
    let experiment = match beside {
        Beside::Live => live.or(own),
        Beside::Nothing => own,
    };
    match experiment {
        Some(experiment) if problems.count() == 0 => Ok(experiment),
        _ => Err(problems.into_sorted()),
    }
}

fn set_all(document: &mut Document, overrides: &[(String, String)], problems: &mut Problems) {
    for (key, value) in overrides {
        overrides::apply(document, key, value, problems);
    }
}

/// The document with what its `[live]` changes, which is taken out of it; `--set` has the last word on both.
fn changed_live(
    document: &mut Document,
    overrides: &[(String, String)],
    problems: &mut Problems,
) -> Option<Document> {
    let index = document.entries.iter().position(|entry| entry.key == LIVE)?;
    let changes = document.entries.remove(index).node;
    let mut live = document.clone();
    overrides::merge(&mut live, &changes, problems);
    set_all(&mut live, overrides, problems);
    Some(live)
}
