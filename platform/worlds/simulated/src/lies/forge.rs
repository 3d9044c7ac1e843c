//! Z4: what a forger makes of a packet.

use std::ops::DerefMut;

use tally_consensus::{Body, Message, pbft};
use tally_roles::packet::Packet;

/// Breaks a signature, or moves a number by one under a signature that was made for another.
pub(super) fn forge(packet: &mut Packet, word: u64) {
    let Packet::Set(message) = packet else {
        return;
    };
    match word % 4 {
        0 => message.view = message.view.wrapping_add(1),
        1 => message.epoch.0 = message.epoch.0.wrapping_add(1),
        _ => forge_body(message, word >> 8),
    }
}

/// Takes away all bytes, or turns a bit of one.
fn flip<B: Default + DerefMut<Target = [u8]>>(bytes: &mut B, word: u64) {
    let length = bytes.len().max(1) as u64;
    if (word >> 40).is_multiple_of(8) {
        *bytes = B::default();
    } else if let Some(byte) = bytes.get_mut((word / 2 % length) as usize) {
        *byte ^= 1 << (word >> 32 & 7);
    }
}

fn forge_body(message: &mut Message, word: u64) {
    let number = word & 1 == 0;
    match &mut message.body {
        Body::Propose(m) if number => m.timestamp += 1,
        Body::Propose(m) => flip(&mut m.signature, word),
        Body::PrePrepare(m) if number => m.sequence += 1,
        Body::PrePrepare(m) => flip(&mut m.signature, word),
        Body::Commit(m) if number => m.sequence += 1,
        Body::Commit(m) => flip(&mut m.signature, word),
        Body::Reply(m) if number => m.timestamp += 1,
        Body::Reply(m) => flip(&mut m.signature, word),
        Body::NoQuorum(m) => flip(&mut m.signature, word),
        Body::Health(m) => flip(&mut m.signature, word),
        Body::Pbft(body) => match &mut **body {
            pbft::Body::Request(m) if number => m.timestamp += 1,
            pbft::Body::Request(m) => flip(&mut m.signature, word),
            pbft::Body::PrePrepare(m) if number => m.sequence += 1,
            pbft::Body::PrePrepare(m) => flip(&mut m.signature, word),
            pbft::Body::Prepare(m) if number => m.sequence += 1,
            pbft::Body::Prepare(m) => flip(&mut m.signature, word),
            pbft::Body::Commit(m) if number => m.sequence += 1,
            pbft::Body::Commit(m) => flip(&mut m.tag, word),
            pbft::Body::Reply(m) if number => m.timestamp += 1,
            pbft::Body::Reply(m) => flip(&mut m.signature, word),
            pbft::Body::Checkpoint(m) if number => m.sequence += 1,
            pbft::Body::Checkpoint(m) => flip(&mut m.signature, word),
            pbft::Body::ViewChange(m) => flip(&mut m.signature, word),
            pbft::Body::NewView(m) => flip(&mut m.signature, word),
            pbft::Body::Status(m) => flip(&mut m.tag, word),
            pbft::Body::State(m) => flip(&mut m.snapshot, word),
            pbft::Body::Batches(batches) => batches.clear(),
        },
    }
}
