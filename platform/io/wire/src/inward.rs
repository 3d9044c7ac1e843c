//! From the schema to a packet, checking every bound.

use std::time::Duration;

use tally_model::Epoch;
use tally_roles::fleet::Led;
use tally_roles::packet::{Packet, TaskDone};

use crate::error::Error;
use crate::proto::packet::Kind;
use crate::{noun, proto, set_message};

/// Bytes of a certificate: seven members' worth of RSA votes and the longest outcome fit several times.
const MAX_CERTIFICATE: usize = 32 * 1024;

pub(crate) fn packet(packet: proto::Packet) -> Result<Packet, Error> {
    Ok(match packet.kind.ok_or(Error::Missing("kind"))? {
        Kind::Configure(record) => Packet::Configure(noun::to_record(record)?),
        Kind::Assign(task) => Packet::Assign(noun::to_task(task)?),
        Kind::Busy(task) => Packet::Busy(noun::to_task_id(Some(task))?),
        Kind::Done(done) => Packet::Done(Box::new(task_done(done)?)),
        Kind::Suspect(fault) => Packet::Suspect(noun::to_fault(fault)?),
        Kind::Led(led) => Packet::Led(Led {
            epoch: Epoch(led.epoch),
            leader: noun::u8_of(led.leader, "leader")?,
        }),
        Kind::Set(message) => Packet::Set(set_message::to_message(message)?),
    })
}

fn task_done(done: proto::TaskDone) -> Result<TaskDone, Error> {
    if done
        .certificate
        .as_ref()
        .is_some_and(|bytes| bytes.len() > MAX_CERTIFICATE)
    {
        return Err(Error::OutOfRange("certificate"));
    }
    Ok(TaskDone {
        job: noun::to_job(done.job)?,
        outcome: noun::to_outcome(done.outcome)?,
        certificate: done.certificate,
        votes: noun::u8_of(done.votes, "votes")?,
        members: noun::u8_of(done.members, "members")?,
        worked: Duration::from_nanos(done.worked),
        waited: Duration::from_nanos(done.waited),
    })
}
