//! Keys, signatures and their verification, in both suites.
//!
//! `modern` is Ed25519 with strict verification (no malleable signature, no small-order key). `report` is RSA-2048 with
//! PKCS#1 v1.5 padding over MD5 (report, section 4.4): it is here for its cost and its weakness, one key per identity
//! instead of the report's shared pairs, because a shared key proves nothing to a third party.

use std::borrow::Cow;

use ed25519_dalek::Signer as _;
use md5::Md5;
use rsa::pkcs1::{DecodeRsaPublicKey as _, EncodeRsaPublicKey as _};
use rsa::pkcs1v15;
use rsa::signature::{SignatureEncoding as _, Verifier as _};
use tally_model::Suite;

use crate::hexadecimal;
use crate::mutant::{self, Mutant};

/// Bits of an RSA modulus of the report's suite.
const RSA_BITS: usize = 2048;
/// How the text of a key of the simulation begins; one byte more makes it too long for Ed25519.
const SIMULATED: &[u8] = &[0];

/// A key that cannot be made or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// Not the hexadecimal digits of a public key of the suite; see [`PublicKey`].
    Malformed(Suite),
    /// A key under which more than one message has the same signature.
    Weak,
    /// The generator found no primes.
    Generation,
    /// Keys of the simulation are made by [`Keys::simulated`] alone.
    Simulation,
}

impl std::fmt::Display for KeyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Malformed(Suite::Modern) => {
                f.write_str("not a public key of suite `modern`: expected 64 lower-case hexadecimal digits")
            }
            Self::Malformed(Suite::Report) => f.write_str(
                "not a public key of suite `report`: expected the hexadecimal digits of an RSA-2048 key in PKCS#1 DER",
            ),
            Self::Malformed(Suite::Simulation) => f.write_str("not a key of a simulated world"),
            Self::Simulation => f.write_str("suite `simulation` is for simulated worlds, use `modern`"),
            Self::Weak => f.write_str("a weak Ed25519 key; generate a new one"),
            Self::Generation => f.write_str("RSA key generation failed; use another seed"),
        }
    }
}

impl std::error::Error for KeyError {}

/// A parsed public key. Its text is hexadecimal: 32 bytes of Ed25519, or PKCS#1 DER of RSA.
#[derive(Clone, Debug)]
pub enum PublicKey {
    /// Ed25519.
    Modern(Box<ed25519_dalek::VerifyingKey>),
    /// RSA-2048, PKCS#1 v1.5, MD5.
    Report(Box<pkcs1v15::VerifyingKey<Md5>>),
    /// No key at all: see [`Suite::Simulation`].
    Simulation([u8; 32]),
}

impl PublicKey {
    /// Reads the text form.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] if it is not a key of `suite`, [`KeyError::Weak`] if it is one nobody should use.
    pub fn parse(suite: Suite, text: &str) -> Result<Self, KeyError> {
        let malformed = KeyError::Malformed(suite);
        let bytes = hexadecimal::decode(text).ok_or(malformed)?;
        match suite {
            Suite::Modern => {
                let bytes: [u8; 32] = bytes.try_into().map_err(|_| malformed)?;
                let key = ed25519_dalek::VerifyingKey::from_bytes(&bytes).map_err(|_| malformed)?;
                if key.is_weak() {
                    return Err(KeyError::Weak);
                }
                Ok(Self::Modern(Box::new(key)))
            }
            Suite::Report => {
                use rsa::traits::PublicKeyParts as _;
                let key = rsa::RsaPublicKey::from_pkcs1_der(&bytes).map_err(|_| malformed)?;
                if key.n().bits() != RSA_BITS {
                    return Err(malformed);
                }
                Ok(Self::Report(Box::new(pkcs1v15::VerifyingKey::new(key))))
            }
            // Its first byte pair keeps it from being read as a key of another suite.
            Suite::Simulation => match bytes.strip_prefix(SIMULATED) {
                Some(rest) => rest.try_into().map(Self::Simulation).map_err(|_| malformed),
                None => Err(malformed),
            },
        }
    }

