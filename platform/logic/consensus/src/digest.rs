//! Domain-separated digests: no two kinds of things share an input, no two lists of parts share an encoding.

use std::sync::LazyLock;

use blake3::hazmat::{ContextKey, HasherExt as _, hash_derive_key_context};
use smallvec::SmallVec;
use tally_model::{Job, Outcome, Suite};

/// A digest of either suite; MD5 fills the first 16 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The bytes as two numbers, which compare as the bytes do and faster.
    fn halves(&self) -> [u128; 2] {
        let (halves, _) = self.0.as_chunks();
        [0, 1].map(|half| u128::from_be_bytes(halves[half]))
    }
}

impl Ord for Digest {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.halves().cmp(&other.halves())
    }
}

impl PartialOrd for Digest {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&crate::hexadecimal::encode(&self.0))
    }
}

/// Bytes of parts that go to BLAKE3 at once: every call costs as much as a few bytes, and chunks of 1,024 bytes that come together are done together.
const GATHERED: usize = 4_096;
/// Bytes of the length before a part.
const LENGTH: usize = 4;

/// What is digested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Domain {
    Job,
    Batch,
    Leaf,
    Node,
    Reply,
    Proof,
    Request,
    Order,
    History,
    State,
    Change,
    Membership,
}

/// The keys that BLAKE3 derives from the contexts, in the order of [`Domain`]: half the work of a short digest, done once.
static CONTEXTS: LazyLock<[ContextKey; Domain::ALL.len()]> =
    LazyLock::new(|| Domain::ALL.map(|domain| hash_derive_key_context(domain.context())));

impl Domain {
    const ALL: [Self; 12] = [
        Self::Job,
        Self::Batch,
        Self::Leaf,
        Self::Node,
        Self::Reply,
        Self::Proof,
        Self::Request,
        Self::Order,
        Self::History,
        Self::State,
        Self::Change,
        Self::Membership,
    ];

    const fn context(self) -> &'static str {
        match self {
            Self::Job => "tally consensus v1 job",
            Self::Batch => "tally consensus v1 batch",
            Self::Leaf => "tally consensus v1 leaf",
            Self::Node => "tally consensus v1 node",
            Self::Reply => "tally consensus v1 reply",
            Self::Proof => "tally consensus v1 proof",
            Self::Request => "tally consensus v1 request",
            Self::Order => "tally consensus v1 order",
            Self::History => "tally consensus v1 history",
            Self::State => "tally consensus v1 state",
            Self::Change => "tally consensus v1 view change",
            Self::Membership => "tally consensus v1 membership",
        }
    }
}

/// Digests the parts, each with its length, under the domain.
pub(crate) fn digest(suite: Suite, domain: Domain, parts: &[&[u8]]) -> Digest {
    digest_each(suite, domain, |add| {
        for part in parts {
            add(part);
        }
    })
}

/// As [`digest`], of parts that `tell` gives one after the other, so that nobody has to gather them.
pub(crate) fn digest_each(suite: Suite, domain: Domain, tell: impl FnOnce(&mut dyn FnMut(&[u8]))) -> Digest {
    match suite {
        Suite::Modern => {
            let mut hasher = blake3::Hasher::new_from_context_key(&CONTEXTS[domain as usize]);
            let mut gathered = SmallVec::<[u8; GATHERED]>::new();
            tell(&mut |part| {
                if gathered.len() + LENGTH + part.len() > GATHERED {
                    hasher.update(&gathered);
                    gathered.clear();
                }
                gathered.extend_from_slice(&(part.len() as u32).to_be_bytes());
                if LENGTH + part.len() > GATHERED {
                    hasher.update(&gathered).update(part);
                    gathered.clear();
                } else {
                    gathered.extend_from_slice(part);
                }
            });
            hasher.update(&gathered);
            Digest(*hasher.finalize().as_bytes())
        }
        Suite::Simulation => Digest(crate::simulation::digest(domain as u64, tell)),
        Suite::Report => {
            use md5::Digest as _;
            let mut hasher = md5::Md5::new();
            hasher.update(domain.context());
            tell(&mut |part| {
                hasher.update((part.len() as u32).to_be_bytes());
                hasher.update(part);
            });
            let mut bytes = [0; 32];
            bytes[..16].copy_from_slice(&hasher.finalize());
            Digest(bytes)
        }
    }
}

