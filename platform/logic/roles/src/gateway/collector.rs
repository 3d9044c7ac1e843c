//! Takes answers from `outbound`, stores each once, and only then deletes the message.
//!
//! While the store is in trouble nothing new is received and the leases of what is held are extended, so that an outage
//! of the store never sends answers to the dead-letter queue.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tally_consensus::mutant::{self, Mutant};
use tally_model::{AnswerMessage, Delivery, Instant, Precondition, Put, QueueName, Receipt, RequestId};

use super::interface::GatewayCommand;
use super::ledger::{Ledger, Purpose, backoff};
use super::naming::answer_key;
use crate::port::{LONG_WAIT, PortCommand, Trouble};

/// Messages held at most.
const HELD: usize = 1024;
/// Messages of one receive or delete.
const GROUP: usize = 256;
/// Tries of a delete; after that the message comes again and is recognised.
const DELETE_TRIES: u32 = 5;

/// An answer that is being stored.
#[derive(Debug)]
struct Held {
    answer: Arc<AnswerMessage>,
    receipt: Receipt,
    leased_until: Instant,
    tries: u32,
}

/// What became of an answer.
#[derive(Debug)]
pub(crate) enum Collected {
    /// Stored now.
    Stored(Arc<AnswerMessage>),
    /// Another answer was stored before; `.0` is that one, `.1` is this one.
    Again(Arc<AnswerMessage>, Arc<AnswerMessage>),
    /// In its place stands the answer to an earlier request with the same key, whose retention is over; tried again when that one is
    /// removed.
    Stale(RequestId),
}

/// The collector.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    receiving: bool,
    receive_at: Instant,
    receive_failures: u32,
    next: u64,
    held: BTreeMap<u64, Held>,
    retries: BTreeSet<(Instant, u64)>,
    finished: Vec<Receipt>,
    deleting: Vec<Receipt>,
    delete_at: Instant,
    delete_failures: u32,
}

impl Collector {
    /// Receives if there is room and the store is well.
    pub(crate) fn pump(&mut self, now: Instant, out: &mut Vec<GatewayCommand>) {
        let room = HELD.saturating_sub(self.held.len());
        if !self.receiving && room > 0 && self.retries.is_empty() && self.receive_at <= now {
            self.receiving = true;
            out.push(GatewayCommand::Port(PortCommand::Receive {
                queue: QueueName::Outbound,
                limit: room.min(GROUP),
                wait: LONG_WAIT,
            }));
        }
        if self.deleting.is_empty() && !self.finished.is_empty() && self.delete_at <= now {
            let group = self.finished.len().min(GROUP);
            self.deleting = self.finished.drain(..group).collect();
            out.push(GatewayCommand::Port(PortCommand::Delete {
                queue: QueueName::Outbound,
                receipts: self.deleting.clone(),
            }));
        }
    }

    /// Messages came.
    pub(crate) fn received(
        &mut self,
        now: Instant,
        result: Result<Vec<Delivery>, Trouble>,
        ledger: &mut Ledger,
        out: &mut Vec<GatewayCommand>,
    ) {
        self.receiving = false;
        match result {
            Ok(deliveries) => {
                self.receive_failures = 0;
                for delivery in deliveries {
                    self.hold(now, delivery, ledger, out);
                }
            }
            Err(_) => {
                ledger.gauge.troubles += 1;
                self.receive_failures += 1;
                self.receive_at = now + backoff(self.receive_failures);
            }
        }
    }

    fn hold(&mut self, now: Instant, delivery: Delivery, ledger: &mut Ledger, out: &mut Vec<GatewayCommand>) {
        let Ok(answer) = serde_json::from_str::<AnswerMessage>(&delivery.body) else {
            // Not ours to judge: after five receives it is in the dead-letter queue, with its body.
            ledger.gauge.unreadable += 1;
            return;
        };
        self.next += 1;
        let id = answer.id;
        let held = Held {
            answer: Arc::new(answer),
            receipt: delivery.receipt,
            leased_until: now + ledger.timing.visibility,
            tries: 0,
        };
        self.held.insert(self.next, held);
        out.push(GatewayCommand::Port(PortCommand::Put {
            token: ledger.ask(Purpose::Store(self.next)),
            key: answer_key(id),
            value: delivery.body,
            when: if mutant::is(Mutant::OverwriteAnswer) {
                Precondition::Any
            } else {
                Precondition::Absent
            },
        }));
    }

