//! No text makes the parser panic; what parses prints, parses again and folds to what it evaluates to.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tally_expression::{Frontier, apply, canonical, lint, parse, parse_report_form};
use tally_model::{Operation, Outcome};

fuzz_target!(|text: &str| {
    if let Ok(part) = parse_report_form(text) {
        assert!(text.ends_with(part));
    }
    for operation in Operation::ALL {
        let is_canonical = canonical(text).as_deref() == Some(text);
        let refused = apply(operation, text, "1") == Outcome::Error(tally_model::Failure::Syntax);
        assert!(!(is_canonical && refused));
    }
    let tree = match parse(text) {
        Ok(tree) => tree,
        Err(error) => {
            assert!(!error.diagnostics.is_empty());
            for diagnostic in &error.diagnostics {
                assert!(
                    diagnostic
                        .span
                        .is_some_and(|span| text.get(span.start..span.end).is_some())
                );
            }
            return;
        }
    };
    let printed = tree.to_string();
    assert!(printed.len() <= text.len());
    assert!(parse(&printed).is_ok_and(|again| again == tree), "{printed}");
    let answer = tree.evaluate();
    assert!(lint(&tree).is_empty() || matches!(answer, Outcome::Error(_)));
    assert_eq!(fold(Frontier::new(tree.dag()), text.len()), Some(answer));
});

/// Completes the ready tasks from the front or the back, as the length of the text has it.
fn fold(mut frontier: Frontier, order: usize) -> Option<Outcome> {
    let mut under_way = Vec::new();
    loop {
        under_way.extend(frontier.ready());
        let next = if order.is_multiple_of(2) {
            under_way.pop()
        } else {
            (!under_way.is_empty()).then(|| under_way.remove(0))
        };
        let Some(task) = next else {
            return frontier.answer();
        };
        frontier.complete(task.index, apply(task.operation, &task.left, &task.right));
    }
}
