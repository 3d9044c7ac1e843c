//! Values, canonical print and tasks of chosen expressions.

use num_bigint::BigInt;
use tally_expression::{
    Dag, MAX_DEPTH, MAX_NODES, MAX_TEXT_BYTES, Operand, apply, canonical, lint, parse, parse_report_form,
};
use tally_model::{Operation, Outcome, Span};

fn value(text: &str) -> String {
    parse(text)
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .evaluate()
        .to_string()
}

/// Precedence, associativity, signs, decimals and named failures; text, canonical print, answer.
#[test]
fn expressions_print_canonically_and_have_their_value() {
    let table = [
        ("((3 + 5) * (4/2))", "(3+5)*(4/2)", "16"),
        ("1+2*3", "1+2*3", "7"),
        ("(1+2)*3", "(1+2)*3", "9"),
        ("8/4/2", "8/4/2", "1"),
        ("8/(4/2)", "8/(4/2)", "4"),
        ("1-2-3", "1-2-3", "-4"),
        ("1-(2-3)", "1-(2-3)", "2"),
        ("(1-2)-3", "1-2-3", "-4"),
        ("1+(2+3)", "1+(2+3)", "6"),
        ("-2*-3", "-2*-3", "6"),
        ("-(2*3)", "-(2*3)", "-6"),
        ("- - 5", "--5", "5"),
        ("2---3", "2---3", "-1"),
        ("-0", "-0", "0"),
        ("-(1-1)", "-(1-1)", "0"),
        ("1/3*3", "1/3*3", "1"),
        ("0.1+0.2", "0.1+0.2", "3/10"),
        ("007.500", "7.5", "15/2"),
        ("0.05", "0.05", "1/20"),
        ("0.0", "0", "0"),
        ("1/-3", "1/-3", "-1/3"),
        ("\t1\n+\r2\x0c", "1+2", "3"),
        ("1/0", "1/0", "error:div_by_zero"),
        ("0/0", "0/0", "error:div_by_zero"),
        ("1/(2-2)", "1/(2-2)", "error:div_by_zero"),
        ("0*(1/0)", "0*(1/0)", "error:div_by_zero"),
        (
            "9223372036854775807+1",
            "9223372036854775807+1",
            "9223372036854775808",
        ),
        (
            "-9223372036854775808/-1",
            "-9223372036854775808/-1",
            "9223372036854775808",
        ),
        (
            "-(0-9223372036854775808)",
            "-(0-9223372036854775808)",
            "9223372036854775808",
        ),
        (
            "170141183460469231731687303715884105727+1",
            "170141183460469231731687303715884105727+1",
            "170141183460469231731687303715884105728",
        ),
        (
            "12345678901234567890.5",
            "12345678901234567890.5",
            "24691357802469135781/2",
        ),
    ];
    for (text, printed, answer) in table {
        assert_eq!(parse(text).unwrap().to_string(), printed, "{text}");
        assert_eq!(value(text), answer, "{text}");
    }
}

/// 4,096 bits are allowed and one more is not, in numerators, denominators and literals; results are judged in lowest
/// terms, and the left failure wins over the right one.
#[test]
fn overflow_begins_above_4096_bits() {
    // 2^exponent, from literals that are each far below the bound.
    let power = |exponent: usize| {
        let thousands = vec![BigInt::from(2).pow(1_000_u32).to_string(); exponent / 1_000];
        let rest = BigInt::from(2).pow((exponent % 1_000) as u32).to_string();
        format!("({}*{rest})", thousands.join("*"))
    };
    let largest = format!("({}-1+{})", power(4_095), power(4_095));
    let table = [
        (power(4_095), None),
        (power(4_096), Some("overflow")),
        (format!("1/{}", power(4_095)), None),
        (format!("1/2/{}", power(4_095)), Some("overflow")),
        (largest.clone(), None),
        (format!("-{largest}"), None),
        (format!("{largest}+1"), Some("overflow")),
        (format!("-{largest}-1"), Some("overflow")),
        (format!("{}/3*(3/{})", power(4_095), power(4_095)), None),
        (format!("1/0+{}", power(4_096)), Some("div_by_zero")),
        (format!("{}+1/0", power(4_096)), Some("overflow")),
    ];
    for (text, failure) in table {
        assert_eq!(value(&text).strip_prefix("error:"), failure, "{text}");
    }
    // 2^-places, written out: far more digits than bits, and judged by its bits all the same.
    let halves = |places: usize| format!("0.{:0>places$}", BigInt::from(5).pow(places as u32).to_string());
    assert_eq!(value(&format!("{}*{}", halves(4_095), power(4_095))), "1");
    assert_eq!(parse(&halves(4_096)).unwrap_err().failure.name(), "overflow");
}

