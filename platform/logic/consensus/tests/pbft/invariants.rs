//! What must hold after every step of every correct replica, one invariant per file, each with its source.
//!
//! Numbers are those of the invariants in the PBFT reference of the project; "99" is OSDI'99.

use tally_consensus::pbft::Settings;
use tally_consensus::{ClientEvent, Message, Outgoing};
use tally_model::{PlatformConfig, SetRecord};

use crate::world::Copy;

mod agreement;
mod answers;
mod bounds;
mod certificates;
mod checkpoints;
mod monotone;
mod once;
mod one_voice;
mod order;
mod recovery;
mod validity;

/// What an invariant may look at: a copy that just took a step.
pub struct Facts<'a> {
    pub number: usize,
    pub copy: &'a Copy,
}

/// One invariant.
pub trait Invariant {
    /// A correct copy took a step and sends `out`.
    fn step(&mut self, _facts: &Facts<'_>, _out: &[Outgoing]) -> Result<(), String> {
        Ok(())
    }
    /// The client says something.
    fn told(&mut self, _event: &ClientEvent) -> Result<(), String> {
        Ok(())
    }
    /// The client asks for something.
    fn asked(&mut self, _message: &Message) {}
    /// A set record is announced.
    fn learn(&mut self, _record: &SetRecord) {}
    /// Copy `number` is somebody else from now on.
    fn replaced(&mut self, _number: usize) {}
}

/// All of them.
pub struct Invariants(Vec<Box<dyn Invariant>>);

impl Invariants {
    pub fn all(config: &PlatformConfig, settings: Settings, record: &SetRecord) -> Self {
        Self(vec![
            Box::new(agreement::Agreement::default()),
            Box::new(certificates::Certificates::default()),
            Box::new(validity::Validity::default()),
            Box::new(once::Once::default()),
            Box::new(order::Order::default()),
            Box::new(checkpoints::Checkpoints::default()),
            Box::new(monotone::Monotone::default()),
            Box::new(one_voice::OneVoice::default()),
            Box::new(answers::Answers::new(config, record)),
            Box::new(recovery::Recovery::default()),
            Box::new(bounds::Bounds(settings)),
        ])
    }

    pub fn step(&mut self, facts: &Facts<'_>, out: &[Outgoing]) -> Result<(), String> {
        if !facts.copy.correct {
            return Ok(());
        }
        self.0
            .iter_mut()
            .try_for_each(|invariant| invariant.step(facts, out))
    }

    pub fn told(&mut self, event: &ClientEvent) -> Result<(), String> {
        self.0.iter_mut().try_for_each(|invariant| invariant.told(event))
    }

    pub fn asked(&mut self, message: &Message) {
        self.0.iter_mut().for_each(|invariant| invariant.asked(message));
    }

    pub fn learn(&mut self, record: &SetRecord) {
        self.0.iter_mut().for_each(|invariant| invariant.learn(record));
    }

    pub fn replaced(&mut self, number: usize) {
        self.0.iter_mut().for_each(|invariant| invariant.replaced(number));
    }
}
