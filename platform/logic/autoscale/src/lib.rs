//! Scaling policies as pure functions of the same observations.
//!
//! A policy sees one [`Signal`] per layer and answers with a [`Decision`]: how many sets are wanted in total, sets that
//! are still starting included. It keeps its own memory and reads no clock, so that every policy can be shown the same
//! signals (see [`Panel`]) and a recorded run can be decided again.

mod clairvoyant;
mod dc2_ps;
mod demand;
pub mod filter;
mod fixed;
pub mod hpa;
mod kalman;
mod keda;
mod known;
mod kpa;
mod observed;
mod pace;
mod panel;
mod policy;
mod rules;
pub mod service;
mod signal;
pub mod station;
mod threshold;
mod threshold_report;

pub use clairvoyant::{Clairvoyant, StaticOptimum};
pub use dc2_ps::Dc2Ps;
pub use fixed::Fixed;
pub use kalman::Kalman;
pub use keda::Keda;
pub use known::Known;
pub use kpa::Kpa;
pub use panel::{Panel, Verdict};
pub use policy::{Decision, Policy, policy};
pub use rules::Rules;
pub use signal::{Interval, Reading, Signal};
pub use threshold::Threshold;
pub use threshold_report::ThresholdReport;
