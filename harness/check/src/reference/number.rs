//! Exact rationals: two machine words while they fit, [`BigRational`] when they do not.
//!
//! Almost every number of a workload fits, and a checker that allocates for each of them would need twice the time for a million
//! answers. The way a number is held shows nowhere: the tests hold both ways against each other.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::Zero as _;
use tally_model::{Failure, Operation};

/// Bits of a numerator or denominator at most.
const BIT_LIMIT: u64 = 4_096;

/// A rational in lowest terms with a positive denominator.
#[derive(Clone, Debug)]
pub(super) enum Number {
    /// Numerator and denominator.
    Small(i64, i64),
    /// One that did not fit when it was made.
    Big(BigRational),
}

/// A value, or the failure that took its place.
pub(super) type Value = Result<Number, Failure>;

impl Number {
    /// `numerator / denominator`, if it fits into machine words; the denominator is not 0.
    fn small(numerator: i128, denominator: i128) -> Option<Self> {
        if denominator == 1 {
            return i64::try_from(numerator).ok().map(|whole| Self::Small(whole, 1));
        }
        let (top, bottom) = (numerator.unsigned_abs(), denominator.unsigned_abs());
        let common = divisor(u64::try_from(top).ok()?, u64::try_from(bottom).ok()?);
        let sign = denominator.signum();
        let top = i64::try_from(sign * numerator / i128::from(common)).ok()?;
        let bottom = i64::try_from(sign * denominator / i128::from(common)).ok()?;
        Some(Self::Small(top, bottom))
    }

    /// A big number, unless it is beyond the bound.
    pub(super) fn big(number: BigRational) -> Value {
        if number.numer().bits() > BIT_LIMIT || number.denom().bits() > BIT_LIMIT {
            Err(Failure::Overflow)
        } else {
            Ok(Self::Big(number))
        }
    }

    /// `digits / 10^places`, if `digits` (decimal, possibly none) and the power are short.
    pub(super) fn short(whole: &str, fraction: &str) -> Option<Self> {
        if whole.len() + fraction.len() > 18 {
            return None;
        }
        let digit = |sum: i128, byte: u8| sum * 10 + i128::from(byte - b'0');
        let digits = whole.bytes().chain(fraction.bytes()).fold(0, digit);
        Self::small(digits, 10_i128.pow(fraction.len() as u32))
    }

    fn to_big(&self) -> BigRational {
        match self {
            Self::Small(top, bottom) => BigRational::new_raw(BigInt::from(*top), BigInt::from(*bottom)),
            Self::Big(number) => number.clone(),
        }
    }

    fn is_zero(&self) -> bool {
        match self {
            Self::Small(top, _) => *top == 0,
            Self::Big(number) => number.is_zero(),
        }
    }

    /// `-self`.
    pub(super) fn negated(&self) -> Self {
        match self {
            Self::Small(top, bottom) if *top != i64::MIN => Self::Small(-top, *bottom),
            other => Self::Big(-other.to_big()),
        }
    }

    /// `left operation right`.
    pub(super) fn compute(operation: Operation, left: &Self, right: &Self) -> Value {
        if operation == Operation::Div && right.is_zero() {
            return Err(Failure::DivByZero);
        }
        if let (Self::Small(a, b), Self::Small(c, d)) = (left, right)
            && let Some(number) = in_words(operation, [*a, *b, *c, *d].map(i128::from))
        {
            return Ok(number);
        }
        let (left, right) = (left.to_big(), right.to_big());
        Self::big(match operation {
            Operation::Add => left + right,
            Operation::Sub => left - right,
            Operation::Mul => left * right,
            Operation::Div => left / right,
        })
    }
}

/// `a/b operation c/d`: no product of two words and no sum of two such products leaves 128 bits.
fn in_words(operation: Operation, [a, b, c, d]: [i128; 4]) -> Option<Number> {
    match operation {
        Operation::Add => Number::small(a * d + c * b, b * d),
        Operation::Sub => Number::small(a * d - c * b, b * d),
        Operation::Mul => Number::small(a * c, b * d),
        Operation::Div => Number::small(a * d, b * c),
    }
}

/// The greatest common divisor (Euclid); the second is not 0.
const fn divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl std::fmt::Display for Number {
    /// The canonical form: `BigRational` keeps lowest terms and a positive denominator too, and prints no `/1` either.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Small(top, 1) => top.fmt(f),
            Self::Small(top, bottom) => write!(f, "{top}/{bottom}"),
            Self::Big(number) => number.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn word() -> impl Strategy<Value = i64> {
        prop_oneof![-20_i64..20, any::<i64>(), Just(i64::MIN), Just(i64::MAX)]
    }

    fn number() -> impl Strategy<Value = Number> {
        (word(), word().prop_filter("a denominator", |d| *d != 0)).prop_map(|(top, bottom)| {
            Number::small(i128::from(top), i128::from(bottom))
                .unwrap_or_else(|| Number::Big(BigRational::new(top.into(), bottom.into())))
        })
    }

    proptest! {
        /// Whether a number is held in words or not, every operation prints the same.
        #[test]
        fn words_and_big_numbers_agree(a in number(), b in number()) {
            let (big_a, big_b) = (Number::Big(a.to_big()), Number::Big(b.to_big()));
            prop_assert_eq!(a.negated().to_string(), big_a.negated().to_string());
            for operation in Operation::ALL {
                let (small, big) = (Number::compute(operation, &a, &b), Number::compute(operation, &big_a, &big_b));
                prop_assert_eq!(small.map(|n| n.to_string()), big.map(|n| n.to_string()));
            }
        }

        /// Short decimals are what their digits say.
        #[test]
        fn short_decimals_are_exact(whole in "[0-9]{1,9}", fraction in "[0-9]{0,9}") {
            let ten = BigInt::from(10).pow(fraction.len() as u32);
            let digits: BigInt = format!("{whole}{fraction}").parse().unwrap();
            let expected = BigRational::new(digits, ten).to_string();
            prop_assert_eq!(Number::short(&whole, &fraction).unwrap().to_string(), expected);
        }
    }
}
