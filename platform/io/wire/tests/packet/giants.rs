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
        tag: vec![0; 32].into(),
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
        signature: vec![0; 64].into(),
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
        signature: vec![0; 64].into(),
    };
    let votes = vec![vote; votes];
    let proof = PreparedProof {
        epoch: Epoch(1),
        view: 0,
        sequence: 1,
        digest: Digest([0; 32]),
        signature: vec![0; MAX_SIGNATURE].into(),
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
        prepared: vec![proof; places].into(),
        signature: vec![0; MAX_SIGNATURE].into(),
    }
}

fn opening(changes: usize) -> Body {
    Body::NewView(NewView {
        changes: vec![change(1, 5); changes],
        orders: Vec::new(),
        signature: vec![0; 64].into(),
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

/// Of a packet whose own fields are fine, what is said beside them.
fn beside(unknown: &[u8]) -> Vec<u8> {
    [&encode(&packet(status(1)))[..], unknown].concat()
}

/// Why bytes are no packet, in the decoder's words.
fn refusal(bytes: &[u8]) -> String {
    match decode(bytes) {
        Err(Error::Schema(problem)) => problem.to_string(),
        other => panic!("{other:?}"),
    }
}

/// Deep votes: no message holds its own kind, so depth can only be in fields that nobody knows. They are passed over as long as they
/// are shallow, and refused for their depth before the stack ends.
#[test]
fn depth_is_refused() {
    // Field 15 as a group, opened and closed again.
    let groups = |depth: usize| [vec![0x7b; depth], vec![0x7c; depth]].concat();
    assert_eq!(decode(&beside(&groups(50))), Ok(packet(status(1))));
    let room = MAX_PACKET - beside(&[]).len();
    for deep in [groups(200), groups(room / 2), vec![0x7b; room]] {
        let problem = refusal(&beside(&deep));
        assert!(problem.contains("recursion limit"), "{problem}");
    }
}

/// Who announces more than it sends is refused for the length alone, wherever it says so: in the packet, or in a field of it.
#[test]
fn a_length_beyond_the_packet_is_refused() {
    let lengths = [
        &[0xff, 0xff, 0xff, 0xff, 0x07][..],
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
        &[0xff, 0xff, 0x3f],
        &[0x04],
    ];
    for length in lengths {
        let too_long = |key: &[u8]| [key, length, &[1]].concat();
        // 8 to 15 are fields that nobody knows.
        for field in 1..=15 {
            let problem = refusal(&too_long(&[field << 3 | 2]));
            assert!(problem.contains("underflow"), "field {field}: {problem}");
        }
        // A message of a set (6), and in it field 30, which nobody knows.
        let inner = too_long(&[0xf2, 0x01]);
        let outer = [&[6 << 3 | 2, inner.len() as u8][..], &inner].concat();
        assert!(refusal(&outer).contains("underflow"));
        // The packet goes on, so that only the field around it is too short.
        let problem = refusal(&[&outer[..], &beside(&[])].concat());
        assert!(
            problem.contains("underflow") || problem.contains("length exceeded"),
            "{problem}"
        );
    }
}
