//! What members said: few entries, in very many places, so that a vector in order is less than a map.

/// What members said, at most once each, in the order of their places. There are few, in very many entries.
#[derive(Debug)]
pub(super) struct ByMember<T>(Vec<(u8, T)>);

impl<T> Default for ByMember<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> ByMember<T> {
    fn place(&self, member: u8) -> Result<usize, usize> {
        self.0.binary_search_by_key(&member, |(known, _)| *known)
    }

    pub(super) fn get(&self, member: u8) -> Option<&T> {
        self.place(member).ok().map(|place| &self.0[place].1)
    }

    /// Puts one in place of what the member said before.
    pub(super) fn insert(&mut self, member: u8, said: T) {
        match self.place(member) {
            Ok(place) => self.0[place].1 = said,
            Err(place) => self.0.insert(place, (member, said)),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u8, &T)> {
        self.0.iter().map(|(member, said)| (*member, said))
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A member has one voice: what it says again stands in place of what it said, so that nobody is counted twice.
    #[test]
    fn a_member_counts_once() {
        let mut said = ByMember::default();
        for (member, word) in [(2, 'a'), (0, 'b'), (2, 'c'), (3, 'd')] {
            said.insert(member, word);
        }
        let all: Vec<(u8, char)> = said.iter().map(|(member, word)| (member, *word)).collect();
        assert_eq!(all, [(0, 'b'), (2, 'c'), (3, 'd')]);
        assert_eq!((said.get(2), said.get(1)), (Some(&'c'), None));
        said.clear();
        assert!(said.is_empty());
    }
}
