//! The machinery is iterative: on a stack of 64 KiB it carries what would need megabytes if anything recursed.

use tally_model::Outcome;

use crate::limits::Limits;
use crate::parser::parse_with;
use crate::{Expression, Frontier, apply, parse};

const UNBOUNDED: Limits = Limits {
    text: usize::MAX,
    depth: usize::MAX,
    nodes: usize::MAX,
};

/// A claim must hold within 64 KiB of stack: recursion at these sizes would end the whole test process.
fn on_a_small_stack(claim: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(64 * 1024).spawn(claim);
    assert!(thread.unwrap().join().is_ok());
}

/// Parses, prints, parses again, evaluates, clones, formats and drops; the answer as text.
fn through_everything(text: &str) -> String {
    let expression: Expression = parse_with(text, UNBOUNDED).unwrap();
    let printed = expression.to_string();
    assert!(printed.len() <= text.len());
    assert!(parse_with(&printed, UNBOUNDED).unwrap() == expression);
    let copy = expression.clone();
    drop(expression);
    assert!(format!("{copy:?}").len() > printed.len());
    assert!(crate::lint(&copy).is_empty());
    copy.evaluate().to_string()
}

/// A left-deep tree of 10^5 levels.
#[test]
fn a_sum_of_100_000_terms_needs_no_stack() {
    on_a_small_stack(|| assert_eq!(through_everything(&vec!["1"; 100_000].join("+")), "100000"));
}

/// 32,000 levels of nesting without a level of the tree, and with one each.
#[test]
fn parentheses_32_000_deep_need_no_stack() {
    on_a_small_stack(|| {
        let plain = format!("{}7{}", "(".repeat(32_000), ")".repeat(32_000));
        assert_eq!(through_everything(&plain), "7");
        let right_deep = format!("{}1{}", "1+(".repeat(32_000), ")".repeat(32_000));
        assert_eq!(through_everything(&right_deep), "32001");
    });
}

/// 10^5 unary minuses.
#[test]
fn minus_signs_100_000_deep_need_no_stack() {
    on_a_small_stack(|| {
        assert_eq!(through_everything(&format!("{}1", "-".repeat(100_000))), "1");
        assert_eq!(through_everything(&format!("{}1", "-".repeat(99_999))), "-1");
    });
}

/// The DAG and its frontier too, at the most tasks that an index can name; a failure runs through all of them.
#[test]
fn a_chain_of_60_000_tasks_needs_no_stack() {
    on_a_small_stack(|| {
        for (first, last) in [("1", "60000"), ("1/0", "error:div_by_zero")] {
            let text = format!("{first}{}", "+1".repeat(59_999));
            let expression = parse_with(&text, UNBOUNDED).unwrap();
            let mut frontier = Frontier::new(expression.dag()).clone();
            loop {
                let ready = frontier.ready();
                let Some(task) = ready.first() else { break };
                frontier.complete(task.index, apply(task.operation, &task.left, &task.right));
            }
            assert_eq!(frontier.answer().map(|o| o.to_string()).as_deref(), Some(last));
            assert!(format!("{frontier:?}").len() > 60_000);
        }
    });
}

/// The public bounds refuse the same texts with a name, on the same stack.
#[test]
fn hostile_nesting_is_refused_by_name_on_a_small_stack() {
    on_a_small_stack(|| {
        let cases = [
            ("(".repeat(32_000), "too_deep"),
            (
                format!("{}1{}", "(".repeat(32_000), ")".repeat(32_000)),
                "too_deep",
            ),
            ("-".repeat(60_000), "too_deep"),
            ("-".repeat(100_000), "too_large"),
            (vec!["1"; 30_000].join("+"), "too_large"),
            (vec!["1"; 100_000].join("+"), "too_large"),
        ];
        for (text, failure) in cases {
            assert_eq!(parse(&text).unwrap_err().failure.name(), failure);
        }
        let largest = vec!["1"; 4_096].join("+");
        assert_eq!(parse(&largest).unwrap().evaluate(), Outcome::Value("4096".into()));
    });
}
