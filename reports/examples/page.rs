//! Writes the page about a made-up run (or a real one) to standard output: to look at while changing the template.
//!
//! `cargo run -p tally-reports --example page [SECONDS [TRIALS]] > page.html`; `text` or `markdown` in place of SECONDS shows the
//! other forms. `page run DIRECTORY` makes the page of a real run anew.

use std::io::Write as _;
use std::path::Path;

#[path = "../tests/support/synthetic.rs"]
mod synthetic;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, other: u64| {
        arguments
            .get(at)
            .and_then(|text| text.parse().ok())
            .unwrap_or(other)
    };
    let seconds = number(0, 120);
    let mut report = synthetic::run(seconds);
    report.trials = (1..=number(1, 1) as u32)
        .map(|n| synthetic::trial(n, seconds))
        .collect();
    if let [Some("run"), Some(directory)] = [0, 1].map(|at| arguments.get(at).map(String::as_str)) {
        let run = tally_capture::RunReader::open(Path::new("runs"), directory)?;
        report = run.document(tally_capture::Document::Results)?;
        report.attach(&run)?;
    }
    let made = match arguments.first().map(String::as_str) {
        Some("text") => tally_reports::text(&report, 100, true),
        Some("markdown") => tally_reports::markdown(&report),
        _ => tally_reports::html(&report)?,
    };
    std::io::stdout().write_all(made.as_bytes())?;
    Ok(())
}
