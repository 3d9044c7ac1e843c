//! What must hold, one invariant per file. Those about replicas judge what honest members say on the wire, so that they hold for
//! any implementation behind the seam.

mod agreement;
mod answers;
mod bounds;
mod certificates;
mod checkpoints;
mod committed;
mod epochs;
mod lead;
mod liveness;
mod locked;
mod monotone;
mod once;
mod one_voice;
mod outcomes;
mod refusal;
mod restraint;
mod validity;

use tally_consensus::pbft;
use tally_consensus::{Body, Message};
use tally_model::{Epoch, PlatformConfig, Protocol, SetId};
use tally_roles::packet::Packet;

use crate::watch::{Invariant, Oracle, Sent};

/// Those that apply to a platform.
pub(crate) fn all(config: &PlatformConfig, oracle: Oracle) -> Vec<Box<dyn Invariant>> {
    let mut all: Vec<Box<dyn Invariant>> = vec![
        Box::new(outcomes::Outcomes::default()),
        Box::new(answers::Answers::new(oracle)),
        Box::new(refusal::Refusal::default()),
        Box::new(bounds::Bounds::new(config)),
        Box::new(restraint::Restraint),
        Box::new(epochs::Epochs::default()),
        Box::new(certificates::Certificates::default()),
        Box::new(liveness::Liveness::default()),
    ];
    if config.replicas_per_set() > 0 {
        all.push(Box::new(one_voice::OneVoice::default()));
        all.push(Box::new(once::Once::default()));
        all.push(Box::new(validity::Validity::default()));
    }
    if config.protocol == Protocol::Collect && config.leader_lock {
        all.push(Box::new(lead::Lead::default()));
    }
    if config.protocol == Protocol::Pbft {
        let weak = usize::from(config.faulty()) + 1;
        all.push(Box::new(agreement::Agreement::new(weak)));
        all.push(Box::new(locked::Locked::new(weak)));
        all.push(Box::new(committed::Committed::new(weak)));
        all.push(Box::new(checkpoints::Checkpoints::default()));
        all.push(Box::new(monotone::Monotone::default()));
    }
    all
}

/// A message of a set, if that is what is sent.
fn of_set<'a>(sent: &Sent<'a>) -> Option<&'a Message> {
    match sent.packet {
        Packet::Set(message) => Some(message),
        _ => None,
    }
}

/// A message of `pbft`, if that is what is sent.
fn of_pbft<'a>(sent: &Sent<'a>) -> Option<(SetId, Epoch, u32, &'a pbft::Body)> {
    let message = of_set(sent)?;
    match &message.body {
        Body::Pbft(body) => Some((message.set, message.epoch, message.view, body)),
        _ => None,
    }
}
