//! What one epoch, view, set or cluster said is worth nothing in another, and members go over as was announced to them.

use std::sync::Arc;

use tally_model::{Epoch, Instant, NodeId, SetId, SetRecord, Suite};

use super::said::{STABLE, TO, is_untouched, message, order, request, said, sealed, spoilt, stable, take};
use super::{CLUSTER, SET, member, membership, record, replicas, replicas_of, seat};
use crate::Signature;
use crate::digest::Digest;
use crate::pbft::execution::state_digest;
use crate::pbft::message::{
    Batch, Body, Checkpoint, CheckpointProof, PrePrepare, PreparedProof, Reconfig, State,
};
use crate::pbft::{Replica, Standing};
use crate::{Message, Outgoing, Refusal, Refusals, Replica as _};

/// A replica that was founded in some place.
pub(super) fn founded(cluster: [u8; 16], set: SetId, epoch: Epoch) -> Replica {
    replicas_of(cluster, &record(set, epoch)).remove(usize::from(TO))
}

/// A body whose certificates are said to be of `epoch`.
fn relabelled(mut body: Body, epoch: Epoch) -> Body {
    let relabel = |stable: &mut Option<CheckpointProof>, prepared: &mut [PreparedProof]| {
        if let Some(proof) = stable {
            proof.epoch = epoch;
        }
        for proof in prepared {
            proof.epoch = epoch;
        }
    };
    match &mut body {
        Body::ViewChange(it) => relabel(&mut it.stable, Arc::make_mut(&mut it.prepared)),
        Body::NewView(it) => {
            let changes = it.changes.iter_mut();
            changes.for_each(|it| relabel(&mut it.stable, Arc::make_mut(&mut it.prepared)));
        }
        Body::State(it) => it.proof.epoch = epoch,
        _ => {}
    }
    body
}

/// Claim: what the same members signed with the same keys in another epoch, set or cluster holds nowhere else, whatever it is called.
#[test]
fn what_was_said_elsewhere_is_worth_nothing_here() {
    let other = SetId { number: 2, ..SET };
    for (cluster, set, epoch) in [
        ([2; 16], SET, Epoch(1)),
        (CLUSTER, other, Epoch(1)),
        (CLUSTER, SET, Epoch(2)),
    ] {
        // An order without requests has no signature but the primary's.
        let reconfig = Reconfig {
            epoch: Epoch(9),
            membership: Digest([7; 32]),
            view: 0,
        };
        let order = (0, ordered(&mut replicas(), reconfig));
        for (view, body) in said(&mut replicas()).into_iter().chain([order]) {
            let mut replica = founded(cluster, set, epoch);
            let (result, sent) = take(&mut replica, view, relabelled(body.clone(), epoch));
            assert_eq!(result, Err(Refusal::Signature), "{set} {epoch:?} {body:?}");
            assert!(is_untouched(&replica) && sent.is_empty(), "{body:?}");
        }
    }
}

/// Claim: a certificate is of the epoch that it names, or of none: who checks it has that epoch's keys.
#[test]
fn a_certificate_names_its_epoch() {
    let mut replicas = replicas();
    let certified = |body: &Body| match body {
        Body::ViewChange(it) => it.stable.is_some(),
        Body::State(_) => true,
        _ => false,
    };
    for (view, body) in said(&mut replicas) {
        if certified(&body) {
            let renamed = sealed(&mut replicas, view, relabelled(body, Epoch(2)));
            let mut replica = founded(CLUSTER, SET, Epoch(1));
            assert_eq!(take(&mut replica, view, renamed).0, Err(Refusal::OtherEpoch));
            assert!(is_untouched(&replica));
        }
    }
}

/// Claim: a vote of one view is worth nothing in another with the same primary, whatever it is called.
#[test]
fn what_was_said_in_another_view_is_worth_nothing_in_this() {
    for (view, body) in said(&mut replicas()) {
        let of_view = matches!(
            body,
            Body::PrePrepare(_) | Body::Prepare(_) | Body::Commit(_) | Body::Status(_)
        );
        if of_view {
            let mut replica = founded(CLUSTER, SET, Epoch(1));
            replica.view = view + 4;
            let (result, _) = take(&mut replica, view + 4, body.clone());
            assert_eq!(result, Err(Refusal::Signature), "{body:?}");
            assert!(is_untouched(&replica), "{body:?}");
        }
    }
}

/// How many messages of every reason a replica refused, after it heard all of these.
fn refused(replica: &mut Replica, messages: Vec<Message>) -> Refusals {
    for message in messages {
        let from = NodeId::Replica(message.set, 1);
        replica.handle(Instant::ZERO, from, message, &mut Vec::new());
    }
    replica.refused().clone()
}

fn all_of(replicas: &mut [Replica]) -> Vec<Message> {
    let said = said(replicas);
    let address = |(view, body)| message(&replicas[0], view, body);
    let batches = (0, Body::Batches(vec![Batch::default()]));
    said.into_iter().chain([batches]).map(address).collect()
}

