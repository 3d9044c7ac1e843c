//! What people and programs read: results on standard output, progress and errors on standard error.

mod diagnostics;
mod progress;

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde_json::{Value, json};
use tally_model::Diagnostic;

use crate::args::{Color, Global};
use crate::exit::Exit;

pub(crate) use progress::Progress;

/// Where and how to print.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    json: bool,
    quiet: bool,
    colors: Colors,
    progress: crate::args::Progress,
    told: Arc<Mutex<Told>>,
}

/// Which streams take colour: each for itself, because one may be a terminal and the other a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Colors {
    results: bool,
    problems: bool,
}

impl Colors {
    /// What was `asked` for, where it is `wanted` at all and by which of the streams are terminals.
    const fn choose(asked: Color, wanted: bool, results: bool, problems: bool) -> Self {
        match asked {
            Color::Always => Self {
                results: true,
                problems: true,
            },
            Color::Never => Self {
                results: false,
                problems: false,
            },
            Color::Auto => Self {
                results: wanted && results,
                problems: wanted && problems,
            },
        }
    }
}

/// What programs were told, so that they are told once.
#[derive(Debug, Default)]
struct Told {
    printed: bool,
    errors: Vec<Value>,
}

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        let colors = Colors::choose(
            global.color,
            std::env::var_os("NO_COLOR").is_none(),
            std::io::stdout().is_terminal(),
            std::io::stderr().is_terminal(),
        );
        let level = match global.verbose {
            0 => "warn",
            1 => "info",
            _ => "debug",
        };
        tally_runtime::init_tracing_at(level);
        Self {
            json: global.json,
            quiet: global.quiet,
            colors,
            progress: global.progress,
            told: Arc::default(),
        }
    }

    /// True if results are one JSON document.
    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    /// True if results are to be coloured.
    pub(crate) const fn is_colored(&self) -> bool {
        self.colors.results
    }

    /// A line of the result; left out with `--json`.
    pub(crate) fn line(&self, text: &str) {
        if !self.json {
            write_out(text);
        }
    }

    /// The result as JSON, with every error told before; left out without `--json`. Once per process.
    pub(crate) fn document(&self, value: &impl Serialize) {
        if !self.json {
            return;
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let mut value = serde_json::to_value(value).unwrap_or_default();
        if let Some(fields) = value.as_object_mut().filter(|_| !told.errors.is_empty()) {
            fields.insert(
                "errors".to_owned(),
                Value::Array(std::mem::take(&mut told.errors)),
            );
        }
        if let Ok(text) = serde_json::to_string_pretty(&value) {
            told.printed = true;
            write_out(&text);
        }
    }

    /// The end of a command: with `--json`, one that had no result has told its errors by now.
    pub(crate) fn finish(&self, exit: Exit) {
        let printed = self.told.lock().unwrap_or_else(PoisonError::into_inner).printed;
        if !printed {
            self.document(&json!({ "exit_code": exit.code(), "verdict": exit.word() }));
        }
    }

    /// Text that is the result whatever the format (a schema, a script).
    pub(crate) fn raw(&self, text: &str) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).printed = true;
        write_out(text);
    }

    fn note_errors(&self, errors: impl IntoIterator<Item = Value>) {
        if self.json {
            self.told
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .errors
                .extend(errors);
        }
    }

    /// A remark on standard error.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            write_err(text);
        }
    }

    /// A problem without a place in a file.
    pub(crate) fn error(&self, message: &str, help: Option<&str>) {
        let mut text = format!("error: {message}");
        if let Some(help) = help {
            text.push_str(&format!("\n  help: {help}"));
        }
        write_err(&text);
        self.note_errors([json!({ "message": message, "help": help })]);
    }

    /// Problems in a text, each at its place.
    pub(crate) fn diagnostics(&self, name: &str, source: &str, problems: &[Diagnostic]) {
        if self.json {
            self.note_errors(diagnostics::to_json(name, source, problems));
        } else {
            for problem in problems {
                write_err(&diagnostics::render(name, source, problem, self.colors.problems));
            }
        }
    }

    /// A progress display of the kind that was asked for.
    pub(crate) fn progress(&self) -> Progress {
        Progress::new(if self.quiet {
            crate::args::Progress::None
        } else {
            self.progress
        })
    }
}

fn write_out(text: &str) {
    // A closed pipe (`| head`) is the reader's choice, not an error.
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

fn write_err(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Results in a file or a pipe have no colour, whatever standard error is, and the other way round.
    #[test]
    fn each_stream_decides_for_itself() {
        for (results, problems) in [(true, true), (true, false), (false, true), (false, false)] {
            assert_eq!(
                Colors::choose(Color::Auto, true, results, problems),
                Colors { results, problems }
            );
            let all = |on| Colors {
                results: on,
                problems: on,
            };
            assert_eq!(Colors::choose(Color::Auto, false, results, problems), all(false));
            assert_eq!(Colors::choose(Color::Always, false, results, problems), all(true));
            assert_eq!(Colors::choose(Color::Never, true, results, problems), all(false));
        }
    }
}