/// The report's example gives f1 = 3 + 5, f2 = 4/2 and f3 = f1 * f2, with places that include the parentheses.
#[test]
fn the_example_of_the_report_is_two_independent_tasks_and_one_dependent_one() {
    let text = parse_report_form("\"expression\" : ((3 + 5) * (4/2))").unwrap();
    let Dag { tasks, root } = parse(text).unwrap().dag();
    let task = |index, negated| Operand::Task { index, negated };
    let literal = |text: &str| Operand::Literal(text.into());
    assert_eq!(root, task(2, false));
    let shape: Vec<_> = tasks
        .iter()
        .map(|t| (t.operation, &t.left, &t.right, t.level))
        .collect();
    assert_eq!(
        shape,
        [
            (Operation::Add, &literal("3"), &literal("5"), 1),
            (Operation::Div, &literal("4"), &literal("2"), 1),
            (Operation::Mul, &task(0, false), &task(1, false), 2),
        ]
    );
    let places: Vec<_> = tasks.iter().map(|t| &text[t.span.start..t.span.end]).collect();
    assert_eq!(places, ["(3 + 5)", "(4/2)", "((3 + 5) * (4/2))"]);
}

/// Unary minus is no task: it folds into literals and into `negated`, and a literal alone has no tasks at all.
#[test]
fn unary_minus_folds_into_operands() {
    let dag = parse("-(-(1.5 - -2)) * -3").unwrap().dag();
    assert_eq!(dag.tasks[0].left, Operand::Literal("3/2".into()));
    assert_eq!(dag.tasks[0].right, Operand::Literal("-2".into()));
    assert_eq!(
        dag.tasks[1].left,
        Operand::Task {
            index: 0,
            negated: false
        }
    );
    assert_eq!(dag.tasks[1].right, Operand::Literal("-3".into()));
    assert_eq!(
        parse("-(1+2)").unwrap().dag().root,
        Operand::Task {
            index: 0,
            negated: true
        }
    );
    let literal = parse("-(--2.5)").unwrap().dag();
    assert_eq!(
        (literal.tasks.len(), literal.root),
        (0, Operand::Literal("-5/2".into()))
    );
}

/// Each limit is met exactly by a text that parses and exceeded by one that is a single step larger.
#[test]
fn limits_are_exact() {
    let nested = |depth: usize| format!("{}1{}", "(".repeat(depth), ")".repeat(depth));
    let minuses = |depth: usize| format!("{}1", "-".repeat(depth));
    let padded = |bytes: usize| format!("1{}", " ".repeat(bytes - 1));
    let nodes = |count: usize| {
        format!(
            "{}{}",
            "-".repeat(1 - count % 2),
            vec!["1"; count.div_ceil(2)].join("+")
        )
    };
    let table = [
        (nested(MAX_DEPTH), nested(MAX_DEPTH + 1), "too_deep"),
        (minuses(MAX_DEPTH), minuses(MAX_DEPTH + 1), "too_deep"),
        (padded(MAX_TEXT_BYTES), padded(MAX_TEXT_BYTES + 1), "too_large"),
        (nodes(MAX_NODES), nodes(MAX_NODES + 1), "too_large"),
        ("9".repeat(1_233), "9".repeat(1_234), "overflow"),
        (
            format!("0.{}5", "0".repeat(1_232)),
            format!("0.{}1", "0".repeat(1_233)),
            "overflow",
        ),
    ];
    for (fits, exceeds, failure) in table {
        parse(&fits).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(parse(&exceeds).unwrap_err().failure.name(), failure);
    }
}

