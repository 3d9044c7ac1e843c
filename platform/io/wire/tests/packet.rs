//! Packets survive the wire, and what is not a packet is an error.

use std::time::Duration;

#[path = "packet/giants.rs"]
mod giants;
#[path = "packet/pbft.rs"]
mod pbft;

use proptest::collection::vec;
use proptest::prelude::*;
use tally_consensus::{
    Body, Commit, Digest, Health, Item, MAX_BATCH, Message, NoQuorum, PrePrepare, Propose, Reply, Signature,
    Vote,
};
use tally_model::{
    Epoch, Failure, FaultEvent, FaultType, Instant, Job, Member, NodeId, Operation, Outcome, RequestId,
    SetId, SetRecord, SetState, TaskId, TaskMessage,
};
use tally_roles::fleet::Led;
use tally_roles::packet::{Packet, TaskDone};
use tally_wire::{Error, MAX_PACKET, decode, encode};

fn operation() -> impl Strategy<Value = Operation> {
    prop::sample::select(Operation::ALL.to_vec())
}

prop_compose! {
    fn set_id()(operation in operation(), number: u32) -> SetId {
        SetId { operation, number }
    }
}

fn node() -> impl Strategy<Value = NodeId> {
    prop_oneof![
        Just(NodeId::Control),
        set_id().prop_map(NodeId::Worker),
        (set_id(), any::<u8>()).prop_map(|(set, index)| NodeId::Replica(set, index)),
    ]
}

prop_compose! {
    fn member()(node in node(), incarnation: u32, address in "[a-z0-9.:]{0,30}", key in "[0-9a-f]{0,64}") -> Member {
        Member { node, incarnation, address, public_key: key }
    }
}

prop_compose! {
    fn record()(
        id in set_id(),
        epoch: u32,
        state in prop::sample::select(vec![SetState::Starting, SetState::Ready, SetState::Fenced, SetState::Draining]),
        leader: u8,
        worker in prop::option::of(member()),
        replicas in vec(member(), 0..8),
        created: u64,
        ready: Option<u64>,
        founded: Option<u32>,
    ) -> SetRecord {
        SetRecord {
            id, epoch: Epoch(epoch), state, leader, worker, replicas,
            created: Instant::from_nanos(created), ready: ready.map(Instant::from_nanos),
            founded: founded.map(Epoch),
        }
    }
}

prop_compose! {
    fn task_id()(request: u128, index: u16) -> TaskId {
        TaskId { request: RequestId(request), index }
    }
}

prop_compose! {
    fn job()(
        task in task_id(), operation in operation(), expression in prop::option::of("[0-9+*/() -]{0,40}"),
        left in "-?[0-9]{1,40}", right in "-?[0-9]{1,9}(/[0-9]{1,9})?",
    ) -> Job {
        Job { task, operation, expression, left, right }
    }
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        "-?[0-9]{1,40}".prop_map(Outcome::Value),
        prop::sample::select(Failure::ALL.to_vec()).prop_map(Outcome::Error),
    ]
}

/// A signature or a tag.
fn mark() -> impl Strategy<Value = Signature> {
    bytes(80).prop_map(Signature::from)
}

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..most)
}

prop_compose! {
    fn propose()(slot: u8, timestamp: u64, items in vec((job(), any::<u64>()), 0..6), signature in mark()) -> Propose {
        let items = items.into_iter().map(|(job, work_key)| Item { job, work_key }).collect();
        Propose { slot, timestamp, items, signature }
    }
}

fn body() -> impl Strategy<Value = Body> {
    let outcomes = || vec(outcome(), 0..6);
    let votes = vec((any::<u8>(), bytes(256).prop_map(Signature::from)), 0..7).prop_map(|votes| {
        votes
            .into_iter()
            .map(|(member, signature)| Vote { member, signature })
            .collect()
    });
    prop_oneof![
        propose().prop_map(Body::Propose),
        (any::<u64>(), propose(), outcomes(), mark()).prop_map(|(sequence, propose, outcomes, signature)| {
            Body::PrePrepare(PrePrepare {
                sequence,
                propose,
                outcomes,
                signature,
            })
        }),
        (any::<u64>(), any::<u8>(), any::<[u8; 32]>(), outcomes(), mark()).prop_map(
            |(sequence, member, root, outcomes, signature)| {
                Body::Commit(Commit {
                    sequence,
                    member,
                    root: Digest(root),
                    outcomes,
                    signature,
                })
            }
        ),
        (any::<u8>(), any::<u64>(), any::<u64>(), outcomes(), votes, mark()).prop_map(
            |(slot, timestamp, sequence, outcomes, votes, signature)| {
                Body::Reply(Reply {
                    slot,
                    timestamp,
                    sequence,
                    outcomes,
                    votes,
                    signature,
                })
            }
        ),
        (any::<u8>(), any::<u64>(), any::<u64>(), bytes(8), mark()).prop_map(
            |(slot, timestamp, sequence, missing, signature)| {
                Body::NoQuorum(NoQuorum {
                    slot,
                    timestamp,
                    sequence,
                    missing,
                    signature,
                })
            }
        ),
        (any::<u64>(), bytes(8), mark()).prop_map(|(number, silent, signature)| Body::Health(Health {
            number,
            silent,
            signature
        })),
    ]
}

