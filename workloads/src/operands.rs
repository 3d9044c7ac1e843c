//! What stands in an expression: numbers from a range, and operations by weight.

use serde::{Deserialize, Serialize};
use tally_model::Operation;

use crate::Stream;
use crate::residue::Residue;

/// Whole numbers from `min` to `max`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueRange {
    /// The smallest.
    pub min: i64,
    /// The largest; not below `min`.
    pub max: i64,
}

impl ValueRange {
    /// Both ends of a range lie within this of 0, so that an operand never has more than nine digits.
    pub const MAX: i64 = 999_999_999;
}

/// How many digits after the point an operand has: 0 to 6, drawn evenly up to this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Decimals(pub u8);

impl Decimals {
    /// The most digits.
    pub const MAX: u8 = 6;
}

/// How often each operation is drawn, in the order of [`Operation::ALL`]. Not all are 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperationWeights(pub [u32; 4]);

impl OperationWeights {
    /// The same weight for each of these.
    pub fn even(operations: &[Operation]) -> Self {
        let mut weights = [0; 4];
        for operation in operations {
            weights[operation.index()] = 1;
        }
        Self(weights)
    }

    /// The weight of an operation.
    pub const fn of(&self, operation: Operation) -> u32 {
        self.0[operation.index()]
    }

    pub(crate) fn draw(&self, stream: &mut Stream) -> Operation {
        let total = self.0.iter().map(|w| u64::from(*w)).sum();
        let mut ticket = stream.below(total);
        for operation in Operation::ALL {
            let weight = u64::from(self.of(operation));
            if ticket < weight {
                return operation;
            }
            ticket -= weight;
        }
        Operation::Add
    }
}

/// Writes one operand and says what it is worth. Negative ones stand in parentheses: `3-(-5)`.
pub(crate) fn operand(
    range: ValueRange,
    decimals: Decimals,
    stream: &mut Stream,
    out: &mut String,
) -> Residue {
    let width = range.max.wrapping_sub(range.min) as u64;
    let value = range
        .min
        .wrapping_add(stream.below(width.saturating_add(1)) as i64);
    let digits = stream_digits(decimals, stream);
    let scale = 10_u64.pow(u32::from(digits));
    let fraction = stream.below(scale);
    // -3 with fraction .25 is -3.25: the fraction moves away from zero.
    let size = value.unsigned_abs() * scale + fraction;
    let negative = value < 0;
    if negative {
        out.push_str("(-");
    }
    push_number(value.unsigned_abs(), out);
    if digits > 0 {
        out.push('.');
        let start = out.len();
        push_number(fraction, out);
        for _ in out.len() - start..usize::from(digits) {
            out.insert(start, '0');
        }
    }
    if negative {
        out.push(')');
    }
    Residue::new(if negative { -(size as i64) } else { size as i64 }, scale)
}

/// No draw when there is nothing to choose, so that whole numbers cost one draw each.
fn stream_digits(decimals: Decimals, stream: &mut Stream) -> u8 {
    match decimals.0.min(Decimals::MAX) {
        0 => 0,
        most => stream.below(u64::from(most) + 1) as u8,
    }
}

/// Decimal digits without the formatting machinery: a plan of a million requests is mostly this.
fn push_number(mut value: u64, out: &mut String) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend(digits[at..].iter().map(|digit| char::from(*digit)));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is written is what is meant: the text read as a number equals the residue.
    #[test]
    fn the_text_of_an_operand_is_its_value() {
        let range = ValueRange { min: -12, max: 12 };
        let mut stream = Stream::new(1, "l", "t");
        for _ in 0..2_000 {
            let mut text = String::new();
            let residue = operand(range, Decimals(3), &mut stream, &mut text);
            let bare = text.trim_matches(|c| c == '(' || c == ')');
            let thousandths = (bare.parse::<f64>().unwrap() * 1000.0).round() as i64;
            assert!(
                residue.subtract(Residue::new(thousandths, 1000)).is_zero(),
                "{text}"
            );
        }
    }

    /// Operations come as often as their weight says and never with weight 0.
    #[test]
    fn operations_follow_their_weights() {
        let weights = OperationWeights([3, 0, 1, 0]);
        let mut stream = Stream::new(1, "l", "t");
        let mut seen = [0_u32; 4];
        for _ in 0..40_000 {
            seen[weights.draw(&mut stream).index()] += 1;
        }
        assert_eq!((seen[1], seen[3]), (0, 0));
        assert!((29_000..31_000).contains(&seen[0]), "{seen:?}");
    }
}
