//! The evaluator against two others: a naive one in this crate and Python's `fractions`.

use std::io::Write;
use std::process::{Command, Stdio};

use tally_expression::parse;

use crate::generator::{Random, expression};
use crate::naive;

/// Expressions compared per oracle.
const EXPRESSIONS: u64 = 2_000;

fn seeded_expressions() -> Vec<String> {
    let mut random = Random(0x7A11_1E57);
    (0..EXPRESSIONS)
        .map(|i| {
            let size = random.below(1 + i % 24);
            expression(&mut random, size)
        })
        .collect()
}

fn ours(text: &str) -> String {
    parse(text)
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .evaluate()
        .to_string()
}

/// 2,000 seeded expressions have the value that a recursive evaluator over unbounded rationals gives them; and the
/// sample is worth something: it holds values, both failures, fractions and numbers beyond a machine word.
#[test]
fn the_naive_evaluator_agrees() {
    let mut seen = [0_u32; 4];
    for text in seeded_expressions() {
        let answer = ours(&text);
        assert_eq!(answer, naive::evaluate(&text), "{text}");
        let kinds = [
            answer == "error:div_by_zero",
            answer == "error:overflow",
            answer.contains('/'),
            answer.len() > 40,
        ];
        for (count, is) in seen.iter_mut().zip(kinds) {
            *count += u32::from(is);
        }
    }
    assert!(
        seen.iter().all(|count| *count >= 20),
        "too few of a kind: {seen:?}"
    );
}

/// Reads one expression per line, writes one answer per line. Python's own parser gives precedence, its own
/// evaluation order decides which failure wins, and `fractions` does the arithmetic.
const PYTHON: &str = r#"
import re, sys
from fractions import Fraction
LIMIT = 4096
class Failed(Exception): pass
class R:
    def __init__(self, value):
        if max(value.numerator.bit_length(), value.denominator.bit_length()) > LIMIT: raise Failed("overflow")
        self.value = value
    def __add__(self, other): return R(self.value + other.value)
    def __sub__(self, other): return R(self.value - other.value)
    def __mul__(self, other): return R(self.value * other.value)
    def __neg__(self): return R(-self.value)
    def __truediv__(self, other):
        if other.value == 0: raise Failed("div_by_zero")
        return R(self.value / other.value)
for line in sys.stdin:
    code = re.sub(r"[0-9]+(\.[0-9]+)?", lambda m: "R(Fraction('%s'))" % m.group(0), line.strip())
    try: print(eval(code).value)
    except Failed as failure: print("error:%s" % failure)
"#;

/// The same 2,000 expressions have the value that Python gives them. Without Python this says so and claims nothing.
#[test]
fn python_fractions_agree() {
    let spawned = Command::new("python3")
        .args(["-c", PYTHON])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut python) = spawned else {
        eprintln!("NOT CHECKED: python3 cannot be started, so its `fractions` were not compared with");
        return;
    };
    let expressions = seeded_expressions();
    let lines = expressions
        .iter()
        .map(|text| text.replace('\t', " ") + "\n")
        .collect::<String>();
    let mut stdin = python.stdin.take().unwrap();
    // The pipe holds less than the expressions: one thread writes while this one reads.
    let writer = std::thread::Builder::new()
        .spawn(move || stdin.write_all(lines.as_bytes()))
        .unwrap();
    let output = python.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    let answers = String::from_utf8(output.stdout).unwrap();
    assert_eq!(answers.lines().count(), expressions.len());
    for (text, answer) in expressions.iter().zip(answers.lines()) {
        assert_eq!(ours(text), answer, "{text}");
    }
}
