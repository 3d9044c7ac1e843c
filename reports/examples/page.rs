//! Writes the page about a made-up run to standard output: to look at while changing the template.
//!
//! `cargo run -p tally-reports --example page [SECONDS [TRIALS]] > /tmp/report.html`; `text` or `markdown` in place of SECONDS
//! shows the other forms.

use std::io::Write as _;

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
    let made = match arguments.first().map(String::as_str) {
        Some("text") => tally_reports::text(&report, 100, true),
        Some("markdown") => tally_reports::markdown(&report),
        _ => tally_reports::html(&report)?,
    };
    std::io::stdout().write_all(made.as_bytes())?;
    Ok(())
}
