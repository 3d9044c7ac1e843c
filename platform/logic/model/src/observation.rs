//! What happened, with the same name in every world; scaling reaction and quorum recovery are computed from these alone.

use serde::{Deserialize, Serialize};

use crate::{Instant, NodeId, Operation, RequestId, SetId};

/// The named steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The first task of a busy period that became a scale-up or an overload was enqueued: the layer had been seen empty before.
    Onset,
    /// A layer's depth rose above the threshold.
    OverThreshold,
    /// The policy saw the depth that made it act.
    MetricVisible,
    /// The policy decided on a number of sets (`value`).
    Decision,
    /// The cluster service accepted the call.
    CallAccepted,
    /// A member's process started.
    PodStarted,
    /// A member answers its health probe and is in the set record.
    PodReady,
    /// The set takes tasks.
    SetReady,
    /// The first certified answer of a set.
    FirstAnswer,
    /// A layer's depth fell back to 0.
    BacklogDrained,
    /// A set was told to take no new tasks before it goes.
    DrainStarted,
    /// A drained set was deleted.
    SetDeleted,
    /// A liveness probe was missed (`value` = misses in a row).
    ProbeMissed,
    /// A fault event was put on the fault bus.
    FaultRaised,
    /// A fault event was taken from the fault bus.
    FaultTaken,
    /// The cluster service was asked for a replacement.
    ReplacementRequested,
    /// A member's process is gone.
    PodGone,
    /// A replica entered a view (`value`; `note` = the epoch): the first of an epoch, or one after a view change.
    ViewEntered,
    /// The set record has a new epoch (`value`).
    EpochChanged,
    /// A replica set had fewer votes than all (`value` = votes in the certificate).
    DegradedCertificate,
    /// A certificate that all members could have voted on again.
    FullCertificate,
    /// A certificate was refused.
    CertificateRefused,
    /// A second outcome for a request, equal to the first.
    DuplicateOutcome,
    /// A second outcome for a request that differs from the first: a safety violation.
    ConflictingOutcome,
    /// A message went to the dead-letter queue.
    DeadLettered,
    /// A role started (`note` = which).
    RoleStarted,
    /// The dispatcher pauses because of the fault bus (`dispatch = report`).
    DispatchPaused,
    /// The dispatcher goes on.
    DispatchResumed,
    /// A member that a fault was raised about answers its probe again (a paused process that came back).
    FaultCleared,
    /// The policy has nothing to decide by, so its last decision stands (`value` = sets, `note` = why).
    DecisionHeld,
    /// What a policy that does not drive would have decided (`value` = sets, `note` = its name and reason).
    ShadowDecision,
    /// The metrics adapter answered a live autoscaler about a `metric` (`value`; none if it could not, `note` = why).
    MetricServed,
    /// How old the oldest sample was that a live autoscaler looked at when it acted (`value` in seconds).
    MetricSampled,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// When.
    pub at: Instant,
    /// What.
    pub step: Step,
    /// The node it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
    /// The set it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<SetId>,
    /// The layer it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
    /// The request it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestId>,
    /// The name of the external metric it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// A number whose meaning the step gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Observation {
    /// A bare observation; fill in what it is about with the `with_` methods.
    pub const fn new(at: Instant, step: Step) -> Self {
        Self {
            at,
            step,
            node: None,
            set: None,
            operation: None,
            request: None,
            metric: None,
            value: None,
            note: None,
        }
    }

    /// About a node, the set it belongs to, and its layer.
    pub fn with_node(mut self, node: NodeId) -> Self {
        self.node = Some(node);
        self.set = node.set().or(self.set);
        self.operation = node.set().map(|set| set.operation).or(self.operation);
        self
    }

    /// About a set.
    pub fn with_set(mut self, set: SetId) -> Self {
        self.set = Some(set);
        self.operation = Some(set.operation);
        self
    }

    /// About a layer.
    pub const fn with_operation(mut self, operation: Operation) -> Self {
        self.operation = Some(operation);
        self
    }

    /// About a request.
    pub const fn with_request(mut self, request: RequestId) -> Self {
        self.request = Some(request);
        self
    }

    /// About an external metric.
    pub fn with_metric(mut self, name: impl Into<String>) -> Self {
        self.metric = Some(name.into());
        self
    }

    /// With a number.
    pub const fn with_value(mut self, value: f64) -> Self {
        self.value = Some(value);
        self
    }

    /// With a remark.
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }
}