fn fault() -> impl Strategy<Value = FaultEvent> {
    let kinds = vec![
        FaultType::Worker,
        FaultType::Leader,
        FaultType::Follower,
        FaultType::ControlPlane,
    ];
    (
        prop::sample::select(kinds),
        node(),
        any::<u32>(),
        ".{0,40}",
        any::<u64>(),
    )
        .prop_map(|(kind, node, incarnation, source, noticed)| FaultEvent {
            kind,
            node,
            incarnation,
            source,
            noticed: Instant::from_nanos(noticed),
        })
}

fn packet() -> impl Strategy<Value = Packet> {
    prop_oneof![
        record().prop_map(Packet::Configure),
        (job(), any::<u64>(), any::<u64>()).prop_map(|(job, work_key, ready)| {
            Packet::Assign(TaskMessage {
                job,
                work_key,
                ready: Instant::from_nanos(ready),
            })
        }),
        task_id().prop_map(Packet::Busy),
        (
            job(),
            outcome(),
            prop::option::of(bytes(300)),
            any::<u8>(),
            any::<u8>(),
            (any::<u64>(), any::<u64>())
        )
            .prop_map(|(job, outcome, certificate, votes, members, (worked, waited))| {
                let worked = Duration::from_nanos(worked);
                let waited = Duration::from_nanos(waited);
                Packet::Done(Box::new(TaskDone {
                    job,
                    outcome,
                    certificate,
                    votes,
                    members,
                    worked,
                    waited,
                }))
            }),
        fault().prop_map(Packet::Suspect),
        (any::<u32>(), any::<u8>()).prop_map(|(epoch, leader)| Packet::Led(Led {
            epoch: Epoch(epoch),
            leader
        })),
        (
            set_id(),
            any::<u32>(),
            any::<u32>(),
            prop_oneof![body(), pbft::body()]
        )
            .prop_map(|(set, epoch, view, body)| {
                Packet::Set(Message {
                    set,
                    epoch: Epoch(epoch),
                    view,
                    body,
                })
            }),
    ]
}

proptest! {
    /// Every packet comes back as it went.
    #[test]
    fn packets_round_trip(packet in packet()) {
        prop_assert_eq!(decode(&encode(&packet)), Ok(packet));
    }

    /// Arbitrary bytes are a packet or an error, never a panic.
    #[test]
    fn garbage_never_panics(bytes in bytes(400)) {
        let _ = decode(&bytes);
    }

    /// A packet with a flipped, missing or additional byte is a packet or an error, never a panic.
    #[test]
    fn damaged_packets_never_panic(packet in packet(), at: prop::sample::Index, flip in 1..=255_u8) {
        let mut bytes = encode(&packet);
        if !bytes.is_empty() {
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            let _ = decode(&bytes);
            let _ = decode(&bytes[..at]);
            bytes.insert(at, flip);
            let _ = decode(&bytes);
        }
    }
}

fn plain_job(digits: usize) -> Job {
    Job {
        task: TaskId {
            request: RequestId(1),
            index: 0,
        },
        operation: Operation::Add,
        expression: None,
        left: "9".repeat(digits),
        right: "1".into(),
    }
}

fn proposal(items: usize, digits: usize, signature: usize) -> Packet {
    let item = Item {
        job: plain_job(digits),
        work_key: 0,
    };
    Packet::Set(Message {
        set: SetId {
            operation: Operation::Add,
            number: 0,
        },
        epoch: Epoch(1),
        view: 0,
        body: Body::Propose(Propose {
            slot: 0,
            timestamp: 1,
            items: vec![item; items],
            signature: vec![0; signature].into(),
        }),
    })
}

/// One more than a bound is refused, naming the field; the bound itself is not.
#[test]
fn bounds_are_enforced_by_name() {
    assert!(decode(&encode(&proposal(MAX_BATCH, 2600, 256))).is_ok());
    let table = [
        (proposal(MAX_BATCH + 1, 1, 1), "propose.items"),
        (proposal(1, 2601, 1), "job.left"),
        (proposal(1, 1, 257), "signature"),
    ];
    for (packet, field) in table {
        assert_eq!(decode(&encode(&packet)), Err(Error::OutOfRange(field)));
    }
    let whole = |bytes| {
        let job = Job {
            expression: Some("1".repeat(bytes)),
            ..plain_job(1)
        };
        Packet::Assign(TaskMessage {
            job,
            work_key: 0,
            ready: Instant::ZERO,
        })
    };
    assert!(decode(&encode(&whole(64 * 1024))).is_ok());
    let field = Error::OutOfRange("job.expression");
    assert_eq!(decode(&encode(&whole(64 * 1024 + 1))), Err(field));
    assert_eq!(
        decode(&vec![0; MAX_PACKET + 1]),
        Err(Error::TooLarge(MAX_PACKET + 1))
    );
    assert_eq!(decode(&[]), Err(Error::Missing("kind")));
}

/// The largest batch, ordered by a leader with the longest outcomes and RSA signatures, is within the packet bound.
#[test]
fn the_largest_batch_fits_a_packet() {
    let Packet::Set(Message {
        set,
        epoch,
        view,
        body: Body::Propose(propose),
    }) = proposal(MAX_BATCH, 2600, 256)
    else {
        panic!("a proposal");
    };
    let outcomes = vec![Outcome::Value("9".repeat(2600)); MAX_BATCH];
    let order = PrePrepare {
        sequence: 1,
        propose,
        outcomes,
        signature: vec![0; 256].into(),
    };
    let packet = Packet::Set(Message {
        set,
        epoch,
        view,
        body: Body::PrePrepare(order),
    });
    assert_eq!(decode(&encode(&packet)), Ok(packet));
}
