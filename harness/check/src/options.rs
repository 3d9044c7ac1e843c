//! How to check.

use std::collections::BTreeMap;

use tally_model::Outcome;

/// Certificates audited unless more are asked for: all of a run with fewer, a sample of a larger one.
///
/// Each costs three signatures (0.1 ms). Of a flaw in one certificate in a thousand, 5,000 drawn by the seed miss all with
/// probability 0.999^5000 = 0.7 %.
pub const DEFAULT_AUDIT: u64 = 5_000;

/// How many certificates to audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditLimit {
    /// Every one.
    All,
    /// About so many: whole answers, drawn by the seed, until this many certificates are in them.
    Sample(u64),
}

/// How to check. The default suits a run of any size on this machine.
#[derive(Clone, Debug)]
pub struct Options {
    /// Threads to read and verify with; the report does not depend on it.
    pub threads: usize,
    /// Draws the sample of certificates.
    pub seed: u64,
    /// How many certificates to audit.
    pub audit: AuditLimit,
    /// How many entries the plan has, so that lines missing from the history are noticed; none if unknown.
    pub planned: Option<u64>,
    /// Answers that the plan states, by number. They are checked besides the reference evaluator's and override nothing.
    pub expected: BTreeMap<u64, Outcome>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            seed: 0,
            audit: AuditLimit::Sample(DEFAULT_AUDIT),
            planned: None,
            expected: BTreeMap::new(),
        }
    }
}
