//! Nothing is believed that was not signed by whom it is of, wherever the signature stands, and everybody has one vote.

use super::said::{
    STABLE, TO, checkpoint, commit, is_untouched, order, prepare, request, said, sealed, spoilt, stable, take,
};
use super::{keys, listener, proof, replicas};
use crate::digest::Digest;
use crate::pbft::message::Body;
use crate::pbft::statement;
use crate::{Refusal, Vote};

/// Claim: a certificate between replicas holds with all of its signatures and with no other votes than it needs: it falls with any one
/// that is spoilt, with one that is missing, with one that stands there twice and with one of a stranger.
#[test]
fn every_signature_of_a_certificate_counts() {
    let mut replicas = replicas();
    let membership = replicas[0].membership().unwrap();
    let digest = Digest([7; 32]);
    let checkpoint = stable(&replicas, STABLE, digest);
    let prepared = proof(&mut replicas, 0, 1, digest);
    let desk = &mut replicas[usize::from(TO)].desk;
    let wrong = |votes: &[Vote]| {
        let spoilt = (0..votes.len()).map(|place| {
            let mut votes = votes.to_vec();
            votes[place].signature[0] ^= 1;
            (votes, Refusal::Signature)
        });
        let missing = (0..votes.len()).map(|place| {
            let mut votes = votes.to_vec();
            votes.remove(place);
            (votes, Refusal::Certificate)
        });
        let twice = (1..votes.len()).map(|place| {
            let mut votes = votes.to_vec();
            votes[place] = votes[0].clone();
            (votes, Refusal::Certificate)
        });
        let strange = (0..votes.len()).map(|place| {
            let mut votes = votes.to_vec();
            votes[place].member = 4;
            (votes, Refusal::NotAMember)
        });
        spoilt
            .chain(missing)
            .chain(twice)
            .chain(strange)
            .collect::<Vec<_>>()
    };
    for (votes, refusal) in wrong(&checkpoint.votes) {
        let mut bad = checkpoint.clone();
        bad.votes = votes;
        assert_eq!(bad.check(desk, &membership), Err(refusal), "{bad:?}");
    }
    for (prepares, refusal) in wrong(&prepared.prepares) {
        let mut bad = prepared.clone();
        bad.prepares = prepares;
        assert_eq!(bad.check(desk, &membership), Err(refusal), "{bad:?}");
    }
    // A PREPARE of the primary says no more than its order does.
    let mut bad = prepared.clone();
    let statement = statement::prepare(&membership.scope, 1, 0, digest);
    bad.prepares[0] = Vote {
        member: 0,
        signature: keys(0).sign(&statement),
    };
    assert_eq!(bad.check(desk, &membership), Err(Refusal::Certificate));
    assert_eq!(checkpoint.check(desk, &membership), Ok(()));
    assert_eq!(prepared.check(desk, &membership), Ok(()));
}

/// Claim: wherever a signature or a code stands in a message of any kind, it is checked: with one of them changed, and all that covers
/// it signed again by whoever lies, nothing of the message is taken.
#[test]
fn every_signature_in_every_message_counts() {
    let mut replicas = replicas();
    let mut tried = 0;
    for (view, body) in said(&mut replicas) {
        assert_eq!(take(&mut listener(), view, body.clone()).0, Ok(()), "{body:?}");
        for bad in spoilt(&mut replicas, view, &body) {
            let mut replica = listener();
            let (result, sent) = take(&mut replica, view, bad.clone());
            assert_eq!(result, Err(Refusal::Signature), "{bad:?}");
            assert!(is_untouched(&replica) && sent.is_empty(), "{bad:?}");
            tried += 1;
        }
    }
    // One each of five kinds, three of an order, 1 + 7 of changes, 4 + 23 of openings, three of a state.
    assert_eq!(tried, 5 + 3 + (1 + 7) + (4 + 23) + 3);
}

/// Claim: a vote of one kind is none of another: the signature of a PREPARE under a CHECKPOINT of the same member, place and digest
/// does not hold, nor the other way round.
#[test]
fn a_vote_of_one_kind_is_none_of_another() {
    let mut replicas = replicas();
    let (sequence, member, digest) = (STABLE, 1, Digest([7; 32]));
    let good = [
        sealed(&mut replicas, 0, prepare(sequence, member, digest)),
        sealed(&mut replicas, 0, checkpoint(sequence, member, digest)),
    ];
    let mut forged = good.clone();
    if let [Body::Prepare(one), Body::Checkpoint(other)] = &mut forged {
        std::mem::swap(&mut one.signature, &mut other.signature);
    }
    for (forged, good) in forged.into_iter().zip(good) {
        let mut replica = listener();
        assert_eq!(take(&mut replica, 0, forged).0, Err(Refusal::Signature));
        assert_eq!(take(&mut replica, 0, good).0, Ok(()));
    }
}

