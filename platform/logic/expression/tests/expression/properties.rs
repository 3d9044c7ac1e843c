//! Properties over generated expressions, rationals and arbitrary text.

use std::collections::BTreeSet;

use num_bigint::BigInt;
use num_rational::BigRational;
use proptest::prelude::*;
use tally_expression::{
    Frontier, MAX_DIAGNOSTICS, ReadyTask, apply, canonical, compute, lint, parse, parse_report_form,
};
use tally_model::{Job, Operation, Outcome, RequestId, TaskId};

use crate::generator::{Random, expression};

fn generated() -> impl Strategy<Value = String> {
    (any::<u64>(), 0_u64..40).prop_map(|(seed, size)| expression(&mut Random(seed), size))
}

/// Texts of the grammar's own characters and their lookalikes reach deeper than arbitrary ones.
fn almost_expressions() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9.()+*/ -]{0,40}",
        "[0-9e_x.()+*/ \u{2212}\u{d7}\u{ff11}\u{202e}\0-]{0,40}",
        any::<String>()
    ]
}

/// Completes in an order drawn by `seed`, one task at a time, and checks on the way that a task is handed out once.
fn fold(frontier: &mut Frontier, seed: u64) -> Option<Outcome> {
    let mut random = Random(seed);
    let mut seen = BTreeSet::new();
    let mut under_way: Vec<ReadyTask> = Vec::new();
    loop {
        for task in frontier.ready() {
            assert!(seen.insert(task.index), "handed out twice");
            under_way.push(task);
        }
        if under_way.is_empty() {
            return frontier.answer();
        }
        let chosen = random.below(under_way.len() as u64) as usize;
        let task = under_way.swap_remove(chosen);
        let decided = frontier.answer();
        let news = frontier.outcome(task.index).is_none();
        assert_eq!(
            frontier.complete(task.index, apply(task.operation, &task.left, &task.right)),
            news
        );
        assert!(
            decided.is_none() || decided == frontier.answer(),
            "an answer changed"
        );
    }
}

/// As one task that carries the text, computed at once.
fn whole(text: &str) -> Option<Outcome> {
    let tree = parse(text).unwrap();
    let last = tree.dag().tasks.last().map(|task| task.operation);
    let mut frontier = Frontier::new(tree.dag().undivided());
    for task in frontier.ready() {
        assert_eq!(Some(task.operation), last, "it is of the layer of its root");
        let job = Job {
            task: TaskId {
                request: RequestId(1),
                index: task.index,
            },
            operation: task.operation,
            expression: Some(tree.to_string()),
            left: task.left,
            right: task.right,
        };
        assert!(frontier.complete(task.index, compute(&job)));
    }
    assert!(frontier.work() <= 1);
    frontier.answer()
}

