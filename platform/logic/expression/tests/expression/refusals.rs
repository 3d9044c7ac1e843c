//! Every refused text: the failure, the code, the place, and words that name the problem and the remedy.

use tally_expression::{MAX_DIAGNOSTICS, ParseError, parse, parse_report_form};

/// Text; failure, code, marked place; a piece of message, label or help.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

const GRAMMAR: &[Row] = &[
    ("", "syntax", "F0410", "", "the expression is empty"),
    ("  ", "syntax", "F0410", "  ", "the expression is empty"),
    ("()", "syntax", "F0410", "()", "these parentheses are empty"),
    ("2*( )", "syntax", "F0410", "( )", "these parentheses are empty"),
    ("(1+2", "syntax", "F0410", "(", "this `(` is never closed"),
    ("(", "syntax", "F0410", "(", "this `(` is never closed"),
    ("1+2)", "syntax", "F0410", ")", "this `)` was never opened"),
    (")", "syntax", "F0410", ")", "this `)` was never opened"),
    ("1+", "syntax", "F0410", "+", "`+` has nothing on its right"),
    ("(1*)", "syntax", "F0410", "*", "`*` has nothing on its right"),
    ("-", "syntax", "F0410", "-", "`-` has nothing on its right"),
    ("*2", "syntax", "F0410", "*", "`*` has nothing on its left"),
    ("2**3", "syntax", "F0410", "*", "powers are not supported"),
    ("7//2", "syntax", "F0410", "/", "use one `/`"),
    ("+2", "syntax", "F0410", "+", "there is no unary plus"),
    ("1++2", "syntax", "F0410", "+", "remove this `+`"),
    ("1 2", "syntax", "F0410", "2", "two numbers stand side by side"),
    ("2(3)", "syntax", "F0410", "(", "write `*` to multiply"),
    ("(1)(2)", "syntax", "F0410", "(", "write `*` to multiply"),
    (".5", "syntax", "F0410", ".5", "write `0.5`"),
    ("5.", "syntax", "F0410", "5.", "write `5` or `5.0`"),
    (".", "syntax", "F0410", ".", "a point alone is not a number"),
    (
        "1.2.3",
        "syntax",
        "F0410",
        "1.2.3",
        "a number has one decimal point",
    ),
    (
        "1..2",
        "syntax",
        "F0410",
        "1..2",
        "a number has one decimal point",
    ),
    ("1e3", "unsupported_number", "F0415", "1e3", "write all digits"),
    (
        "1.5E-400",
        "unsupported_number",
        "F0415",
        "1.5E-400",
        "exponents are not supported",
    ),
    (
        "1e+9+2",
        "unsupported_number",
        "F0415",
        "1e+9",
        "exponents are not supported",
    ),
    (
        "0x1F",
        "unsupported_number",
        "F0415",
        "0x1F",
        "other bases than ten",
    ),
    (
        "1_000",
        "unsupported_number",
        "F0415",
        "1_000",
        "digit separators",
    ),
    (
        "NaN",
        "unsupported_number",
        "F0415",
        "NaN",
        "`NaN` is not a rational number",
    ),
    (
        "1/inf",
        "unsupported_number",
        "F0415",
        "inf",
        "write a finite number",
    ),
    ("2x", "syntax", "F0414", "x", "use '*' to multiply"),
    ("sin(1)", "syntax", "F0414", "sin", "no functions"),
    ("2^8", "syntax", "F0414", "^", "multiply instead"),
    ("1,5", "syntax", "F0414", ",", "write decimals with '.'"),
    ("[1]", "syntax", "F0414", "[", "use '('"),
    ("1=1", "syntax", "F0414", "=", "without `=`"),
];

/// Characters outside the grammar are named by code point and name, with what to type instead.
const CHARACTERS: &[Row] = &[
    ("3 \u{2212} 1", "syntax", "F0414", "\u{2212}", "U+2212 MINUS SIGN"),
    ("3\u{2212}1", "syntax", "F0414", "\u{2212}", "use '-'"),
    ("3\u{2013}1", "syntax", "F0414", "\u{2013}", "U+2013 EN DASH"),
    (
        "2\u{d7}3",
        "syntax",
        "F0414",
        "\u{d7}",
        "U+00D7 MULTIPLICATION SIGN",
    ),
    ("6\u{f7}3", "syntax", "F0414", "\u{f7}", "use '/'"),
    (
        "\u{ff11}\u{ff12}+1",
        "syntax",
        "F0414",
        "\u{ff11}\u{ff12}",
        "U+FF11 FULLWIDTH DIGIT ONE",
    ),
    (
        "\u{ff11}\u{ff12}+1",
        "syntax",
        "F0414",
        "\u{ff11}\u{ff12}",
        "write `12`",
    ),
    (
        "\u{663}+1",
        "syntax",
        "F0414",
        "\u{663}",
        "U+0663 ARABIC-INDIC DIGIT THREE",
    ),
    (
        "1\u{200d}+2",
        "syntax",
        "F0414",
        "\u{200d}",
        "U+200D ZERO WIDTH JOINER",
    ),
    (
        "\u{202e}1+2",
        "syntax",
        "F0414",
        "\u{202e}",
        "U+202E RIGHT-TO-LEFT OVERRIDE",
    ),
    ("1\0", "syntax", "F0414", "\0", "U+0000 NULL"),
    (
        "1\u{1}",
        "syntax",
        "F0414",
        "\u{1}",
        "control characters are not part",
    ),
    ("\u{feff}1", "syntax", "F0414", "\u{feff}", "byte order mark"),
    ("1\u{a0}+ 2", "syntax", "F0414", "\u{a0}", "use an ASCII space"),
    ("1\u{0b}", "syntax", "F0414", "\u{0b}", "U+000B LINE TABULATION"),
    ("1\u{301}", "syntax", "F0414", "\u{301}", "U+0301"),
    ("\u{1f600}", "syntax", "F0414", "\u{1f600}", "U+1F600"),
    ("\u{bd}", "syntax", "F0414", "\u{bd}", "write a fraction with '/'"),
];

