//! Digests name all of what they are of, so that nobody can put something else under a name that others agreed to.

use std::collections::BTreeSet;
use std::sync::Arc;

use tally_model::{Epoch, SetRecord, Suite};

use super::said::request;
use super::{SET, keys, membership, record};
use crate::digest::Digest;
use crate::pbft::batch::Known;
use crate::pbft::execution::Execution;
use crate::pbft::message::{Batch, Reconfig, Request};
use crate::pbft::statement::Content;

/// Claim: a request is named by all that is asked, by whom and when; its signature is left out.
#[test]
fn no_two_requests_have_one_name() {
    let changes: [fn(&mut Request); 7] = [
        |_| {},
        |it| it.incarnation += 1,
        |it| it.slot += 1,
        |it| it.timestamp += 1,
        |it| Arc::make_mut(&mut it.items)[1].job.left.push('0'),
        |it| Arc::make_mut(&mut it.items)[1].work_key += 1,
        |it| Arc::make_mut(&mut it.items).swap(0, 1),
    ];
    let names: BTreeSet<Digest> = changes
        .iter()
        .map(|change| {
            let mut request = request(0, 1, 2);
            change(&mut request);
            Content::of(Suite::Modern, &request).digest
        })
        .collect();
    assert_eq!(names.len(), changes.len());
}

/// Claim: a batch is named by its requests in their order, with their signatures, or by all of the change of members in it.
#[test]
fn no_two_batches_have_one_name() {
    let reconfig = Reconfig {
        epoch: Epoch(2),
        membership: Digest([1; 32]),
        view: 0,
    };
    let of = |requests: Vec<Request>, reconfig| Batch { requests, reconfig };
    let (one, two) = (request(0, 1, 1), request(1, 1, 1));
    let signed = Request {
        signature: vec![1].into(),
        ..one.clone()
    };
    let batches = [
        of(vec![], None),
        of(vec![one.clone()], None),
        of(vec![signed], None),
        of(vec![one.clone(), two.clone()], None),
        of(vec![two, one], None),
        of(vec![], Some(reconfig)),
        of(vec![], Some(Reconfig { view: 1, ..reconfig })),
        of(
            vec![],
            Some(Reconfig {
                epoch: Epoch(3),
                ..reconfig
            }),
        ),
        of(
            vec![],
            Some(Reconfig {
                membership: Digest([2; 32]),
                ..reconfig
            }),
        ),
    ];
    let names: BTreeSet<Digest> = batches
        .iter()
        .map(|batch| batch.digest(Suite::Modern, &batch.contents(Suite::Modern)))
        .collect();
    assert_eq!(names.len(), batches.len());
}

/// Claim: a membership is named by everything that matters of it: epoch, places, occupants and keys, the worker's included.
#[test]
fn no_two_memberships_have_one_name() {
    let plain = record(SET, Epoch(1));
    let changes: [fn(&mut SetRecord); 7] = [
        |_| {},
        |it| it.epoch = Epoch(2),
        |it| it.replicas[1].incarnation = 1,
        |it| it.replicas[1].public_key = keys(100).public_key().to_string(),
        |it| it.replicas.truncate(3),
        |it| it.worker.iter_mut().for_each(|it| it.incarnation = 1),
        |it| it.worker = None,
    ];
    let names: BTreeSet<Digest> = changes
        .iter()
        .map(|change| {
            let mut record = plain.clone();
            change(&mut record);
            membership(&record).digest()
        })
        .collect();
    assert_eq!(names.len(), changes.len());
}

/// Claim: a history is of everything that was executed, in its order, and not of the last place alone.
#[test]
fn no_two_histories_have_one_name() {
    let [one, two, last] = [1, 2, 3].map(|byte| Digest([byte; 32]));
    let nothing = Known {
        batch: Batch::default(),
        contents: Vec::new(),
    };
    let history = |names: [Digest; 2]| {
        let mut execution = Execution::default();
        names.map(|name| execution.apply(Suite::Modern, name, &nothing).history)[1]
    };
    let histories = [history([one, last]), history([two, last]), history([last, one])];
    assert_eq!(BTreeSet::from(histories).len(), 3);
}
