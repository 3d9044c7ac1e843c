//! Number literals: decimal text to an exact rational and back.

use num_bigint::BigInt;
use num_integer::Integer;
use num_rational::BigRational;
use num_traits::{Pow, ToPrimitive, Zero};
use tally_model::Failure;

use crate::limits::{MAX_BITS, MAX_DIGITS};
use crate::rational::Rational;

/// Most digits for which numerator and power of ten both fit a machine word.
const WORD_DIGITS: usize = 18;

/// Reads the digits before and after a decimal point (none after: an integer).
///
/// # Errors
/// `overflow` when the value, in lowest terms, does not fit [`MAX_BITS`].
pub(crate) fn read(whole: &str, fraction: &str) -> Result<Rational, Failure> {
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    if whole.len() + fraction.len() <= WORD_DIGITS {
        let digits = |text: &str, start: i64| text.bytes().fold(start, |n, b| n * 10 + i64::from(b - b'0'));
        let numerator = digits(fraction, digits(whole, 0));
        let denominator = 10_i64.pow(fraction.len() as u32);
        let divisor = numerator.gcd(&denominator);
        return Ok(Rational::Small {
            numerator: numerator / divisor,
            denominator: denominator / divisor,
        });
    }
    // With its trailing zeros gone, a fraction of F digits has a reduced denominator of at least 2^F. So what cannot
    // fit is refused before any big number is built.
    if whole.len() > MAX_DIGITS || fraction.len() as u64 > MAX_BITS {
        return Err(Failure::Overflow);
    }
    let numerator: BigInt = format!("{whole}{fraction}")
        .parse()
        .map_err(|_| Failure::Internal)?;
    let denominator = BigInt::from(10).pow(fraction.len());
    Rational::from_big(BigRational::new(numerator, denominator))
}

/// Writes a literal's value the shortest way that [`read`] reads back.
///
/// Only values that [`read`] gave are written, so the denominator has no factors but 2 and 5.
pub(crate) fn write(value: &Rational, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
    if let Rational::Small {
        numerator,
        denominator: 1,
    } = value
    {
        return write!(f, "{numerator}");
    }
    let value = value.to_big();
    let places = places(value.denom());
    let scaled = value.numer() * BigInt::from(10).pow(places) / value.denom();
    let digits = scaled.to_string();
    if places == 0 {
        return f.write_str(&digits);
    }
    let padding = (places + 1).saturating_sub(digits.len());
    let digits = format!("{}{digits}", "0".repeat(padding));
    let (whole, fraction) = digits.split_at(digits.len() - places);
    write!(f, "{whole}.{fraction}")
}

/// Fraction digits of a value with this denominator: the greater exponent of 2 and 5 in it.
fn places(denominator: &BigInt) -> usize {
    let twos = denominator.trailing_zeros().unwrap_or(0);
    let five = BigInt::from(5);
    let mut rest = denominator >> twos;
    let mut fives: u64 = 0;
    loop {
        let (quotient, remainder) = rest.div_rem(&five);
        if !remainder.is_zero() || quotient.is_zero() {
            return twos.max(fives).to_usize().unwrap_or(usize::MAX);
        }
        rest = quotient;
        fives += 1;
    }
}
