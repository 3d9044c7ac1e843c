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
    if problems.count() == 0 {
        for (key, value) in overrides {
            overrides::apply(&mut document, key, value, &mut problems);
        }
    }
    // Syntax errors leave holes that would be reported a second time as missing keys.
    let experiment = if problems.count() == 0 {
        top::read(&document, &mut problems)
    } else {
        None
    };
    match experiment {
        Some(experiment) if problems.count() == 0 => Ok(experiment),
        _ => Err(problems.into_sorted()),
    }
}