proptest! {
    /// An expression comes to the same, value or failure, whether its operations are tasks or it is one task as a whole.
    #[test]
    fn whole_and_in_parts_come_to_the_same(text in generated(), order in any::<u64>()) {
        let parts = fold(&mut Frontier::new(parse(&text).unwrap().dag()), order);
        prop_assert!(parts.is_some());
        prop_assert_eq!(whole(&text), parts);
    }

    /// What is printed parses to the same tree, prints the same again and is never longer.
    #[test]
    fn print_and_parse_are_inverse(text in generated()) {
        let tree = parse(&text).unwrap();
        let printed = tree.to_string();
        prop_assert!(printed.len() <= text.len());
        let again = parse(&printed).unwrap();
        prop_assert_eq!(&again, &tree);
        prop_assert_eq!(again.to_string(), printed);
        prop_assert_eq!(again.evaluate(), tree.evaluate());
    }

    /// The fold over tasks equals the evaluation of the tree, in every order of completion.
    #[test]
    fn the_frontier_answers_what_the_tree_evaluates_to(text in generated(), orders in any::<[u64; 4]>()) {
        let tree = parse(&text).unwrap();
        for seed in orders {
            prop_assert_eq!(fold(&mut Frontier::new(tree.dag()), seed), Some(tree.evaluate()));
        }
    }

    /// Tasks stand in dependency order, with levels one above their operands, places in the text and one parent.
    #[test]
    fn a_dag_is_in_dependency_order(text in generated()) {
        let dag = parse(&text).unwrap().dag();
        let mut read = vec![0; dag.tasks.len()];
        for (position, task) in dag.tasks.iter().enumerate() {
            prop_assert_eq!(usize::from(task.index), position);
            prop_assert!(text.get(task.span.start..task.span.end).is_some());
            let mut below = 0;
            for operand in [&task.left, &task.right] {
                match operand {
                    tally_expression::Operand::Literal(value) => {
                        prop_assert_eq!(canonical(value), Some(value.clone()));
                    }
                    tally_expression::Operand::Task { index, .. } => {
                        prop_assert!(*index < task.index);
                        below = below.max(dag.tasks[usize::from(*index)].level);
                        read[usize::from(*index)] += 1;
                    }
                }
            }
            prop_assert_eq!(task.level, below + 1);
        }
        let last = read.len().saturating_sub(1);
        prop_assert!(read.iter().enumerate().all(|(i, count)| *count == i32::from(i != last)));
        prop_assert!(dag.critical_path() <= dag.work());
    }

    /// No text makes the parser panic; a refused one has a failure, and one to eight places inside the text.
    #[test]
    fn every_text_parses_or_is_refused_with_places(text in almost_expressions()) {
        match parse(&text) {
            Ok(tree) => {
                prop_assert_eq!(&parse(&tree.to_string()).unwrap(), &tree);
                prop_assert!(lint(&tree).iter().all(|d| d.span.is_some_and(|s| text.get(s.start..s.end).is_some())));
            }
            Err(error) => {
                prop_assert!((1..=MAX_DIAGNOSTICS).contains(&error.diagnostics.len()));
                for diagnostic in &error.diagnostics {
                    let span = diagnostic.span.unwrap();
                    prop_assert!(text.get(span.start..span.end).is_some());
                    prop_assert!(diagnostic.help.is_some() && diagnostic.label.is_some());
                }
            }
        }
        let _ = parse_report_form(&text);
    }

    /// Two texts have one canonical form exactly when they are one number.
    #[test]
    fn canonical_is_injective(a in -50_i64..50, b in 1_i64..50, c in -50_i64..50, d in 1_i64..50, factor in 1_i64..9) {
        let form = |n: i64, d: i64| canonical(&format!("{n}/{d}")).unwrap();
        prop_assert_eq!(form(a, b) == form(c, d), a * d == c * b);
        prop_assert_eq!(form(a * factor, b * factor), form(a, b));
        prop_assert_eq!(canonical(&form(a, b)), Some(form(a, b)));
    }

    /// The fast path in machine words gives what big rationals give, for words of every size.
    #[test]
    fn machine_words_and_big_integers_agree(
        terms in any::<[i64; 4]>(), shifts in proptest::array::uniform4(0_u32..63), op in 0_usize..4,
    ) {
        let term = |i: usize| BigInt::from(terms[i] >> shifts[i]);
        let nonzero = |n: BigInt| if n == BigInt::from(0) { BigInt::from(1) } else { n };
        let left = BigRational::new(term(0), nonzero(term(1)));
        let right = BigRational::new(term(2), nonzero(term(3)));
        let operation = Operation::ALL[op];
        let ours = apply(operation, &left.to_string(), &right.to_string()).to_string();
        let theirs = match operation {
            Operation::Add => (&left + &right).to_string(),
            Operation::Sub => (&left - &right).to_string(),
            Operation::Mul => (&left * &right).to_string(),
            Operation::Div if right.numer() == &BigInt::from(0) => "error:div_by_zero".to_owned(),
            Operation::Div => (&left / &right).to_string(),
        };
        prop_assert_eq!(ours, theirs);
    }

    /// What a worker is sent is never parsed into something else: any text but a canonical one is refused.
    #[test]
    fn apply_refuses_what_is_not_canonical(text in prop_oneof![any::<String>(), "-?[0-9]{0,4}(/[0-9]{0,4})?"]) {
        let fits = canonical(&text).as_ref() == Some(&text);
        let expected = if fits { Outcome::Value(text.clone()) } else { "error:syntax".to_owned().try_into().unwrap() };
        prop_assert_eq!(apply(Operation::Add, &text, "0"), expected);
    }
}
