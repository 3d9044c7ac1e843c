//! Signatures that were found to hold, so that nobody computes it again.

use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::marker::PhantomData;

use tally_model::Suite;

use crate::digest::{Digest, Domain, digest};

/// Proofs that are remembered; the oldest is forgotten first.
#[derive(Debug)]
pub(crate) struct Proven {
    most: usize,
    known: BTreeSet<Digest>,
    order: VecDeque<Digest>,
}

impl Proven {
    /// Remembers at most so many.
    pub(crate) const fn new(most: usize) -> Self {
        Self {
            most,
            known: BTreeSet::new(),
            order: VecDeque::new(),
        }
    }

    pub(crate) fn contains(&self, proof: &Digest) -> bool {
        self.known.contains(proof)
    }

    pub(crate) fn remember(&mut self, proof: Digest) {
        if self.known.insert(proof) {
            self.order.push_back(proof);
        }
        while self.order.len() > self.most {
            if let Some(old) = self.order.pop_front() {
                self.known.remove(&old);
            }
        }
    }
}

/// Proofs that the machines of one thread share at most.
const SHARED: usize = 1 << 14;

thread_local! {
    static OF_THREAD: RefCell<Option<Proven>> = const { RefCell::new(None) };
}

/// While it lives, the machines that run on this thread compute once between them whether an Ed25519 signature holds under a key for
/// some bytes, and not each for itself: for worlds in which one thread plays all members of all sets. Whether it holds depends on
/// nothing else, so every machine finds what it would have found alone, and counts its work as it would have. The last
/// 16,384 signatures that held are remembered, by a BLAKE3 digest of all three; those that did not hold are computed each time.
#[derive(Debug)]
#[must_use = "it ends when it is dropped"]
pub struct SharedProofs(PhantomData<*const ()>);

impl SharedProofs {
    /// Begins with none remembered; one that was begun before on this thread ends.
    pub fn begin() -> Self {
        OF_THREAD.set(Some(Proven::new(SHARED)));
        Self(PhantomData)
    }
}

impl Drop for SharedProofs {
    fn drop(&mut self) {
        OF_THREAD.set(None);
    }
}

/// Whether what the parts (key, bytes, signature) name holds, which `check` computes.
pub(crate) fn once(parts: &[&[u8]], check: impl FnOnce() -> bool) -> bool {
    OF_THREAD.with_borrow_mut(|shared| {
        let Some(proven) = shared else {
            return check();
        };
        // Not weaker than the signature.
        let proof = digest(Suite::Modern, Domain::Proof, parts);
        if proven.contains(&proof) {
            return true;
        }
        let holds = check();
        if holds {
            proven.remember(proof);
        }
        holds
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Keys;

    /// Proofs are forgotten in the order in which they came.
    #[test]
    fn only_so_many_are_remembered() {
        let mut proven = Proven::new(2);
        let proofs = [1, 2, 3].map(|byte| Digest([byte; 32]));
        for proof in proofs {
            proven.remember(proof);
        }
        assert_eq!(proofs.map(|proof| proven.contains(&proof)), [false, true, true]);
    }

    /// What held for one key, bytes and signature says nothing about any other, and is computed once while they are shared.
    #[test]
    fn a_shared_proof_is_of_one_signature_only() {
        let (one, two) = (
            Keys::generate(Suite::Modern, [1; 32]).unwrap(),
            Keys::generate(Suite::Modern, [2; 32]).unwrap(),
        );
        let (signature, other) = (one.sign(b"x"), one.sign(b"y"));
        let shared = SharedProofs::begin();
        for _ in 0..2 {
            assert!(one.public_key().verify(b"x", &signature));
            assert!(!one.public_key().verify(b"y", &signature));
            assert!(!one.public_key().verify(b"x", &other));
            assert!(!two.public_key().verify(b"x", &signature));
        }
        assert!(once(&[b"a"], || true));
        assert!(once(&[b"a"], || false), "not computed again");
        drop(shared);
        assert!(!once(&[b"a"], || false), "nothing is shared any more");
    }
}
