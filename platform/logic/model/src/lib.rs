//! The nouns every room shares: ids, operations, instants, outcomes, messages, configuration.
//!
//! Nothing here does anything. A type lives here when two rooms must agree on it and neither owns it.

mod config;
mod diagnostic;
mod fault;
mod id;
mod instant;
mod machine;
mod message;
mod named;
mod observation;
mod operation;
mod outcome;
mod port;
mod scaling;
mod set;

pub use config::{
    Bounds, Dispatch, LeaderChange, Limits, PlatformConfig, Protocol, Suite, Timing, Work, WorkDistribution,
    WorkKind,
};
pub use diagnostic::{Diagnostic, Span};
pub use fault::{FaultEvent, FaultType};
pub use id::{Epoch, NodeId, ParseIdError, RequestId, SetId, TaskId};
pub use instant::{Instant, nanos};
pub use machine::{Deadline, Machine};
pub use message::{AnswerMessage, CertifiedTask, Job, RequestMessage, TaskMessage};
pub use observation::{Observation, Step};
pub use operation::{Operation, QueueName};
pub use outcome::{Failure, Outcome};
pub use port::{
    Change, Delivery, Depth, Entry, Pod, PodEvent, PodPhase, PodSpec, Precondition, Put, Receipt, Service,
    Versioned,
};
pub use scaling::{Drift, Forecast, HpaMetric, HpaRules, HpaVersion, Scaler, Scaling};
pub use set::{Member, MemberRole, SetRecord, SetState};
