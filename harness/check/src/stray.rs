//! Answers under ids that no request of the trial is known to have.
//!
//! A request whose response was lost may have been accepted under an id that the client never saw, so an answer that it could have
//! is nothing unexpected. Whatever is left over answers a request that was refused, or that nobody sent.

use std::collections::BTreeMap;

use tally_model::{Outcome, RequestId};

use crate::entry::Mark;
use crate::finding::Collector;
use crate::line::{End, Stray};
use crate::reference::evaluate;

/// Stands for the number of a request that is not known.
const NOBODY: u64 = u64::MAX;

#[derive(Debug)]
struct Answer {
    at: u64,
    mark: Mark,
    shown: String,
    /// The platform gave up, which may end any request.
    gave_up: bool,
}

/// Such answers, and the requests that may own them.
#[derive(Debug, Default)]
pub(crate) struct Strays {
    answers: BTreeMap<RequestId, Vec<Answer>>,
    /// What each request of unknown fate comes to, and how many come to it.
    unknown: BTreeMap<Mark, u64>,
}

impl Strays {
    /// An answer to nobody.
    pub(crate) fn answer(&mut self, stray: &Stray<'_>) {
        let gave_up = matches!(&stray.outcome, End::Error(failure) if !failure.is_deterministic());
        self.answers.entry(stray.id.name()).or_default().push(Answer {
            at: stray.at,
            mark: Mark::of(&stray.outcome),
            shown: stray.outcome.to_string(),
            gave_up,
        });
    }

    /// A request of unknown fate.
    pub(crate) fn unknown(&mut self, expression: &str) {
        let end = match evaluate(expression) {
            Outcome::Value(text) => End::Value(text.into()),
            Outcome::Error(failure) => End::Error(failure),
        };
        *self.unknown.entry(Mark::of(&end)).or_default() += 1;
    }

    /// Adds what another thread found.
    pub(crate) fn merge(&mut self, other: Self) {
        for (id, answers) in other.answers {
            self.answers.entry(id).or_default().extend(answers);
        }
        for (mark, count) in other.unknown {
            *self.unknown.entry(mark).or_default() += count;
        }
    }

    /// Those that no request of unknown fate explains, and ids with two different outcomes.
    pub(crate) fn relate(mut self, unexpected: &mut Collector, conflicting: &mut Collector) {
        let mut given_up = Vec::new();
        for (id, mut answers) in self.answers {
            answers.sort_by_key(|answer| (answer.at, answer.mark));
            let Some(first) = answers.first() else { continue };
            if answers.iter().any(|answer| answer.mark != first.mark) {
                conflicting.note(NOBODY, Some(id), || format!("two outcomes under the id {id}"));
            }
            match self.unknown.get_mut(&first.mark).filter(|left| **left > 0) {
                Some(left) => *left -= 1,
                None if first.gave_up => given_up.push((id, first.shown.clone())),
                None => note(unexpected, id, &first.shown),
            }
        }
        let left: u64 = self.unknown.values().sum();
        for (id, shown) in given_up
            .into_iter()
            .skip(usize::try_from(left).unwrap_or(usize::MAX))
        {
            note(unexpected, id, &shown);
        }
    }
}

fn note(unexpected: &mut Collector, id: RequestId, shown: &str) {
    unexpected.note(NOBODY, Some(id), || {
        format!("{shown} under the id {id}, which no accepted request was given")
    });
}