    /// Bytes that no other key of the suite has.
    pub(crate) fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Modern(key) => Cow::Borrowed(key.as_bytes()),
            Self::Report(_) => Cow::Owned(self.to_string().into_bytes()),
            Self::Simulation(key) => Cow::Borrowed(key),
        }
    }

    /// Whether the holder of this key signed exactly these bytes.
    pub fn verify(&self, bytes: &[u8], signature: &[u8]) -> bool {
        if mutant::is(Mutant::NoSignatures) {
            return true;
        }
        match self {
            Self::Modern(key) => crate::proven::once(&[key.as_bytes(), bytes, signature], || {
                ed25519_dalek::Signature::from_slice(signature)
                    .is_ok_and(|signature| key.verify_strict(bytes, &signature).is_ok())
            }),
            Self::Report(key) => pkcs1v15::Signature::try_from(signature)
                .is_ok_and(|signature| key.verify(bytes, &signature).is_ok()),
            Self::Simulation(key) => crate::simulation::tag(key, bytes) == *signature,
        }
    }
}

impl std::fmt::Display for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Modern(key) => f.write_str(&hexadecimal::encode(key.as_bytes())),
            Self::Report(key) => {
                let inner: &rsa::RsaPublicKey = (**key).as_ref();
                let der = inner.to_pkcs1_der().map_err(|_| std::fmt::Error)?;
                f.write_str(&hexadecimal::encode(der.as_bytes()))
            }
            Self::Simulation(key) => {
                write!(
                    f,
                    "{}{}",
                    hexadecimal::encode(SIMULATED),
                    hexadecimal::encode(key)
                )
            }
        }
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Modern(a), Self::Modern(b)) => a == b,
            (Self::Report(a), Self::Report(b)) => {
                let (a, b): (&rsa::RsaPublicKey, &rsa::RsaPublicKey) = ((**a).as_ref(), (**b).as_ref());
                a == b
            }
            (Self::Simulation(a), Self::Simulation(b)) => a == b,
            (Self::Modern(_) | Self::Report(_) | Self::Simulation(_), _) => false,
        }
    }
}

impl Eq for PublicKey {}

/// A secret key and its public half.
#[derive(Clone)]
pub struct Keys {
    secret: Secret,
    public: PublicKey,
}

#[derive(Clone)]
enum Secret {
    Modern(Box<ed25519_dalek::SigningKey>),
    Report(Box<pkcs1v15::SigningKey<Md5>>),
    Simulation([u8; 32]),
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({})", self.public)
    }
}

impl Keys {
    /// Makes the keys that belong to `seed`, which must be 32 bytes nobody else knows.
    ///
    /// # Errors
    /// [`KeyError::Generation`] if RSA finds no primes, which does not happen with an even seed distribution.
    pub fn generate(suite: Suite, seed: [u8; 32]) -> Result<Self, KeyError> {
        match suite {
            Suite::Modern => {
                let secret = ed25519_dalek::SigningKey::from_bytes(&seed);
                let public = PublicKey::Modern(Box::new(secret.verifying_key()));
                Ok(Self {
                    secret: Secret::Modern(Box::new(secret)),
                    public,
                })
            }
            Suite::Report => {
                let mut stream = SeedStream::new(&seed);
                let secret =
                    rsa::RsaPrivateKey::new(&mut stream, RSA_BITS).map_err(|_| KeyError::Generation)?;
                let public = PublicKey::Report(Box::new(pkcs1v15::VerifyingKey::new(secret.to_public_key())));
                Ok(Self {
                    secret: Secret::Report(Box::new(pkcs1v15::SigningKey::new(secret))),
                    public,
                })
            }
            Suite::Simulation => Err(KeyError::Simulation),
        }
    }

    /// Keys of a simulated world, which keep nobody out: see [`Suite::Simulation`].
    pub const fn simulated(seed: [u8; 32]) -> Self {
        Self {
            secret: Secret::Simulation(seed),
            public: PublicKey::Simulation(seed),
        }
    }

    /// The public half; its `to_string` goes into the set record.
    pub const fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// A secret that only the holders of these keys and of `peer` can compute; none in `report`, where RSA has no such thing.
    ///
    /// Diffie-Hellman on Curve25519 with the Ed25519 keys mapped to their Montgomery form, so that no exchange of keys is needed.
    /// Using one key pair for both is sound as long as the secret only enters a key derivation of its own
    /// (Thormarker, "On using the same key pair for Ed25519 and an X25519 based KEM", 2021).
    pub(crate) fn shared_secret(&self, peer: &PublicKey) -> Option<[u8; 32]> {
        match (&self.secret, peer) {
            (Secret::Modern(key), PublicKey::Modern(peer)) => {
                Some(peer.to_montgomery().mul_clamped(key.to_scalar_bytes()).to_bytes())
            }
            (Secret::Modern(_) | Secret::Report(_) | Secret::Simulation(_), _) => None,
        }
    }

