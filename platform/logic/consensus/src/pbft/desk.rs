//! Keys at work, counted: signatures for what a third party may have to be shown, MACs of pairs for COMMIT and STATUS.

use std::collections::BTreeMap;

use crate::Signature;
use crate::membership::Membership;
use crate::replica::{Effort, Refusal, Seat};

/// How many message authentication codes were made and checked; signatures in their place in `report` count here as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Macs {
    /// Made.
    pub made: u64,
    /// Checked.
    pub checked: u64,
}

/// The desk.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) seat: Seat,
    pub(crate) effort: Effort,
    pub(super) macs: Macs,
    pairs: BTreeMap<u8, [u8; 32]>,
}

impl Desk {
    pub(crate) fn new(seat: Seat) -> Self {
        Self {
            seat,
            effort: Effort::default(),
            macs: Macs::default(),
            pairs: BTreeMap::new(),
        }
    }

    /// Derives the keys shared with every other member, in `modern`. Both ends derive the same, and nobody else can.
    pub(super) fn pair_up(&mut self, membership: &Membership, me: u8) {
        let own = self.seat.keys.public_key().to_string();
        self.pairs = membership
            .replicas()
            .filter(|(index, _)| *index != me)
            .filter_map(|(index, peer)| {
                let secret = self.seat.keys.shared_secret(&peer.key)?;
                let other = peer.key.to_string();
                let (low, high) = if own < other {
                    (&own, &other)
                } else {
                    (&other, &own)
                };
                let mut hasher =
                    blake3::Hasher::new_derive_key("tally consensus v1 key of a pair of replicas");
                hasher
                    .update(&secret)
                    .update(low.as_bytes())
                    .update(high.as_bytes());
                Some((index, *hasher.finalize().as_bytes()))
            })
            .collect();
    }

    pub(crate) fn sign(&mut self, statement: &[u8]) -> Signature {
        self.effort.signed += 1;
        self.seat.keys.sign(statement)
    }

    pub(crate) fn verify(
        &mut self,
        key: &crate::PublicKey,
        statement: &[u8],
        signature: &[u8],
    ) -> Result<(), Refusal> {
        self.effort.verified += 1;
        if key.verify(statement, signature) {
            Ok(())
        } else {
            Err(Refusal::Signature)
        }
    }

    pub(super) fn verify_replica(
        &mut self,
        membership: &Membership,
        member: u8,
        statement: &[u8],
        signature: &[u8],
    ) -> Result<(), Refusal> {
        let peer = membership.replica(member).ok_or(Refusal::NotAMember)?;
        self.verify(&peer.key, statement, signature)
    }

    /// Authenticates a statement for one receiver.
    pub(super) fn tag(&mut self, to: u8, statement: &[u8]) -> Signature {
        self.macs.made += 1;
        match self.pairs.get(&to) {
            Some(key) => Signature::from_slice(blake3::keyed_hash(key, statement).as_bytes()),
            None => self.seat.keys.sign(statement),
        }
    }

    /// Whether `from` authenticated the statement for this member. The comparison takes the same time for every wrong tag.
    pub(super) fn check_tag(
        &mut self,
        membership: &Membership,
        from: u8,
        statement: &[u8],
        tag: &[u8],
    ) -> Result<(), Refusal> {
        let peer = membership.replica(from).ok_or(Refusal::NotAMember)?;
        self.macs.checked += 1;
        let holds = match self.pairs.get(&from) {
            Some(key) => <[u8; 32]>::try_from(tag)
                .is_ok_and(|tag| blake3::keyed_hash(key, statement) == blake3::Hash::from_bytes(tag)),
            None => peer.key.verify(statement, tag),
        };
        if holds { Ok(()) } else { Err(Refusal::Signature) }
    }
}
