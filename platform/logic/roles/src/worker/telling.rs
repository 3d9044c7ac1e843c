//! What a worker does with what its client tells: answers, suspicions, observations.

use tally_consensus::ClientEvent;
use tally_model::{FaultEvent, FaultType, Instant, Job, Observation, Outcome, Step};

use super::{Proposed, WorkerCommand, WorkerRole, to_control};
use crate::fleet::Led;
use crate::packet::{Packet, TaskDone};

impl WorkerRole {
    /// Does what the client wants and passes on what it tells.
    pub(super) fn follow(&mut self, now: Instant, events: Vec<ClientEvent>, out: &mut Vec<WorkerCommand>) {
        for event in events {
            match event {
                ClientEvent::Send(sent) => out.push(WorkerCommand::Send {
                    to: sent.to,
                    packet: Packet::Set(sent.message),
                }),
                ClientEvent::Certified {
                    job,
                    outcome,
                    certificate,
                    votes,
                    members,
                } => {
                    let Some(Proposed { own, took }) = self.proposed.remove(&job.task) else {
                        continue;
                    };
                    if own != outcome {
                        self.blame_itself(now, &job, &own, &outcome, out);
                    }
                    let done = TaskDone {
                        job,
                        outcome,
                        certificate: Some(certificate),
                        votes,
                        members,
                        worked: took.worked,
                        waited: took.waited,
                    };
                    self.complete(done, out);
                }
                ClientEvent::Suspect {
                    kind,
                    node,
                    incarnation,
                    reason,
                } => out.push(to_control(Packet::Suspect(FaultEvent {
                    kind,
                    node,
                    incarnation,
                    source: format!("{}: {reason}", self.node),
                    noticed: now,
                }))),
                ClientEvent::Led { epoch, leader } => {
                    out.push(to_control(Packet::Led(Led { epoch, leader })));
                }
                ClientEvent::Refused(flaw) => {
                    out.push(self.observe(now, Step::CertificateRefused, None, Some(flaw.to_string())));
                }
                ClientEvent::Degraded { voting, .. } => {
                    out.push(self.observe(now, Step::DegradedCertificate, Some(voting), None));
                }
                ClientEvent::Full { members } => {
                    out.push(self.observe(now, Step::FullCertificate, Some(members), None));
                }
            }
        }
    }

    /// The worker computed something else than 2f+1 replicas: it is the one that is wrong (C8, Byzantine type I).
    fn blame_itself(
        &mut self,
        now: Instant,
        job: &Job,
        own: &Outcome,
        certified: &Outcome,
        out: &mut Vec<WorkerCommand>,
    ) {
        let note = format!(
            "task {}: worker computed {own}, its replicas certified {certified}",
            job.task
        );
        out.push(self.observe(now, Step::CertificateRefused, None, Some(note.clone())));
        if !self.blamed_itself {
            self.blamed_itself = true;
            out.push(to_control(Packet::Suspect(FaultEvent {
                kind: FaultType::Worker,
                node: self.node,
                incarnation: self.incarnation,
                source: note,
                noticed: now,
            })));
        }
    }

    pub(super) fn observe(
        &self,
        now: Instant,
        step: Step,
        value: Option<u8>,
        note: Option<String>,
    ) -> WorkerCommand {
        let mut observation = Observation::new(now, step).with_node(self.node);
        if let Some(set) = self.node.set() {
            observation = observation.with_set(set);
        }
        observation.value = value.map(f64::from);
        observation.note = note;
        WorkerCommand::Observe(observation)
    }
}
