//! Renders problems in a text, with the place marked.

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource,
    NarratableReportHandler, Report, Severity,
};
use serde::Serialize;
use tally_model::Diagnostic;

/// One problem for people. Without colour the plain theme is used, which screen readers and logs can take.
pub(super) fn render(name: &str, source: &str, problem: &Diagnostic, color: bool) -> String {
    let mut diagnostic = MietteDiagnostic::new(&problem.message)
        .with_code(&problem.code)
        .with_severity(Severity::Error);
    if let Some(help) = &problem.help {
        diagnostic = diagnostic.with_help(help);
    }
    if let Some(span) = problem.span {
        let start = span.start.min(source.len());
        let length = span.end.min(source.len()).saturating_sub(start);
        diagnostic = diagnostic.with_label(LabeledSpan::new(problem.label.clone(), start, length));
    }
    let report = Report::new(diagnostic).with_source_code(NamedSource::new(name, visible(source)));
    let mut text = String::new();
    let theme = if color {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::unicode_nocolor()
    };
    let drawn = GraphicalReportHandler::new_themed(theme)
        .with_width(110)
        .render_report(&mut text, report.as_ref());
    if drawn.is_err() {
        text.clear();
        // The narrated form cannot fail on odd sources.
        let _ = NarratableReportHandler::new().render_report(&mut text, report.as_ref());
    }
    text
}

/// Control and bidirectional characters must not reach a terminal; each is replaced by as many bytes, so that places hold.
fn visible(source: &str) -> String {
    source
        .chars()
        .flat_map(|c| {
            let hidden = (c.is_control() && c != '\n' && c != '\t')
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
            let count = if hidden { c.len_utf8() } else { 1 };
            std::iter::repeat_n(if hidden { '?' } else { c }, count)
        })
        .collect()
}

#[derive(Serialize)]
struct Located<'a> {
    file: &'a str,
    line: Option<usize>,
    column: Option<usize>,
    #[serde(flatten)]
    problem: &'a Diagnostic,
}

/// All problems for programs.
pub(super) fn to_json(name: &str, source: &str, problems: &[Diagnostic]) -> Vec<serde_json::Value> {
    let located = |problem| {
        let place = problem_place(problem, source);
        Located {
            file: name,
            line: place.map(|p| p.0),
            column: place.map(|p| p.1),
            problem,
        }
    };
    let values = problems
        .iter()
        .map(|problem| serde_json::to_value(located(problem)));
    values.filter_map(Result::ok).collect()
}

/// Line and column, both from 1.
fn problem_place(problem: &Diagnostic, source: &str) -> Option<(usize, usize)> {
    problem.span.map(|span| {
        let before = &source.as_bytes()[..span.start.min(source.len())];
        let line = before.split(|b| *b == b'\n').count();
        let column = before.iter().rev().take_while(|b| **b != b'\n').count() + 1;
        (line, column)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tally_model::Span;

    /// The place, the words under it and the remedy are all shown.
    #[test]
    fn a_problem_is_shown_at_its_place() {
        let problem = Diagnostic::new("F0412", "this divisor is always 0")
            .at(Span::new(2, 7))
            .label("2-2 = 0")
            .help("the platform answers error:div_by_zero");
        let text = render("expression", "1/(2-2)", &problem, false);
        for part in [
            "F0412",
            "this divisor is always 0",
            "1/(2-2)",
            "2-2 = 0",
            "error:div_by_zero",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }

    /// A span past the end of the text is no reason to fail.
    #[test]
    fn a_span_past_the_end_is_drawn_at_the_end() {
        let problem = Diagnostic::new("F0410", "unexpected end").at(Span::new(90, 95));
        assert!(render("x", "1+", &problem, false).contains("unexpected end"));
    }

    /// Escape sequences in a file do not reach the terminal.
    #[test]
    fn control_characters_are_not_printed() {
        let problem = Diagnostic::new("F0414", "unsupported").at(Span::new(1, 2));
        assert!(!render("x", "1\u{1b}[31m", &problem, false).contains('\u{1b}'));
    }
}
