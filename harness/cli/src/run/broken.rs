//! A trial that could not be played to its end: whose fault that is, and what it comes to.

use std::path::Path;

use tally_capture::{CaptureError, TrialReader};
use tally_check::check_trial;
use tally_load::LoadError;
use tally_plan::Plan;

use super::checking::{check_options, is_unsafe_in_part};
use super::outcome::check_line;
use crate::exit::Exit;

/// Why it ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    /// The platform, its agents or its stream of answers did not come up.
    #[error("{0}")]
    Setup(String),
    /// The generator did not run.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The record could not be written.
    #[error("the trial could not be recorded: {0}; is the disk full?")]
    Record(#[from] CaptureError),
    /// A thread of ours panicked.
    #[error("{0} panicked, which is a bug of ours; please report what stands above")]
    Panicked(&'static str),
}

impl From<String> for Broken {
    fn from(problem: String) -> Self {
        Self::Setup(problem)
    }
}

/// What went wrong, in words, and what it comes to.
pub(super) type Problem = (Exit, String);

impl Broken {
    /// What it comes to by itself.
    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::Setup(_) => Exit::Setup,
            // It wanted threads or open files that the system did not give.
            Self::Load(LoadError::Setup(_)) | Self::Record(_) => Exit::Environment,
            Self::Load(LoadError::Option { .. } | LoadError::Panicked) | Self::Panicked(_) => Exit::Bug,
        }
    }

    /// What it comes to with what was recorded until then in `trial`: an answer that is wrong is wrong all the same.
    pub(super) fn with_record(&self, trial: &Path, plan: &Plan) -> Problem {
        let (exit, text) = (self.exit(), self.to_string());
        match check_trial(&TrialReader::at(trial), &check_options(plan)) {
            Ok(check) if is_unsafe_in_part(&check) => {
                let found = check_line(&check);
                (
                    exit.worse(Exit::Unsafe),
                    format!("{text}; what it had recorded until then is unsafe: {found}"),
                )
            }
            Ok(_) => (exit, text),
            Err(error) => (
                exit,
                format!("{text}; what it had recorded cannot be checked: {error}"),
            ),
        }
    }
}

/// The problem of a trial beside what became of its platform: neither hides the other.
pub(super) fn with_cleanup((exit, problem): Problem, stopped: Result<(), String>) -> Problem {
    match stopped {
        Ok(()) => (exit, problem),
        Err(left) => (
            exit.worse(Exit::Cleanup),
            format!("{problem}; and not all was removed ({left}): `tally status --leaks` shows what is left"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use tally_capture::{Environment, Fate, Operation, RunStart, RunWriter};
    use tally_model::Outcome;

    use super::*;

    fn plan() -> (Plan, tally_plan::Experiment) {
        let text = "version = 1\nname = \"one\"\nseed = 1\n\
                    phases = { warmup = \"0s\", measure = \"1s\", drain = \"1s\" }\n\
                    [[load]]\nname = \"l\"\npattern = \"constant\"\nrate = \"2/s\"\nexpr = [\"1+1\"]\n\
                    [[expect]]\nthat = \"lost == 0\"\n";
        let experiment = tally_plan::parse(text).unwrap();
        (Plan::expand(&experiment), experiment)
    }

    /// The problem of a trial that recorded this one answer and was `broken` before the second.
    fn after(outcome: Outcome, broken: &Broken) -> Problem {
        let (plan, experiment) = plan();
        let root = tempfile::tempdir().unwrap();
        let start = RunStart {
            seed: 1,
            plan: &plan.fingerprint,
            target: "local",
            command: &[],
            experiment: b"",
        };
        let environment = Environment::observe("test");
        let run = RunWriter::create(root.path(), "one", start, &experiment, &plan, environment).unwrap();
        let mut trial = run.trial(1).unwrap();
        let directory = trial.directory().to_owned();
        let mut operation = Operation::planned(0, 0, "1+1", 0);
        (operation.fate, operation.accepted) = (Fate::Ok, true);
        operation.id = Some(tally_model::RequestId(7));
        (operation.sent, operation.done) = (Some(1), Some(2));
        operation.outcome = Some(outcome);
        trial.operation(operation).unwrap();
        trial.finish().unwrap();
        broken.with_record(&directory, &plan)
    }

    fn full() -> Broken {
        Broken::Record(CaptureError::Io {
            action: "write",
            path: "history".into(),
            source: std::io::ErrorKind::StorageFull.into(),
        })
    }

    /// A full disk is the environment's, a panic is ours, and only what did not come up is a failed set-up.
    #[test]
    fn whose_fault_it_is_decides_the_exit_code() {
        let threads = || std::io::ErrorKind::WouldBlock.into();
        for (broken, exit) in [
            (Broken::from("no stream".to_owned()), Exit::Setup),
            (full(), Exit::Environment),
            (Broken::from(LoadError::Setup(threads())), Exit::Environment),
            (Broken::from(LoadError::Panicked), Exit::Bug),
            (Broken::Panicked("the chaos thread"), Exit::Bug),
        ] {
            assert_eq!(broken.exit(), exit, "{broken}");
            assert_eq!(after(Outcome::Value("2".into()), &broken).0, exit, "{broken}");
        }
    }

    /// A wrong answer is told although the trial was not played to its end; that there was to be another answer is not held
    /// against the platform.
    #[test]
    fn a_wrong_answer_in_what_was_recorded_is_unsafe() {
        let (exit, text) = after(Outcome::Value("3".into()), &full());
        assert_eq!(exit, Exit::Unsafe);
        assert!(
            text.contains("is the disk full?") && text.contains("wrong 1"),
            "{text}"
        );
    }

    /// A platform that was not removed is told beside whatever ended the trial, and hides nothing.
    #[test]
    fn what_was_not_removed_is_told_beside_the_problem() {
        let (exit, text) = with_cleanup((Exit::Environment, "full".into()), Err("a pod is left".into()));
        assert_eq!(exit, Exit::Environment);
        assert!(
            text.contains("full") && text.contains("a pod is left") && text.contains("--leaks"),
            "{text}"
        );
        let (exit, text) = with_cleanup((Exit::Setup, "no stream".into()), Ok(()));
        assert_eq!((exit, text.as_str()), (Exit::Setup, "no stream"));
    }
}
