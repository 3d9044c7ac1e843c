//! Exact rationals seen modulo a prime: enough to know that a divisor would be 0, without big numbers.

/// 2^61 - 1, a Mersenne prime.
const PRIME: u64 = (1 << 61) - 1;

/// A fraction modulo [`PRIME`]. A rational that is 0 is always 0 here; one that is not is 0 here once in 2^61.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Residue {
    numerator: u64,
    denominator: u64,
}

impl Residue {
    pub(crate) fn new(numerator: i64, denominator: u64) -> Self {
        let size = numerator.unsigned_abs() % PRIME;
        let numerator = if numerator < 0 { negate(size) } else { size };
        Self {
            numerator,
            denominator: denominator % PRIME,
        }
    }

    pub(crate) const fn is_zero(self) -> bool {
        self.numerator == 0
    }

    pub(crate) fn add(self, rhs: Self) -> Self {
        let left = multiply(self.numerator, rhs.denominator);
        let right = multiply(rhs.numerator, self.denominator);
        Self {
            numerator: (left + right) % PRIME,
            denominator: multiply(self.denominator, rhs.denominator),
        }
    }

    pub(crate) fn subtract(self, rhs: Self) -> Self {
        self.add(Self {
            numerator: negate(rhs.numerator),
            ..rhs
        })
    }

    pub(crate) fn multiply(self, rhs: Self) -> Self {
        Self {
            numerator: multiply(self.numerator, rhs.numerator),
            denominator: multiply(self.denominator, rhs.denominator),
        }
    }

    pub(crate) fn divide(self, rhs: Self) -> Self {
        self.multiply(Self {
            numerator: rhs.denominator,
            denominator: rhs.numerator,
        })
    }
}

const fn negate(a: u64) -> u64 {
    if a == 0 { 0 } else { PRIME - a }
}

fn multiply(a: u64, b: u64) -> u64 {
    (u128::from(a) * u128::from(b) % u128::from(PRIME)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fractions that cancel are zero, and ones that nearly cancel are not.
    #[test]
    fn zero_is_recognised_through_fractions() {
        let third = Residue::new(1, 1).divide(Residue::new(3, 1));
        let zero = third.multiply(Residue::new(-6, 1)).add(Residue::new(2, 1));
        assert!(zero.is_zero());
        assert!(!zero.add(third).is_zero());
        assert!(Residue::new(25, 10).subtract(Residue::new(5, 2)).is_zero());
    }
}
