//! How many requests a worker has under way.

use tally_model::{Epoch, Instant, NodeId};

use super::said::{item, order, request, sealed, take};
use super::{CLUSTER, SET, WORKER, listener, record, replicas, seat};
use crate::pbft::message::{Body as Said, Request};
use crate::pbft::{Client, EAGER, SLOTS, SMALL_BYTES};
use crate::{Body, Client as _, ClientEvent, Item, MAX_BATCH, Refusal};

/// Jobs of each request that submitting `jobs` one by one sends.
fn sent(jobs: usize) -> Vec<usize> {
    sent_of(jobs, 1)
}

/// An addition of an operand with so many digits.
fn wide(number: u128, digits: usize) -> Item {
    let mut item = item(number);
    item.job.left = "1".repeat(digits);
    item
}

/// As [`sent`], with left operands of so many digits.
fn sent_of(jobs: usize, digits: usize) -> Vec<usize> {
    let mut client = Client::new(seat(CLUSTER, NodeId::Worker(SET), WORKER));
    client
        .configure(Instant::ZERO, &record(SET, Epoch(1)), &mut Vec::new())
        .unwrap();
    let mut out = Vec::new();
    for number in 1..=jobs {
        client.submit(Instant::ZERO, wide(number as u128, digits), &mut out);
    }
    let jobs_of = |event: &ClientEvent| match event {
        ClientEvent::Send(sent) => match &sent.message.body {
            Body::Pbft(body) => match &**body {
                Said::Request(request) => Some(request.items.len()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    };
    out.iter().filter_map(jobs_of).collect()
}

/// Claim: the first requests leave at once, further ones only when full, and no more than there are slots.
#[test]
fn a_request_beside_several_others_waits_until_it_is_full() {
    let alone = vec![1; EAGER];
    assert_eq!(sent(EAGER), alone);
    assert_eq!(sent(EAGER + MAX_BATCH - 1), alone);
    assert_eq!(sent(EAGER + MAX_BATCH), [alone.clone(), vec![MAX_BATCH]].concat());
    let most = vec![MAX_BATCH; usize::from(SLOTS) - EAGER];
    assert_eq!(sent(EAGER + 20 * MAX_BATCH), [alone, most].concat());
}

/// Claim: long operands go into the first slots only, at the worker and for the members, so that the last answers of all slots fit in one packet.
#[test]
fn long_operands_have_few_slots() {
    let most = SMALL_BYTES / MAX_BATCH - 1; // One digit on the right.
    let alone = vec![1; EAGER];
    assert_eq!(
        sent_of(EAGER + MAX_BATCH, most),
        [alone.clone(), vec![MAX_BATCH]].concat()
    );
    assert_eq!(sent_of(EAGER + MAX_BATCH, most + 1), alone);
    let asked = |slot: usize, digits: usize| Request {
        items: (1..=MAX_BATCH as u128)
            .map(|number| wide(number, digits))
            .collect(),
        ..request(slot as u8, 1, 1)
    };
    let mut replicas = replicas();
    for (slot, digits, expected) in [
        (EAGER - 1, most + 1, Ok(())),
        (EAGER, most, Ok(())),
        (EAGER, most + 1, Err(Refusal::OutOfBounds)),
        (usize::from(SLOTS) - 1, most + 1, Err(Refusal::OutOfBounds)),
    ] {
        let body = order(&mut replicas, vec![asked(slot, digits)]);
        assert_eq!(
            take(&mut listener(), 0, sealed(&mut replicas, 0, body)).0,
            expected,
            "{slot} {digits}"
        );
    }
}
