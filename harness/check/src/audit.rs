//! The audit of one answer: every certificate holds, and the tasks are the expression's and come to the answer.

use std::collections::BTreeMap;

use tally_capture::{CertificateLine, TrialKeys};
use tally_consensus::{Flaw, Verifier, hexadecimal};
use tally_model::{CertifiedTask, Failure, Outcome, Protocol};

use crate::finding::Collector;
use crate::history::{Chosen, shown, shown_outcome};
use crate::reference::{Reference, trace};

/// What one thread found.
#[derive(Debug, Default)]
pub(crate) struct Audited {
    pub(crate) answers: u64,
    pub(crate) certificates: u64,
    pub(crate) uncertified: u64,
    pub(crate) flaws: BTreeMap<&'static str, Collector>,
}

impl Audited {
    pub(crate) fn merge(&mut self, other: Self) {
        self.answers += other.answers;
        self.certificates += other.certificates;
        self.uncertified += other.uncertified;
        for (name, collector) in other.flaws {
            self.flaws.entry(name).or_default().merge(collector);
        }
    }
}

/// A verifier that knows every set record of the trial; none if the keys are unusable.
pub(crate) fn verifier(keys: &TrialKeys) -> Option<Verifier> {
    let cluster = hexadecimal::decode(&keys.cluster)?.try_into().ok()?;
    let mut verifier = Verifier::with_epochs(cluster, keys.config.clone(), keys.sets.len());
    for record in &keys.sets {
        // A record without a leader or a key proves nothing; certificates that need it are then of an unknown epoch.
        let _ = verifier.learn(record);
    }
    Some(verifier)
}

/// Whether answers of this platform must come with certificates.
pub(crate) fn certifies(keys: Option<&TrialKeys>) -> bool {
    keys.is_some_and(|keys| keys.config.protocol != Protocol::None)
}

/// Audits answers one after another.
pub(crate) struct Auditor {
    pub(crate) verifier: Option<Verifier>,
    pub(crate) certifies: bool,
    pub(crate) found: Audited,
}

impl Auditor {
    /// Checks the line of one answer against what the history says about it; `line` is none if it cannot be read.
    pub(crate) fn answer(&mut self, n: u64, line: Option<CertificateLine>, chosen: Option<&Chosen>) {
        self.found.answers += 1;
        let Some(line) = line else {
            return self.flaw(n, None, "malformed", || "not a line of certificates".into());
        };
        let Some(chosen) = chosen else {
            return self.flaw(n, None, "other_request", || {
                "of a request that is not in the history".into()
            });
        };
        let reference = trace(&chosen.expression);
        let mut present = vec![false; reference.tasks.len()];
        for task in &line.tasks {
            self.task(n, chosen, &reference, &mut present, task);
            self.certificate(n, chosen, task);
        }
        self.fold(n, chosen, &reference, &present);
    }

    fn flaw(&mut self, n: u64, chosen: Option<&Chosen>, name: &'static str, detail: impl FnOnce() -> String) {
        let id = chosen.and_then(|chosen| chosen.id);
        self.found.flaws.entry(name).or_default().note(n, id, detail);
    }

    /// The task is one of the expression's, with the operands and the result it must have.
    fn task(
        &mut self,
        n: u64,
        chosen: &Chosen,
        reference: &Reference,
        present: &mut [bool],
        task: &CertifiedTask,
    ) {
        let job = &task.job;
        if let Some(text) = &job.expression {
            return self.whole(n, chosen, reference, present, task, text);
        }
        let index = usize::from(job.task.index);
        let right = reference.tasks.get(index).filter(|right| {
            right.operation == job.operation
                && right.left == Outcome::Value(job.left.clone())
                && right.right == Outcome::Value(job.right.clone())
                && chosen.id == Some(job.task.request)
        });
        let Some(right) = right else {
            let what = || {
                format!(
                    "{} {} {}",
                    shown(&job.left),
                    job.operation.symbol(),
                    shown(&job.right)
                )
            };
            let detail = || {
                format!(
                    "task {index} is {}, which is not of {}",
                    what(),
                    shown(&chosen.expression)
                )
            };
            return self.flaw(n, Some(chosen), "other_task", detail);
        };
        if std::mem::replace(&mut present[index], true) {
            self.flaw(n, Some(chosen), "repeated_task", || {
                format!("task {index} stands there twice")
            });
        }
        if right.outcome != task.outcome {
            let (right, found) = (shown_outcome(&right.outcome), shown_outcome(&task.outcome));
            self.flaw(n, Some(chosen), "other_result", || {
                format!("task {index} is {right}, not {found}")
            });
        }
    }

