//! Experiment file to timeline of requests and faults, each with its due time.
//!
//! `parse` reads a file and tells every problem at once, each with its place and remedy; `Plan::expand` makes of it what
//! a run does and when. Both are pure: the same text gives the same plan, byte for byte, anywhere.

mod code;
mod diagnose;
mod expand;
mod expectation;
mod experiment;
mod explain;
mod fault;
mod forecast;
mod key;
mod meaning;
mod plan;
mod read;
mod schema;
mod section;
mod share;
mod shots;
mod templates;
mod units;
mod window;

pub use code::{CODES, code_help};
pub use expectation::{
    Comparator, Comparison, Condition, Function, LATER_METRICS, Metric, MetricRef, Sample, Term, Unit,
    Verdict, metric_help, parse_condition,
};
pub use experiment::{Compare, CompareOrder, Expectation, Experiment, Load, Phases, Safety, When};
pub use explain::explain;
pub use fault::{Fault, FaultKind, Pick, role_name};
pub use plan::{ClosedLoad, MAX_CLOSED, MAX_SHOTS, Phase, Plan, PlannedFault, PlannedLoad, PlannedRequest};
pub use read::{MAX_FILE_BYTES, parse, parse_live, parse_with};
pub use schema::schema;
pub use share::Share;
pub use shots::{Shot, Shots};
pub use templates::templates;
pub use units::duration as parse_duration;
pub use window::Window;
