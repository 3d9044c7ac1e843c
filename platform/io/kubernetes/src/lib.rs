//! Kubernetes as the cluster port, and what the harness needs of it: live autoscaler objects, logs, faults.
//!
//! Everything works against API servers from 1.20 on: lists are not streamed, groups are discovered one by one, and the
//! autoscaling version is the newest that the server offers ([`Autoscalers`]).

mod autoscaler;
mod cluster;
mod connect;
mod deployment;
mod error;
mod fact;
mod job;
mod labels;
mod operate;
mod pod;
mod service;
mod watch;

pub use autoscaler::{Autoscaler, AutoscalerFact, AutoscalerFacts, Autoscalers, ConditionFact, Live, Metric};
pub use cluster::{Kubernetes, Settings};
pub use connect::{Access, connect};
pub use deployment::{DeploymentFact, DeploymentFacts};
pub use error::Error;
pub use fact::PodFact;
pub use labels::{COMPONENT, INCARNATION, NODE, OPERATION, PART_OF, PLATFORM, SET};
pub use operate::{Machine, Operate, PodFacts};
pub use pod::{Template, read_pod, with_port};

pub use watch::{Change, Objects, PodWatch, watch_objects};
