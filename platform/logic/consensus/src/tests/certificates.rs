//! Certificates that must hold and certificates that must not.

use proptest::prelude::*;
use tally_model::{Epoch, Job, Operation, Outcome, Suite};

use super::network::{CLUSTER, Network, SET, config, job, keys};
use crate::{Certificate, DecodeError, Flaw, Verifier, Vote};

/// A network that certified ten jobs in three batches, and the certificate of the last.
fn sample(suite: Suite, count_leader_vote: bool) -> (Network, Job, Certificate) {
    let mut network = Network::new(config(suite, 4, count_leader_vote));
    network.submit(1..=10);
    network.run(0);
    let (job, _, bytes) = network.certificates().pop().unwrap();
    let certificate = Certificate::decode(&bytes).unwrap();
    (network, job, certificate)
}

/// What is done to a good certificate, and the flaw it must show.
type Case = (&'static str, fn(&mut Certificate), Flaw);

const CASES: &[Case] = &[
    ("another set", |c| c.set.number += 1, Flaw::OtherSet),
    ("another epoch", |c| c.epoch = Epoch(2), Flaw::OtherEpoch),
    ("another view", |c| c.view = 1, Flaw::OtherLeader),
    ("another leader", |c| c.leader = 1, Flaw::OtherLeader),
    ("another sequence", |c| c.sequence += 1, Flaw::Signature(0)),
    ("another job digest", |c| c.job.0[0] ^= 1, Flaw::OtherJob),
    (
        "another outcome",
        |c| c.outcome = Outcome::Value("1".into()),
        Flaw::Signature(0),
    ),
    (
        "another place in the batch",
        |c| c.path.index ^= 1,
        Flaw::Signature(0),
    ),
    ("another size of batch", |c| c.path.leaves -= 1, Flaw::Path),
    (
        "a path too long",
        |c| c.path.siblings.push(crate::Digest([0; 32])),
        Flaw::Path,
    ),
    (
        "no votes",
        |c| c.votes.clear(),
        Flaw::TooFewVotes { have: 0, need: 3 },
    ),
    (
        "one vote fewer",
        |c| {
            c.votes.pop();
        },
        Flaw::TooFewVotes { have: 2, need: 3 },
    ),
    (
        "one vote twice",
        |c| c.votes[1] = c.votes[0].clone(),
        Flaw::DuplicateVote(0),
    ),
    (
        "one vote under two names",
        |c| c.votes[1].signature = c.votes[0].signature.clone(),
        Flaw::Signature(1),
    ),
    ("a stranger", |c| c.votes[2].member = 4, Flaw::NotAMember(4)),
    (
        "a fourth vote that is false",
        |c| {
            c.votes.push(Vote {
                member: 3,
                signature: vec![0; 64].into(),
            });
        },
        Flaw::Signature(3),
    ),
    (
        "a signature too short",
        |c| c.votes[0].signature.truncate(63),
        Flaw::Signature(0),
    ),
];

/// Every flaw is found and named.
#[test]
fn every_flaw_is_found_and_named() {
    let (network, job, good) = sample(Suite::Modern, true);
    let membership = network.membership();
    assert!(good.verify(&job, &membership).is_ok());
    for (name, spoil, flaw) in CASES {
        let mut bad = good.clone();
        spoil(&mut bad);
        assert_eq!(bad.verify(&job, &membership), Err(*flaw), "{name}");
    }
}

/// A certificate is worth nothing for another job, in both suites.
#[test]
fn a_certificate_does_not_serve_another_request() {
    for suite in [Suite::Modern, Suite::Report] {
        let (network, mut job, good) = sample(suite, true);
        job.task.index += 1;
        assert_eq!(good.verify(&job, &network.membership()), Err(Flaw::OtherJob));
    }
}

/// The same members and keys in another cluster, or at another set, verify nothing.
#[test]
fn a_certificate_does_not_serve_another_cluster() {
    let (network, job, good) = sample(Suite::Modern, true);
    let other = crate::Membership::from_record(&network.record, [8; 16], &network.config).unwrap();
    assert_eq!(good.verify(&job, &other), Err(Flaw::Signature(0)));
}

/// The literal reading of C5 does not count the leader's vote, whoever made the certificate.
#[test]
fn the_literal_reading_wants_three_followers() {
    let (network, job, good) = sample(Suite::Modern, true);
    assert!(good.votes.iter().any(|vote| vote.member == 0));
    let mut literal = network.config.clone();
    literal.count_leader_vote = false;
    let membership = crate::Membership::from_record(&network.record, CLUSTER, &literal).unwrap();
    assert_eq!(
        good.verify(&job, &membership),
        Err(Flaw::TooFewVotes { have: 2, need: 3 })
    );
    let (network, job, good) = sample(Suite::Modern, false);
    assert!(good.verify(&job, &network.membership()).is_ok());
    assert!(good.votes.iter().all(|vote| vote.member != 0));
}

/// A verifier knows recent epochs and forgets old ones; one occupant's certificate is not another's.
#[test]
fn a_verifier_accepts_recent_epochs_only() {
    let mut network = Network::new(config(Suite::Modern, 4, true));
    let mut verifier = Verifier::new(CLUSTER, network.config.clone());
    network.submit([1]);
    network.run(0);
    let (job, outcome, bytes) = network.certificates().remove(0);
    assert_eq!(
        verifier.verify(SET, &job, &outcome, &bytes),
        Err(Flaw::UnknownSet)
    );
    verifier.learn(&network.record).unwrap();
    for round in 0..2 {
        assert!(
            verifier.verify(SET, &job, &outcome, &bytes).is_ok(),
            "{round} epochs later"
        );
        network.replace(1, 0);
        verifier.learn(&network.record).unwrap();
    }
    assert_eq!(
        verifier.verify(SET, &job, &outcome, &bytes),
        Err(Flaw::OtherEpoch)
    );
    let relabelled = Certificate {
        epoch: network.record.epoch,
        ..Certificate::decode(&bytes).unwrap()
    };
    assert!(
        verifier
            .verify(SET, &job, &outcome, &relabelled.encode())
            .is_err()
    );
    verifier.forget(SET);
    assert_eq!(
        verifier.verify(SET, &job, &outcome, &bytes),
        Err(Flaw::UnknownSet)
    );
}

/// A verifier compares the claimed set and outcome, too, and what it once proved helps no other claim.
#[test]
fn a_verifier_compares_the_claim() {
    let (network, job, good) = sample(Suite::Modern, true);
    let mut verifier = Verifier::new(CLUSTER, network.config.clone());
    verifier.learn(&network.record).unwrap();
    let (bytes, outcome) = (good.encode(), good.outcome.clone());
    verifier.verify(SET, &job, &outcome, &bytes).unwrap();
    let mut other_set = SET;
    other_set.operation = Operation::Div;
    assert_eq!(
        verifier.verify(other_set, &job, &outcome, &bytes),
        Err(Flaw::OtherSet)
    );
    let lie = Outcome::Value("1".into());
    assert_eq!(verifier.verify(SET, &job, &lie, &bytes), Err(Flaw::OtherOutcome));
    let mut bad = good;
    bad.outcome = lie.clone();
    assert_eq!(
        verifier.verify(SET, &job, &lie, &bad.encode()),
        Err(Flaw::Signature(0))
    );
    assert_eq!(
        verifier.verify(SET, &job, &outcome, &bytes[1..]),
        Err(Flaw::Malformed)
    );
}

/// Claim: what a verifier remembers to hold is this signature under this key: neither another signature on the same, however often
/// it is shown, nor the same one after the key turned out to be another.
#[test]
fn what_a_verifier_proved_helps_no_other_signature() {
    let (network, job, good) = sample(Suite::Modern, true);
    let mut verifier = Verifier::new(CLUSTER, network.config.clone());
    verifier.learn(&network.record).unwrap();
    let mut bad = good.clone();
    bad.votes[0].signature[0] ^= 1;
    let verify = |verifier: &mut Verifier, certificate: &Certificate| {
        verifier
            .verify(SET, &job, &good.outcome, &certificate.encode())
            .map(drop)
    };
    for certificate in [&bad, &bad, &good, &bad, &bad] {
        let want = if *certificate == good {
            Ok(())
        } else {
            Err(Flaw::Signature(0))
        };
        assert_eq!(verify(&mut verifier, certificate), want);
    }
    let mut record = network.record.clone();
    record.replicas[0].public_key = keys(Suite::Modern, 77).public_key().to_string();
    verifier.learn(&record).unwrap();
    assert_eq!(verify(&mut verifier, &good), Err(Flaw::Signature(0)));
}

/// No byte of a certificate can be changed, left out or added without its being refused.
#[test]
fn every_byte_of_a_certificate_counts() {
    let (network, job, good) = sample(Suite::Modern, true);
    let membership = network.membership();
    let bytes = good.encode();
    let holds =
        |bytes: &[u8]| Certificate::decode(bytes).is_ok_and(|read| read.verify(&job, &membership).is_ok());
    assert!(holds(&bytes));
    for at in 0..bytes.len() {
        for flip in [1, 0x80] {
            let mut changed = bytes.clone();
            changed[at] ^= flip;
            assert!(!holds(&changed), "byte {at}");
        }
        assert!(!holds(&bytes[..at]));
    }
    assert_eq!(
        Certificate::decode(&[&bytes[..], &[0]].concat()),
        Err(DecodeError)
    );
    // The figures in the documentation.
    assert!(bytes.len() < 450, "{}", bytes.len());
}

/// RSA certificates survive their encoding as well.
#[test]
fn certificates_round_trip_in_both_suites() {
    for suite in [Suite::Modern, Suite::Report] {
        let (network, job, good) = sample(suite, true);
        let read = Certificate::decode(&good.encode()).unwrap();
        assert_eq!(read, good);
        assert!(read.verify(&job, &network.membership()).is_ok());
    }
}

/// With MD5 digests two jobs of one digest would share a certificate: the binding is only as good as the suite's digest.
#[test]
fn the_suite_decides_how_long_the_digest_is() {
    let digest = crate::job_digest(Suite::Report, &job(1));
    assert_eq!(digest.0[16..], [0; 16]);
    assert!(keys(Suite::Report, 0).sign(b"x").len() == 256);
}

proptest! {
    /// Arbitrary bytes are a certificate or an error, never a panic; what is read encodes to the same bytes.
    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(read) = Certificate::decode(&bytes) {
            prop_assert_eq!(read.encode(), bytes);
        }
    }
}
