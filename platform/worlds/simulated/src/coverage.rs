//! What happened at least once: a run in which nothing went wrong proves nothing.

use std::collections::BTreeMap;

use tally_consensus::{Body, pbft};
use tally_model::{MemberRole, Observation, Protocol, SetRecord, SetState, Step};
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
    /// A place that leads was filled again.
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
    /// A packet was lost on its way.
    PacketLost,
    /// A packet arrived twice.
    PacketTwice,
    /// A packet was held back so that later ones could overtake it.
    PacketHeld,
    /// A node was cut off in one direction only while requests were open.
    OneWayCut,
    /// A link was cut and mended while requests were open.
    PartitionHealed,
    /// A pod was killed.
    Killed,
    /// Z1: a replica signed a wrong result.
    LieWrong,
    /// Z2, Z5, Z9: one identity spoke with two voices.
    LieTwin,
    /// Z3: something was said again, to members of its own set or of another.
    LieReplay,
    /// Z4: a signature that does not hold, or is missing, or a number under a signature made for another.
    LieForge,
    /// Z5: something was said in the name of another member.
    LieImpersonate,
    /// Z6: a member that should have spoken was silent.
    LieMute,
    /// Z6: a member spoke late.
    LieSlow,
    /// Z6: a member was silent and spoke by turns.
    LieAlternate,
    /// Z7: a member said nothing to some.
    LieCensor,
    /// Z7: a member kept its COMMITs, or its votes, to itself.
    LieWithhold,
    /// Z8: everything was said many times, half of it junk.
    LieFlood,
    /// Z8: something was said that is as large as it can be, or larger.
    LieGiant,
    /// Type I: a worker asked its replicas for something else than it was told to, or told another outcome than they certified.
    LieTamper,
    /// A process went on after a stop.
    Resumed,
    /// A port call failed.
    PortTrouble,
    /// A queue had a message twice.
    QueueTwice,
    /// A queue showed a message late.
    QueueLate,
    /// A queue confirmed a delete that did not happen.
    DeleteLost,
    /// A queue counted a receive that nobody saw.
    ReceiveLost,
    /// A message that could be received was lost with the process, before it was on the disk.
    UnwrittenLost,
    /// The clock of a pod jumped forward.
    ClockStep,
    /// The clock of the control plane jumped forward.
    ControlClockStep,
    /// A pod began by a wall clock that was behind what the control plane had been told by it before.
    SetBack,
    /// A control plane began by a wall clock that was behind what its predecessor had been told by it.
    ControlSetBack,
}

impl Sometimes {
    /// Every event.
    pub const ALL: [Self; 48] = [
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
        Self::PacketLost,
        Self::PacketTwice,
        Self::PacketHeld,
        Self::OneWayCut,
        Self::PartitionHealed,
        Self::Killed,
        Self::LieWrong,
        Self::LieTwin,
        Self::LieReplay,
        Self::LieForge,
        Self::LieImpersonate,
        Self::LieMute,
        Self::LieSlow,
        Self::LieAlternate,
        Self::LieCensor,
        Self::LieWithhold,
        Self::LieFlood,
        Self::LieGiant,
        Self::LieTamper,
        Self::Resumed,
        Self::PortTrouble,
        Self::QueueTwice,
        Self::QueueLate,
        Self::DeleteLost,
        Self::ReceiveLost,
        Self::UnwrittenLost,
        Self::ClockStep,
        Self::ControlClockStep,
        Self::SetBack,
        Self::ControlSetBack,
    ];

    /// Whether it can happen where sets of this protocol are the only ones.
    pub const fn is_of(self, protocol: Protocol) -> bool {
        match self {
            Self::ViewChange | Self::StateTransfer | Self::Checkpoint => matches!(protocol, Protocol::Pbft),
            Self::LeaderReplaced => matches!(protocol, Protocol::Pbft | Protocol::Collect),
            Self::Degraded
            | Self::CertificateRefused
            | Self::LieWrong
            | Self::LieTwin
            | Self::LieReplay
            | Self::LieForge
            | Self::LieImpersonate
            | Self::LieMute
            | Self::LieSlow
            | Self::LieAlternate
            | Self::LieCensor
            | Self::LieFlood
            | Self::LieGiant
            | Self::LieTamper => !matches!(protocol, Protocol::None),
            Self::LieWithhold => matches!(protocol, Protocol::Pbft | Protocol::Collect),
            _ => true,
        }
    }

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
            Self::PacketLost => "packet-lost",
            Self::PacketTwice => "packet-twice",
            Self::PacketHeld => "packet-held",
            Self::OneWayCut => "one-way-cut",
            Self::Killed => "killed",
            Self::LieWrong => "lie-wrong",
            Self::LieTwin => "lie-twin",
            Self::LieReplay => "lie-replay",
            Self::LieForge => "lie-forge",
            Self::LieImpersonate => "lie-impersonate",
            Self::LieMute => "lie-mute",
            Self::LieSlow => "lie-slow",
            Self::LieAlternate => "lie-alternate",
            Self::LieCensor => "lie-censor",
            Self::LieWithhold => "lie-withhold",
            Self::LieFlood => "lie-flood",
            Self::LieGiant => "lie-giant",
            Self::LieTamper => "lie-tamper",
            Self::QueueTwice => "queue-twice",
            Self::QueueLate => "queue-late",
            Self::DeleteLost => "delete-lost",
            Self::ReceiveLost => "receive-lost",
            Self::PartitionHealed => "partition-healed",
            Self::Resumed => "resumed",
            Self::UnwrittenLost => "unwritten-lost",
            Self::PortTrouble => "port-trouble",
            Self::ClockStep => "clock-step",
            Self::ControlClockStep => "control-clock-step",
            Self::SetBack => "set-back",
            Self::ControlSetBack => "control-set-back",
        }
    }
}

/// How often each thing happened, and in how many runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    counts: BTreeMap<Sometimes, u64>,
    runs: BTreeMap<Sometimes, u64>,
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

    /// In how many of the runs that were added it happened.
    pub fn runs(&self, what: Sometimes) -> u64 {
        self.runs.get(&what).copied().unwrap_or(0)
    }

    /// Adds that of one run.
    pub fn add(&mut self, run: &Self) {
        for (what, count) in &run.counts {
            *self.counts.entry(*what).or_insert(0) += count;
            *self.runs.entry(*what).or_insert(0) += 1;
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
