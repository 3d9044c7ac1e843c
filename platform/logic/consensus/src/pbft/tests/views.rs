//! Who leaves a view, and for what: changes that prove too much, that come too late, or that were made up; openings of such.

use super::said::{STABLE, TO, is_untouched, request, said, sealed, spoilt, stable, take};
use super::{listener, proof, replicas};
use crate::Refusal;
use crate::Signature;
use crate::digest::Digest;
use crate::pbft::Replica;
use crate::pbft::log::Log;
use crate::pbft::message::{Body, NewView, Order, PreparedProof, ViewChange};

/// The changes and openings among what is said, each without certificates first.
fn turns(replicas: &mut [Replica]) -> ([ViewChange; 2], [NewView; 2]) {
    let (mut changes, mut openings) = (Vec::new(), Vec::new());
    for (_, body) in said(replicas) {
        match body {
            Body::ViewChange(change) => changes.push(change),
            Body::NewView(new) => openings.push(new),
            _ => {}
        }
    }
    (changes.try_into().unwrap(), openings.try_into().unwrap())
}

/// Claim: a VIEW-CHANGE proves places between its checkpoint and its window, ascending, each once and of an earlier view; otherwise it
/// is refused, although all of its certificates hold (section 4.4).
#[test]
fn a_change_proves_what_lies_between_its_watermarks() {
    let mut replicas = replicas();
    let window = replicas[0].settings.window;
    let digest = Digest([7; 32]);
    let ([_, full], _) = turns(&mut replicas);
    let mut at = |view, sequence| proof(&mut replicas, view, sequence, digest);
    let (first, last) = (at(0, STABLE + 1), at(0, STABLE + window));
    let (low, high) = (at(0, STABLE), at(0, STABLE + window + 1));
    let (same, later) = (at(1, STABLE + 1), at(2, STABLE + 1));
    for (prepared, good) in [
        (vec![first.clone(), last.clone()], true),
        (vec![last, first.clone()], false),
        (vec![first.clone(), first], false),
        (vec![low], false),
        (vec![high], false),
        (vec![same], false),
        (vec![later], false),
    ] {
        let change = Body::ViewChange(ViewChange {
            prepared: prepared.into(),
            ..full.clone()
        });
        let change = sealed(&mut replicas, 1, change);
        let want = if good { Ok(()) } else { Err(Refusal::OutOfBounds) };
        assert_eq!(take(&mut listener(), 1, change.clone()).0, want, "{change:?}");
    }
}

/// Claim: of a member's changes the one for the highest view counts, and of two for one view the first: neither an old one, said again,
/// nor another one takes its place. Nobody takes its own from others, and one member that leaves takes nobody along.
#[test]
fn a_member_leaves_for_one_view_and_not_back() {
    let mut replicas = replicas();
    let ([bare, full], _) = turns(&mut replicas);
    let mut for_view = |member, view, change: &ViewChange| {
        let change = ViewChange {
            view,
            member,
            ..change.clone()
        };
        sealed(&mut replicas, view, Body::ViewChange(change))
    };
    let mut replica = listener();
    for (member, view, change, want) in [
        (1, 5, &bare, Ok(())),
        (1, 5, &bare, Ok(())),
        (1, 5, &full, Err(Refusal::Stale)),
        (1, 3, &bare, Err(Refusal::Stale)),
        (TO, 5, &bare, Err(Refusal::Misdirected)),
    ] {
        let body = for_view(member, view, change);
        assert_eq!(take(&mut replica, view, body).0, want, "{member} {view}");
        let kept = replica
            .changes
            .get(1)
            .map(|change| (change.view, change.stable.is_some()));
        assert_eq!(kept, Some((5, false)));
        assert_eq!((replica.view(), replica.is_changing()), (0, false));
    }
    // The second of four is one of whom somebody is correct: it is followed to the nearest of the two views.
    assert_eq!(take(&mut replica, 3, for_view(3, 3, &bare)).0, Ok(()));
    assert_eq!((replica.view(), replica.is_changing()), (3, true));
}

/// Claim: who has a certificate for the same batch of the same view need not look at another's signatures; it looks at those for any
/// other, and at all of them if it is the one to show the change to others.
#[test]
fn a_certificate_is_believed_unseen_only_by_who_has_it() {
    let mut replicas = replicas();
    let digest = Digest([7; 32]);
    let ([_, full], _) = turns(&mut replicas);
    let own = proof(&mut replicas, 0, STABLE + 1, digest);
    let forged = |view, digest| PreparedProof {
        view,
        digest,
        signature: vec![0; 64].into(),
        ..own.clone()
    };
    for (target, proof, want) in [
        (5, forged(0, digest), Ok(())),
        (5, forged(0, Digest([8; 32])), Err(Refusal::Signature)),
        (5, forged(4, digest), Err(Refusal::Signature)),
        (u32::from(TO), forged(0, digest), Err(Refusal::Signature)),
    ] {
        let mut replica = listener();
        replica.log.entry(STABLE + 1).proof = Some(own.clone());
        let change = Body::ViewChange(ViewChange {
            view: target,
            prepared: [proof.clone()].into(),
            ..full.clone()
        });
        let change = sealed(&mut replicas, target, change);
        assert_eq!(take(&mut replica, target, change).0, want, "{target} {proof:?}");
    }
}