/// What a worker answers: operands, result. Only canonical operands are operands.
#[test]
fn apply_takes_canonical_operands_and_gives_a_canonical_outcome() {
    let huge = "9".repeat(1_235);
    let table = [
        (Operation::Add, "1", "2", "3"),
        (Operation::Sub, "1/2", "1/3", "1/6"),
        (Operation::Mul, "-2/3", "3/2", "-1"),
        (Operation::Div, "1", "-2", "-1/2"),
        (
            Operation::Div,
            "-9223372036854775808",
            "-1",
            "9223372036854775808",
        ),
        (
            Operation::Mul,
            "9223372036854775807",
            "9223372036854775807",
            "85070591730234615847396907784232501249",
        ),
        (
            Operation::Sub,
            "-9223372036854775808/9223372036854775807",
            "9223372036854775807/9223372036854775806",
            "-170141183460469231694793815568465002497/85070591730234615838173535747377725442",
        ),
        (Operation::Sub, "9223372036854775808", "9223372036854775808", "0"),
        (Operation::Div, "9223372036854775808", "0", "error:div_by_zero"),
        (Operation::Div, "0", "0", "error:div_by_zero"),
        (Operation::Add, &huge, "x", "error:overflow"),
        (Operation::Add, "x", &huge, "error:syntax"),
    ];
    for (operation, left, right, outcome) in table {
        assert_eq!(
            apply(operation, left, right).to_string(),
            outcome,
            "{left} {operation} {right}"
        );
    }
}

/// A text that is no operand gives `syntax` on either side, and is no canonical text.
#[test]
fn apply_refuses_malformed_operands() {
    let malformed = [
        "",
        " 1",
        "1 ",
        "+1",
        "-",
        "-0",
        "00",
        "01",
        "0/1",
        "0/2",
        "1/1",
        "2/4",
        "1/0",
        "1/-2",
        "1/02",
        "1/",
        "/2",
        "1/2/3",
        "1.5",
        "1e3",
        "0x1",
        "\u{ff11}",
        "error:overflow",
        "18446744073709551616/2",
    ];
    for text in malformed {
        assert_eq!(
            apply(Operation::Add, text, "1").to_string(),
            "error:syntax",
            "{text:?}"
        );
        assert_eq!(
            apply(Operation::Add, "1", text).to_string(),
            "error:syntax",
            "{text:?}"
        );
        assert_ne!(canonical(text).as_deref(), Some(text), "{text:?}");
    }
}

/// Texts and their canonical form.
#[test]
fn canonical_gives_lowest_terms() {
    let table = [
        ("0", Some("0")),
        ("-0", Some("0")),
        ("0/7", Some("0")),
        ("4/2", Some("2")),
        ("-10/4", Some("-5/2")),
        ("0001/02", Some("1/2")),
        ("18446744073709551616/2", Some("9223372036854775808")),
        ("1/0", None),
        ("", None),
        ("-", None),
        ("1/-2", None),
        ("--1", None),
        ("+1", None),
        ("1.5", None),
    ];
    for (text, form) in table {
        assert_eq!(canonical(text).as_deref(), form, "{text}");
    }
    assert_eq!(canonical(&"9".repeat(1_234)), None);
    assert_eq!(canonical(&"0".repeat(8_193)), None);
}

/// Divisors that are 0 are found wherever they stand, with their place and what they are; others are not.
#[test]
fn lint_finds_divisors_that_are_always_zero() {
    let table: [(&str, &[(&str, &str)]); 8] = [
        ("1/(2-2)", &[("(2-2)", "2-2 = 0")]),
        ("1/0", &[("0", "this is 0")]),
        ("1/-0", &[("-0", "-0 = 0")]),
        (
            "1/(0.5*2-1) + 3/(4-4)",
            &[("(0.5*2-1)", "0.5*2-1 = 0"), ("(4-4)", "4-4 = 0")],
        ),
        ("1/(1/(1-1))", &[("(1-1)", "1-1 = 0")]),
        ("0/1", &[]),
        ("(2-2)*3", &[]),
        ("1/(2-3)", &[]),
    ];
    for (text, expected) in table {
        let expression = parse(text).unwrap();
        let found = lint(&expression);
        let shown: Vec<_> = found
            .iter()
            .map(|d| {
                let Span { start, end } = d.span.unwrap();
                (&text[start..end], d.label.as_deref().unwrap())
            })
            .collect();
        assert_eq!(shown, expected, "{text}");
        assert!(found.iter().all(|d| d.code == "F0412"));
        assert!(found.is_empty() || matches!(expression.evaluate(), Outcome::Error(_)));
    }
}
