//! What is still to happen, in the order of time, and of being noted where times are equal.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use tally_model::Instant;

/// The agenda. Entries wait in slots, so that the heap moves three words and not the entry itself.
#[derive(Debug)]
pub(crate) struct Agenda<T> {
    heap: BinaryHeap<Reverse<(Instant, u64, u32)>>,
    slots: Vec<Option<T>>,
    free: Vec<u32>,
    noted: u64,
}

impl<T> Agenda<T> {
    pub(crate) const fn new() -> Self {
        Self {
            heap: BinaryHeap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            noted: 0,
        }
    }

    /// Notes an entry; entries of one instant come out in the order in which they were noted.
    pub(crate) fn push(&mut self, at: Instant, entry: T) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            (self.slots.len() - 1) as u32
        });
        self.slots[slot as usize] = Some(entry);
        self.heap.push(Reverse((at, self.noted, slot)));
        self.noted += 1;
    }

    /// When the next entry is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }

    /// Takes the next entry if it is due by `until`.
    pub(crate) fn pop(&mut self, until: Instant) -> Option<(Instant, T)> {
        if self.next()? > until {
            return None;
        }
        let Reverse((at, _, slot)) = self.heap.pop()?;
        let entry = self.slots[slot as usize].take()?;
        self.free.push(slot);
        Some((at, entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entries come out by time, those of one instant in the order they were noted, and none before its time.
    #[test]
    fn entries_come_out_in_order() {
        let mut agenda = Agenda::new();
        for (at, entry) in [(5, 'c'), (1, 'a'), (5, 'd'), (3, 'b')] {
            agenda.push(Instant::from_nanos(at), entry);
        }
        let mut out = String::new();
        while let Some((_, entry)) = agenda.pop(Instant::from_nanos(5)) {
            out.push(entry);
            if entry == 'a' {
                agenda.push(Instant::from_nanos(6), 'e');
            }
        }
        assert_eq!(out, "abcd");
        assert_eq!(agenda.next(), Some(Instant::from_nanos(6)));
    }
}
