//! One run as text, Markdown and one self-contained HTML page: the verdict first, then what it rests on.
//!
//! Everything is a pure function of a [`RunReport`]: the same report gives the same bytes, so what a run directory holds can be
//! rendered again years later. The page needs no network and no script; its charts are drawn here as SVG.

mod chart;
mod clean;
mod compare;
mod error;
mod html;
mod live_hpa;
mod markdown;
mod phrase;
mod policies;
mod run_report;
mod text;
mod unit;

pub use clean::clean;
pub use compare::{
    Arm, Calibration, CalibrationError, ComparedRun, Comparison, Contestant, Difference, Differing, Estimate,
    Interval, Number, Pairing, Part, Reached, Reaction, TrialLine, Unfair, Unit, Verdict, fair, median,
    median_interval, scaler_name,
};
pub use error::Error;
pub use html::{MOST_BYTES, comparison_html, html, policies_html};
pub use live_hpa::{Agreement, LiveAutoscaler, LiveLook};
pub use markdown::markdown;
pub use policies::{Curves, PolicyArm, PolicyCase, PolicyComparison, PolicyRun};
pub use run_report::{
    AgentFacts, Correctness, ExpectationLine, GeneratorFacts, Memory, RunReport, TrialReport, Warning,
};
pub use text::{comparison_text, hpa_text, policies_text, text};
