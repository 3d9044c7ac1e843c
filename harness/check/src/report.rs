//! What the checker found: serialisable, and the same bytes for the same run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::finding::Finding;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Safety {
    /// Nothing found.
    Clean,
    /// The history has gaps, or what should have been audited was not: nothing can be said.
    Incomplete,
    /// A promise was broken that is not about what the answers say: an answer nobody was owed, one that vanished, one that is late
    /// beyond all waiting.
    Broken,
    /// An answer was lost, wrong, doubled or in conflict, or its certificate does not hold.
    Unsafe,
}

/// The audit of certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// Answers that came with tasks.
    pub answers: u64,
    /// Of those, how many were audited, each with all its tasks.
    pub answers_audited: u64,
    /// Certificates verified in them, all signatures each.
    pub certificates_audited: u64,
    /// Tasks in them without a certificate; only a platform without replicas may have any.
    pub uncertified: u64,
    /// What was found, by name; see the crate's page.
    pub flaws: BTreeMap<String, Finding>,
}

/// Gaps in the record itself: the harness's fault, not the platform's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gaps {
    /// True if the history ends in a torn frame.
    pub torn_history: bool,
    /// True if the certificates do.
    pub torn_certificates: bool,
    /// True if there are certificates and no usable keys to check them with.
    pub missing_keys: bool,
    /// Plan entries without a line.
    pub unrecorded: u64,
    /// Lines that repeat a plan entry and say the same, or contradict themselves (`ok` without an outcome).
    pub malformed: Finding,
}

impl Gaps {
    fn any(&self) -> bool {
        self.torn_history
            || self.torn_certificates
            || self.missing_keys
            || self.unrecorded > 0
            || self.malformed.count > 0
    }
}

/// What the checker found. The definitions are on the crate's page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckReport {
    /// `tally_capture::SCHEMA_VERSION`.
    pub schema_version: u32,
    /// The judgement.
    pub safety: Safety,
    /// Plan entries with a line.
    pub requests: u64,
    /// Known to be accepted.
    pub accepted: u64,
    /// With an outcome.
    pub answered: u64,
    /// Certainly refused.
    pub refused: u64,
    /// Sent, and neither known to be accepted nor refused nor answered: nothing is owed.
    pub unknown: u64,
    /// Later sights of an outcome that were compared.
    pub reads: u64,
    /// Accepted, and no outcome.
    pub lost: Finding,
    /// Accepted, and still worked on when the harness stopped to wait, by a platform that still answered others.
    #[serde(default)]
    pub overdue: Finding,
    /// One request, two ids; one id, two requests; or two outcome records.
    pub duplicated: Finding,
    /// Not what the arithmetic gives.
    pub wrong: Finding,
    /// Two different outcomes.
    pub conflicting: Finding,
    /// An outcome for a request that was refused or never sent.
    pub unexpected: Finding,
    /// A later read that shows nothing or something else.
    pub non_monotonic: Finding,
    /// Ended in a failure of the platform (`dead_lettered`, `answer_too_large`, `internal`, and the names that nothing ends in): an
    /// outcome, and not a wrong one.
    pub failed: Finding,
    /// Answered after more than one attempt.
    pub recovered: Finding,
    /// The certificates.
    pub audit: Audit,
    /// Gaps in the record.
    pub gaps: Gaps,
}

impl CheckReport {
    /// The judgement that the findings give.
    pub(crate) fn judge(&self) -> Safety {
        let any = |findings: &[&Finding]| findings.iter().any(|finding| finding.count > 0);
        if any(&[&self.lost, &self.wrong, &self.duplicated, &self.conflicting])
            || !self.audit.flaws.is_empty()
        {
            Safety::Unsafe
        } else if any(&[&self.overdue, &self.unexpected, &self.non_monotonic]) {
            Safety::Broken
        } else if self.gaps.any() {
            Safety::Incomplete
        } else {
            Safety::Clean
        }
    }

    /// A count by the name that expectations use; flaws of certificates together are `uncertified`.
    pub fn count(&self, name: &str) -> Option<u64> {
        Some(match name {
            "lost" => self.lost.count,
            "overdue" => self.overdue.count,
            "duplicated" => self.duplicated.count,
            "wrong" => self.wrong.count,
            "conflicting" => self.conflicting.count,
            "unexpected" => self.unexpected.count,
            "non_monotonic" => self.non_monotonic.count,
            "uncertified" => self.audit.flaws.values().map(|finding| finding.count).sum(),
            "failed" => self.failed.count,
            "recovered" => self.recovered.count,
            _ => return None,
        })
    }
}
