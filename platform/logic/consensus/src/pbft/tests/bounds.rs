//! What nobody can have kept, ordered or installed, whatever is signed.

use std::sync::Arc;

use tally_model::{Epoch, Operation, Suite};

use super::said::{STABLE, checkpoint, commit, is_untouched, order, prepare, request, sealed, stable, take};
use super::{listener, replicas};
use crate::Signature;
use crate::digest::Digest;
use crate::pbft::batch::Known;
use crate::pbft::execution::{Execution, state_digest};
use crate::pbft::message::{Body, PrePrepare, Reconfig, State, Status};
use crate::pbft::{MISSING, SLOTS};
use crate::{MAX_BATCH, Refusal};

/// Claim: places at and below the low watermark and above the high one are nobody's, and all between them are (section 4.2).
#[test]
fn the_watermarks_are_where_they_are_said_to_be() {
    let mut replicas = replicas();
    let mut replica = listener();
    let window = replica.settings.window;
    replica.log.advance(STABLE);
    for (sequence, accepted) in [
        (STABLE - 1, false),
        (STABLE, false),
        (STABLE + 1, true),
        (STABLE + window, true),
        (STABLE + window + 1, false),
    ] {
        let Body::PrePrepare(mut order) = order(&mut replicas, vec![request(0, sequence, 1)]) else {
            unreachable!("it is one")
        };
        order.sequence = sequence;
        let (member, digest) = (1, Digest([7; 32]));
        for body in [
            commit(sequence, member, digest),
            prepare(sequence, member, digest),
            Body::PrePrepare(order),
        ] {
            let (result, _) = take(&mut replica, 0, sealed(&mut replicas, 0, body));
            let want = if accepted {
                Ok(())
            } else {
                Err(Refusal::OutOfBounds)
            };
            assert_eq!(result, want, "{sequence}");
        }
    }
}

/// Claim: a primary cannot have more ordered than a batch may hold, nor what is of another set, whatever the worker and it sign.
#[test]
fn a_batch_beyond_its_bounds_is_refused() {
    let mut replicas = replicas();
    let most = MAX_BATCH as u128;
    let mut other = request(0, 1, 1);
    Arc::make_mut(&mut other.items)[0].job.operation = Operation::Mul;
    let change = Reconfig {
        epoch: Epoch(1),
        membership: Digest([7; 32]),
        view: 0,
    };
    let later = Reconfig {
        epoch: Epoch(2),
        ..change
    };
    for (requests, reconfig, refusal) in [
        (vec![], None, Refusal::OutOfBounds),
        (vec![request(0, 1, 0)], None, Refusal::OutOfBounds),
        (vec![request(0, 1, most + 1)], None, Refusal::OutOfBounds),
        (
            vec![request(0, 1, most), request(1, 2, 1)],
            None,
            Refusal::OutOfBounds,
        ),
        (
            vec![request(0, 1, 1), request(0, 2, 1)],
            None,
            Refusal::OutOfBounds,
        ),
        (vec![request(SLOTS, 1, 1)], None, Refusal::OutOfBounds),
        (vec![other], None, Refusal::OtherOperation),
        (vec![], Some(change), Refusal::OutOfBounds),
        (vec![request(0, 1, 1)], Some(later), Refusal::OutOfBounds),
    ] {
        let mut body = order(&mut replicas, requests.clone());
        if let Body::PrePrepare(PrePrepare { batch, .. }) = &mut body {
            batch.reconfig = reconfig;
        }
        let (result, _) = take(&mut listener(), 0, sealed(&mut replicas, 0, body));
        assert_eq!(result, Err(refusal), "{requests:?}");
        if let ([asked], None) = (&requests[..], reconfig) {
            let body = sealed(&mut replicas, 0, Body::Request(asked.clone()));
            assert_eq!(take(&mut listener(), 0, body).0, Err(refusal), "{asked:?}");
        }
    }
    for requests in [
        vec![request(SLOTS - 1, 1, most)],
        vec![request(0, 1, 1), request(1, 2, most - 1)],
    ] {
        let body = order(&mut replicas, requests);
        assert_eq!(take(&mut listener(), 0, sealed(&mut replicas, 0, body)).0, Ok(()));
    }
}

