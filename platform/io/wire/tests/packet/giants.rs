//! Packets that are as large, as many or as deep as they can be made (Z8 of the reliability reference).

use tally_consensus::pbft::{
    Batch, Body, CheckpointProof, MAX_PROVEN, MISSING, NewView, PreparedProof, Request, Status, ViewChange,
};
use tally_consensus::{Digest, Item, MAX_BATCH, MAX_SIGNATURE, Message, Vote};
use tally_model::{Epoch, Operation, SetId};
use tally_roles::packet::Packet;
use tally_wire::{Error, MAX_PACKET, decode, encode};

use super::plain_job;

fn packet(body: Body) -> Packet {
    Packet::Set(Message {
        set: SetId {
            operation: Operation::Add,
            number: 0,
        },
        epoch: Epoch(1),
        view: 0,
        body: tally_consensus::Body::Pbft(Box::new(body)),
    })
}

fn status(missing: usize) -> Body {
    Body::Status(Status {
        member: 0,
        executed: 0,
        stable: 0,
        changing: false,
        asks: true,
        missing: vec![Digest([0; 32]); missing],
        tag: vec![0; 32],
    })
}

fn request(items: usize) -> Request {
    let item = Item {
        job: plain_job(1),
        work_key: 0,
    };
    Request {
        incarnation: 0,
        slot: 0,
        timestamp: 1,
        items: vec![item; items].into(),
        signature: vec![0; 64],
    }
}

fn batches(batches: usize, requests: usize) -> Body {
    let batch = Batch {
        requests: vec![request(1); requests],
        reconfig: None,
    };
    Body::Batches(vec![batch; batches])
}

/// A vote that proves so many places, each with so many votes.
fn change(places: usize, votes: usize) -> ViewChange {
    let vote = Vote {
        member: 0,
        signature: vec![0; 64],
    };
    let votes = vec![vote; votes];
    let proof = PreparedProof {
        epoch: Epoch(1),
        view: 0,
        sequence: 1,
        digest: Digest([0; 32]),
        signature: vec![0; MAX_SIGNATURE],
        prepares: votes.clone(),
    };
    ViewChange {
        view: 1,
        member: 0,
        stable: Some(CheckpointProof {
            epoch: Epoch(1),
            sequence: 1,
            digest: Digest([0; 32]),
            votes,
        }),
        prepared: vec![proof; places],
        signature: vec![0; MAX_SIGNATURE],
    }
}

fn opening(changes: usize) -> Body {
    Body::NewView(NewView {
        changes: vec![change(1, 5); changes],
        orders: Vec::new(),
        signature: vec![0; 64],
    })
}

/// Giant votes: what is at its bound passes, one more is refused by the name of its field.
#[test]
fn a_giant_is_refused_by_the_name_of_its_field() {
    for body in [
        status(MISSING),
        batches(MISSING, 1),
        batches(1, MAX_BATCH),
        Body::Request(request(MAX_BATCH)),
        Body::ViewChange(change(MAX_PROVEN, 5)),
        Body::ViewChange(change(1, 64)),
        opening(64),
    ] {
        let packet = packet(body);
        assert_eq!(decode(&encode(&packet)), Ok(packet));
    }
    let table = [
        (status(MISSING + 1), "status.missing"),
        (batches(MISSING + 1, 1), "batches"),
        (batches(1, MAX_BATCH + 1), "batch.requests"),
        (Body::Request(request(MAX_BATCH + 1)), "request.items"),
        (
            Body::ViewChange(change(MAX_PROVEN + 1, 1)),
            "view_change.prepared",
        ),
        (Body::ViewChange(change(0, 65)), "checkpoint_proof.votes"),
        (opening(65), "new_view.changes"),
    ];
    for (body, field) in table {
        assert_eq!(decode(&encode(&packet(body))), Err(Error::OutOfRange(field)));
    }
    let oversize = encode(&packet(Body::ViewChange(change(MAX_PROVEN, 64))));
    assert_eq!(decode(&oversize), Err(Error::TooLarge(oversize.len())));
}

/// Deep votes: no message holds its own kind, so depth can only be in fields that nobody knows. They are refused before the stack ends.
#[test]
fn depth_is_refused() {
    // Field 15 as a group, opened as often as a packet has room for; and closed again as often.
    let open = vec![0x7b; MAX_PACKET];
    let closed = [vec![0x7b; MAX_PACKET / 2], vec![0x7c; MAX_PACKET / 2]].concat();
    // Every field of a length within the one before it.
    let mut nested = Vec::new();
    for _ in 0..2_000 {
        let mut length = nested.len() as u64;
        let mut head = vec![0x0a];
        while length > 0x7f {
            head.push(length as u8 | 0x80);
            length >>= 7;
        }
        head.push(length as u8);
        nested.splice(0..0, head);
    }
    for bytes in [open, closed, nested] {
        assert!(decode(&bytes).is_err());
    }
}

/// Who announces more than it sends gets nothing reserved for it.
#[test]
fn a_length_beyond_the_packet_is_refused() {
    for length in [
        &[0xff, 0xff, 0xff, 0xff, 0x07][..],
        &[0xff; 9],
        &[0xff, 0xff, 0x3f],
    ] {
        for field in 1..=15_u8 {
            let bytes = [&[field << 3 | 2][..], length, &[1]].concat();
            assert!(decode(&bytes).is_err(), "{bytes:?}");
        }
    }
}
