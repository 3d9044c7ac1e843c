//! A second evaluator: recursive descent straight to unbounded rationals, without tokens, tree or tasks.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Pow, Zero};

/// A value, or the name of the failure.
pub(crate) type Answer = Result<BigRational, &'static str>;

/// Evaluates a valid expression.
pub(crate) fn evaluate(text: &str) -> String {
    let bytes: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let mut position = 0;
    let answer = sum(&bytes, &mut position);
    assert_eq!(position, bytes.len(), "not an expression: {text}");
    match answer {
        Ok(value) => value.to_string(),
        Err(failure) => format!("error:{failure}"),
    }
}

fn bounded(value: BigRational) -> Answer {
    let limit = BigInt::from(2).pow(4_096_u32);
    let beyond = |term: &BigInt| *term >= limit || *term <= -limit.clone();
    if beyond(value.numer()) || beyond(value.denom()) {
        Err("overflow")
    } else {
        Ok(value)
    }
}

fn sum(bytes: &[u8], position: &mut usize) -> Answer {
    let mut left = product(bytes, position);
    while let Some(operator @ (b'+' | b'-')) = bytes.get(*position) {
        *position += 1;
        let right = product(bytes, position);
        left = left.and_then(|a| {
            let b = right?;
            bounded(if *operator == b'+' { a + b } else { a - b })
        });
    }
    left
}

fn product(bytes: &[u8], position: &mut usize) -> Answer {
    let mut left = factor(bytes, position);
    while let Some(operator @ (b'*' | b'/')) = bytes.get(*position) {
        *position += 1;
        let right = factor(bytes, position);
        left = left.and_then(|a| {
            let b = right?;
            match operator {
                b'*' => bounded(a * b),
                _ if b.is_zero() => Err("div_by_zero"),
                _ => bounded(a / b),
            }
        });
    }
    left
}

fn factor(bytes: &[u8], position: &mut usize) -> Answer {
    match bytes[*position] {
        b'-' => {
            *position += 1;
            factor(bytes, position).map(|value| -value)
        }
        b'(' => {
            *position += 1;
            let value = sum(bytes, position);
            assert_eq!(bytes.get(*position), Some(&b')'));
            *position += 1;
            value
        }
        _ => {
            let start = *position;
            while bytes
                .get(*position)
                .is_some_and(|byte| byte.is_ascii_digit() || *byte == b'.')
            {
                *position += 1;
            }
            let text = std::str::from_utf8(&bytes[start..*position]).unwrap();
            let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
            let digits: BigInt = format!("{whole}{fraction}").parse().unwrap();
            Ok(BigRational::new(digits, BigInt::from(10).pow(fraction.len())))
        }
    }
}
