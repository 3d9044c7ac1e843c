//! Collects every problem of a file instead of stopping at the first.

use tally_model::{Diagnostic, Span};

/// The most problems one file reports; the rest would not be read anyway.
const MAX_PROBLEMS: usize = 100;

/// The problems found so far.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    list: Vec<Diagnostic>,
}

impl Problems {
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        if self.list.len() < MAX_PROBLEMS {
            self.list.push(diagnostic);
        }
    }

    /// Adds a problem at a place that may be outside the file, in an override.
    pub(crate) fn at(&mut self, place: &Place, code: &str, message: impl Into<String>) -> Draft<'_> {
        let mut diagnostic = Diagnostic::new(code, message);
        match (place.span, &place.set) {
            (Some(span), _) => diagnostic.span = Some(span),
            (None, Some(set)) => diagnostic.message = format!("{} (from `--set {set}`)", diagnostic.message),
            (None, None) => {}
        }
        Draft {
            problems: self,
            diagnostic: Some(diagnostic),
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.list.len()
    }

    /// In the order of the file; those without a place first.
    pub(crate) fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.list
            .sort_by_key(|diagnostic| diagnostic.span.map_or((0, 0), |span| (span.start + 1, span.end)));
        self.list.dedup();
        self.list
    }
}

/// A problem being written; it is added when it goes out of scope.
pub(crate) struct Draft<'a> {
    problems: &'a mut Problems,
    diagnostic: Option<Diagnostic>,
}

impl Draft<'_> {
    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.diagnostic = self.diagnostic.take().map(|diagnostic| diagnostic.label(label));
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.diagnostic = self.diagnostic.take().map(|diagnostic| diagnostic.help(help));
        self
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if let Some(diagnostic) = self.diagnostic.take() {
            self.problems.push(diagnostic);
        }
    }
}

/// Where a value was written: a span of the file, or an override.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) span: Option<Span>,
    /// `key=value` of the override that wrote it.
    pub(crate) set: Option<String>,
}

impl Place {
    pub(crate) const fn in_file(span: Span) -> Self {
        Self {
            span: Some(span),
            set: None,
        }
    }

    /// The first byte, for problems that are about a whole file.
    pub(crate) const fn top() -> Self {
        Self::in_file(Span::new(0, 0))
    }
}

/// "did you mean `x`?", if one of the names is close enough to be meant.
pub(crate) fn did_you_mean<'a>(written: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let written = written.to_ascii_lowercase();
    names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&written, name), name))
        .filter(|(distance, name)| *distance <= 1.max(name.len().max(written.len()) / 3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// The remedy for a name that is not one of `names`: the close one, or all of them.
pub(crate) fn one_of<'a>(written: &str, names: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match did_you_mean(written, names.clone()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => {
            let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
            format!("one of {}", names.join(", "))
        }
    }
}
