//! The sending thread's end: requests that are ready, and blocks that are done with.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError};

use crate::block::{BLOCK, Block, Slot};

/// The requests that a sending thread may touch: those of blocks it took and has not given back.
#[derive(Debug)]
pub(crate) struct Supply {
    ready: Receiver<Block>,
    used: SyncSender<Block>,
    held: VecDeque<Option<Block>>,
    /// Number of the first block in `held`.
    first: usize,
    /// Blocks that the other side had no room for; given back later.
    waiting: Vec<Block>,
    len: u32,
    /// How often the next block was not ready when it was needed.
    pub(crate) stalled: u64,
}

impl Supply {
    /// A supply of `len` requests.
    pub(crate) fn new(ready: Receiver<Block>, used: SyncSender<Block>, len: u32) -> Self {
        // Room for every block there will be, so that taking one never allocates.
        let blocks = (len as usize).div_ceil(BLOCK);
        Self {
            ready,
            used,
            held: VecDeque::with_capacity(blocks),
            first: 0,
            waiting: Vec::with_capacity(blocks),
            len,
            stalled: 0,
        }
    }

    pub(crate) const fn len(&self) -> u32 {
        self.len
    }

    /// Makes sure that `shot` is there; waits only if nothing was prepared.
    pub(crate) fn ensure(&mut self, shot: u32) {
        while shot as usize / BLOCK >= self.first + self.held.len() {
            let block = match self.ready.try_recv() {
                Ok(block) => Some(block),
                Err(TryRecvError::Empty) => {
                    self.stalled += 1;
                    self.ready.recv().ok()
                }
                Err(TryRecvError::Disconnected) => None,
            };
            let Some(block) = block else {
                panic!("the thread that prepares requests ended before the last request");
            };
            self.held.push_back(Some(block));
        }
    }

    /// When `shot` is due.
    pub(crate) fn due(&mut self, shot: u32) -> u64 {
        self.ensure(shot);
        self.slot(shot).sent.intended_ns
    }

    fn block(&self, shot: u32) -> &Block {
        match &self.held[shot as usize / BLOCK - self.first] {
            Some(block) => block,
            None => unreachable!("a resolved request is not touched again"),
        }
    }

    /// A request that was ensured and is not resolved.
    pub(crate) fn slot(&self, shot: u32) -> &Slot {
        &self.block(shot).slots[shot as usize % BLOCK]
    }

    /// The same, to be changed.
    pub(crate) fn slot_mut(&mut self, shot: u32) -> &mut Slot {
        match &mut self.held[shot as usize / BLOCK - self.first] {
            Some(block) => &mut block.slots[shot as usize % BLOCK],
            None => unreachable!("a resolved request is not touched again"),
        }
    }

    /// What is sent.
    pub(crate) fn bytes(&self, shot: u32) -> &[u8] {
        self.block(shot).bytes(shot as usize % BLOCK)
    }

    /// `shot` is resolved and will not be touched again. The last one of a block gives the block back.
    pub(crate) fn resolved(&mut self, shot: u32) {
        let place = &mut self.held[shot as usize / BLOCK - self.first];
        let Some(block) = place else { return };
        block.open -= 1;
        if block.open > 0 {
            return;
        }
        self.waiting.extend(place.take());
        while let Some(None) = self.held.front() {
            self.held.pop_front();
            self.first += 1;
        }
        while let Some(block) = self.waiting.pop() {
            if let Err(TrySendError::Full(block) | TrySendError::Disconnected(block)) =
                self.used.try_send(block)
            {
                return self.waiting.push(block);
            }
        }
    }

    /// Gives back what is left. Not for the time while something is still to be sent.
    pub(crate) fn close(self) {
        drop(self.ready);
        for block in self.waiting.into_iter().chain(self.held.into_iter().flatten()) {
            // Nobody there to take it means that nobody wants its records.
            let _ = self.used.send(block);
        }
    }
}
