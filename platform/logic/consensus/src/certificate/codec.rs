//! Certificates as bytes: big-endian, every length checked, one encoding per certificate.

use crate::Signature;
use tally_model::{Epoch, Operation, Outcome, SetId};

use super::{Certificate, NO_COLLECTOR, Vote};
use crate::digest::Digest;
use crate::merkle::{MAX_PATH, Path};

/// First byte of a certificate that a leader collected.
const COLLECTED: u8 = 1;
/// First byte of a certificate of replies that went to the client directly.
const REPLIED: u8 = 2;
/// Bytes of the longest outcome: numerator and denominator of 4,096 bits have 1,234 digits each.
pub const MAX_OUTCOME: usize = 2600;
/// Bytes of the longest signature, RSA-2048.
pub const MAX_SIGNATURE: usize = 256;

/// Bytes that are not a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError;

impl std::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("not the bytes of a certificate")
    }
}

impl std::error::Error for DecodeError {}

impl Certificate {
    /// The compact bytes; about 300 in `modern` for n = 4.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(128 + self.path.siblings.len() * 32 + self.votes.len() * 66);
        bytes.push(if self.leader == NO_COLLECTOR {
            REPLIED
        } else {
            COLLECTED
        });
        bytes.push(self.set.operation.index() as u8);
        bytes.extend_from_slice(&self.set.number.to_be_bytes());
        bytes.extend_from_slice(&self.epoch.0.to_be_bytes());
        bytes.extend_from_slice(&self.view.to_be_bytes());
        bytes.extend_from_slice(&self.sequence.to_be_bytes());
        bytes.push(self.leader);
        bytes.extend_from_slice(&self.job.0);
        let outcome = self.outcome.text();
        bytes.extend_from_slice(&(outcome.len() as u16).to_be_bytes());
        bytes.extend_from_slice(outcome.as_bytes());
        bytes.extend_from_slice(&self.path.index.to_be_bytes());
        bytes.extend_from_slice(&self.path.leaves.to_be_bytes());
        bytes.push(self.path.siblings.len() as u8);
        for sibling in &self.path.siblings {
            bytes.extend_from_slice(&sibling.0);
        }
        bytes.push(self.votes.len() as u8);
        for vote in &self.votes {
            bytes.push(vote.member);
            bytes.extend_from_slice(&(vote.signature.len() as u16).to_be_bytes());
            bytes.extend_from_slice(&vote.signature);
        }
        bytes
    }

    /// Reads them; nothing may follow.
    ///
    /// # Errors
    /// [`DecodeError`] if the bytes are not what [`Certificate::encode`] gives.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader(bytes);
        let certificate = reader.certificate().ok_or(DecodeError)?;
        if reader.0.is_empty() {
            Ok(certificate)
        } else {
            Err(DecodeError)
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn certificate(&mut self) -> Option<Certificate> {
        let format = self.u8()?;
        let certificate = Certificate {
            set: SetId {
                operation: *Operation::ALL.get(usize::from(self.u8()?))?,
                number: u32::from_be_bytes(self.array()?),
            },
            epoch: Epoch(u32::from_be_bytes(self.array()?)),
            view: u32::from_be_bytes(self.array()?),
            sequence: u64::from_be_bytes(self.array()?),
            leader: self.u8()?,
            job: Digest(self.array()?),
            outcome: self.outcome()?,
            path: self.path()?,
            votes: self.votes()?,
        };
        let expected = if certificate.leader == NO_COLLECTOR {
            REPLIED
        } else {
            COLLECTED
        };
        (format == expected).then_some(certificate)
    }

    fn outcome(&mut self) -> Option<Outcome> {
        let length = usize::from(self.u16()?);
        if length > MAX_OUTCOME {
            return None;
        }
        let text = String::from_utf8(self.take(length)?.to_vec()).ok()?;
        Outcome::try_from(text).ok()
    }

    fn path(&mut self) -> Option<Path> {
        let index = self.u16()?;
        let leaves = self.u16()?;
        let count = usize::from(self.u8()?);
        if count > MAX_PATH {
            return None;
        }
        let siblings = (0..count)
            .map(|_| self.array().map(Digest))
            .collect::<Option<_>>()?;
        Some(Path {
            index,
            leaves,
            siblings,
        })
    }

    fn votes(&mut self) -> Option<Vec<Vote>> {
        let count = self.u8()?;
        (0..count)
            .map(|_| {
                let member = self.u8()?;
                let length = usize::from(self.u16()?);
                if length > MAX_SIGNATURE {
                    return None;
                }
                let signature = Signature::from_slice(self.take(length)?);
                Some(Vote { member, signature })
            })
            .collect()
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }
}
