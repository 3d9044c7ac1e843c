//! Where an epoch ends: nothing is ordered after its last place, and nobody leaves it before that is stable.

use std::sync::Arc;

use tally_model::{Epoch, NodeId};

use super::epochs::{founded, with_replaced};
use super::said::{STABLE, TO, message, request, said, sealed, spoilt, stable, take};
use super::{CLUSTER, SET, membership, replicas};
use crate::digest::Digest;
use crate::pbft::Replica;
use crate::pbft::message::{Batch, Body};
use crate::{Outgoing, Refusal};

/// Which batches are ordered.
fn orders(sent: &[Outgoing]) -> Vec<Batch> {
    let ordered = |sent: &Outgoing| match &sent.message.body {
        crate::Body::Pbft(body) => match &**body {
            Body::PrePrepare(order) => Some(order.batch.clone()),
            _ => None,
        },
        _ => None,
    };
    sent.iter()
        .filter(|sent| sent.to == NodeId::Replica(SET, TO))
        .filter_map(ordered)
        .collect()
}

/// Claim: a primary orders nothing after the last place of its epoch, neither when that is ordered nor when it is executed.
#[test]
fn nothing_is_ordered_after_the_end_of_an_epoch() {
    let asked = |timestamp| sealed(&mut replicas(), 0, Body::Request(request(0, timestamp, 1)));
    let known = replicas()[0].membership().unwrap();
    let mut primary = replicas().remove(0);
    assert_eq!(orders(&take(&mut primary, 0, asked(1)).1).len(), 1);

    let mut ordered = replicas().remove(0);
    let next = membership(&with_replaced(Epoch(2), &[3]));
    ordered.next.insert(Epoch(2), Arc::new(next));
    let mut sent = Vec::new();
    ordered.order(&known, &mut sent);
    let [change] = &orders(&sent)[..] else {
        panic!("the change is ordered once: {sent:?}")
    };
    assert!(change.reconfig.is_some());
    let (result, sent) = take(&mut ordered, 0, asked(1));
    assert_eq!((result, orders(&sent)), (Ok(()), Vec::new()));
    assert!(
        !ordered.pending.is_empty(),
        "the request waits for the next epoch"
    );

    let mut executed = replicas().remove(0);
    executed.execution.epoch = Epoch(2);
    let (result, sent) = take(&mut executed, 0, asked(1));
    assert_eq!((result, orders(&sent)), (Ok(()), Vec::new()));
    assert!(
        !executed.pending.is_empty(),
        "the request waits for the next epoch"
    );
}

/// Claim: the next epoch begins where the state at its beginning is stable, not where an earlier one is; who asks for the end of the
/// one before is given it, if it is who it says.
#[test]
fn nobody_goes_over_before_the_end_is_stable() {
    let mut replicas = replicas();
    let (digest, end) = (Digest([7; 32]), STABLE + 1);
    let mut spoken = said(&mut replicas).into_iter();
    let is_status = |(_, body): &(u32, Body)| matches!(body, Body::Status(_));
    let (_, asks) = spoken.find(is_status).unwrap();
    for (place, crosses) in [(STABLE, false), (end, true)] {
        let mut replica = founded(CLUSTER, SET, Epoch(1));
        let next = with_replaced(Epoch(2), &[3]);
        replica.next.insert(Epoch(2), Arc::new(membership(&next)));
        let execution = &mut replica.execution;
        (execution.epoch, execution.base, execution.executed) = (Epoch(2), end, end);
        replica.checkpoints.snapshots.insert(end, (digest, vec![1]));
        replica.adopt(stable(&replicas, place, digest));
        // Nothing of this epoch is executed after its last place.
        replica.log.entry(end + 1).decided = Some(digest);
        replica.batches.keep(digest, Batch::default(), Vec::new());
        let known = replica.membership().unwrap();
        replica.execute(&known, &mut Vec::new());
        assert_eq!(replica.executed(), end);
        assert_eq!(replica.cross(&known, &mut Vec::new()), crosses);
        assert_eq!(replica.epoch(), Some(Epoch(if crosses { 2 } else { 1 })));
        if crosses {
            for bad in spoilt(&mut replicas, 0, &asks) {
                let (result, sent) = farewell(&mut replica, &replicas[0], bad);
                assert_eq!((result, sent), (Err(Refusal::Signature), 0));
            }
            assert_eq!(farewell(&mut replica, &replicas[0], asks.clone()), (Ok(()), 1));
            let mut further = asks.clone();
            if let Body::Status(status) = &mut further {
                status.executed = end + 1;
            }
            let further = sealed(&mut replicas, 0, further);
            assert_eq!(
                farewell(&mut replica, &replicas[0], further),
                (Err(Refusal::Stale), 0)
            );
        }
    }
}

/// What becomes of a message of the epoch that `there` is in, and how much is sent then.
fn farewell(replica: &mut Replica, there: &Replica, body: Body) -> (Result<(), Refusal>, usize) {
    let mut out = Vec::new();
    let result = replica.farewell(&message(there, 0, body), &mut out);
    (result, out.len())
}