/// Claim: batches are kept if they were asked for, and no more at once than one may ask for.
#[test]
fn nobody_has_batches_kept_that_were_not_asked_for() {
    let mut replicas = replicas();
    let Body::PrePrepare(known) = order(&mut replicas, vec![request(0, 1, 1)]) else {
        unreachable!("it is one")
    };
    let batches = |count| Body::Batches(vec![known.batch.clone(); count]);
    let mut replica = listener();
    assert_eq!(take(&mut replica, 0, batches(1)).0, Err(Refusal::UnknownSequence));
    let contents = known.batch.contents(Suite::Modern);
    let name = known.batch.digest(Suite::Modern, &contents);
    assert!(replica.batches.get(name).is_none());
    replica.log.entry(1).decided = Some(name);
    assert_eq!(
        take(&mut replica, 0, batches(MISSING + 1)).0,
        Err(Refusal::OutOfBounds)
    );
    assert_eq!(take(&mut replica, 0, batches(1)).0, Ok(()));
    assert_eq!(replica.executed(), 1);
    let greedy = Body::Status(Status {
        member: 1,
        executed: 0,
        stable: 0,
        changing: false,
        asks: true,
        missing: vec![name; MISSING + 1],
        tag: Signature::new(),
    });
    let greedy = sealed(&mut replicas, 0, greedy);
    assert_eq!(take(&mut replica, 0, greedy).0, Err(Refusal::OutOfBounds));
}

/// Claim: a state is taken as 2f+1 members certified it, byte by byte, what clients were answered included, and is read back whole.
#[test]
fn every_byte_of_a_state_is_certified() {
    let mut replicas = replicas();
    let Body::PrePrepare(known) = order(&mut replicas, vec![request(0, 1, 1), request(1, 2, 1)]) else {
        unreachable!("it is one")
    };
    let (suite, batch) = (Suite::Modern, known.batch);
    let contents = batch.contents(suite);
    let name = batch.digest(suite, &contents);
    let mut execution = replicas[0].execution.clone();
    let first = execution.snapshot();
    execution.apply(suite, name, &Known { batch, contents });
    let snapshot = execution.snapshot();
    assert!(snapshot.len() > first.len() + 80, "what was answered is in it");
    let restored = Execution::restore(&snapshot);
    assert_eq!(restored.as_ref(), Some(&execution));
    let proof = stable(&replicas, 1, state_digest(suite, &snapshot));
    let state = |snapshot| {
        Body::State(State {
            proof: proof.clone(),
            snapshot,
        })
    };
    let mut replica = listener();
    for place in 0..snapshot.len() {
        let mut bad = snapshot.clone();
        bad[place] ^= 1;
        assert_eq!(
            take(&mut replica, 0, state(bad)).0,
            Err(Refusal::Certificate),
            "{place}"
        );
        assert!(is_untouched(&replica));
    }
    assert_eq!(take(&mut replica, 0, state(snapshot)).0, Ok(()));
    assert_eq!(replica.execution, execution);
}

/// Claim: votes on states push out the oldest of the same member, and nobody else's; of votes of a view to come the first 32 are kept.
#[test]
fn a_member_has_few_votes_kept() {
    let mut replicas = replicas();
    let mut replica = listener();
    for (member, votes) in [(3, 1), (1, 20)] {
        for sequence in 1..=votes {
            let vote = checkpoint(sequence, member, Digest([7; 32]));
            assert_eq!(take(&mut replica, 0, sealed(&mut replicas, 0, vote)).0, Ok(()));
        }
    }
    let kept = |member| {
        let votes = replica.checkpoints.own_after(member, 0).into_iter();
        votes.map(|vote| vote.sequence).collect::<Vec<_>>()
    };
    assert_eq!((kept(1), kept(3)), ((13..=20).collect(), vec![1]));
    for sequence in 1..=40 {
        let vote = prepare(sequence, 1, Digest([7; 32]));
        let want = if sequence <= 32 {
            Ok(())
        } else {
            Err(Refusal::OtherView)
        };
        assert_eq!(take(&mut replica, 7, vote).0, want, "{sequence}");
    }
}
