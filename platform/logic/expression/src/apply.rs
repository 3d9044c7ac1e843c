//! One operation on two canonical texts: what a worker computes and what every replica repeats.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::Zero;
use tally_model::{Failure, Job, Operation, Outcome};

use crate::parser::parse;
use crate::rational::{Rational, small, write_wide};

/// Longest text that [`canonical`] looks at: two terms of the most digits, with room for zeros and common factors.
const MAX_RATIONAL_TEXT: usize = 8_192;

/// `left operation right`, both in canonical form (see [`Outcome::Value`]).
///
/// Pure: equal arguments give equal bytes everywhere. An operand that is not canonical gives `syntax`, one beyond
/// [`crate::MAX_BITS`] gives `overflow`, and the left operand's failure wins. Otherwise the result, `div_by_zero` or
/// `overflow`. Operands of one machine word never touch a big integer.
///
/// ```
/// use tally_expression::apply;
/// use tally_model::Operation;
/// assert_eq!(apply(Operation::Div, "1", "-3").to_string(), "-1/3");
/// assert_eq!(apply(Operation::Div, "1", "0").to_string(), "error:div_by_zero");
/// assert_eq!(apply(Operation::Add, "2/4", "1").to_string(), "error:syntax");
/// ```
pub fn apply(operation: Operation, left: &str, right: &str) -> Outcome {
    match attempt(operation, left, right) {
        Ok(text) => Outcome::Value(text),
        Err(failure) => Outcome::Error(failure),
    }
}

/// What a job comes to: its operation on its operands, or all of its expression where it has one ([`tally_model::Dispatch::Whole`]).
/// A text that is no expression gives the failure that its parsing ended in.
pub fn compute(job: &Job) -> Outcome {
    match &job.expression {
        None => apply(job.operation, &job.left, &job.right),
        Some(text) => match parse(text) {
            Ok(expression) => expression.evaluate(),
            Err(error) => Outcome::Error(error.failure),
        },
    }
}

fn attempt(operation: Operation, left: &str, right: &str) -> Result<String, Failure> {
    let (left, right) = (Rational::read(left)?, Rational::read(right)?);
    match small(operation, &left, &right) {
        Some(result) => result.map(write_wide),
        None => left.combine(operation, &right).map(|value| value.to_string()),
    }
}

/// The canonical form of a rational text: `[-]digits[/digits]`, in any terms and with any leading zeros.
///
/// A text is canonical exactly when `canonical(text).as_deref() == Some(text)`. `None` when the text is no rational,
/// its denominator is 0, a reduced term has more than [`crate::MAX_BITS`] bits, or it is longer than 8,192 bytes.
///
/// ```
/// use tally_expression::canonical;
/// assert_eq!(canonical("-4/6").as_deref(), Some("-2/3"));
/// assert_eq!(canonical("007").as_deref(), Some("7"));
/// assert_eq!(canonical("1.5"), None);
/// ```
pub fn canonical(text: &str) -> Option<String> {
    if text.len() > MAX_RATIONAL_TEXT {
        return None;
    }
    if Rational::read(text).is_ok() {
        return Some(text.to_owned());
    }
    let (numerator, denominator) = text.split_once('/').unwrap_or((text, "1"));
    let (negative, magnitude) = match numerator.strip_prefix('-') {
        Some(magnitude) => (true, magnitude),
        None => (false, numerator),
    };
    let (numerator, denominator) = (natural(magnitude)?, natural(denominator)?);
    if denominator.is_zero() {
        return None;
    }
    let value = BigRational::new(if negative { -numerator } else { numerator }, denominator);
    Rational::from_big(value).ok().map(|value| value.to_string())
}

fn natural(digits: &str) -> Option<BigInt> {
    let all = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| digits.parse().ok()).flatten()
}