/// Claim: a message of an epoch that is over is refused as such, of whatever kind; one of an epoch to come is kept until it begins,
/// but for what will be said again, and no more than sixteen of them; one of another set is refused at once.
#[test]
fn messages_wait_for_their_epoch_and_not_after_it() {
    let past = all_of(&mut replicas());
    let count = past.len() as u64;
    let mut replica = founded(CLUSTER, SET, Epoch(2));
    let want = Refusals::from([(Refusal::OtherEpoch, count)]);
    assert_eq!(refused(&mut replica, past.clone()), want);
    assert!(is_untouched(&replica));
    let other = SetId { number: 2, ..SET };
    let mut replica = founded(CLUSTER, other, Epoch(1));
    let want = Refusals::from([(Refusal::OtherSet, count)]);
    assert_eq!(refused(&mut replica, past), want);

    let future = all_of(&mut replicas_of(CLUSTER, &record(SET, Epoch(2))));
    let mut replica = founded(CLUSTER, SET, Epoch(1));
    let want = Refusals::from([(Refusal::OtherEpoch, 1)]);
    assert_eq!(refused(&mut replica, future.clone()), want, "STATUS alone");
    let mut replica = founded(CLUSTER, SET, Epoch(1));
    let vote = future.into_iter().nth(2).unwrap();
    let want = Refusals::from([(Refusal::OtherEpoch, 24)]);
    assert_eq!(refused(&mut replica, vec![vote; 40]), want);
    assert!(is_untouched(&replica));
}

/// The record of `epoch` with other occupants of the places named.
pub(super) fn with_replaced(epoch: Epoch, places: &[u8]) -> SetRecord {
    let mut next = record(SET, epoch);
    next.founded = Some(Epoch(1));
    for place in places {
        let node = NodeId::Replica(SET, *place);
        next.replicas[usize::from(*place)] = member(node, 100 + place);
    }
    next
}

/// The primary's order of a change of members.
fn ordered(replicas: &mut [Replica], reconfig: Reconfig) -> Body {
    let mut body = order(replicas, Vec::new());
    if let Body::PrePrepare(PrePrepare { batch, .. }) = &mut body {
        batch.reconfig = Some(reconfig);
    }
    sealed(replicas, 0, body)
}

/// How many PREPAREs are sent.
fn votes(sent: &[Outgoing]) -> usize {
    let is_vote = |sent: &&Outgoing| match &sent.message.body {
        crate::Body::Pbft(body) => matches!(**body, Body::Prepare(_)),
        _ => false,
    };
    sent.iter().filter(is_vote).count()
}

/// Claim: an order of members that came before its announcement is voted for when it is announced, but not by who left its view.
#[test]
fn an_announcement_between_views_is_no_vote() {
    let next = with_replaced(Epoch(2), &[3]);
    let reconfig = Reconfig {
        epoch: Epoch(2),
        membership: membership(&next).digest(),
        view: 0,
    };
    for leaves in [false, true] {
        let mut replica = founded(CLUSTER, SET, Epoch(1));
        let (result, sent) = take(&mut replica, 0, ordered(&mut replicas(), reconfig));
        assert_eq!((result, votes(&sent)), (Ok(()), 0));
        if leaves {
            let known = replica.membership().unwrap();
            replica.leave_for(&known, 1, &mut Vec::new());
        }
        let mut sent = Vec::new();
        replica.configure(Instant::ZERO, &next, &mut sent).unwrap();
        assert_eq!(votes(&sent), if leaves { 0 } else { 3 });
    }
}

/// Claim: a member agrees to a change of members if exactly that was announced to it, if it keeps all but f of them, and if the first
/// primary is one that stays; to any other it says nothing, although the primary signed it.
#[test]
fn a_member_agrees_only_to_what_was_announced_to_it() {
    let (one, two) = (with_replaced(Epoch(2), &[3]), with_replaced(Epoch(3), &[1, 3]));
    let good = Reconfig {
        epoch: Epoch(2),
        membership: membership(&one).digest(),
        view: 0,
    };
    let bad = [
        Reconfig {
            membership: Digest([7; 32]),
            ..good
        },
        Reconfig {
            epoch: Epoch(4),
            ..good
        },
        Reconfig { view: 3, ..good },
        Reconfig { view: 4, ..good },
        Reconfig {
            epoch: Epoch(3),
            membership: membership(&two).digest(),
            view: 0,
        },
    ];
    let mut replicas = replicas();
    for (reconfig, agrees) in bad.map(|bad| (bad, false)).into_iter().chain([(good, true)]) {
        let body = ordered(&mut replicas, reconfig);
        let mut replica = founded(CLUSTER, SET, Epoch(1));
        for record in [&one, &two] {
            replica.configure(Instant::ZERO, record, &mut Vec::new()).unwrap();
        }
        let (result, sent) = take(&mut replica, 0, body);
        assert_eq!(result, Ok(()), "{reconfig:?}");
        assert_eq!(votes(&sent), if agrees { 3 } else { 0 }, "{reconfig:?}");
    }
    // Nor does a primary propose what nobody may agree to.
    let mut primary = replicas.remove(0);
    primary.configure(Instant::ZERO, &two, &mut Vec::new()).unwrap();
    let known = primary.membership().unwrap();
    assert_eq!(primary.proposal(&known), None);
    primary.configure(Instant::ZERO, &one, &mut Vec::new()).unwrap();
    assert_eq!(primary.proposal(&known), Some(good));
}

