//! An exact rational with bounded terms: machine words while they suffice, big integers beyond.

use num_bigint::BigInt;
use num_integer::Integer;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};
use tally_model::{Failure, Operation};

use crate::limits::{MAX_BITS, MAX_DIGITS};

/// A rational in lowest terms, denominator positive, both terms within [`MAX_BITS`].
///
/// `Small` whenever both terms fit, so that derived equality is equality of values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rational {
    /// Both terms fit a machine word.
    Small {
        /// Carries the sign.
        numerator: i64,
        /// At least 1.
        denominator: i64,
    },
    /// At least one term does not.
    Big(Box<BigRational>),
}

/// A result of [`small`] in lowest terms, denominator positive.
pub(crate) type Wide = (i128, i128);

impl Rational {
    /// A machine integer.
    pub(crate) const fn integer(numerator: i64) -> Self {
        Self::Small {
            numerator,
            denominator: 1,
        }
    }

    /// From terms already in lowest terms.
    pub(crate) fn from_wide((numerator, denominator): Wide) -> Self {
        match (i64::try_from(numerator), i64::try_from(denominator)) {
            (Ok(numerator), Ok(denominator)) => Self::Small {
                numerator,
                denominator,
            },
            _ => Self::Big(Box::new(BigRational::new_raw(
                BigInt::from(numerator),
                BigInt::from(denominator),
            ))),
        }
    }

    /// From a reduced big rational.
    ///
    /// # Errors
    /// `overflow` when a term has more than [`MAX_BITS`] bits.
    pub(crate) fn from_big(value: BigRational) -> Result<Self, Failure> {
        if value.numer().bits() > MAX_BITS || value.denom().bits() > MAX_BITS {
            return Err(Failure::Overflow);
        }
        Ok(match (value.numer().to_i64(), value.denom().to_i64()) {
            (Some(numerator), Some(denominator)) => Self::Small {
                numerator,
                denominator,
            },
            _ => Self::Big(Box::new(value)),
        })
    }

    /// The same value as a big rational.
    pub(crate) fn to_big(&self) -> BigRational {
        match self {
            Self::Small {
                numerator,
                denominator,
            } => BigRational::new_raw(BigInt::from(*numerator), BigInt::from(*denominator)),
            Self::Big(value) => value.as_ref().clone(),
        }
    }

    /// Whether it is 0.
    pub(crate) const fn is_zero(&self) -> bool {
        matches!(self, Self::Small { numerator: 0, .. })
    }

    /// The additive inverse; it has the same bits, so it cannot overflow.
    pub(crate) fn negated(&self) -> Self {
        match self {
            Self::Small {
                numerator,
                denominator,
            } => Self::from_wide((-i128::from(*numerator), i128::from(*denominator))),
            // 2^63 negates into a machine word, hence the way through `from_big`.
            Self::Big(value) => Self::from_big(-value.as_ref().clone()).unwrap_or_else(|_| self.clone()),
        }
    }

    /// `self operation right`.
    ///
    /// # Errors
    /// `div_by_zero`, `overflow`.
    pub(crate) fn combine(&self, operation: Operation, right: &Self) -> Result<Self, Failure> {
        if let Some(result) = small(operation, self, right) {
            return result.map(Self::from_wide);
        }
        let (left, right) = (self.to_big(), right.to_big());
        Self::from_big(match operation {
            Operation::Add => left + right,
            Operation::Sub => left - right,
            Operation::Mul => left * right,
            Operation::Div if right.is_zero() => return Err(Failure::DivByZero),
            Operation::Div => left / right,
        })
    }

