//! What becomes of answers that no known request is owed.

use tally_capture::{Environment, HistoryLine, RunReader, RunStart, RunWriter};
use tally_model::Instant as Moment;

use super::*;

/// A recorder of its own run, whose every request asks for 16.
pub(in crate::run) struct Desk {
    root: tempfile::TempDir,
    run: RunWriter,
    pub(in crate::run) recorder: Recorder,
}

impl Desk {
    pub(in crate::run) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let text = "version = 1\nname = \"desk\"\nphases = { warmup = \"0s\", measure = \"1s\", drain = \"1s\" }\n\
            [[load]]\nname = \"all\"\npattern = \"constant\"\nrate = \"9/s\"\nexpr = { kind = \"tree\", depth = 2 }\n\
            [[expect]]\nthat = \"lost == 0\"\n";
        let experiment = tally_plan::parse(text).unwrap();
        let plan = tally_plan::Plan::expand(&experiment);
        let start = RunStart {
            seed: 1,
            plan: &plan.fingerprint,
            target: "local",
            command: &[],
            experiment: text.as_bytes(),
        };
        let environment = Environment::observe("test");
        let run = RunWriter::create(root.path(), "desk", start, &experiment, &plan, environment).unwrap();
        let wanted = Wanted {
            load: 0,
            expression: "(3+5)*(4/2)".into(),
            work_key: 0,
            agent: 0,
        };
        let lookup = Box::new(move |_| Some(wanted.clone()));
        let recorder = Recorder::new(run.trial(1).unwrap(), lookup, false);
        Self { root, run, recorder }
    }

    pub(in crate::run) fn sent(&self, n: u64, status: u16, id: Option<u128>, error: Option<SendError>) {
        self.recorder.sent(&Sent {
            n,
            intended_ns: 5,
            sent_ns: Some(5),
            first_byte_ns: 6,
            last_byte_ns: 6,
            status,
            id: id.map(RequestId),
            attempts: 2,
            retry_after: None,
            error,
        });
    }

    fn answered(&self, id: u128, value: &str) {
        let message = AnswerMessage {
            id: RequestId(id),
            outcome: Outcome::Value(value.into()),
            tasks: Vec::new(),
            accepted: Moment::ZERO,
            folded: Moment::ZERO,
            tag: None,
            detail: None,
        };
        self.recorder.answer(&Answer {
            id: RequestId(id),
            at_ns: 9,
            json: serde_json::to_vec(&message).unwrap(),
        });
    }

    fn lines(self) -> (Vec<HistoryLine>, tally_check::CheckReport) {
        self.recorder.finish().unwrap().finish().unwrap();
        drop(self.run);
        let trial = RunReader::open(self.root.path(), "latest")
            .unwrap()
            .trials()
            .unwrap()
            .remove(0);
        let check = tally_check::check_trial(&trial, &tally_check::Options::default()).unwrap();
        let lines = trial.history().unwrap().map(|line| line.unwrap()).collect();
        (lines, check)
    }
}

/// A request is refused and answered all the same: the answer is on record, and the check says what it is.
#[test]
fn an_answer_to_a_refused_request_is_unexpected() {
    let desk = Desk::new();
    desk.sent(0, 429, None, None);
    desk.answered(77, "16");
    let (lines, check) = desk.lines();
    let strays = lines
        .iter()
        .filter(|line| matches!(line, HistoryLine::Stray(stray) if stray.id == RequestId(77)));
    assert_eq!(strays.count(), 1);
    assert_eq!((check.unexpected.count, check.refused), (1, 1));
    assert_eq!(check.safety, tally_check::Safety::Broken);
}

/// A response was lost and the next attempt is told to come back later: whether the first was accepted is unknown, so its answer is
/// nothing unexpected, and it is asked for again.
#[test]
fn a_request_that_is_busy_after_a_lost_response_is_of_unknown_fate() {
    let desk = Desk::new();
    desk.sent(0, 429, None, Some(SendError::Unknown));
    assert_eq!(desk.recorder.unresolved().len(), 1);
    desk.answered(77, "16");
    let (_, check) = desk.lines();
    assert_eq!((check.unexpected.count, check.unknown, check.refused), (0, 1, 0));
}

/// Two answers overtake the 202: both count, and that they differ is seen.
#[test]
fn two_answers_before_the_acceptance_are_both_heard() {
    let desk = Desk::new();
    desk.answered(77, "16");
    desk.answered(77, "17");
    desk.sent(0, 202, Some(77), None);
    let (_, check) = desk.lines();
    assert_eq!(
        (check.answered, check.conflicting.count, check.unexpected.count),
        (1, 1, 0)
    );
}
