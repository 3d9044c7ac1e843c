//! Reading never panics and never passes what it should not, whatever the text.

use proptest::prelude::*;
use tally_plan::{parse, parse_condition, parse_with, templates};

/// Pieces that real files are made of, so that random texts get past the first line.
fn piece() -> impl Strategy<Value = String> {
    const WORDS: &[&str] = &[
        "version = 1\n",
        "name = \"x\"\n",
        "phases = { measure = \"1s\" }\n",
        "[platform]\n",
        "[[load]]\n",
        "[[fault]]\n",
        "[[expect]]\n",
        "that = \"lost == 0\"\n",
        "that = \"p99(latency) <\\u0020 1\"\n",
        "pattern = \"burst\"\n",
        "rate = \"5/s\"\n",
        "expr = [\"1/(2-2)\", 5]\n",
        "expr = { kind = \"tree\", depth = 64, fanout = 16 }\n",
        "for = \"1s\"\n",
        "at = '''1s'''\n",
        "work = { add = { mean = \"1ms\" } }\n",
        "scaler = \"fixed-0\"\n",
        "when = \"during:x\"\n",
        "\u{feff}",
        "\u{202e}",
        "= = \n",
        "[a.b]\n",
        "load = 5\n",
        "seed = 99999999999999999999\n",
        "seed = nan\n",
        "expr = []\n",
        "ops = { \"+\" = -1 }\n",
    ];
    prop_oneof![
        proptest::sample::select(WORDS).prop_map(str::to_owned),
        ".{0,12}",
        "[a-z]{1,6} = [0-9\"a-z]{0,4}\n"
    ]
}

proptest! {
    /// Arbitrary text gives an answer, and every span lies on letters of the text.
    #[test]
    fn arbitrary_text_never_panics(pieces in proptest::collection::vec(piece(), 0..20)) {
        let source = pieces.concat();
        if let Err(problems) = parse(&source) {
            prop_assert!(!problems.is_empty() && problems.len() <= 100);
            for span in problems.iter().filter_map(|problem| problem.span) {
                prop_assert!(source.get(span.start..span.end).is_some(), "{span:?} of {source:?}");
            }
        }
    }

    /// A valid file with one byte range exchanged for something else is read or refused.
    #[test]
    fn mutilated_files_never_panic(which in 0_usize..4, start: prop::sample::Index, length in 0_usize..30, patch in piece()) {
        let mut source = templates()[which].1.to_owned();
        let mut start = start.index(source.len());
        let mut end = (start + length).min(source.len());
        while !source.is_char_boundary(start) { start -= 1; }
        while !source.is_char_boundary(end) { end += 1; }
        source.replace_range(start..end, &patch);
        if let Err(problems) = parse(&source) {
            for span in problems.iter().filter_map(|problem| problem.span) {
                prop_assert!(source.get(span.start..span.end).is_some());
            }
        }
    }

    /// Arbitrary overrides never panic.
    #[test]
    fn arbitrary_overrides_never_panic(key in "[a-z0-9.-]{0,30}", value in ".{0,20}") {
        let _ = parse_with(templates()[0].1, &[(key, value)]);
    }

    /// Arbitrary conditions never panic, and what is accepted says the same thing when written out again.
    #[test]
    fn conditions_never_panic(text in "[a-z0-9<>=&|()+*/%. _-]{0,40}|.{0,40}") {
        if let Ok(condition) = parse_condition(&text) {
            let _ = condition.evaluate(&|_| Some(1.0));
            prop_assert_eq!(condition.evaluate(&|_| None).held, None);
        }
    }
}

/// Deep nesting ends in an error, not in a stack overflow.
#[test]
fn deep_nesting_is_refused() {
    for (open, close) in [("[", "]"), ("{a=", "}")] {
        let source = format!("expr = {}1{}", open.repeat(10_000), close.repeat(10_000));
        assert!(parse(&source).is_err());
    }
    assert!(parse_condition(&format!("{}1 < lost", "(".repeat(900))).is_err());
    assert!(parse_condition(&format!("{}1 < lost", "-".repeat(900))).is_err());
}
