//! What a recorder remembers of requests that are over: their ids, and a sample of the answered ones.
//!
//! A million ids take 24 MiB here, a third of what a map of ids to numbers takes.

use tally_model::RequestId;

/// How many answers are read again at the end, to see that they stay.
const REREADS: usize = 256;
/// An empty place of the table.
const NONE: u32 = u32::MAX;

/// The number of every id that was given.
#[derive(Debug, Default)]
pub(super) struct Ids {
    /// By number; none was given where it is 0.
    by_number: Vec<u128>,
    /// Numbers, each at or after the place that its id asks for (linear probing); at most half full.
    table: Vec<u32>,
    count: usize,
}

impl Ids {
    /// Notes that request `n` got `id`.
    pub(super) fn insert(&mut self, id: RequestId, n: u32) {
        if (self.count + 1) * 2 > self.table.len() {
            self.grow();
        }
        let place = n as usize;
        if place >= self.by_number.len() {
            self.by_number.resize(place + 1, 0);
        }
        self.by_number[place] = id.0;
        self.place(id.0, n);
        self.count += 1;
    }

    /// The number of `id`.
    pub(super) fn get(&self, id: RequestId) -> Option<u32> {
        let mask = self.table.len().checked_sub(1)?;
        let mut place = start(id.0) & mask;
        loop {
            match self.table[place] {
                NONE => return None,
                n if self.by_number[n as usize] == id.0 => return Some(n),
                _ => place = (place + 1) & mask,
            }
        }
    }

    fn place(&mut self, id: u128, n: u32) {
        let mask = self.table.len() - 1;
        let mut place = start(id) & mask;
        while self.table[place] != NONE {
            place = (place + 1) & mask;
        }
        self.table[place] = n;
    }

    fn grow(&mut self) {
        let old = std::mem::take(&mut self.table);
        self.table = vec![NONE; (old.len() * 2).max(1_024)];
        for n in old.into_iter().filter(|n| *n != NONE) {
            self.place(self.by_number[n as usize], n);
        }
    }
}

/// Ids are hashes in their own right, but nothing says that of all their bits (Fibonacci hashing, Knuth, volume 3, 6.4).
fn start(id: u128) -> usize {
    let folded = (id as u64) ^ ((id >> 64) as u64);
    (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize
}

/// An even sample of what it was offered (Vitter's algorithm R, with a fixed seed).
#[derive(Debug, Default)]
pub(super) struct Reservoir {
    kept: Vec<(u64, RequestId)>,
    offered: u64,
    state: u64,
}

impl Reservoir {
    /// Offers one more.
    pub(super) fn offer(&mut self, one: (u64, RequestId)) {
        self.offered += 1;
        if self.kept.len() < REREADS {
            return self.kept.push(one);
        }
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let place = (u128::from(self.state) * u128::from(self.offered)) >> 64;
        if let Some(old) = self.kept.get_mut(place as usize) {
            *old = one;
        }
    }

    /// What was kept, by number.
    pub(super) fn sorted(&self) -> Vec<(u64, RequestId)> {
        let mut sorted = self.kept.clone();
        sorted.sort_unstable();
        sorted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every id is found with its number, whatever bits the ids share, and no other is.
    #[test]
    fn ids_are_found_again() {
        for shift in [0, 20, 96] {
            let mut ids = Ids::default();
            assert_eq!(ids.get(RequestId(1)), None);
            for n in 0..5_000_u32 {
                ids.insert(RequestId(u128::from(n + 1) << shift), n);
            }
            assert!((0..5_000).all(|n| ids.get(RequestId(u128::from(n + 1) << shift)) == Some(n)));
            assert_eq!(ids.get(RequestId(5_001 << shift)), None);
        }
    }

    /// The sample is bounded, has each at most once, and comes from all parts of what was offered.
    #[test]
    fn a_sample_is_bounded_and_spread() {
        let mut sample = Reservoir::default();
        for n in 0..100_000 {
            sample.offer((n, RequestId(u128::from(n))));
        }
        let kept = sample.sorted();
        assert_eq!(kept.len(), REREADS);
        assert!(kept.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!((0..4).all(|part| kept.iter().any(|(n, _)| n / 25_000 == part)));
    }
}
