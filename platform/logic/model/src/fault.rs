//! The report's fault model `f_i^j` (section 1.2): type i at index j.

use serde::{Deserialize, Serialize};

use crate::{Instant, NodeId};

/// Type of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultType {
    /// I: a worker is down.
    Worker,
    /// II: a leader replica is down.
    Leader,
    /// III: a follower replica is down.
    Follower,
    /// IV: the control plane is down.
    ControlPlane,
}

impl FaultType {
    /// The report's roman numeral.
    pub const fn numeral(self) -> &'static str {
        match self {
            Self::Worker => "I",
            Self::Leader => "II",
            Self::Follower => "III",
            Self::ControlPlane => "IV",
        }
    }
}

/// A message on the fault bus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultEvent {
    /// What kind of place failed.
    pub kind: FaultType,
    /// The place.
    pub node: NodeId,
    /// Which occupant of the place; a stale event about an earlier one is ignored.
    pub incarnation: u32,
    /// Who noticed: `admin` (probes) or the worker (votes missing).
    pub source: String,
    /// When it was noticed.
    pub noticed: Instant,
}
