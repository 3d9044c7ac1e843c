//! 11.10, 99 section 4.1: what the client accepts is the right answer, once, with a certificate that convinces a third party.

use std::collections::BTreeSet;

use tally_consensus::{ClientEvent, Verifier};
use tally_model::{PlatformConfig, SetRecord};

use super::Invariant;
use crate::cast::{CLUSTER, SET, answer};

pub struct Answers {
    verifier: Verifier,
    answered: BTreeSet<u128>,
    votes: u8,
}

impl Answers {
    pub fn new(config: &PlatformConfig, record: &SetRecord) -> Self {
        let mut answers = Self {
            verifier: Verifier::new(CLUSTER, config.clone()),
            answered: BTreeSet::new(),
            votes: config.faulty() + 1,
        };
        answers.learn(record);
        answers
    }
}

impl Invariant for Answers {
    fn learn(&mut self, record: &SetRecord) {
        self.verifier.learn(record).unwrap();
    }

    fn told(&mut self, event: &ClientEvent) -> Result<(), String> {
        let ClientEvent::Certified {
            job,
            outcome,
            certificate,
            ..
        } = event
        else {
            return Ok(());
        };
        let number = job.task.request.0;
        if *outcome != answer(number) {
            return Err(format!("request {number} was answered {outcome}"));
        }
        if !self.answered.insert(number) {
            return Err(format!("request {number} was answered twice"));
        }
        match self.verifier.verify(SET, job, outcome, certificate) {
            Ok(verified) if verified.votes == self.votes => Ok(()),
            Ok(verified) => Err(format!("a certificate of {} votes", verified.votes)),
            Err(flaw) => Err(format!("request {number}: {flaw}")),
        }
    }
}
