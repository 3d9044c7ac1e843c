//! The HorizontalPodAutoscaler of Kubernetes (autoscaling/v2) as pure functions over plain values.
//!
//! One reconcile reads from top to bottom: [`pods`] sorts pods into counted, unready, missing and ignored; [`Metric`]
//! turns one metric into a [`Proposal`]; [`propose`] takes the largest of several; [`stabilize`] looks at the
//! recommendations of the past; [`rate`] limits the step; [`reconcile`] puts them in order and says why in
//! [`Conditions`]. `now` is an argument, [`State`] is everything that is remembered.
//!
//! Quantities are `i64` thousandths of a unit (milli-units), as in Kubernetes; ratios are `f64` exactly where Kubernetes
//! has them, in the same order of operations, because a rewritten formula rounds differently at the boundaries. Where Go
//! would wrap around or leave a conversion to the machine, this saturates.
//!
//! Written from a description of the controller, not from its code; held to rows of the tables of its tests
//! (`tests/hpa_cases.json`, see the notice beside them).

mod average;
mod behavior;
pub mod cases;
mod compat;
mod condition;
mod cpu;
mod history;
mod metric;
mod object;
pub mod pods;
mod policy;
mod proposal;
pub mod rate;
mod reconcile;
pub mod replay;
mod scale;
mod spec;
pub mod stabilize;
mod tolerance;
mod total;

pub use behavior::{Behavior, Change, ScalingPolicy, ScalingRules, Select};
pub use compat::Compat;
pub use condition::{Condition, ConditionType, Conditions, Reason};
pub use history::{Event, History, Recommendation};
pub use metric::{Metric, PodReading, PodTarget, TotalTarget};
pub use object::{ExternalObject, milli};
pub use pods::{Phase, Pod, PodSample, PodState};
pub use policy::HpaPolicy;
pub use proposal::{MetricError, Proposal, Proposals, propose};
pub use reconcile::{Outcome, State, reconcile, written};
pub use scale::{Scale, Selector};
pub use spec::{Calculation, Spec};
pub use tolerance::Tolerance;
