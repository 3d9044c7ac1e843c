//! One agent's part of what is numbered: every so-manieth, so that all parts together are everything, once.
//!
//! Requests are numbered in the order they are due, so parts are also equally busy at every moment.

/// Every [`Share::of`]-th number from [`Share::index`] on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    index: u32,
    of: u32,
}

impl Share {
    /// Everything.
    pub const ALL: Self = Self { index: 0, of: 1 };

    /// Part `index` (from 0) of `of`; none if there is no such part.
    pub const fn new(index: u32, of: u32) -> Option<Self> {
        if index < of {
            Some(Self { index, of })
        } else {
            None
        }
    }

    /// Which part, from 0.
    pub const fn index(self) -> u32 {
        self.index
    }

    /// How many parts there are, at least 1.
    pub const fn of(self) -> u32 {
        self.of
    }

    /// How many of the numbers below `total` are in this part.
    pub const fn len(self, total: u64) -> u64 {
        total.saturating_sub(self.index as u64).div_ceil(self.of as u64)
    }

    /// Number `place` (from 0) of this part.
    pub const fn nth(self, place: u64) -> u64 {
        place
            .saturating_mul(self.of as u64)
            .saturating_add(self.index as u64)
    }

    /// Which of `of` parts (at least 1) number `n` is in.
    pub const fn holder(n: u64, of: u32) -> u32 {
        (n % of as u64) as u32
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The parts together are every number once, each where `holder` says, in order, and none is larger than another by more than 1.
        #[test]
        fn all_parts_are_everything_once(total in 0_u64..5_000, of in 1_u32..70) {
            let parts: Vec<Share> = (0..of).filter_map(|index| Share::new(index, of)).collect();
            let mut union = Vec::new();
            for part in &parts {
                let numbers: Vec<u64> = (0..part.len(total)).map(|place| part.nth(place)).collect();
                prop_assert!(numbers.is_sorted());
                prop_assert!(numbers.iter().all(|n| Share::holder(*n, of) == part.index()));
                union.extend(numbers);
            }
            union.sort_unstable();
            prop_assert_eq!(union, (0..total).collect::<Vec<_>>());
            let sizes = parts.iter().map(|part| part.len(total));
            prop_assert!(sizes.clone().max().unwrap_or(0) - sizes.min().unwrap_or(0) <= 1);
        }
    }

    /// There is no part beyond the last, and no part of nothing.
    #[test]
    fn a_part_that_is_not_there_is_refused() {
        assert_eq!(Share::new(3, 3), None);
        assert_eq!(Share::new(0, 0), None);
        assert_eq!(Share::new(0, 1), Some(Share::ALL));
    }
}
