//! Times of what agreement is made of, on this machine, now.

use std::collections::VecDeque;
use std::hint::black_box;
use std::time::{Duration, Instant};

use ring::signature::KeyPair as _;
use tally_consensus::Keys;
use tally_model::Suite;

/// Bytes of a statement: about what PREPARE signs.
const STATEMENT: usize = 112;
/// Bytes of a message in a queue.
const MESSAGE: usize = 256;

/// Medians.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Primitives {
    pub(crate) sign: Duration,
    pub(crate) verify: Duration,
    pub(crate) mac: Duration,
    /// A message boxed, queued and taken out again.
    pub(crate) hop: Duration,
    /// Half a round trip between two nodes over a gRPC stream on loopback.
    pub(crate) packet: Duration,
}

impl Primitives {
    pub(crate) fn measure(suite: Suite) -> Self {
        let keys = Keys::generate(suite, [3; 32]).unwrap();
        let statement = [1; STATEMENT];
        let signature = keys.sign(&statement);
        let rounds = if suite == Suite::Report { 40 } else { 400 };
        let mut queue = VecDeque::new();
        Self {
            sign: timed(rounds, || drop(black_box(keys.sign(black_box(&statement))))),
            verify: timed(rounds, || {
                assert!(keys.public_key().verify(black_box(&statement), &signature));
            }),
            mac: timed(2_000, || {
                black_box(blake3::keyed_hash(&[1; 32], black_box(&statement)));
            }),
            hop: timed(2_000, || {
                queue.push_back(Box::new([1_u8; MESSAGE]));
                black_box(queue.pop_front());
            }),
            packet: crate::loopback::round_trip() / 2,
        }
    }

    /// The quicker of both, so that a moment in which the machine was busy does not make the bound low.
    pub(crate) fn quicker(&self, other: &Self) -> Self {
        Self {
            sign: self.sign.min(other.sign),
            verify: self.verify.min(other.verify),
            mac: self.mac.min(other.mac),
            hop: self.hop.min(other.hop),
            packet: self.packet.min(other.packet),
        }
    }
}

/// The median time of one call, after a tenth of the calls to warm up.
pub(crate) fn timed(samples: usize, mut act: impl FnMut()) -> Duration {
    for _ in 0..samples / 10 {
        act();
    }
    let mut times: Vec<Duration> = (0..samples)
        .map(|_| {
            let start = Instant::now();
            act();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}

/// Which Ed25519 to use: one signature and one strict verification of each implementation, and what a request of PBFT with four
/// replicas (9 signatures, 14 verifications) takes with it.
pub(crate) fn print_ed25519() {
    use ed25519_dalek::Signer as _;
    let statement = [1; STATEMENT];
    let dalek = ed25519_dalek::SigningKey::from_bytes(&[3; 32]);
    let signature = dalek.sign(&statement);
    let public = dalek.verifying_key();
    let ours = (
        timed(400, || {
            black_box(dalek.sign(black_box(&statement)));
        }),
        timed(400, || {
            public.verify_strict(black_box(&statement), &signature).unwrap();
        }),
    );
    let pair = ring::signature::Ed25519KeyPair::from_seed_unchecked(&[3; 32]).unwrap();
    let signature = pair.sign(&statement);
    let public = ring::signature::UnparsedPublicKey::new(
        &ring::signature::ED25519,
        pair.public_key().as_ref().to_vec(),
    );
    let theirs = (
        timed(400, || {
            black_box(pair.sign(black_box(&statement)));
        }),
        timed(400, || {
            public.verify(black_box(&statement), signature.as_ref()).unwrap();
        }),
    );
    println!("| Ed25519 | sign | verify | 9 signatures and 14 verifications |\n|---|---|---|---|");
    for (name, (sign, verify)) in [("ed25519-dalek 3, strict", ours), ("ring 0.17", theirs)] {
        println!(
            "| {name} | {sign:.1?} | {verify:.1?} | {:.0?} |",
            sign * 9 + verify * 14
        );
    }
}