    /// Reads canonical text: lowest terms, no leading zeros, no `-0`, no denominator of 1.
    ///
    /// # Errors
    /// `syntax` when the text is anything else, `overflow` when a term has more than [`MAX_BITS`] bits.
    pub(crate) fn read(text: &str) -> Result<Self, Failure> {
        let (numerator, denominator) = match text.split_once('/') {
            None => (text, None),
            Some((numerator, denominator)) => (numerator, Some(denominator)),
        };
        let magnitude = numerator.strip_prefix('-').unwrap_or(numerator);
        let integer = magnitude == "0" && numerator.len() == 1 && denominator.is_none();
        if !integer && !is_term(magnitude) || denominator.is_some_and(|d| d == "1" || !is_term(d)) {
            return Err(Failure::Syntax);
        }
        let denominator = denominator.unwrap_or("1");
        if magnitude.len() > MAX_DIGITS || denominator.len() > MAX_DIGITS {
            return Err(Failure::Overflow);
        }
        if let (Ok(numerator), Ok(denominator)) = (numerator.parse::<i64>(), denominator.parse::<i64>()) {
            let reduced = denominator == 1 || numerator.unsigned_abs().gcd(&denominator.unsigned_abs()) == 1;
            let value = Self::Small {
                numerator,
                denominator,
            };
            return if reduced { Ok(value) } else { Err(Failure::Syntax) };
        }
        let (Ok(numerator), Ok(denominator)) = (numerator.parse::<BigInt>(), denominator.parse::<BigInt>())
        else {
            return Err(Failure::Syntax);
        };
        if !denominator.is_one() && !numerator.gcd(&denominator).is_one() {
            return Err(Failure::Syntax);
        }
        Self::from_big(BigRational::new_raw(numerator, denominator))
    }
}

/// A positive decimal integer without leading zeros.
fn is_term(digits: &str) -> bool {
    digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.is_empty() && !digits.starts_with('0')
}

/// The operation in 128-bit words when both operands are small; nothing overflows there because every product has at
/// most 126 bits.
pub(crate) fn small(
    operation: Operation,
    left: &Rational,
    right: &Rational,
) -> Option<Result<Wide, Failure>> {
    let (
        Rational::Small {
            numerator: a,
            denominator: b,
        },
        Rational::Small {
            numerator: c,
            denominator: d,
        },
    ) = (left, right)
    else {
        return None;
    };
    let (a, b, c, d) = (i128::from(*a), i128::from(*b), i128::from(*c), i128::from(*d));
    Some(Ok(match operation {
        Operation::Add if b == 1 && d == 1 => (a + c, 1),
        Operation::Sub if b == 1 && d == 1 => (a - c, 1),
        Operation::Mul if b == 1 && d == 1 => (a * c, 1),
        Operation::Add => lowest(a * d + c * b, b * d),
        Operation::Sub => lowest(a * d - c * b, b * d),
        Operation::Mul => lowest(a * c, b * d),
        Operation::Div if c == 0 => return Some(Err(Failure::DivByZero)),
        Operation::Div => lowest(a * d, b * c),
    }))
}

/// Lowest terms, denominator positive; `denominator` is not 0 and neither is `i128::MIN`.
fn lowest(numerator: i128, denominator: i128) -> Wide {
    let (n, d) = (numerator.unsigned_abs(), denominator.unsigned_abs());
    let divisor = match (u64::try_from(n), u64::try_from(d)) {
        (Ok(n), Ok(d)) => i128::from(n.gcd(&d)),
        _ => n.gcd(&d) as i128,
    };
    let divisor = if denominator < 0 { -divisor } else { divisor };
    (numerator / divisor, denominator / divisor)
}

/// Writes terms in canonical form.
pub(crate) fn write_wide((numerator, denominator): Wide) -> String {
    if denominator == 1 {
        numerator.to_string()
    } else {
        format!("{numerator}/{denominator}")
    }
}

impl std::fmt::Display for Rational {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Small {
                numerator,
                denominator: 1,
            } => write!(f, "{numerator}"),
            Self::Small {
                numerator,
                denominator,
            } => write!(f, "{numerator}/{denominator}"),
            Self::Big(value) => {
                debug_assert!(value.denom().is_positive());
                write!(f, "{value}")
            }
        }
    }
}