/// The digest of two digests. Both have one length, so that nothing has to say it, and fill one block of BLAKE3.
pub(crate) fn digest_pair(suite: Suite, domain: Domain, left: Digest, right: Digest) -> Digest {
    match suite {
        Suite::Modern => {
            let mut hasher = blake3::Hasher::new_from_context_key(&CONTEXTS[domain as usize]);
            hasher.update([left.0, right.0].as_flattened());
            Digest(*hasher.finalize().as_bytes())
        }
        Suite::Simulation | Suite::Report => digest(suite, domain, &[&left.0, &right.0]),
    }
}

/// The digest a certificate names its job by.
pub fn job_digest(suite: Suite, job: &Job) -> Digest {
    digest(suite, Domain::Job, &[&job.canonical()])
}

/// One computation with its result: what a member votes on.
pub(crate) fn leaf(suite: Suite, job: Digest, outcome: &Outcome) -> Digest {
    digest(suite, Domain::Leaf, &[&job.0, outcome.text().as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Claim: digests have the order of their bytes.
    #[test]
    fn digests_have_the_order_of_their_bytes() {
        let digests = [0, 15, 16, 31].map(|place| {
            let mut bytes = [1; 32];
            bytes[place] = 200;
            Digest(bytes)
        });
        for one in digests {
            for other in digests {
                assert_eq!(one.cmp(&other), one.0.cmp(&other.0));
            }
        }
    }

    /// Moving a byte from one part to the next changes the digest, and so does the domain, in both suites.
    #[test]
    fn parts_and_domains_do_not_run_into_each_other() {
        for suite in [Suite::Modern, Suite::Report] {
            let one = digest(suite, Domain::Leaf, &[b"ab", b"c"]);
            assert_ne!(one, digest(suite, Domain::Leaf, &[b"a", b"bc"]));
            assert_ne!(one, digest(suite, Domain::Leaf, &[b"abc"]));
            assert_ne!(one, digest(suite, Domain::Node, &[b"ab", b"c"]));
            assert_eq!(one, digest(suite, Domain::Leaf, &[b"ab", b"c"]));
        }
    }

    /// Claim: how parts are gathered does not show, at any length around what is gathered.
    #[test]
    fn parts_are_digested_in_their_order_whatever_their_lengths() {
        let near = GATHERED - 2 * LENGTH;
        for lengths in [
            vec![0, 0],
            vec![near, 0, 3],
            vec![1, near, LENGTH, 1],
            vec![GATHERED - LENGTH, 1],
            vec![5, GATHERED - LENGTH + 1, 5],
            vec![3 * GATHERED, 7, 2 * GATHERED],
        ] {
            let parts: Vec<Vec<u8>> = lengths
                .iter()
                .map(|length| vec![*length as u8; *length])
                .collect();
            let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            let mut hasher = blake3::Hasher::new_derive_key(Domain::State.context());
            for part in &slices {
                hasher.update(&(part.len() as u32).to_be_bytes()).update(part);
            }
            let known = digest(Suite::Modern, Domain::State, &slices);
            assert_eq!(known.0, *hasher.finalize().as_bytes(), "{lengths:?}");
        }
    }

    /// The derived keys are kept in the places of their domains.
    #[test]
    fn a_digest_is_that_of_its_own_context() {
        for (place, domain) in Domain::ALL.into_iter().enumerate() {
            assert_eq!(domain as usize, place);
            let mut hasher = blake3::Hasher::new_derive_key(domain.context());
            hasher.update(&1_u32.to_be_bytes()).update(b"x");
            let known = digest(Suite::Modern, domain, &[b"x"]);
            assert_eq!(known.0, *hasher.finalize().as_bytes());
        }
    }

    /// The report's suite really is MD5, 16 bytes, so that its weakness is there to be shown.
    #[test]
    fn the_report_suite_digests_to_sixteen_bytes() {
        let digest = digest(Suite::Report, Domain::Job, &[b"x"]);
        assert_eq!(digest.0[16..], [0; 16]);
        assert_ne!(digest.0[..16], [0; 16]);
    }
}
