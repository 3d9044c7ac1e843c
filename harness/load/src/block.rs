//! A run of neighbouring requests with everything a sending thread needs of them.
//!
//! Requests are made, sent, and given back block by block, so that memory holds what is due soon and what is not resolved yet,
//! whatever the length of the schedule.

use crate::Sent;

/// Requests in a block.
pub(crate) const BLOCK: usize = 512;

/// One request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    /// Its record, which is also its state.
    pub(crate) sent: Sent,
    /// Whether it may have reached the server without an answer.
    pub(crate) exposed: bool,
    /// Whether the live channel took its record.
    pub(crate) forwarded: bool,
    end: u32,
}

/// Neighbouring requests of one thread's schedule.
#[derive(Debug, Default)]
pub(crate) struct Block {
    bytes: Vec<u8>,
    pub(crate) slots: Vec<Slot>,
    /// Requests not resolved yet.
    pub(crate) open: usize,
}

impl Block {
    /// Empties it; its memory stays.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.slots.clear();
        self.open = 0;
    }

    /// Appends a request whose bytes `write` appends.
    pub(crate) fn push(&mut self, sent: Sent, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.bytes);
        self.slots.push(Slot {
            sent,
            exposed: false,
            forwarded: false,
            end: self.bytes.len() as u32,
        });
        self.open += 1;
    }

    /// The bytes of request `place`.
    pub(crate) fn bytes(&self, place: usize) -> &[u8] {
        let start = place.checked_sub(1).map_or(0, |before| self.slots[before].end);
        &self.bytes[start as usize..self.slots[place].end as usize]
    }
}
