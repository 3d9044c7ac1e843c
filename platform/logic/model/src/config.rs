//! The configuration of a platform, one plain value that every world is started with.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::named::named;
use crate::{Operation, Scaler, Scaling};

named!(
    /// How a replica set agrees.
    Protocol {
        /// Full PBFT.
        Pbft = "pbft",
        /// The report's leader-collected votes: 2f+1 signed votes make a certificate.
        Collect = "collect",
        /// f+1 matching answers of 2f+1 executors.
        Vote = "vote",
        /// No replicas: plain pods (the report's Platform 1).
        None = "none",
    }
);

impl Protocol {
    /// Replicas that a set may have, the default first: 3f+1, in `vote` 2f+1.
    pub const fn sizes(self) -> &'static [u8] {
        match self {
            Self::Pbft | Self::Collect => &[4, 7],
            Self::Vote => &[3, 5, 7],
            Self::None => &[],
        }
    }

    /// What its sets can do when their leader is gone, the default first.
    pub const fn leader_changes(self) -> &'static [LeaderChange] {
        match self {
            Self::Pbft => &[LeaderChange::ViewChange],
            Self::Collect => &[LeaderChange::Election, LeaderChange::AdminReplace],
            Self::Vote | Self::None => &[],
        }
    }
}

/// Digests and signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Suite {
    /// Ed25519 and BLAKE3.
    #[serde(rename = "modern")]
    Modern,
    /// RSA-2048 (PKCS#1 v1.5) and MD5, for its cost and its weakness.
    #[serde(rename = "report")]
    Report,
    /// Tags that anybody can make, for simulated worlds alone, where nobody does: a thousand times quicker. No file and no flag
    /// can name it, no configuration that is handed to a process can carry it, and no real key is made of it.
    #[serde(skip)]
    Simulation,
}

impl Suite {
    /// What can be chosen, in the order of the documentation.
    pub const ALL: &'static [Self] = &[Self::Modern, Self::Report];

    /// The name used in files and flags.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Modern => "modern",
            Self::Report => "report",
            Self::Simulation => "simulation",
        }
    }

    /// The reverse of [`Suite::name`], for what can be chosen.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|suite| suite.name() == name)
    }
}

impl std::fmt::Display for Suite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

named!(
    /// How the scheduler decides to dispatch.
    Dispatch {
        /// A task is sent when its operands are known.
        Event = "event",
        /// The report's: poll dependents on a period, stop for ten seconds while the fault bus is not empty.
        Report = "report",
        /// Nothing is split: an expression is one task of the layer of its root operation, and one worker computes all of it. A baseline
        /// of plain workers (`protocol = none`).
        Whole = "whole",
    }
);

named!(
    /// How a service time passes.
    WorkKind {
        /// The worker waits: capacity grows with workers although cores do not.
        Delay = "delay",
        /// The worker burns CPU.
        Spin = "spin",
    }
);

named!(
    /// The distribution of a service time.
    WorkDistribution {
        /// Memoryless.
        Exponential = "exponential",
        /// Always the mean.
        Fixed = "fixed",
        /// Log-normal with a coefficient of variation of 1.
        LogNormal = "lognormal",
    }
);

named!(
    /// What happens when the replica that leads a set is gone.
    LeaderChange {
        /// The replicas go over to the next view and its primary by themselves (`pbft`).
        ViewChange = "view-change",
        /// The admin replaces the replica, and another one, drawn at random, leads (`collect`; the report's section 4.5).
        Election = "election",
        /// The admin replaces the replica, and its successor leads (`collect`; the report's eight steps of section 1.4.1 (2)).
        AdminReplace = "admin-replace",
    }
);

/// Bounds on the number of sets of one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// Never fewer.
    pub min: u32,
    /// Never more.
    pub max: u32,
}

/// Service time of an operation (design decision 15).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// How it passes.
    pub kind: WorkKind,
    /// Its mean; more than 0.
    pub mean: Duration,
    /// How it varies.
    pub distribution: WorkDistribution,
    /// Whether replicas repeat it.
    pub replicas: bool,
    /// Of a delay, how much is burnt instead of waited for, in percent from 0 to 100.
    #[serde(default)]
    pub processor: u8,
}

/// Every wait in the platform, in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// How long a received message stays invisible.
    pub visibility: Duration,
    /// How often a member's health is asked for.
    pub probe_interval: Duration,
    /// How long one probe may take.
    pub probe_timeout: Duration,
    /// Misses in a row that make a fault.
    pub probe_misses: u32,
    /// How long a worker waits for its replicas before it raises a fault and tries again.
    pub quorum_timeout: Duration,
    /// How long the scheduler waits for a dispatched task before it sends it elsewhere.
    pub task_timeout: Duration,
    /// How often the scaling policy is asked.
    pub scale_tick: Duration,
    /// How long a layer must be quiet before a set is removed.
    pub scale_down_after: Duration,
    /// How long a draining set may take.
    pub drain_timeout: Duration,
    /// `dispatch = report`: how often dependents and layers are polled.
    pub report_poll: Duration,
    /// `dispatch = report`: how long the dispatcher sleeps when the fault bus is not empty.
    pub report_sleep: Duration,
    /// How long answers stay readable.
    pub retention: Duration,
    /// A member that is not ready by then is replaced.
    pub start_timeout: Duration,
}

