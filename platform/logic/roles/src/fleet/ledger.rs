//! Keys on their way to the store: one write per key at a time, tried again until it holds.
//!
//! Answers come in any order, so two writes of one key must never be under way together. The fleet is the only writer of the
//! keys it `write`s; keys of others it may only `erase`, and only the version it has read.

use std::collections::BTreeMap;

use tally_model::{Instant, Precondition, Put, Versioned};

use super::backoff::Backoff;
use super::pass::Alarm;
use crate::port::{PortCommand, PortEvent, Token, Trouble};

/// One key.
#[derive(Debug, Default)]
struct Entry {
    /// What it should be; none to delete it.
    wanted: Option<String>,
    /// What the store has, as far as it has confirmed.
    stored: Option<String>,
    /// False when a write failed: it may have happened or not.
    doubtful: bool,
    /// A lock: it is taken only while nobody has it, so that of all who may want it one gets it.
    lock: bool,
    /// The write under way.
    flight: Option<(Token, Option<String>)>,
    backoff: Backoff,
}

impl Entry {
    fn settled(&self) -> bool {
        self.flight.is_none() && !self.doubtful && self.wanted == self.stored
    }

    /// What is to be written next. A lock that another holder has is released before it is taken.
    fn next(&self) -> (Option<String>, Precondition) {
        let held = self.stored.is_some() && self.stored != self.wanted;
        match (self.lock, held) {
            (false, _) => (self.wanted.clone(), Precondition::Any),
            (true, true) => (None, Precondition::Any),
            (true, false) => (self.wanted.clone(), Precondition::Absent),
        }
    }

    /// Somebody has the lock already: this one of before, if a write of it was not confirmed, or another.
    fn refused(&mut self, holder: Option<&Versioned>) {
        self.flight = None;
        self.doubtful = false;
        self.stored = holder.map(|holder| holder.value.clone());
    }
}

/// A key of somebody else, to be deleted at one version.
#[derive(Debug, Default)]
struct Erasure {
    flight: Option<Token>,
    backoff: Backoff,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    entries: BTreeMap<String, Entry>,
    erasures: BTreeMap<(String, u64), Erasure>,
    tokens: Token,
}

impl Ledger {
    /// Notes what the store has, at start.
    pub(super) fn load(&mut self, key: &str, value: &str) {
        let entry = self.entries.entry(key.to_owned()).or_default();
        entry.wanted = Some(value.to_owned());
        entry.stored = Some(value.to_owned());
    }

    /// Wants a key to have a value, or to be deleted.
    pub(super) fn write(&mut self, key: String, value: Option<String>) {
        self.entries.entry(key).or_default().wanted = value;
    }

    /// Wants a lock to be somebody's; true once it is.
    pub(super) fn lock(&mut self, key: String, holder: String) -> bool {
        let entry = self.entries.entry(key).or_default();
        entry.lock = true;
        entry.wanted = Some(holder);
        entry.settled()
    }

    /// Whether this is what the key should be.
    pub(super) fn wants(&self, key: &str, value: &str) -> bool {
        let entry = self.entries.get(key);
        entry.is_some_and(|entry| entry.wanted.as_deref() == Some(value))
    }

    /// Wants one version of somebody else's key deleted.
    pub(super) fn erase(&mut self, key: String, version: u64) {
        self.erasures.entry((key, version)).or_default();
    }

    /// True when the store has confirmed what the key should be.
    pub(super) fn settled(&self, key: &str) -> bool {
        self.entries.get(key).is_none_or(Entry::settled)
    }

    /// True when the store has confirmed some value of the key.
    pub(super) fn exists(&self, key: &str) -> bool {
        self.entries.get(key).is_some_and(|entry| entry.stored.is_some())
    }

    /// Sends what can be sent.
    pub(super) fn pump(&mut self, now: Instant, alarm: &mut Alarm, out: &mut Vec<PortCommand>) {
        self.entries
            .retain(|_, entry| !(entry.settled() && entry.wanted.is_none()));
        for (key, entry) in &mut self.entries {
            if entry.settled()
                || entry.flight.is_some()
                || !alarm.due(now, entry.backoff.until(), "write again")
            {
                continue;
            }
            self.tokens += 1;
            let (value, when) = entry.next();
            entry.flight = Some((self.tokens, value.clone()));
            let (token, key) = (self.tokens, key.clone());
            out.push(match value {
                Some(value) => PortCommand::Put {
                    token,
                    key,
                    value,
                    when,
                },
                None => PortCommand::DeleteKey {
                    token,
                    key,
                    when: Precondition::Any,
                },
            });
        }
        for ((key, version), erasure) in &mut self.erasures {
            if erasure.flight.is_none() && alarm.due(now, erasure.backoff.until(), "delete again") {
                self.tokens += 1;
                erasure.flight = Some(self.tokens);
                out.push(PortCommand::DeleteKey {
                    token: self.tokens,
                    key: key.clone(),
                    when: Precondition::Version(*version),
                });
            }
        }
    }

    /// Takes an answer; returns key and version of an erasure that is done.
    pub(super) fn answered(&mut self, now: Instant, event: &PortEvent) -> Option<(String, u64)> {
        match event {
            PortEvent::PutDone(token, Ok(Put::Written(_))) => self.wrote(now, *token, None),
            PortEvent::PutDone(token, Ok(Put::Refused(holder))) => match self.sent(*token) {
                Some(entry) if entry.lock => entry.refused(holder.as_ref()),
                _ => self.wrote(now, *token, Some(&Self::refused())),
            },
            PortEvent::PutDone(token, Err(trouble)) => self.wrote(now, *token, Some(trouble)),
            PortEvent::KeyDeleted(token, answer) => {
                let key = self.erasures.iter().find(|(_, e)| e.flight == Some(*token));
                let Some(key) = key.map(|(key, _)| key.clone()) else {
                    self.wrote(now, *token, answer.as_ref().err());
                    return None;
                };
                let Err(trouble) = answer else {
                    self.erasures.remove(&key);
                    return Some(key);
                };
                let erasure = self.erasures.entry(key).or_default();
                erasure.flight = None;
                postpone(&mut erasure.backoff, now, trouble);
            }
            _ => {}
        }
        None
    }

    fn refused() -> Trouble {
        Trouble {
            transient: true,
            message: "an unconditional write was refused".to_owned(),
        }
    }

    /// The key whose write this is.
    fn sent(&mut self, token: Token) -> Option<&mut Entry> {
        let sent = |entry: &&mut Entry| entry.flight.as_ref().is_some_and(|(sent, _)| *sent == token);
        self.entries.values_mut().find(sent)
    }

    fn wrote(&mut self, now: Instant, token: Token, trouble: Option<&Trouble>) {
        let Some(entry) = self.sent(token) else {
            return;
        };
        let value = entry.flight.take().and_then(|(_, value)| value);
        match trouble {
            None => {
                entry.stored = value;
                entry.doubtful = false;
                entry.backoff = Backoff::default();
            }
            Some(trouble) => {
                entry.doubtful = true;
                postpone(&mut entry.backoff, now, trouble);
            }
        }
    }
}

/// Waits for the next attempt as long as the trouble deserves.
pub(super) fn postpone(backoff: &mut Backoff, now: Instant, trouble: &Trouble) {
    if trouble.transient {
        backoff.fail(now);
    } else {
        backoff.give_up(now);
    }
}
