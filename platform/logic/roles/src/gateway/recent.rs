//! The newest answers, bounded in number and bytes, so that most reads need no port.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tally_model::{AnswerMessage, CertifiedTask, RequestId};

/// A first-in first-out cache of answers.
#[derive(Debug)]
pub(crate) struct Recent {
    answers: BTreeMap<RequestId, Arc<AnswerMessage>>,
    /// Oldest first, with what each weighs; also those that were removed, until their turn comes.
    order: VecDeque<(Arc<AnswerMessage>, usize)>,
    weight: usize,
    most: usize,
    most_weight: usize,
}

impl Recent {
    /// Holds at most `most` answers that weigh at most about `most_weight` bytes.
    pub(crate) fn new(most: usize, most_weight: usize) -> Self {
        Self {
            answers: BTreeMap::new(),
            order: VecDeque::new(),
            weight: 0,
            most,
            most_weight,
        }
    }

    /// The answer, if it is recent.
    pub(crate) fn get(&self, id: RequestId) -> Option<&Arc<AnswerMessage>> {
        self.answers.get(&id)
    }

    /// Remembers an answer; the first of an id stays. Forgets the oldest beyond the bounds.
    pub(crate) fn insert(&mut self, answer: &Arc<AnswerMessage>) {
        if self.answers.contains_key(&answer.id) {
            return;
        }
        let weight = weigh(answer);
        self.answers.insert(answer.id, Arc::clone(answer));
        self.order.push_back((Arc::clone(answer), weight));
        self.weight += weight;
        while self.order.len() > self.most || (self.weight > self.most_weight && self.order.len() > 1) {
            let Some((oldest, weight)) = self.order.pop_front() else {
                return;
            };
            self.weight -= weight;
            if self
                .get(oldest.id)
                .is_some_and(|answer| Arc::ptr_eq(answer, &oldest))
            {
                self.answers.remove(&oldest.id);
            }
        }
    }

    /// Forgets the answer of an id, so that another one can take its place.
    pub(crate) fn remove(&mut self, id: RequestId) {
        self.answers.remove(&id);
    }
}

/// Roughly the bytes an answer occupies.
fn weigh(answer: &AnswerMessage) -> usize {
    let task = |task: &CertifiedTask| {
        size_of::<CertifiedTask>()
            + task.job.left.len()
            + task.job.right.len()
            + task.job.expression.as_ref().map_or(0, String::len)
            + task.certificate.as_ref().map_or(0, String::len)
    };
    size_of::<AnswerMessage>() + answer.tasks.iter().map(task).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use tally_model::{Instant, Outcome};

    use super::*;

    fn answer(id: u128) -> Arc<AnswerMessage> {
        Arc::new(AnswerMessage {
            id: RequestId(id),
            outcome: Outcome::Value(id.to_string()),
            tasks: Vec::new(),
            accepted: Instant::ZERO,
            folded: Instant::ZERO,
            tag: None,
            detail: None,
        })
    }

    /// Neither bound is ever exceeded, and what is kept is the newest.
    #[test]
    fn the_cache_keeps_the_newest_within_both_bounds() {
        let one = weigh(&answer(0));
        for (most, most_weight, kept) in [(3, usize::MAX, 3), (100, one * 5, 5), (100, 1, 1)] {
            let mut recent = Recent::new(most, most_weight);
            (0..50).for_each(|id| recent.insert(&answer(id)));
            assert_eq!(recent.answers.len(), kept);
            assert!(recent.get(RequestId(49)).is_some());
            assert!(recent.get(RequestId(49 - kept as u128)).is_none());
        }
    }

    /// What was removed is gone at once, and its turn does not take away what came in its place.
    #[test]
    fn a_removed_answer_makes_place_for_another_of_its_id() {
        let mut recent = Recent::new(3, usize::MAX);
        recent.insert(&answer(1));
        recent.remove(RequestId(1));
        assert!(recent.get(RequestId(1)).is_none());
        (1..=3).for_each(|id| recent.insert(&answer(id)));
        assert!((1..=3).all(|id| recent.get(RequestId(id)).is_some()));
        recent.insert(&answer(4));
        assert!(recent.get(RequestId(1)).is_none());
        assert_eq!((recent.order.len(), recent.weight), (3, 3 * weigh(&answer(0))));
    }
}
