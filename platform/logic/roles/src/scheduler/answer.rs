//! The text of an answer, and what goes out in its place when no queue takes it.
//!
//! An answer carries what its auditors need: operands, outcome and certificate of every task. Of a long expression over long
//! numbers that is more than a message may have. A value without them would be a claim without a proof, so such a request ends
//! in `answer_too_large`; a failure needs the proof of one task only, and keeps it.

use tally_model::{AnswerMessage, Failure, Outcome};

/// What every queue takes, in bytes: a request may be as long.
const FITS: usize = 64 * 1024;
/// With its certificates an answer is some hundred bytes: a text that began small would be moved again and again.
const ROOM: usize = 1_000;

/// An answer that is not durable yet.
#[derive(Debug)]
pub(super) struct Answer {
    full: String,
    /// What is sent instead.
    short: Option<String>,
}

impl Answer {
    pub(super) fn of(answer: &AnswerMessage) -> Self {
        Self {
            full: text_of(answer),
            short: None,
        }
    }

    /// What to send now.
    pub(super) fn body(&self) -> &str {
        self.short.as_ref().unwrap_or(&self.full)
    }

    /// The queue did not take it, and will not take the same again. True if there is another form, to be sent at once; false if
    /// its size cannot be the reason, so that only later can help.
    pub(super) fn refused(&mut self) -> bool {
        self.short = match self.short {
            None if self.full.len() > FITS => shortened(&self.full),
            None | Some(_) => None,
        };
        self.short.is_some()
    }
}

/// The same answer with as much as a message can carry; none if there is nothing to leave out.
fn shortened(body: &str) -> Option<String> {
    let mut answer: AnswerMessage = serde_json::from_str(body).ok()?;
    let tasks = answer.tasks.len();
    match answer.outcome {
        Outcome::Value(_) => {
            answer.detail = Some(format!(
                "the answer is {} bytes with the certificates of its {tasks} tasks, more than the queue of answers takes; \
                 send the expression in parts, or with shorter numbers",
                body.len()
            ));
            answer.outcome = Outcome::Error(Failure::AnswerTooLarge);
            answer.tasks.clear();
        }
        Outcome::Error(_) => {
            let culprit = answer
                .tasks
                .iter()
                .position(|task| task.outcome == answer.outcome);
            let culprit = culprit.map(|index| answer.tasks.swap_remove(index));
            answer.tasks = culprit.into_iter().collect();
        }
    }
    (answer.tasks.len() < tasks).then(|| text_of(&answer))
}

fn text_of(answer: &AnswerMessage) -> String {
    let mut bytes = Vec::with_capacity(ROOM);
    let written = serde_json::to_writer(&mut bytes, answer);
    written
        .ok()
        .and_then(|()| String::from_utf8(bytes).ok())
        .unwrap_or_default()
}
