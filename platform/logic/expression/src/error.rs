//! Why a text is not an expression: one named failure for machines, diagnostics with places for people.

use tally_model::{Diagnostic, Failure};

/// A refused text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The outcome of the request: `syntax`, `too_large`, `too_deep`, `unsupported_number` or `overflow`. Where the
    /// text has several problems it is that of the first.
    pub failure: Failure,
    /// At least one, at most [`crate::MAX_DIAGNOSTICS`], in the order of the text, each with a place in it.
    pub diagnostics: Vec<Diagnostic>,
}

impl ParseError {
    /// One problem.
    pub(crate) fn new(failure: Failure, diagnostic: Diagnostic) -> Self {
        Self {
            failure,
            diagnostics: vec![diagnostic],
        }
    }
}

impl std::fmt::Display for ParseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.failure)?;
        for diagnostic in &self.diagnostics {
            write!(f, "; {}: {}", diagnostic.code, diagnostic.message)?;
            if let Some(span) = diagnostic.span {
                write!(f, " at byte {}", span.start)?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for ParseError {}
