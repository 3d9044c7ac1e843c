//! What a primary signs when it opens a view, written a second time from the description of the protocol, so that a test can lie
//! with the keys of a member and not only at the link.

use tally_consensus::pbft::{CheckpointProof, NewView, PreparedProof, ViewChange};
use tally_consensus::{Message, PROTOCOL_VERSION, Vote};
use tally_model::{NodeId, Operation, PlatformConfig};

use crate::cast::{CLUSTER, node, seat};

/// BLAKE3 of the parts, each with its length, under the domain of view changes (suite `modern`).
fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("tally consensus v1 view change");
    for part in parts {
        hasher.update(&(part.len() as u32).to_be_bytes()).update(part);
    }
    *hasher.finalize().as_bytes()
}

fn long(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.extend((part.len() as u32).to_be_bytes());
    bytes.extend(part);
}

fn votes(bytes: &mut Vec<u8>, votes: &[Vote]) {
    bytes.extend((votes.len() as u32).to_be_bytes());
    for vote in votes {
        bytes.push(vote.member);
        long(bytes, &vote.signature);
    }
}

fn change(it: &ViewChange) -> [u8; 32] {
    let mut bytes = Vec::new();
    bytes.push(u8::from(it.stable.is_some()));
    if let Some(CheckpointProof {
        epoch,
        sequence,
        digest,
        votes: of,
    }) = &it.stable
    {
        bytes.extend(epoch.0.to_be_bytes());
        bytes.extend(sequence.to_be_bytes());
        bytes.extend(digest.0);
        votes(&mut bytes, of);
    }
    for PreparedProof {
        epoch,
        view,
        sequence,
        digest,
        signature,
        prepares,
    } in &*it.prepared
    {
        bytes.extend(epoch.0.to_be_bytes());
        bytes.extend(view.to_be_bytes());
        bytes.extend(sequence.to_be_bytes());
        bytes.extend(digest.0);
        long(&mut bytes, signature);
        votes(&mut bytes, prepares);
    }
    digest(&[&bytes])
}

/// The signature of the replica at `index` under a NEW-VIEW of the set, epoch and view of `message`.
pub fn new_view(
    config: &PlatformConfig,
    message: &Message,
    index: u8,
    new: &NewView,
) -> tally_consensus::Signature {
    let (mut changes, mut orders) = (Vec::new(), Vec::new());
    for it in &new.changes {
        changes.push(it.member);
        changes.extend(change(it));
        long(&mut changes, &it.signature);
    }
    for order in &new.orders {
        orders.extend(order.sequence.to_be_bytes());
        orders.extend(order.digest.0);
        long(&mut orders, &order.signature);
    }
    let mut bytes = b"tally consensus statement".to_vec();
    bytes.push(13); // NEW-VIEW
    bytes.extend(PROTOCOL_VERSION.to_be_bytes());
    bytes.extend(CLUSTER);
    let operation = Operation::ALL.iter().position(|it| *it == message.set.operation);
    bytes.push(operation.unwrap() as u8);
    bytes.extend(message.set.number.to_be_bytes());
    bytes.extend(message.epoch.0.to_be_bytes());
    bytes.extend(message.view.to_be_bytes());
    bytes.extend(0_u64.to_be_bytes());
    assert!(matches!(node(index), NodeId::Replica(..)));
    bytes.extend([2, index]);
    bytes.extend(digest(&[&changes, &orders]));
    seat(config, node(index), 0).keys.sign(&bytes)
}
