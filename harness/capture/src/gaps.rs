//! When nothing was answered, and when replicas changed their view: what a dead leader costs.

use std::collections::BTreeMap;

use tally_model::{Observation, SetId, Step};

use crate::window::Window;

/// The longest time between two answers in a row that lies in part in `felt`, in nanoseconds; none if no answer came after its
/// beginning. `answers` are moments, ascending.
pub(crate) fn longest(answers: &[u64], felt: Window) -> Option<u64> {
    let first = answers.partition_point(|at| *at <= felt.from);
    let after = answers.get(first..).filter(|after| !after.is_empty())?;
    // Before the first answer of all nothing was owed.
    let before = first.checked_sub(1).and_then(|index| answers.get(index));
    let starts = before.into_iter().chain(after);
    let gaps = starts.zip(before.map_or(&after[1..], |_| after));
    gaps.take_while(|(start, _)| **start < felt.to)
        .map(|(start, end)| end - start)
        .max()
}

/// When sets changed their view: the first replica of a set that enters a view counts, and the view an epoch opens with does not.
pub(crate) fn view_changes(events: &[Observation]) -> Vec<u64> {
    let mut entered: BTreeMap<(SetId, &str), BTreeMap<u64, u64>> = BTreeMap::new();
    for event in events.iter().filter(|event| event.step == Step::ViewEntered) {
        if let (Some(set), Some(view), Some(epoch)) = (event.set, event.value, event.note.as_deref()) {
            let at = event.at.as_nanos();
            let first = entered
                .entry((set, epoch))
                .or_default()
                .entry(view as u64)
                .or_insert(at);
            *first = at.min(*first);
        }
    }
    let mut changes: Vec<u64> = entered
        .values()
        .flat_map(|views| views.values().skip(1).copied())
        .collect();
    changes.sort_unstable();
    changes
}

#[cfg(test)]
mod tests {
    use tally_model::{Instant, NodeId, Operation};

    use super::*;

    /// The gap that a fault causes begins before its effect is felt and ends with the first answer after it.
    #[test]
    fn the_longest_gap_reaches_from_answer_to_answer() {
        let answers = [10, 20, 30, 90, 100, 300];
        let gap = |from, to| longest(&answers, Window { from, to });
        assert_eq!(gap(31, 95), Some(60));
        assert_eq!(gap(40, 50), Some(60));
        assert_eq!(gap(12, 25), Some(10));
        assert_eq!(gap(95, 200), Some(200));
        assert_eq!(gap(0, 15), Some(10));
        assert_eq!(gap(300, 400), None);
        assert_eq!(longest(&[], Window { from: 0, to: 9 }), None);
    }

    /// A view counts once however many replicas enter it, and the first of an epoch not at all.
    #[test]
    fn the_first_to_enter_a_view_counts() {
        let set = SetId {
            operation: Operation::Add,
            number: 1,
        };
        let entered = |at, index, epoch: u32, view: u32| {
            Observation::new(Instant::from_nanos(at), Step::ViewEntered)
                .with_node(NodeId::Replica(set, index))
                .with_value(f64::from(view))
                .with_note(epoch.to_string())
        };
        let events = [
            entered(1, 0, 6, 0),
            entered(2, 1, 6, 0),
            entered(9, 2, 6, 1),
            entered(8, 1, 6, 1),
            entered(20, 1, 7, 1),
            entered(30, 2, 7, 3),
        ];
        assert_eq!(view_changes(&events), [8, 30]);
    }
}