/// Claim: a member has one vote per place and kind: the same again changes nothing, another one is refused as such, and votes on
/// different things do not add up.
#[test]
fn a_member_has_one_vote() {
    let mut replicas = replicas();
    let (one, two) = (Digest([7; 32]), Digest([8; 32]));
    let prepare = |member, digest| prepare(1, member, digest);
    let commit = |member, digest| commit(1, member, digest);
    let checkpoint = |member, digest| checkpoint(STABLE, member, digest);
    let mut replica = listener();
    let mut say = |body| {
        let body = sealed(&mut replicas, 0, body);
        take(&mut replica, 0, body).0
    };
    assert_eq!(say(prepare(1, one)), Ok(()));
    assert_eq!(say(prepare(1, one)), Ok(()));
    assert_eq!(say(prepare(1, two)), Err(Refusal::DoubleVote));
    assert_eq!(say(prepare(0, one)), Err(Refusal::Misdirected), "the primary");
    assert_eq!(say(commit(1, one)), Ok(()));
    assert_eq!(say(commit(1, one)), Ok(()));
    assert_eq!(say(commit(1, two)), Err(Refusal::DoubleVote));
    for (member, digest) in [
        (1, one),
        (1, one),
        (1, two),
        (3, one),
        (3, one),
        (0, two),
        (0, one),
    ] {
        assert_eq!(say(checkpoint(member, digest)), Ok(()));
    }
    for own in [prepare(TO, one), commit(TO, one), checkpoint(TO, one)] {
        assert_eq!(say(own), Err(Refusal::Misdirected), "its own word, from others");
    }
    let entry = replica.log.get(1).unwrap();
    assert_eq!(entry.prepares.iter().count(), 1);
    assert_eq!(entry.commits.iter().count(), 1);
    assert_eq!(replica.checkpoints.ahead, None, "two of one, and one of another");
    let mut replica = listener();
    let conflict = Err(Refusal::Conflict);
    for (timestamp, want, votes) in [(1, Ok(()), 3), (2, conflict, 0), (1, Ok(()), 0)] {
        let body = order(&mut replicas, vec![request(0, timestamp, 1)]);
        let body = sealed(&mut replicas, 0, body);
        let (result, sent) = take(&mut replica, 0, body);
        assert_eq!((result, sent.len()), (want, votes), "one PREPARE for one order");
    }
    for member in [0, 1, 3] {
        let vote = sealed(&mut replicas, 0, checkpoint(member, one));
        assert_eq!(take(&mut replica, 0, vote).0, Ok(()));
    }
    assert!(replica.checkpoints.ahead.is_some());
}

/// Claim: only the present occupant of the worker's place is served, and a request is its own although another of its slot waits.
#[test]
fn who_is_not_the_worker_orders_nothing() {
    let mut replicas = replicas();
    for incarnation in [1, 7] {
        let mut stranger = request(0, 1, 1);
        stranger.incarnation = incarnation;
        let body = sealed(&mut replicas, 0, Body::Request(stranger.clone()));
        assert_eq!(take(&mut listener(), 0, body).0, Err(Refusal::NotAMember));
        let body = order(&mut replicas, vec![stranger]);
        let body = sealed(&mut replicas, 0, body);
        assert_eq!(take(&mut listener(), 0, body).0, Err(Refusal::NotAMember));
    }
    let mut replica = listener();
    let waits = sealed(&mut replicas, 0, Body::Request(request(0, 1, 1)));
    assert_eq!(take(&mut replica, 0, waits).0, Ok(()));
    let mut other = order(&mut replicas, vec![request(0, 1, 1)]);
    other = sealed(&mut replicas, 0, other);
    if let Body::PrePrepare(order) = &mut other {
        order.batch.requests[0].items = request(0, 1, 2).items;
    }
    let result = take(&mut replica, 0, other).0;
    assert_eq!(result, Err(Refusal::Signature), "under the name of what waits");
    for timestamp in [1, 2] {
        let mut forged = order(&mut replicas, vec![request(0, timestamp, 2)]);
        if let Body::PrePrepare(order) = &mut forged {
            order.batch.requests[0].signature[0] ^= 1;
        }
        let forged = sealed(&mut replicas, 0, forged);
        assert_eq!(
            take(&mut replica, 0, forged).0,
            Err(Refusal::Signature),
            "{timestamp}"
        );
    }
}
