//! Checks certificates of many sets: knows a few recent epochs of each, and never checks the same signature twice.

use std::collections::{BTreeMap, VecDeque};

use tally_model::{Job, Outcome, PlatformConfig, SetId, SetRecord, Suite};

use crate::certificate::{Certificate, Flaw, Verified};
use crate::digest::{Domain, digest};
use crate::membership::{Membership, MembershipError};
use crate::proven::Proven;
use crate::statement::ClusterId;

/// Epochs remembered per set: a certificate made just before a change still counts just after it. Not more than two: whoever has
/// the keys of members that were replaced, at most f at each change, must not come to f+1 in one epoch that still counts.
const EPOCHS: usize = 2;
/// Checked signatures remembered.
const PROVEN: usize = 4096;

/// What a scheduler or a checker verifies with.
#[derive(Debug)]
pub struct Verifier {
    cluster: ClusterId,
    config: PlatformConfig,
    epochs: usize,
    sets: BTreeMap<SetId, VecDeque<Membership>>,
    proven: Proven,
    verified: u64,
}

impl Verifier {
    /// For one cluster; knows no set yet. Remembers the last two epochs of a set.
    pub const fn new(cluster: ClusterId, config: PlatformConfig) -> Self {
        Self::with_epochs(cluster, config, EPOCHS)
    }

    /// As [`Verifier::new`] with another number of epochs per set, at least 1: an audit needs all of them.
    pub const fn with_epochs(cluster: ClusterId, config: PlatformConfig, epochs: usize) -> Self {
        Self {
            cluster,
            config,
            epochs,
            sets: BTreeMap::new(),
            proven: Proven::new(PROVEN),
            verified: 0,
        }
    }

    /// Learns a membership. The same epoch again replaces what was known of it.
    ///
    /// # Errors
    /// [`MembershipError`] if the record describes none; nothing changes then.
    pub fn learn(&mut self, record: &SetRecord) -> Result<(), MembershipError> {
        let membership = Membership::from_record(record, self.cluster, &self.config)?;
        let known = self.sets.entry(record.id).or_default();
        known.retain(|old| old.epoch() != membership.epoch());
        known.push_back(membership);
        while known.len() > self.epochs.max(1) {
            known.pop_front();
        }
        Ok(())
    }

    /// Forgets a set that is gone.
    pub fn forget(&mut self, set: SetId) {
        self.sets.remove(&set);
    }

    /// Whether `bytes` prove that `set` computed `outcome` for `job`, in an epoch that is remembered.
    ///
    /// # Errors
    /// The first [`Flaw`].
    pub fn verify(
        &mut self,
        set: SetId,
        job: &Job,
        outcome: &Outcome,
        bytes: &[u8],
    ) -> Result<Verified, Flaw> {
        let certificate = Certificate::decode(bytes).map_err(|_| Flaw::Malformed)?;
        if certificate.set != set {
            return Err(Flaw::OtherSet);
        }
        if certificate.outcome != *outcome {
            return Err(Flaw::OtherOutcome);
        }
        let known = self.sets.get(&set).ok_or(Flaw::UnknownSet)?;
        let membership = known
            .iter()
            .find(|membership| membership.epoch() == certificate.epoch)
            .ok_or(Flaw::OtherEpoch)?;
        let (proven, verified, mut fresh) = (&self.proven, &mut self.verified, Vec::new());
        // The remembered proof must not be weaker than the signature, so it is never MD5.
        let suite = match membership.suite() {
            Suite::Modern | Suite::Report => Suite::Modern,
            Suite::Simulation => Suite::Simulation,
        };
        let result = certificate.verify_with(job, membership, |statement, vote, key| {
            let proof = digest(suite, Domain::Proof, &[statement, &vote.signature, &key.bytes()]);
            if proven.contains(&proof) {
                return true;
            }
            *verified += 1;
            let holds = key.verify(statement, &vote.signature);
            if holds {
                fresh.push(proof);
            }
            holds
        });
        for proof in fresh {
            self.proven.remember(proof);
        }
        result
    }

    /// Signatures really checked so far.
    pub const fn verified(&self) -> u64 {
        self.verified
    }
}
