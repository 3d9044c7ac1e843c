//! Z8: what is said is as large as the wire lets through, and beyond.
//!
//! What is beyond the bounds of the wire never reaches a machine of a real platform (`platform/io/wire/tests/packet/giants.rs`); here
//! machines get it all the same, so that they hold bounds of their own.

use tally_consensus::pbft::{Batch, CheckpointProof, MAX_PROVEN, MISSING, PreparedProof, State, ViewChange};
use tally_consensus::{Body, Digest, Item, MAX_BATCH, MAX_SIGNATURE, Vote, pbft};
use tally_model::{Epoch, Outcome};
use tally_roles::packet::Packet;

/// Bytes of a state.
const SNAPSHOT: usize = 256 * 1024;
/// Views ahead: what is kept for later has to be bounded too.
const AHEAD: u32 = 1_000;

/// Blows a packet up, in one of several ways; one in which there is nothing to repeat stays as it is.
pub(super) fn giant(packet: &mut Packet, word: u64) {
    let Packet::Set(message) = packet else {
        return;
    };
    // At the bound, or one beyond.
    let beyond = (word >> 8 & 1) as usize;
    let many = MAX_BATCH + beyond;
    match &mut message.body {
        Body::Propose(it) => it.items = repeated(&it.items, many),
        Body::PrePrepare(it) => {
            it.propose.items = repeated(&it.propose.items, many);
            it.outcomes = repeated(&it.outcomes, many);
        }
        Body::Commit(it) => it.outcomes = repeated(&it.outcomes, many),
        Body::Reply(it) => it.outcomes = repeated(&it.outcomes, many),
        Body::NoQuorum(it) => it.missing = vec![0; many],
        Body::Health(it) => it.silent = vec![0; many],
        Body::Pbft(body) => match &mut **body {
            pbft::Body::PrePrepare(it) if !it.batch.requests.is_empty() => {
                it.batch.requests = repeated(&it.batch.requests, many);
                message.view = message.view.wrapping_add(AHEAD * (word >> 9 & 1) as u32);
            }
            other => *other = grown(other, message.view, word >> 10, beyond),
        },
    }
}

/// What a member of a `pbft` set says in place of `body`.
fn grown(body: &pbft::Body, view: u32, word: u64, beyond: usize) -> pbft::Body {
    let many = MAX_BATCH + beyond;
    match (body, word % 4) {
        (pbft::Body::Request(it), _) => {
            let items: Vec<Item> = repeated(&it.items, many);
            pbft::Body::Request(pbft::Request {
                items: items.into(),
                ..it.clone()
            })
        }
        (pbft::Body::Reply(it), _) => {
            let outcomes: Vec<Outcome> = repeated(&it.outcomes, many);
            pbft::Body::Reply(pbft::Reply {
                outcomes: outcomes.into(),
                ..it.clone()
            })
        }
        (pbft::Body::Status(it), _) => pbft::Body::Status(pbft::Status {
            missing: (0..MISSING + beyond).map(|n| digest(word ^ n as u64)).collect(),
            ..it.clone()
        }),
        (_, 0) => pbft::Body::Batches(vec![Batch::default(); MISSING + beyond]),
        (_, 1) => pbft::Body::State(State {
            proof: proof(word),
            snapshot: vec![word as u8; SNAPSHOT],
        }),
        (_, 2) => pbft::Body::NewView(pbft::NewView {
            changes: (0..many)
                .map(|member| change(member as u8, view, word, 1))
                .collect(),
            orders: Vec::new(),
            signature: vec![0; MAX_SIGNATURE].into(),
        }),
        (_, _) => pbft::Body::ViewChange(change((word >> 2) as u8 % 8, view, word, MAX_PROVEN + beyond)),
    }
}

fn change(member: u8, view: u32, word: u64, places: usize) -> ViewChange {
    let prepared = (1..=places as u64).map(|sequence| PreparedProof {
        epoch: Epoch(6),
        view,
        sequence,
        digest: digest(word ^ sequence),
        signature: vec![0; MAX_SIGNATURE].into(),
        prepares: votes(),
    });
    ViewChange {
        view: view.wrapping_add(1),
        member,
        stable: Some(proof(word)),
        prepared: prepared.collect(),
        signature: vec![0; MAX_SIGNATURE].into(),
    }
}

fn proof(word: u64) -> CheckpointProof {
    CheckpointProof {
        epoch: Epoch(6),
        sequence: word >> 2,
        digest: digest(word),
        votes: votes(),
    }
}

fn votes() -> Vec<Vote> {
    let vote = |member| Vote {
        member,
        signature: vec![0; MAX_SIGNATURE].into(),
    };
    (0..7).map(vote).collect()
}

fn digest(word: u64) -> Digest {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&word.to_le_bytes());
    Digest(bytes)
}

/// So many, by saying the same again; none if there are none.
fn repeated<T: Clone>(values: &[T], many: usize) -> Vec<T> {
    values.iter().cycle().take(many).cloned().collect()
}

#[cfg(test)]
mod tests {
    use tally_model::{Operation, SetId};

    use super::*;

    fn packet(body: Body) -> Packet {
        Packet::Set(tally_consensus::Message {
            set: SetId {
                operation: Operation::Add,
                number: 0,
            },
            epoch: Epoch(1),
            view: 0,
            body,
        })
    }

    /// Whatever a member of a `pbft` set says becomes larger, whichever way is drawn: an order of nothing as well.
    #[test]
    fn a_giant_is_larger() {
        let prepare = pbft::Body::Prepare(pbft::Prepare {
            sequence: 1,
            member: 0,
            digest: digest(0),
            signature: Vec::new().into(),
        });
        let order = pbft::Body::PrePrepare(pbft::PrePrepare {
            sequence: 1,
            batch: Batch::default(),
            signature: Vec::new().into(),
        });
        for body in [prepare, order] {
            let said = packet(Body::Pbft(Box::new(body)));
            let size = |packet: &Packet| format!("{packet:?}").len();
            for way in 0..4 {
                let mut told = said.clone();
                giant(&mut told, way << 10);
                assert!(size(&told) > 2 * size(&said), "{told:?}");
            }
        }
    }

    /// Where there is nothing to repeat nothing is changed, and so nothing is counted.
    #[test]
    fn nothing_stays_nothing() {
        let said = packet(Body::Reply(tally_consensus::Reply {
            slot: 0,
            timestamp: 1,
            sequence: 1,
            outcomes: Vec::new(),
            votes: Vec::new(),
            signature: Vec::new().into(),
        }));
        let mut told = said.clone();
        giant(&mut told, 0);
        assert_eq!(told, said);
    }
}