    /// The store said what became of an answer.
    pub(crate) fn stored(
        &mut self,
        now: Instant,
        number: u64,
        result: Result<Put, Trouble>,
        ledger: &mut Ledger,
    ) -> Option<Collected> {
        let outcome = match result {
            Ok(Put::Written(_)) => Ok(None),
            Ok(Put::Refused(Some(earlier))) => serde_json::from_str::<AnswerMessage>(&earlier.value)
                .map(|earlier| Some(Arc::new(earlier)))
                .map_err(|_| false),
            // Its retention ended between the write and the look: write again.
            Ok(Put::Refused(None)) => Err(true),
            Err(trouble) => Err(trouble.transient),
        };
        match outcome {
            Ok(Some(earlier)) if self.is_free(now, number, &earlier, ledger) => {
                self.again(now, number)?;
                Some(Collected::Stale(earlier.id))
            }
            Ok(earlier) => {
                let held = self.held.remove(&number)?;
                self.finished.push(held.receipt);
                Some(match earlier {
                    None => Collected::Stored(held.answer),
                    Some(earlier) => Collected::Again(earlier, held.answer),
                })
            }
            Err(transient) => {
                ledger.gauge.troubles += 1;
                if transient {
                    self.again(now, number)?;
                } else {
                    // Left to its lease: it comes again, and after five receives it is dead-lettered with its body.
                    self.held.remove(&number);
                }
                None
            }
        }
    }

    /// Whether the place of an answer is free for it: what stands there answers a request that was accepted before, under the same
    /// key, and nobody was promised to find it any longer.
    fn is_free(&self, now: Instant, number: u64, earlier: &AnswerMessage, ledger: &Ledger) -> bool {
        let held = self.held.get(&number);
        held.is_some_and(|held| held.answer.accepted > earlier.accepted)
            && ledger.is_over(now, earlier.folded)
    }

    fn again(&mut self, now: Instant, number: u64) -> Option<()> {
        let held = self.held.get_mut(&number)?;
        held.tries += 1;
        self.retries.insert((now + backoff(held.tries), number));
        Some(())
    }

    /// The queue said what became of a delete.
    pub(crate) fn deleted(&mut self, now: Instant, result: Result<usize, Trouble>, ledger: &mut Ledger) {
        let receipts = std::mem::take(&mut self.deleting);
        match result {
            Ok(_) => self.delete_failures = 0,
            Err(trouble) => {
                ledger.gauge.troubles += 1;
                self.delete_failures += 1;
                if trouble.transient && self.delete_failures < DELETE_TRIES {
                    self.finished.extend(receipts);
                    self.delete_at = now + backoff(self.delete_failures);
                } else {
                    self.delete_failures = 0;
                }
            }
        }
    }

    /// Tries again what failed.
    pub(crate) fn wake(&mut self, now: Instant, ledger: &mut Ledger, out: &mut Vec<GatewayCommand>) {
        let mut extended = Vec::new();
        while let Some((at, number)) = self.retries.first().copied() {
            if at > now {
                break;
            }
            self.retries.pop_first();
            let Some(held) = self.held.get_mut(&number) else {
                continue;
            };
            if held.leased_until.since(now) < ledger.timing.visibility / 2 {
                held.leased_until = now + ledger.timing.visibility;
                extended.push(held.receipt.clone());
            }
            let Ok(value) = serde_json::to_string(&*held.answer) else {
                continue;
            };
            out.push(GatewayCommand::Port(PortCommand::Put {
                token: ledger.ask(Purpose::Store(number)),
                key: answer_key(held.answer.id),
                value,
                when: Precondition::Absent,
            }));
        }
        if !extended.is_empty() {
            out.push(GatewayCommand::Port(PortCommand::Extend {
                queue: QueueName::Outbound,
                receipts: extended,
                lease: ledger.timing.visibility,
            }));
        }
    }

    /// When [`Collector::wake`] or [`Collector::pump`] is useful.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let receive =
            (!self.receiving && self.retries.is_empty() && self.held.len() < HELD).then_some(self.receive_at);
        let delete = (self.deleting.is_empty() && !self.finished.is_empty()).then_some(self.delete_at);
        let retry = self.retries.first().map(|(at, _)| *at);
        [receive, delete, retry].into_iter().flatten().min()
    }
}
