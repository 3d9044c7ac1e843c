//! A Merkle tree over the results of a batch: one signature covers all, one path proves a single one.
//!
//! The last node of an odd level moves up unchanged; the number of leaves is signed with the root, so that a path has one
//! shape (RFC 9162, section 2.1, has the same tree).

use tally_model::Suite;

use crate::digest::{Digest, Domain, digest_pair};

/// Longest path: 2^7 leaves are more than a batch holds.
pub const MAX_PATH: usize = 7;

/// Proves that one leaf is part of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// Which leaf, from 0.
    pub index: u16,
    /// How many leaves the tree has; more than `index`.
    pub leaves: u16,
    /// The digests beside the way up, at most [`MAX_PATH`].
    pub siblings: Vec<Digest>,
}

impl Path {
    /// The root the path leads to from `leaf`; none if its length does not fit its index.
    pub(crate) fn root(&self, suite: Suite, leaf: Digest) -> Option<Digest> {
        let (mut index, mut width) = (self.index, self.leaves);
        if index >= width || self.siblings.len() > MAX_PATH {
            return None;
        }
        let mut siblings = self.siblings.iter();
        let mut at = leaf;
        while width > 1 {
            if index % 2 == 1 {
                at = node(suite, *siblings.next()?, at);
            } else if index + 1 < width {
                at = node(suite, at, *siblings.next()?);
            }
            index /= 2;
            width = width.div_ceil(2);
        }
        siblings.next().is_none().then_some(at)
    }
}

/// All of a tree, from the leaves to the root.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    levels: Vec<Vec<Digest>>,
}

impl Tree {
    /// The tree of the leaves; there is at least one.
    pub(crate) fn over(suite: Suite, leaves: Vec<Digest>) -> Self {
        let mut levels = vec![leaves];
        while let Some(level) = levels.last()
            && level.len() > 1
        {
            levels.push(above(suite, level));
        }
        Self { levels }
    }

    /// What is signed.
    pub(crate) fn root(&self) -> Digest {
        let top = self.levels.last().and_then(|level| level.first());
        top.copied().unwrap_or(Digest([0; 32]))
    }

    /// The path of every leaf.
    pub(crate) fn paths(&self) -> Vec<Path> {
        let leaves = self.levels.first().map_or(0, Vec::len);
        let siblings = |index: usize| {
            let levels = self.levels.iter().enumerate();
            levels.filter_map(move |(height, level)| level.get((index >> height) ^ 1).copied())
        };
        (0..leaves)
            .map(|index| Path {
                index: index as u16,
                leaves: leaves as u16,
                siblings: siblings(index).collect(),
            })
            .collect()
    }
}

/// The root of the leaves; there is at least one.
pub(crate) fn root(suite: Suite, leaves: Vec<Digest>) -> Digest {
    Tree::over(suite, leaves).root()
}

fn above(suite: Suite, level: &[Digest]) -> Vec<Digest> {
    level
        .chunks(2)
        .map(|pair| match pair {
            [left, right] => node(suite, *left, *right),
            odd => odd.first().copied().unwrap_or(Digest([0; 32])),
        })
        .collect()
}

fn node(suite: Suite, left: Digest, right: Digest) -> Digest {
    digest_pair(suite, Domain::Node, left, right)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(count: u8) -> Vec<Digest> {
        (0..count).map(|i| Digest([i; 32])).collect()
    }

    /// For every size of batch, every leaf's path leads to the root, and no other leaf, index or size does.
    #[test]
    fn a_path_proves_its_own_leaf_and_nothing_else() {
        for count in 1..=64 {
            let leaves = leaves(count);
            let top = root(Suite::Modern, leaves.clone());
            for (path, leaf) in Tree::over(Suite::Modern, leaves.clone())
                .paths()
                .into_iter()
                .zip(&leaves)
            {
                assert_eq!(path.root(Suite::Modern, *leaf), Some(top));
                assert_ne!(path.root(Suite::Modern, Digest([99; 32])), Some(top));
                let mut moved = path.clone();
                moved.index = (path.index + 1) % u16::from(count.max(2));
                assert_ne!(moved.root(Suite::Modern, *leaf), Some(top), "{path:?}");
                let mut longer = path.clone();
                longer.siblings.push(Digest([1; 32]));
                assert_eq!(longer.root(Suite::Modern, *leaf), None);
                let mut shorter = path;
                if shorter.siblings.pop().is_some() {
                    assert_eq!(shorter.root(Suite::Modern, *leaf), None);
                }
            }
        }
    }

    /// Trees of different sizes or orders have different roots.
    #[test]
    fn the_root_depends_on_every_leaf_and_its_place() {
        let mut seen = std::collections::BTreeSet::new();
        for count in 1..=64 {
            assert!(seen.insert(root(Suite::Modern, leaves(count))));
        }
        let mut swapped = leaves(5);
        swapped.swap(0, 4);
        assert!(seen.insert(root(Suite::Modern, swapped)));
    }
}
