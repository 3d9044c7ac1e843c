//! The reference evaluator agrees with the platform's, which was written by somebody else, on everything that is thrown at both.

use proptest::prelude::*;
use tally_check::reference::{evaluate, trace};
use tally_model::{Failure, Outcome};

fn platform(text: &str) -> Outcome {
    match tally_expression::parse(text) {
        Ok(expression) => expression.evaluate(),
        Err(error) => Outcome::Error(error.failure),
    }
}

/// Known answers, limits included: on the bound it is a value, one beyond it is the named error.
#[test]
fn known_answers() {
    let nines = "9".repeat(1233);
    let most_nodes = vec!["1"; 4096].join("+");
    let table: Vec<(String, String)> = [
        ("(3+5)*(4/2)", "16"),
        ("1+2*3", "7"),
        ("8-4-2", "2"),
        ("8/4/2", "1"),
        ("2*-3", "-6"),
        ("--3", "3"),
        ("-(1/3)", "-1/3"),
        ("0.1+0.2", "3/10"),
        ("007.50", "15/2"),
        ("0*-1", "0"),
        ("1/(2-2)", "error:div_by_zero"),
        ("", "error:syntax"),
        ("+1", "error:syntax"),
        (".5", "error:syntax"),
        ("5.", "error:syntax"),
        ("1 2", "error:syntax"),
        ("2(3)", "error:syntax"),
        ("()", "error:syntax"),
        ("(1", "error:syntax"),
        ("1)", "error:syntax"),
        ("3 \u{2212} 1", "error:syntax"),
        ("1e5", "error:unsupported_number"),
        ("0x10", "error:unsupported_number"),
        ("1_000", "error:unsupported_number"),
        ("nan", "error:unsupported_number"),
        ("1e", "error:syntax"),
    ]
    .map(|(text, answer)| (text.to_owned(), answer.to_owned()))
    .into_iter()
    .chain([
        (format!("{}1{}", "(".repeat(256), ")".repeat(256)), "1".into()),
        (
            format!("{}1{}", "(".repeat(257), ")".repeat(257)),
            "error:too_deep".into(),
        ),
        (format!("{}1", "-".repeat(257)), "error:too_deep".into()),
        (most_nodes.clone(), "4096".into()),
        (format!("{most_nodes}+1"), "error:too_large".into()),
        (" ".repeat(65_536), "error:syntax".into()),
        (" ".repeat(65_537), "error:too_large".into()),
        (nines.clone(), nines.clone()),
        (format!("{nines}*{nines}"), "error:overflow".into()),
        ("9".repeat(1234), "error:overflow".into()),
    ])
    .collect();
    for (text, answer) in table {
        let head: String = text.chars().take(40).collect();
        assert_eq!(evaluate(&text).to_string(), answer, "{head}");
        assert_eq!(platform(&text).to_string(), answer, "the platform on {head}");
    }
}

/// The operations of the trace are those of the platform's graph, in the same order, and the last word is the answer.
#[test]
fn the_trace_has_the_operations_in_order() {
    let reference = trace("-(1+2)*(3/0)");
    let texts: Vec<String> = reference
        .tasks
        .iter()
        .map(|t| format!("{}{}{}={}", t.left, t.operation.symbol(), t.right, t.outcome))
        .collect();
    assert_eq!(
        texts,
        [
            "1+2=3",
            "3/0=error:div_by_zero",
            "-3*error:div_by_zero=error:div_by_zero"
        ]
    );
    assert_eq!(reference.outcome, Outcome::Error(Failure::DivByZero));
}

fn expression() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        (0..1000_u32).prop_map(|n| n.to_string()),
        "[0-9]{1,4}\\.[0-9]{1,4}",
        "[0-9]{300,1240}",
        Just("0".to_owned()),
    ];
    number.prop_recursive(8, 200, 2, |inner| {
        prop_oneof![
            4 => (inner.clone(), "[-+*/]", inner.clone()).prop_map(|(l, o, r)| format!("{l} {o} {r}")),
            2 => inner.clone().prop_map(|e| format!("({e})")),
            1 => inner.prop_map(|e| format!("-{e}")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// On expressions.
    #[test]
    fn agrees_on_expressions(text in expression()) {
        prop_assert_eq!(evaluate(&text), platform(&text));
        prop_assert_eq!(trace(&text).outcome, platform(&text));
    }

    /// On what looks like expressions and mostly is none: the first problem has the same name.
    #[test]
    fn agrees_on_near_expressions(text in "([0-9]{1,3}|[-+*/().]| |e5|e|0x|_|nan|inf|\u{2212}){0,20}") {
        prop_assert_eq!(evaluate(&text), platform(&text));
    }

    /// On anything.
    #[test]
    fn agrees_on_anything(text in any::<String>()) {
        prop_assert_eq!(evaluate(&text), platform(&text));
    }
}
