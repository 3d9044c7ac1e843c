//! The frontier: what becomes ready when, and that the answer is a function of the tree alone.

use tally_expression::{Dag, Frontier, Operand, ReadyTask, Task, apply, parse};
use tally_model::{Failure, Operation, Outcome, Span};

fn frontier(text: &str) -> Frontier {
    Frontier::new(parse(text).unwrap().dag())
}

fn indices(ready: &[ReadyTask]) -> Vec<u16> {
    ready.iter().map(|task| task.index).collect()
}

fn value(text: &str) -> Outcome {
    Outcome::Value(text.into())
}

/// The report's flow: two tasks at once, the third when both are known, with their results as operands.
#[test]
fn a_dependent_task_is_ready_when_both_operands_are_known() {
    let mut frontier = frontier("((3 + 5) * -(4/2))");
    assert_eq!((frontier.work(), frontier.critical_path()), (3, 2));
    assert_eq!(indices(&frontier.ready()), [0, 1]);
    assert_eq!(frontier.ready(), []);
    assert!(frontier.complete(1, value("2")));
    assert_eq!(frontier.ready(), []);
    assert!(frontier.complete(0, value("8")));
    let ready = ReadyTask {
        index: 2,
        operation: Operation::Mul,
        left: "8".into(),
        right: "-2".into(),
    };
    assert_eq!(frontier.ready(), [ready]);
    assert_eq!(frontier.answer(), None);
    assert!(frontier.complete(2, value("-16")));
    assert_eq!(frontier.answer(), Some(value("-16")));
}

/// A second completion, a different one too, and one of a task that does not exist change nothing.
#[test]
fn the_first_completion_of_a_task_wins() {
    let mut frontier = frontier("1+2");
    assert!(!frontier.complete(7, value("3")));
    assert!(frontier.complete(0, value("3")));
    assert!(!frontier.complete(0, value("3")));
    assert!(!frontier.complete(0, Outcome::Error(Failure::Deadline)));
    assert_eq!(frontier.answer(), Some(value("3")));
}

/// Without operations there is nothing to wait for.
#[test]
fn a_literal_is_its_own_answer() {
    let mut frontier = frontier("--(2.5)");
    assert_eq!(
        (frontier.answer(), frontier.ready(), frontier.work()),
        (Some(value("5/2")), vec![], 0)
    );
    assert_eq!(frontier.critical_path(), 0);
}

/// A failed left operand settles its task at once; a failed right one waits for the left, whose failure would win.
#[test]
fn the_left_failure_wins_in_any_order() {
    let fail = Outcome::Error;
    for order in [[0, 1], [1, 0]] {
        let mut frontier = frontier("(1/0)+(2*3)");
        frontier.ready();
        for index in order {
            let outcome = if index == 0 {
                fail(Failure::DivByZero)
            } else {
                fail(Failure::Overflow)
            };
            assert!(frontier.complete(index, outcome));
            assert_eq!(frontier.answer().is_some(), index == 0 || order == [0, 1]);
        }
        assert_eq!(frontier.answer(), Some(fail(Failure::DivByZero)));
        assert_eq!(frontier.ready(), []);
        assert!(!frontier.complete(2, value("1")));
    }
}

/// What a failure makes irrelevant is not handed out, while what still decides the answer is.
#[test]
fn tasks_that_no_longer_matter_are_not_dispatched() {
    let mut frontier = frontier("((1/0)+((2*3)*4)) + 1");
    assert_eq!(indices(&frontier.ready()), [0, 1]);
    frontier.complete(0, Outcome::Error(Failure::DivByZero));
    assert_eq!(frontier.answer(), Some(Outcome::Error(Failure::DivByZero)));
    assert!(
        frontier.complete(1, value("6")),
        "it was under way and its outcome is news"
    );
    assert_eq!(frontier.ready(), []);
    let mut right = self::frontier("((2*3)*4) + (1/0)");
    right.ready();
    right.complete(2, Outcome::Error(Failure::DivByZero));
    assert_eq!(right.answer(), None);
    right.complete(0, value("6"));
    assert_eq!(
        indices(&right.ready()),
        [1],
        "it could still overflow, which would win"
    );
}

/// An outcome known beforehand saves the task and those that only it needed.
#[test]
fn an_early_completion_saves_what_it_needed() {
    let mut frontier = frontier("(1+2)*3");
    assert!(frontier.complete(1, value("9")));
    assert_eq!((frontier.ready(), frontier.answer()), (vec![], Some(value("9"))));
}

/// A failure that is not of the arithmetic, a deadline, propagates like any other; negation leaves it as it is.
#[test]
fn platform_failures_propagate_through_negation() {
    let mut frontier = frontier("-(-(1+2)*4)");
    frontier.ready();
    frontier.complete(0, Outcome::Error(Failure::DeadLettered));
    assert_eq!(frontier.answer(), Some(Outcome::Error(Failure::DeadLettered)));
    assert_eq!(frontier.outcome(1), Some(&Outcome::Error(Failure::DeadLettered)));
}

/// A task may be read by several others in a hand-made DAG, and a reference to no earlier task ends in `internal`
/// instead of a request that never ends.
#[test]
fn hand_made_dags_end_too() {
    let read = |index| Operand::Task {
        index,
        negated: false,
    };
    let task = |index, left, right| Task {
        index,
        operation: Operation::Add,
        left,
        right,
        level: 1,
        span: Span::new(0, 0),
    };
    let two = || Operand::Literal("2".into());
    let shared = Dag {
        tasks: vec![
            task(0, two(), two()),
            task(1, read(0), read(0)),
            task(2, read(0), read(1)),
        ],
        root: read(2),
    };
    let mut frontier = Frontier::new(shared);
    while frontier.answer().is_none() {
        for ready in frontier.ready() {
            frontier.complete(ready.index, apply(ready.operation, &ready.left, &ready.right));
        }
    }
    assert_eq!(frontier.answer(), Some(value("12")));
    for wrong in [0, 1, 9] {
        let mut frontier = Frontier::new(Dag {
            tasks: vec![task(0, read(wrong), two())],
            root: read(0),
        });
        assert_eq!(frontier.ready(), []);
        assert_eq!(frontier.answer(), Some(Outcome::Error(Failure::Internal)));
    }
    let rootless = Frontier::new(Dag {
        tasks: vec![],
        root: read(0),
    });
    assert_eq!(rootless.answer(), Some(Outcome::Error(Failure::Internal)));
}
