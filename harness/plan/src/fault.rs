//! What is broken on purpose: which kind of harm, to whom, when, and for how long.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tally_model::{FaultType, Operation};

/// A kind of harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FaultKind {
    /// SIGKILL; what the platform restarts by itself within the duration is its merit, the rest is restarted at its end.
    Kill,
    /// SIGSTOP, and SIGCONT at the end.
    Pause,
    /// The pod is deleted; on Kubernetes only.
    #[serde(rename = "pod-delete")]
    PodDelete,
    /// The machine that the victim is on is killed, and started again at the end; on kind only.
    #[serde(rename = "node-kill")]
    NodeKill,
    /// The process answers wrongly, signed as always, and rightly again at the end.
    Corrupt,
}

impl FaultKind {
    /// True for what only a cluster can suffer.
    pub const fn needs_a_cluster(self) -> bool {
        matches!(self, Self::PodDelete | Self::NodeKill)
    }

    /// The name used in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Pause => "pause",
            Self::PodDelete => "pod-delete",
            Self::NodeKill => "node-kill",
            Self::Corrupt => "corrupt",
        }
    }
}

/// How many of those with the role are hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pick {
    /// One, drawn by the seed.
    One,
    /// As many as can fail without harm: at most f replicas of a set, fewer than half of the workers of an operation.
    Minority,
}

impl Pick {
    /// The name used in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Minority => "minority",
        }
    }
}

/// A fault of an experiment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Its name, unique in the file.
    pub name: String,
    /// What is done.
    pub kind: FaultKind,
    /// To whom.
    pub role: FaultType,
    /// To how many.
    pub pick: Pick,
    /// Only at sets of this operation.
    pub operation: Option<Operation>,
    /// Only this role of the control plane, where its roles are pods of their own; none for all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// Start, from the start of the measure phase.
    pub at: Duration,
    /// How long; always given, so that a fault ends even if the harness does not.
    pub length: Duration,
}

/// The name of a role in files: `worker`, `leader`, `follower`, `control-plane`.
pub const fn role_name(role: FaultType) -> &'static str {
    match role {
        FaultType::Worker => "worker",
        FaultType::Leader => "leader",
        FaultType::Follower => "follower",
        FaultType::ControlPlane => "control-plane",
    }
}