    /// The task is the expression itself (`dispatch = whole`): the only one, with the same operations on the same operands, however
    /// its text was written, and with the result that it must have.
    fn whole(
        &mut self,
        n: u64,
        chosen: &Chosen,
        reference: &Reference,
        present: &mut [bool],
        task: &CertifiedTask,
        text: &str,
    ) {
        let job = &task.job;
        let last = reference.tasks.last().map(|last| last.operation);
        let is_it = trace(text) == *reference
            && last == Some(job.operation)
            && job.task.index == 0
            && chosen.id == Some(job.task.request)
            && job.left.is_empty()
            && job.right.is_empty();
        if !is_it {
            let detail = || {
                format!(
                    "the whole of {}, not of {}",
                    shown(text),
                    shown(&chosen.expression)
                )
            };
            return self.flaw(n, Some(chosen), "other_task", detail);
        }
        if present.contains(&true) {
            self.flaw(n, Some(chosen), "repeated_task", || {
                "there are tasks beside the whole expression".into()
            });
        }
        present.fill(true);
        if reference.outcome != task.outcome {
            let (right, found) = (shown_outcome(&reference.outcome), shown_outcome(&task.outcome));
            self.flaw(n, Some(chosen), "other_result", || {
                format!("the whole expression is {right}, not {found}")
            });
        }
    }

    /// The certificate of the task holds.
    fn certificate(&mut self, n: u64, chosen: &Chosen, task: &CertifiedTask) {
        let index = task.job.task.index;
        let Some(text) = &task.certificate else {
            self.found.uncertified += 1;
            if self.certifies {
                self.flaw(n, Some(chosen), "missing", || {
                    format!("task {index} has no certificate")
                });
            }
            return;
        };
        let Some(verifier) = &mut self.verifier else {
            return;
        };
        self.found.certificates += 1;
        let verdict = match hexadecimal::decode(text) {
            Some(bytes) => verifier
                .verify(task.set, &task.job, &task.outcome, &bytes)
                .map(|_| ()),
            None => Err(Flaw::Malformed),
        };
        if let Err(flaw) = verdict {
            self.flaw(n, Some(chosen), name(flaw), || {
                format!("task {index} by {}: {flaw}", task.set)
            });
        }
    }

    /// The tasks come to the answer: all of them for a value, the one that failed for an error of the arithmetic.
    fn fold(&mut self, n: u64, chosen: &Chosen, reference: &Reference, present: &[bool]) {
        match &chosen.outcome {
            None => self.flaw(n, Some(chosen), "answer", || {
                "tasks of a request without an outcome".into()
            }),
            Some(Outcome::Error(failure)) if !failure.is_deterministic() => {}
            Some(outcome) if *outcome != reference.outcome => {
                let (folded, answer) = (shown_outcome(&reference.outcome), shown_outcome(outcome));
                self.flaw(n, Some(chosen), "answer", || {
                    format!("the tasks come to {folded}, the answer is {answer}")
                });
            }
            Some(Outcome::Error(failure)) => self.culprit(n, chosen, reference, present, *failure),
            Some(Outcome::Value(_)) => {
                if let Some(index) = present.iter().position(|present| !present) {
                    self.flaw(n, Some(chosen), "incomplete", || {
                        format!("task {index} is missing")
                    });
                }
            }
        }
    }

    fn culprit(
        &mut self,
        n: u64,
        chosen: &Chosen,
        reference: &Reference,
        present: &[bool],
        failure: Failure,
    ) {
        let ran = |task: &crate::ReferenceTask| {
            matches!((&task.left, &task.right), (Outcome::Value(_), Outcome::Value(_)))
        };
        let failed = Outcome::Error(failure);
        let mut culprits = reference
            .tasks
            .iter()
            .zip(present)
            .filter(|(task, _)| ran(task) && task.outcome == failed);
        if !reference.tasks.is_empty() && !culprits.any(|(_, present)| *present) {
            self.flaw(n, Some(chosen), "incomplete", || {
                format!("the task that ended in {failure} is missing")
            });
        }
    }
}

/// The name of a flaw in the report.
fn name(flaw: Flaw) -> &'static str {
    match flaw {
        Flaw::Malformed => "malformed",
        Flaw::UnknownSet => "unknown_set",
        Flaw::OtherSet => "other_set",
        Flaw::OtherEpoch => "other_epoch",
        Flaw::OtherLeader => "other_leader",
        Flaw::OtherJob => "other_job",
        Flaw::OtherOutcome => "other_outcome",
        Flaw::Path => "path",
        Flaw::NotAMember(_) => "not_a_member",
        Flaw::DuplicateVote(_) => "duplicate_vote",
        Flaw::Signature(_) => "signature",
        Flaw::TooFewVotes { .. } => "too_few_votes",
    }
}
