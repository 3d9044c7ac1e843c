//! In which order the trials of a comparison are played.

use tally_plan::CompareOrder;
use tally_workloads::Stream;

/// One trial to be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    /// Which arm, from 0.
    pub(crate) arm: usize,
    /// Which pair, from 1.
    pub(crate) pair: u32,
}

/// Every arm once per pair.
///
/// Interleaved: of every two pairs the second is played backwards (ABBA), so that a machine that becomes slower or faster while
/// the comparison runs favours no arm; who begins is drawn by `seed` for every two pairs.
pub(crate) fn turns(arms: usize, pairs: u32, order: CompareOrder, seed: u64) -> Vec<Turn> {
    match order {
        CompareOrder::Blocked => (0..arms)
            .flat_map(|arm| (1..=pairs).map(move |pair| Turn { arm, pair }))
            .collect(),
        CompareOrder::Interleaved => {
            let mut stream = Stream::new(seed, "comparison", "order");
            let mut order: Vec<usize> = Vec::new();
            let mut turns = Vec::new();
            for pair in 1..=pairs {
                if pair % 2 == 1 {
                    order = shuffled(arms, &mut stream);
                } else {
                    order.reverse();
                }
                turns.extend(order.iter().map(|&arm| Turn { arm, pair }));
            }
            turns
        }
    }
}

/// Every order with the same chance (Fisher and Yates, in Durstenfeld's form).
fn shuffled(arms: usize, stream: &mut Stream) -> Vec<usize> {
    let mut order: Vec<usize> = (0..arms).collect();
    for last in (1..arms).rev() {
        order.swap(last, stream.below(last as u64 + 1) as usize);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every pair has every arm once, the second of two pairs is the first backwards, and the seed decides who begins.
    #[test]
    fn pairs_alternate_their_direction() {
        let of = |seed| turns(3, 5, CompareOrder::Interleaved, seed);
        let one = of(42);
        assert_eq!(one.len(), 15);
        assert_eq!(one, of(42));
        let arms: Vec<Vec<usize>> = one
            .chunks(3)
            .map(|pair| pair.iter().map(|turn| turn.arm).collect())
            .collect();
        for (number, pair) in arms.iter().enumerate() {
            let mut sorted = pair.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2], "pair {number}");
        }
        for two in arms.chunks_exact(2) {
            assert!(two[0].iter().eq(two[1].iter().rev()), "{two:?}");
        }
        let first: std::collections::BTreeSet<usize> = (0..40).map(|seed| of(seed)[0].arm).collect();
        assert_eq!(first.len(), 3, "each arm begins some time");
    }

    /// Blocked: one arm after the other, as the file may ask for.
    #[test]
    fn blocked_plays_arm_after_arm() {
        let shown: Vec<(usize, u32)> = turns(2, 2, CompareOrder::Blocked, 1)
            .iter()
            .map(|turn| (turn.arm, turn.pair))
            .collect();
        assert_eq!(shown, [(0, 1), (0, 2), (1, 1), (1, 2)]);
    }
}
