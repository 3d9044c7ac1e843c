//! What happened at least once: a run in which nothing went wrong proves nothing.

use std::collections::BTreeMap;

use tally_consensus::{Body, pbft};
use tally_model::{MemberRole, Observation, SetRecord, SetState, Step};
use tally_roles::packet::Packet;

use crate::timeline::Request;
use crate::watch::Sent;

/// Something that has to happen in some runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sometimes {
    /// A new view was opened.
    ViewChange,
    /// A certified state was sent to a member that was behind.
    StateTransfer,
    /// A member had a stable checkpoint.
    Checkpoint,
    /// A member of a set was replaced.
    Replacement,
    /// A leader was given another place in a new epoch.
    LeaderReplaced,
    /// The control plane died and another went on.
    ControlRestart,
    /// A message was received again.
    Redelivery,
    /// A receipt that was stale was refused.
    StaleReceipt,
    /// A second, equal outcome was recognised.
    DuplicateOutcome,
    /// A message went to the dead-letter queue.
    DeadLetter,
    /// A request was tried again by its client.
    ClientRetry,
    /// A certificate had fewer votes than there are members.
    Degraded,
    /// A certificate was refused.
    CertificateRefused,
    /// A worker had no room.
    Busy,
    /// Sets were added.
    ScaleUp,
    /// A set was drained and deleted.
    ScaleDown,
    /// A member that was suspected answered again.
    FaultCleared,
    /// A message was held back and let go later.
    Clogged,
    /// A lying member said something.
    Lie,
    /// A link was cut and mended while requests were open.
    PartitionHealed,
    /// A process went on after a stop.
    Resumed,
    /// A port call failed.
    PortTrouble,
    /// A clock stepped.
    ClockStep,
}

impl Sometimes {
    /// Every event.
    pub const ALL: [Self; 23] = [
        Self::ViewChange,
        Self::StateTransfer,
        Self::Checkpoint,
        Self::Replacement,
        Self::LeaderReplaced,
        Self::ControlRestart,
        Self::Redelivery,
        Self::StaleReceipt,
        Self::DuplicateOutcome,
        Self::DeadLetter,
        Self::ClientRetry,
        Self::Degraded,
        Self::CertificateRefused,
        Self::Busy,
        Self::ScaleUp,
        Self::ScaleDown,
        Self::FaultCleared,
        Self::Clogged,
        Self::Lie,
        Self::PartitionHealed,
        Self::Resumed,
        Self::PortTrouble,
        Self::ClockStep,
    ];

    /// The name used in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ViewChange => "view-change",
            Self::StateTransfer => "state-transfer",
            Self::Checkpoint => "checkpoint",
            Self::Replacement => "replacement",
            Self::LeaderReplaced => "leader-replaced",
            Self::ControlRestart => "control-restart",
            Self::Redelivery => "redelivery",
            Self::StaleReceipt => "stale-receipt",
            Self::DuplicateOutcome => "duplicate-outcome",
            Self::DeadLetter => "dead-letter",
            Self::ClientRetry => "client-retry",
            Self::Degraded => "degraded-certificate",
            Self::CertificateRefused => "certificate-refused",
            Self::Busy => "busy",
            Self::ScaleUp => "scale-up",
            Self::ScaleDown => "scale-down",
            Self::FaultCleared => "fault-cleared",
            Self::Clogged => "clogged",
            Self::Lie => "lie",
            Self::PartitionHealed => "partition-healed",
            Self::Resumed => "resumed",
            Self::PortTrouble => "port-trouble",
            Self::ClockStep => "clock-step",
        }
    }
}

/// How often each thing happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    counts: BTreeMap<Sometimes, u64>,
}

impl Coverage {
    /// It happened.
    pub fn hit(&mut self, what: Sometimes) {
        *self.counts.entry(what).or_insert(0) += 1;
    }

    /// How often it happened.
    pub fn count(&self, what: Sometimes) -> u64 {
        self.counts.get(&what).copied().unwrap_or(0)
    }

    /// Adds another run's.
    pub fn add(&mut self, other: &Self) {
        for (what, count) in &other.counts {
            *self.counts.entry(*what).or_insert(0) += count;
        }
    }

    pub(crate) fn sent(&mut self, sent: &Sent<'_>) {
        match sent.packet {
            Packet::Busy(_) => self.hit(Sometimes::Busy),
            Packet::Set(message) => {
                if let Body::Pbft(body) = &message.body {
                    match &**body {
                        pbft::Body::NewView(_) => self.hit(Sometimes::ViewChange),
                        pbft::Body::State(_) => self.hit(Sometimes::StateTransfer),
                        pbft::Body::Checkpoint(_) => self.hit(Sometimes::Checkpoint),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    pub(crate) fn record(&mut self, record: &SetRecord) {
        let replaced = |member: &&tally_model::Member| member.incarnation > 1;
        if record.state != SetState::Ready {
            return;
        }
        for member in record.members().filter(replaced) {
            self.hit(Sometimes::Replacement);
            if record.role_of(member.node) == Some(MemberRole::Leader) {
                self.hit(Sometimes::LeaderReplaced);
            }
        }
    }

    pub(crate) fn over(&mut self, request: &Request) {
        if request.attempts > 1 {
            self.hit(Sometimes::ClientRetry);
        }
    }

    pub(crate) fn observed(&mut self, observation: &Observation) {
        let what = match observation.step {
            Step::DuplicateOutcome => Sometimes::DuplicateOutcome,
            Step::DeadLettered => Sometimes::DeadLetter,
            Step::DegradedCertificate => Sometimes::Degraded,
            Step::CertificateRefused => Sometimes::CertificateRefused,
            Step::FaultCleared => Sometimes::FaultCleared,
            Step::SetDeleted => Sometimes::ScaleDown,
            Step::Decision if observation.value.is_some_and(|wanted| wanted > 1.0) => Sometimes::ScaleUp,
            _ => return,
        };
        self.hit(what);
    }
}
