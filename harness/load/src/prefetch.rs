//! Prepares requests ahead of need, and takes the records of those that are over; one thread beside each sending thread.
//!
//! So that the sending thread neither serialises, nor allocates, nor waits for whoever listens: what the live channel cannot take
//! at once is kept here and forwarded later, in full.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use crate::block::{BLOCK, Block};
use crate::supply::Supply;
use crate::{Control, Loop, Options, Sent, Source};

/// Blocks that are ready at once: 8,192 requests, 0.4 s at 20,000 a second.
const AHEAD: usize = 16;

/// What came of the requests of one sending thread.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    /// All of them, if they are to be kept.
    pub(crate) requests: Vec<Sent>,
    /// Records that were forwarded later than at once.
    pub(crate) spilled: u64,
    /// Records that nobody wanted any more.
    pub(crate) unforwarded: u64,
}

/// The preparing side of one sending thread.
#[derive(Debug)]
pub(crate) struct Prefetch<'a> {
    source: &'a dyn Source,
    control: &'a Control,
    live: Option<SyncSender<Sent>>,
    keep: bool,
    part: usize,
    of: usize,
    sorted: bool,
    ready: SyncSender<Block>,
    used: Receiver<Block>,
    spill: VecDeque<Sent>,
    collected: Collected,
}

/// A sending thread's supply, and who prepares it: every `of`-th request from `part` on.
pub(crate) fn prefetch<'a>(
    options: &Options,
    source: &'a dyn Source,
    control: &'a Control,
    part: usize,
    of: usize,
) -> (Supply, Prefetch<'a>) {
    let (ready, taken) = sync_channel(AHEAD);
    let (give_back, used) = sync_channel(AHEAD);
    let len = source.len().saturating_sub(part).div_ceil(of);
    let prefetch = Prefetch {
        source,
        control,
        live: options.live.clone(),
        keep: options.keep,
        part,
        of,
        sorted: options.mode == Loop::Open,
        ready,
        used,
        spill: VecDeque::new(),
        collected: Collected::default(),
    };
    (Supply::new(taken, give_back, len as u32), prefetch)
}

impl Prefetch<'_> {
    /// Prepares everything, in order; returns when the sending thread has given everything back.
    pub(crate) fn run(mut self) -> Collected {
        let len = self.source.len().saturating_sub(self.part).div_ceil(self.of);
        let order = self.order(len);
        let index = |place: usize| match &order {
            Some(order) => order[place] as usize,
            None => self.part + place * self.of,
        };
        let mut spare: Vec<Block> = Vec::new();
        let mut spill = std::mem::take(&mut self.spill);
        for start in (0..len).step_by(BLOCK) {
            let mut block = spare.pop().unwrap_or_default();
            for place in start..len.min(start + BLOCK) {
                let index = index(place);
                let shot = self.source.shot(index);
                // A run that is stopped wants its records, not its requests.
                let wanted = !self.control.stopped();
                block.push(Sent::scheduled(shot.n, shot.due_ns), |bytes| {
                    if wanted {
                        self.source.write(index, bytes);
                    }
                });
            }
            if self.ready.send(block).is_err() {
                break;
            }
            while let Ok(mut block) = self.used.try_recv() {
                collect(
                    &block,
                    self.keep,
                    self.live.is_some(),
                    &mut self.collected,
                    &mut spill,
                );
                block.clear();
                spare.push(block);
            }
            self.collected.unforwarded += forward(self.live.as_ref(), &mut spill);
        }
        drop(self.ready);
        while let Ok(block) = self.used.recv() {
            collect(
                &block,
                self.keep,
                self.live.is_some(),
                &mut self.collected,
                &mut spill,
            );
            self.collected.unforwarded += forward(self.live.as_ref(), &mut spill);
        }
        while let Some(sent) = spill.pop_front() {
            let gone = self.live.as_ref().is_none_or(|live| live.send(sent).is_err());
            self.collected.unforwarded += u64::from(gone);
        }
        self.collected
    }

    /// The order in which requests are due, unless it is the order they are in.
    fn order(&self, len: usize) -> Option<Vec<u32>> {
        let due = |index: u32| self.source.shot(index as usize).due_ns;
        let all = || (0..len).map(|place| (self.part + place * self.of) as u32);
        if !self.sorted || all().is_sorted_by_key(due) {
            return None;
        }
        let mut order: Vec<u32> = all().collect();
        order.sort_by_key(|index| due(*index));
        Some(order)
    }
}

/// Takes the records out of a block.
fn collect(block: &Block, keep: bool, live: bool, collected: &mut Collected, spill: &mut VecDeque<Sent>) {
    for slot in &block.slots {
        if keep {
            collected.requests.push(slot.sent);
        }
        if live && !slot.forwarded {
            collected.spilled += 1;
            spill.push_back(slot.sent);
        }
    }
}

/// Forwards what fits now; how many records nobody wanted.
fn forward(live: Option<&SyncSender<Sent>>, spill: &mut VecDeque<Sent>) -> u64 {
    let Some(live) = live else { return 0 };
    while let Some(sent) = spill.front() {
        match live.try_send(*sent) {
            Ok(()) => drop(spill.pop_front()),
            Err(TrySendError::Full(_)) => return 0,
            Err(TrySendError::Disconnected(_)) => return spill.drain(..).count() as u64,
        }
    }
    0
}