/// The tables hold: one failure, the code, the exact place, the words.
#[test]
fn every_refusal_names_place_and_remedy() {
    for &(text, failure, code, place, words) in GRAMMAR.iter().chain(CHARACTERS) {
        let ParseError {
            failure: found,
            diagnostics,
        } = parse(text).expect_err(text);
        assert_eq!(found.name(), failure, "{text:?}");
        let first = &diagnostics[0];
        let span = first.span.unwrap();
        assert_eq!(
            (first.code.as_str(), &text[span.start..span.end]),
            (code, place),
            "{text:?}"
        );
        let said = format!(
            "{} | {} | {}",
            first.message,
            first.label.as_ref().unwrap(),
            first.help.as_ref().unwrap()
        );
        assert!(said.contains(words), "{text:?} gave {said}");
    }
}

/// A message that repeated a bidi control or an escape would let the text act on the terminal of its reader.
#[test]
fn messages_are_printable_ascii() {
    let texts = GRAMMAR.iter().chain(CHARACTERS).map(|row| row.0.to_owned());
    let every_plane = (0..0x3000_u32)
        .chain([0xFFFD, 0x1_D7CE, 0xE_0001])
        .filter_map(char::from_u32)
        .map(String::from);
    for text in texts.chain(every_plane) {
        for diagnostic in parse(&text).map_or_else(|error| error.diagnostics, |_| Vec::new()) {
            for part in [
                Some(&diagnostic.message),
                diagnostic.label.as_ref(),
                diagnostic.help.as_ref(),
            ] {
                let part = part.unwrap();
                assert!(
                    !part.is_empty() && part.bytes().all(|b| (0x20..0x7f).contains(&b)),
                    "{text:?}: {part:?}"
                );
            }
        }
    }
}

/// Foreign characters are reported together, in order and up to the bound, and the first names the failure.
#[test]
fn several_foreign_characters_are_reported_at_once() {
    let error = parse("1 \u{d7} 2 \u{2212} 1e5").unwrap_err();
    let codes: Vec<_> = error.diagnostics.iter().map(|d| d.code.as_str()).collect();
    assert_eq!(
        (error.failure.name(), codes),
        ("syntax", vec!["F0414", "F0414", "F0415"])
    );
    assert_eq!(
        parse(&"?".repeat(1_000)).unwrap_err().diagnostics.len(),
        MAX_DIAGNOSTICS
    );
}

/// A limit marks what is beyond it, on a character boundary even where the limit cuts one in two.
#[test]
fn a_text_too_long_is_marked_where_it_begins_to_be() {
    let text = format!("{}\u{2212}{}", "1".repeat(65_535), "1".repeat(10));
    let error = parse(&text).unwrap_err();
    let span = error.diagnostics[0].span.unwrap();
    assert_eq!(
        (error.failure.name(), span.start, span.end),
        ("too_large", 65_535, text.len())
    );
    assert!(text.get(span.start..span.end).is_some());
}

/// The report's form: what is accepted, and where it is broken.
#[test]
fn the_form_of_the_report_is_read_or_refused_with_a_place() {
    let accepted = [
        ("\"expression\": ((3 + 5) * (4/2))", "((3 + 5) * (4/2))"),
        (" \"a: b\"\t:\n(1) ", "(1) "),
        ("\"\":1", "1"),
        ("\"\u{e9}\": 1", "1"),
    ];
    for (text, part) in accepted {
        assert_eq!(parse_report_form(text), Ok(part));
        assert!(text.ends_with(part));
    }
    let refused = [
        ("", 0, "a string in double quotes is missing"),
        ("  (1+2)", 2, "a string in double quotes is missing"),
        ("{\"expression\": 1}", 0, "a string in double quotes is missing"),
        ("\u{201c}e\u{201d}: 1", 0, "a string in double quotes is missing"),
        ("\"expression: 1", 0, "the string is not closed"),
        ("\"expr\nession\": 1", 0, "the string is not closed"),
        ("\"e\" (1)", 4, "a colon is missing"),
        ("\"e\"", 3, "a colon is missing"),
        ("\"e\": ", 5, "the expression is missing"),
    ];
    for (text, start, words) in refused {
        let diagnostic = parse_report_form(text).unwrap_err();
        let span = diagnostic.span.unwrap();
        assert_eq!(
            (diagnostic.code.as_str(), span.start),
            ("F0417", start),
            "{text:?}"
        );
        assert!(
            diagnostic.message.contains(words) && text.get(span.start..span.end).is_some(),
            "{text:?}"
        );
    }
}
