//! Progress of long work on standard error: a bar on a terminal, lines in CI, JSON for programs.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::args::Progress as Kind;

/// Plain lines at most this often within a phase.
const PERIOD: Duration = Duration::from_secs(5);

/// A progress display.
#[derive(Debug)]
pub(crate) struct Progress {
    kind: Kind,
    bar: Option<ProgressBar>,
    last: Option<Instant>,
    started: Instant,
}

impl Progress {
    pub(super) fn new(kind: Kind) -> Self {
        let kind = match kind {
            Kind::Auto if std::io::stderr().is_terminal() && std::env::var_os("CI").is_none() => Kind::Auto,
            Kind::Auto => Kind::Plain,
            chosen => chosen,
        };
        let bar = (kind == Kind::Auto).then(|| {
            let bar = ProgressBar::new_spinner();
            bar.set_style(ProgressStyle::default_spinner());
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        Self {
            kind,
            bar,
            last: None,
            started: Instant::now(),
        }
    }

    /// Something was reached.
    pub(crate) fn step(&mut self, text: &str) {
        match self.kind {
            Kind::Auto => {
                if let Some(bar) = &self.bar {
                    bar.println(format!(" \u{2713} {text}"));
                }
            }
            Kind::Plain => write(&format!(
                " \u{2713} {:>6.1} s  {text}",
                self.started.elapsed().as_secs_f64()
            )),
            Kind::Json => self.json("phase", text),
            Kind::None => {}
        }
        self.last = None;
    }

    /// How it stands; shown at most every five seconds where lines are printed.
    pub(crate) fn tick(&mut self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(text.to_owned());
            return;
        }
        if self.last.is_some_and(|last| last.elapsed() < PERIOD) {
            return;
        }
        self.last = Some(Instant::now());
        match self.kind {
            Kind::Plain => write(&format!(
                "   {:>6.1} s  {text}",
                self.started.elapsed().as_secs_f64()
            )),
            Kind::Json => self.json("tick", text),
            Kind::Auto | Kind::None => {}
        }
    }

    /// Something to know about.
    pub(crate) fn event(&mut self, text: &str) {
        match self.kind {
            Kind::Auto => {
                if let Some(bar) = &self.bar {
                    bar.println(format!(" !  {text}"));
                }
            }
            Kind::Plain => write(&format!(
                " ! {:>6.1} s  {text}",
                self.started.elapsed().as_secs_f64()
            )),
            Kind::Json => self.json("event", text),
            Kind::None => {}
        }
    }

    fn json(&self, kind: &str, text: &str) {
        let seconds = self.started.elapsed().as_secs_f64();
        write(&json!({ "event": kind, "seconds": seconds, "text": text }).to_string());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn write(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
