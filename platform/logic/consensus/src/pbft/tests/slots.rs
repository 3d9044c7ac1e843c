//! How many requests a worker has under way.

use tally_model::{Epoch, Instant, NodeId};

use super::said::item;
use super::{CLUSTER, SET, WORKER, record, seat};
use crate::pbft::{Client, EAGER, SLOTS};
use crate::{Body, Client as _, ClientEvent, MAX_BATCH};

/// Jobs of each request that `submit`ting `jobs` one by one sends.
fn sent(jobs: usize) -> Vec<usize> {
    let mut client = Client::new(seat(CLUSTER, NodeId::Worker(SET), WORKER));
    client
        .configure(Instant::ZERO, &record(SET, Epoch(1)), &mut Vec::new())
        .unwrap();
    let mut out = Vec::new();
    for number in 1..=jobs {
        client.submit(Instant::ZERO, item(number as u128), &mut out);
    }
    let jobs_of = |event: &ClientEvent| match event {
        ClientEvent::Send(sent) => match &sent.message.body {
            Body::Pbft(body) => match &**body {
                super::Body::Request(request) => Some(request.items.len()),
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
    assert_eq!(sent(EAGER + 10 * MAX_BATCH), [alone, most].concat());
}