/// Claim: an opening is looked at anew: a change in it that is not the very one that was heard before is checked in full, and one for
/// another view does not count.
#[test]
fn an_opening_of_changes_that_nobody_sent_is_refused() {
    let mut replicas = replicas();
    let ([bare, _], [_, opening]) = turns(&mut replicas);
    let heard = ViewChange { member: 3, ..bare };
    let heard = sealed(&mut replicas, 1, Body::ViewChange(heard));
    for bad in spoilt(&mut replicas, 1, &Body::NewView(opening.clone())) {
        let mut replica = listener();
        assert_eq!(take(&mut replica, 1, heard.clone()).0, Ok(()));
        assert_eq!(take(&mut replica, 1, bad).0, Err(Refusal::Signature));
        assert_eq!(replica.view(), 0);
    }
    for view in [0, 2, 5] {
        let mut other = opening.clone();
        other.changes[0].view = view;
        let change = Body::ViewChange(other.changes[0].clone());
        if let Body::ViewChange(change) = sealed(&mut replicas, view, change) {
            other.changes[0] = change;
        }
        let other = sealed(&mut replicas, 1, Body::NewView(other));
        let mut replica = listener();
        assert_eq!(
            take(&mut replica, 1, other).0,
            Err(Refusal::Certificate),
            "{view}"
        );
        assert!(is_untouched(&replica));
    }
}

/// Claim: an opening brings the checkpoint at which it begins, and leads into its view once and never back.
#[test]
fn an_opening_leads_forward_and_once() {
    let mut replicas = replicas();
    let (_, [bare, full]) = turns(&mut replicas);
    let mut replica = listener();
    let open = |replica: &mut Replica, new: &NewView| take(replica, 1, Body::NewView(new.clone())).0;
    assert_eq!(open(&mut replica, &full), Ok(()));
    assert_eq!((replica.view(), replica.stable()), (1, STABLE));
    let begins = stable(&replicas, STABLE, Digest([7; 32]));
    assert_eq!(replica.checkpoints.ahead, Some(begins));
    assert_eq!(open(&mut replica, &full), Err(Refusal::OtherView));
    assert_eq!(open(&mut replica, &bare), Err(Refusal::OtherView));
    replica.view = 3;
    assert_eq!(open(&mut replica, &bare), Err(Refusal::OtherView));
    replica.changing = true;
    assert_eq!(open(&mut replica, &bare), Err(Refusal::OtherView));
    assert_eq!(replica.view(), 3);
}

/// Claim: what was prepared and decided outlives its view, and no vote and no order does.
#[test]
fn certificates_and_decisions_outlive_their_view() {
    let mut replicas = replicas();
    let digest = Digest([7; 32]);
    let own = proof(&mut replicas, 0, 1, digest);
    let mut log = Log::new(64);
    for (sequence, proof, decided) in [
        (1, Some(own.clone()), None),
        (2, None, Some(digest)),
        (3, None, None),
    ] {
        let entry = log.entry(sequence);
        entry.order = Some(Order {
            sequence,
            digest,
            signature: Signature::new(),
        });
        entry.prepares.insert(1, (digest, Signature::new()));
        entry.commits.insert(1, digest);
        (entry.prepared, entry.proof, entry.decided) = (true, proof, decided);
    }
    log.leave_view();
    assert_eq!(*log.prepared(), [own]);
    let decided: Vec<_> = log
        .iter()
        .map(|(sequence, entry)| (sequence, entry.decided))
        .collect();
    assert_eq!(decided, [(1, None), (2, Some(digest))]);
    for (_, entry) in log.iter() {
        let votes = entry.prepares.iter().count() + entry.commits.iter().count();
        assert_eq!((entry.digest(), votes, entry.prepared), (None, 0, false));
    }
}

/// Claim: of a place at or below the low watermark nothing is known any more, and one above it that takes over its memory begins empty.
#[test]
fn a_place_knows_nothing_of_an_earlier_one() {
    let mut log = Log::new(4);
    for sequence in 1..=4 {
        let entry = log.entry(sequence);
        entry.commits.insert(1, Digest([7; 32]));
        entry.decided = Some(Digest([7; 32]));
    }
    log.advance(3);
    let places = |log: &Log| log.iter().map(|(sequence, _)| sequence).collect::<Vec<_>>();
    assert_eq!(places(&log), [4]);
    assert!(log.get(3).is_none() && log.get_mut(3).is_none());
    let entry = log.entry(7);
    assert_eq!((entry.decided, entry.commits.is_empty()), (None, true));
    assert_eq!(places(&log), [4, 7], "nothing was said of those between");
    log.advance(100);
    assert_eq!((log.low(), places(&log)), (100, Vec::new()));
}

/// Claim: the primary of a view orders nothing in it before it has opened it.
#[test]
fn a_primary_orders_nothing_before_its_view_is_open() {
    let mut replicas = replicas();
    let waits = sealed(&mut replicas, 0, Body::Request(request(0, 1, 1)));
    for changing in [true, false] {
        let mut replica = listener();
        let membership = replica.membership().unwrap();
        assert_eq!(take(&mut replica, 0, waits.clone()).0, Ok(()));
        replica.leave_for(&membership, u32::from(TO), &mut Vec::new());
        replica.changing = changing;
        let mut out = Vec::new();
        replica.order(&membership, &mut out);
        assert_eq!(out.is_empty(), changing, "{out:?}");
    }
}