    /// Signs the bytes: 64 bytes in `modern`, 256 in `report`. Deterministic in both.
    pub fn sign(&self, bytes: &[u8]) -> Signature {
        match &self.secret {
            Secret::Modern(key) => Signature::from_slice(&key.sign(bytes).to_bytes()),
            Secret::Report(key) => rsa::signature::Signer::sign(&**key, bytes).to_vec().into(),
            Secret::Simulation(key) => Signature::from(crate::simulation::tag(key, bytes)),
        }
    }
}

/// The bytes of a signature or of a tag (MAC). Those of simulated worlds have room in place, so that a copy of a vote allocates nothing.
pub type Signature = smallvec::SmallVec<[u8; 16]>;

/// Verifies a signature under a public key in its text form; parses the key each time, so not for the fast path.
pub fn verify(suite: Suite, public: &str, bytes: &[u8], signature: &[u8]) -> bool {
    PublicKey::parse(suite, public).is_ok_and(|key| key.verify(bytes, signature))
}

/// An endless stream of bytes made from a seed, in the dress the `rsa` crate wants.
struct SeedStream(blake3::OutputReader);

impl SeedStream {
    fn new(seed: &[u8; 32]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("tally consensus v1 rsa key");
        hasher.update(seed);
        Self(hasher.finalize_xof())
    }
}

impl rsa::rand_core::RngCore for SeedStream {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, dest: &mut [u8]) {
        self.0.fill(dest);
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), rsa::rand_core::Error> {
        self.0.fill(dest);
        Ok(())
    }
}

impl rsa::rand_core::CryptoRng for SeedStream {}

#[cfg(test)]
mod tests {
    use super::*;

    /// In both suites a signature holds for its bytes, key and length only, and keys survive their text form.
    #[test]
    fn a_signature_holds_for_its_own_bytes_and_key_only() {
        for suite in [Suite::Modern, Suite::Report] {
            let keys = Keys::generate(suite, [1; 32]).unwrap();
            let other = Keys::generate(suite, [2; 32]).unwrap();
            let public = PublicKey::parse(suite, &keys.public_key().to_string()).unwrap();
            assert_eq!(&public, keys.public_key());
            assert_ne!(&public, other.public_key());
            let signature = keys.sign(b"one");
            assert!(public.verify(b"one", &signature));
            assert!(verify(suite, &public.to_string(), b"one", &signature));
            assert!(!public.verify(b"two", &signature));
            assert!(!other.public_key().verify(b"one", &signature));
            assert!(!public.verify(b"one", &signature[1..]));
            assert!(!public.verify(b"one", &[&signature[..], &[0]].concat()));
            assert!(!public.verify(b"one", &[]));
            let mut flipped = signature.clone();
            flipped[10] ^= 1;
            assert!(!public.verify(b"one", &flipped));
        }
    }

    /// A text that is no key of the suite is refused by name; so is a small-order point.
    #[test]
    fn texts_that_are_no_keys_are_refused() {
        let modern = Keys::generate(Suite::Modern, [1; 32])
            .unwrap()
            .public_key()
            .to_string();
        assert_eq!(
            PublicKey::parse(Suite::Report, &modern),
            Err(KeyError::Malformed(Suite::Report))
        );
        assert_eq!(
            PublicKey::parse(Suite::Modern, "zz"),
            Err(KeyError::Malformed(Suite::Modern))
        );
        assert_eq!(
            PublicKey::parse(Suite::Modern, &modern[2..]),
            Err(KeyError::Malformed(Suite::Modern))
        );
        let identity = format!("01{}", "00".repeat(31));
        assert_eq!(PublicKey::parse(Suite::Modern, &identity), Err(KeyError::Weak));
    }

    /// The same seed makes the same keys, so that a run can be repeated.
    #[test]
    fn keys_follow_from_their_seed() {
        let one = Keys::generate(Suite::Modern, [7; 32]).unwrap();
        let two = Keys::generate(Suite::Modern, [7; 32]).unwrap();
        assert_eq!(one.public_key(), two.public_key());
    }
}
