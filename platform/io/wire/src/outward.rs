//! From a packet to its schema.

use tally_roles::packet::{Packet, TaskDone};

use crate::proto::packet::Kind;
use crate::{noun, proto, set_message};

pub(crate) fn packet(packet: &Packet) -> proto::Packet {
    let kind = match packet {
        Packet::Configure(record) => Kind::Configure(noun::record(record)),
        Packet::Assign(task) => Kind::Assign(noun::task(task)),
        Packet::Busy(task) => Kind::Busy(noun::task_id(*task)),
        Packet::Done(done) => Kind::Done(task_done(done)),
        Packet::Suspect(fault) => Kind::Suspect(noun::fault(fault)),
        Packet::Led(led) => Kind::Led(proto::Led {
            epoch: led.epoch.0,
            leader: u32::from(led.leader),
        }),
        Packet::Set(message) => Kind::Set(set_message::message(message)),
    };
    proto::Packet { kind: Some(kind) }
}

fn task_done(done: &TaskDone) -> proto::TaskDone {
    proto::TaskDone {
        job: Some(noun::job(&done.job)),
        outcome: done.outcome.to_string(),
        certificate: done.certificate.clone(),
        votes: u32::from(done.votes),
        members: u32::from(done.members),
        worked: tally_model::nanos(done.worked),
        waited: tally_model::nanos(done.waited),
    }
}
