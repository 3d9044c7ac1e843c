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
    color: bool,
    progress: crate::args::Progress,
    told: Arc<Mutex<Told>>,
}

/// What programs were told, so that they are told once.
#[derive(Debug, Default)]
struct Told {
    printed: bool,
    errors: Vec<Value>,
}

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        let color = match global.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        };
        let level = match global.verbose {
            0 => "warn",
            1 => "info",
            _ => "debug",
        };
        tally_runtime::init_tracing_at(level);
        Self {
            json: global.json,
            quiet: global.quiet,
            color,
            progress: global.progress,
            told: Arc::default(),
        }
    }

    /// True if results are one JSON document.
    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    /// True if colour is wanted.
    pub(crate) const fn is_colored(&self) -> bool {
        self.color
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
                write_err(&diagnostics::render(name, source, problem, self.color));
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