/// Replica 2 in epoch 1 as it may be before the next one: of everything that an epoch has it was told something.
fn busy(next: &SetRecord) -> Replica {
    let mut replicas = replicas();
    let mut replica = founded(CLUSTER, SET, Epoch(1));
    for (view, body) in said(&mut replicas) {
        let certified = matches!(&body, Body::ViewChange(it) if it.stable.is_some());
        if !certified && !matches!(body, Body::NewView(_) | Body::State(_)) {
            assert_eq!(take(&mut replica, view, body).0, Ok(()));
        }
    }
    let later = order(&mut replicas, vec![request(0, 3, 1)]);
    let later = sealed(&mut replicas, 7, later);
    assert_eq!(take(&mut replica, 7, later).0, Ok(()));
    replica.configure(Instant::ZERO, next, &mut Vec::new()).unwrap();
    replica
}

/// Claim: a member leaves its epoch for a state that 2f+1 of the next one certified, and for no other; nothing that it was told in the
/// one it leaves is taken along.
#[test]
fn a_certified_state_ends_an_epoch_and_all_that_was_said_in_it() {
    let next = with_replaced(Epoch(2), &[]);
    let mut there = replicas_of(CLUSTER, &record(SET, Epoch(2)));
    let state = Body::State(State {
        proof: stable(&there, STABLE, Digest([7; 32])),
        snapshot: Vec::new(),
    });
    let mut replica = busy(&next);
    for bad in spoilt(&mut there, 0, &state) {
        let bad = message(&there[0], 0, bad);
        replica.handle(Instant::ZERO, NodeId::Replica(SET, 1), bad, &mut Vec::new());
        assert_eq!(
            (replica.epoch(), replica.standing()),
            (Some(Epoch(1)), Standing::Voter)
        );
    }
    let told = !replica.pending.is_empty() && !replica.later.is_empty() && replica.log_len() > 0;
    assert!(told && replica.changes.get(1).is_some());
    let good = message(&there[0], 0, state);
    replica.handle(Instant::ZERO, NodeId::Replica(SET, 1), good, &mut Vec::new());
    assert_eq!(
        (replica.epoch(), replica.standing()),
        (Some(Epoch(2)), Standing::Learner)
    );
    let ahead = replica.checkpoints.ahead.take();
    assert_eq!(ahead.map(|proof| proof.epoch), Some(Epoch(2)));
    assert!(is_untouched(&replica));
    let again = Checkpoint {
        sequence: STABLE,
        member: 1,
        digest: Digest([7; 32]),
        signature: Signature::new(),
    };
    assert!(replica.checkpoints.is_news(&again));
}

/// Claim: who comes new says nothing before it has a state that its epoch certified, and then begins where the epoch does; who has the
/// place's incarnation and another key, or its key and another incarnation, is nobody.
#[test]
fn a_newcomer_has_no_vote_before_it_has_a_state() {
    let next = with_replaced(Epoch(2), &[]);
    let mut there = replicas_of(CLUSTER, &record(SET, Epoch(2)));
    let ordered = order(&mut there, vec![request(0, 1, 1)]);
    let ordered = sealed(&mut there, 0, ordered);
    let node = NodeId::Replica(SET, TO);
    let mut again = seat(CLUSTER, node, TO);
    again.incarnation = 1;
    for stranger in [again, seat(CLUSTER, node, 100)] {
        let mut replica = Replica::new(stranger);
        replica.configure(Instant::ZERO, &next, &mut Vec::new()).unwrap();
        assert_eq!(replica.standing(), Standing::Outsider);
        let (result, sent) = take(&mut replica, 0, ordered.clone());
        assert_eq!((result, sent), (Err(Refusal::NotAMember), Vec::new()));
        assert!(is_untouched(&replica));
    }
    let mut replica = Replica::new(seat(CLUSTER, node, TO));
    replica.configure(Instant::ZERO, &next, &mut Vec::new()).unwrap();
    assert_eq!(replica.standing(), Standing::Learner);
    assert_eq!(take(&mut replica, 0, ordered), (Ok(()), Vec::new()));

    let mut execution = there[0].execution.clone();
    (execution.epoch, execution.base, execution.executed) = (Epoch(2), STABLE, STABLE);
    execution.first_view = 3;
    let snapshot = execution.snapshot();
    let proof = stable(&there, STABLE, state_digest(Suite::Modern, &snapshot));
    let state = Body::State(State { proof, snapshot });
    assert_eq!(take(&mut replica, 0, state).0, Ok(()));
    assert_eq!(replica.standing(), Standing::Voter);
    assert_eq!(
        (replica.base, replica.stable(), replica.view()),
        (STABLE, STABLE, 3)
    );
}