/// Hard caps; at a cap the platform refuses, it never dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Accepted requests without an outcome; above it, 429.
    pub pending: usize,
    /// Bytes of a request body; above it, 413.
    pub body: usize,
    /// Bytes of request headers; above it, 431.
    pub headers: usize,
    /// Open client connections; above it, refused with 503.
    pub connections: usize,
    /// Time for the request head.
    pub head_timeout: Duration,
    /// Time for the request body.
    pub body_timeout: Duration,
    /// Time a connection may be idle.
    pub idle_timeout: Duration,
    /// Longest `?wait=`.
    pub wait: Duration,
    /// Receives before a message is dead-lettered.
    pub receives: u32,
    /// Tasks in flight at one set.
    pub in_flight: usize,
}

/// Everything a platform needs to know. What is not written down has its default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlatformConfig {
    /// Seed of elections and service times.
    pub seed: u64,
    /// See [`Protocol`].
    pub protocol: Protocol,
    /// See [`Suite`].
    pub suite: Suite,
    /// Replicas per set, n = 3f+1 (2f+1 in `vote`, see [`Protocol::sizes`]); ignored with `protocol = none`.
    pub replicas: u8,
    /// `collect`: whether the leader's own vote counts towards the quorum (C5).
    pub count_leader_vote: bool,
    /// What follows on the loss of a leader; none for the protocol's own way, see [`PlatformConfig::leader_change`].
    pub leader: Option<LeaderChange>,
    /// `collect`: whether a replica may lead only while it holds its set's lock in the metadata store (M77, C20).
    pub leader_lock: bool,
    /// Whether members can be told to answer wrongly: only for an experiment that has such a fault.
    #[serde(default)]
    pub corruptible: bool,
    /// See [`Dispatch`].
    pub dispatch: Dispatch,
    /// The policy that drives the number of sets.
    pub scaler: Scaler,
    /// See [`Scaling`].
    #[serde(default)]
    pub scaling: Scaling,
    /// Depth above which a layer is overloaded; the report's 4.
    pub threshold: u32,
    /// Sets per operation.
    pub bounds: Bounds,
    /// Service time per operation, in the order of [`Operation::ALL`]; none for speed.
    pub work: [Option<Work>; 4],
    /// See [`Timing`].
    pub timing: Timing,
    /// See [`Limits`].
    pub limits: Limits,
}

impl PlatformConfig {
    /// Faulty replicas tolerated per set, f = (n-1)/3 (in `vote` (n-1)/2); 0 without replicas.
    pub const fn faulty(&self) -> u8 {
        match self.protocol {
            Protocol::None => 0,
            Protocol::Vote => (self.replicas.saturating_sub(1)) / 2,
            Protocol::Pbft | Protocol::Collect => (self.replicas.saturating_sub(1)) / 3,
        }
    }

    /// Replicas per set; 0 with `protocol = none`.
    pub const fn replicas_per_set(&self) -> u8 {
        match self.protocol {
            Protocol::None => 0,
            Protocol::Pbft | Protocol::Collect | Protocol::Vote => self.replicas,
        }
    }

    /// What follows on the loss of a leader: what was chosen, or else the first the protocol can do; none if nobody leads.
    pub fn leader_change(&self) -> Option<LeaderChange> {
        self.leader
            .or_else(|| self.protocol.leader_changes().first().copied())
    }

    /// The service time of an operation.
    pub const fn work_of(&self, operation: Operation) -> Option<Work> {
        self.work[operation.index()]
    }

    /// Whether tasks of this layer have a service time; whole expressions have those of all their operations.
    pub fn takes_time(&self, layer: Operation) -> bool {
        match self.dispatch {
            Dispatch::Event | Dispatch::Report => self.work_of(layer).is_some(),
            Dispatch::Whole => self.work.iter().any(Option::is_some),
        }
    }
}

impl Default for PlatformConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            protocol: Protocol::Pbft,
            suite: Suite::Modern,
            replicas: 4,
            count_leader_vote: true,
            leader: None,
            leader_lock: false,
            corruptible: false,
            dispatch: Dispatch::Event,
            scaler: Scaler::Threshold,
            scaling: Scaling::default(),
            threshold: 4,
            bounds: Bounds { min: 1, max: 8 },
            work: [None; 4],
            timing: Timing::default(),
            limits: Limits::default(),
        }
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            visibility: Duration::from_secs(30),
            probe_interval: Duration::from_millis(200),
            probe_timeout: Duration::from_millis(500),
            probe_misses: 2,
            quorum_timeout: Duration::from_secs(2),
            task_timeout: Duration::from_secs(5),
            scale_tick: Duration::from_millis(100),
            scale_down_after: Duration::from_secs(10),
            drain_timeout: Duration::from_secs(30),
            report_poll: Duration::from_millis(100),
            report_sleep: Duration::from_secs(10),
            retention: Duration::from_hours(1),
            start_timeout: Duration::from_secs(20),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pending: 20_000,
            body: 64 * 1024 + 1024,
            headers: 16 * 1024,
            connections: 4096,
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(15),
            idle_timeout: Duration::from_secs(30),
            wait: Duration::from_secs(30),
            receives: 5,
            in_flight: 64,
        }
    }
}
