//! A watch that survives what etcd's own does not: a lost connection, a restarted server, a compaction.
//!
//! It lists first, at a revision, and follows from the next. A lost stream is opened again where it ended. If etcd no longer
//! has the changes from there on, or has gone back to an older state, it lists again and tells the difference.

use std::collections::BTreeMap;
use std::time::Duration;

use etcd_client::{EventType, WatchOptions, WatchResponse, WatchStream};
use tally_model::Change;
use tally_ports::{Failure, Watch};

use crate::range::versioned;
use crate::{Error, Etcd};

/// The first pause before a lost stream is opened again; it doubles up to [`LONGEST`].
const PAUSE: Duration = Duration::from_millis(50);
/// See [`PAUSE`].
const LONGEST: Duration = Duration::from_secs(2);

/// Where a watch is.
enum State {
    /// It must list: at the start, and when changes were missed.
    List,
    /// It follows from this revision on, not connected.
    Lost(i64),
    /// It follows from this revision on.
    Open(i64, Box<WatchStream>),
}

/// A watch of [`Etcd`].
pub struct EtcdWatch {
    store: Etcd,
    prefix: String,
    state: State,
    started: bool,
    pause: Duration,
    /// Version of each key that exists as far as was told, to find what a new list no longer has.
    told: BTreeMap<String, u64>,
}

impl std::fmt::Debug for EtcdWatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EtcdWatch")
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

impl Watch for EtcdWatch {
    type Error = Error;

    /// Ends with an error only if etcd refuses, never because it is away. Cancel safe.
    async fn next(&mut self) -> Result<Vec<Change>, Error> {
        loop {
            let step = self.step().await;
            match step {
                Ok(Some(changes)) => {
                    self.pause = PAUSE;
                    return Ok(changes);
                }
                Ok(None) => {}
                Err(error) if error.is_transient() => {
                    tracing::debug!(%error, prefix = self.prefix, "a watch is opened again");
                    if let State::Open(from, _) = self.state {
                        self.state = State::Lost(from);
                    }
                    tokio::time::sleep(self.pause).await;
                    self.pause = (self.pause * 2).min(LONGEST);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl EtcdWatch {
    pub(crate) fn new(store: Etcd, prefix: &str) -> Self {
        Self {
            store,
            prefix: prefix.to_owned(),
            state: State::List,
            started: false,
            pause: PAUSE,
            told: BTreeMap::new(),
        }
    }

    /// One step towards changes; `None` if it gave none.
    async fn step(&mut self) -> Result<Option<Vec<Change>>, Error> {
        match &mut self.state {
            State::List => {
                let changes = self.list().await?;
                let first = !std::mem::replace(&mut self.started, true);
                Ok((first || !changes.is_empty()).then_some(changes))
            }
            State::Lost(from) => {
                let from = *from;
                let stream = self.open(from).await?;
                self.state = State::Open(from, Box::new(stream));
                Ok(None)
            }
            State::Open(_, stream) => {
                let message = stream.message().await;
                let message = message.map_err(|error| Error::call("watch", &error))?;
                let Some(message) = message else {
                    return Err(lost());
                };
                self.hear(&message)
            }
        }
    }

    /// What a list has that was not told, and what it no longer has.
    async fn list(&mut self) -> Result<Vec<Change>, Error> {
        let snapshot = self.store.snapshot(&self.prefix, usize::MAX).await?;
        self.state = State::Lost(snapshot.revision + 1);
        let mut gone = std::mem::take(&mut self.told);
        let mut changes = Vec::new();
        for (key, value) in snapshot.keys {
            self.told.insert(key.clone(), value.version);
            if gone.remove(&key) != Some(value.version) {
                changes.push(Change {
                    key,
                    value: Some(value),
                });
            }
        }
        changes.extend(gone.into_keys().map(|key| Change { key, value: None }));
        Ok(changes)
    }

    async fn open(&self, from: i64) -> Result<WatchStream, Error> {
        let options = WatchOptions::new()
            .with_prefix()
            .with_start_revision(from)
            .with_progress_notify();
        let mut client = self
            .store
            .0
            .client
            .watch_client()
            .max_decoding_message_size(usize::MAX);
        let key = self.store.key(&self.prefix);
        self.store.within("watch", client.watch(key, Some(options))).await
    }

    /// Takes one message of the stream.
    fn hear(&mut self, message: &WatchResponse) -> Result<Option<Vec<Change>>, Error> {
        let State::Open(from, _) = &mut self.state else {
            return Ok(None);
        };
        let revision = message.header().map_or(0, |header| header.revision());
        let went_back = message.created() && revision + 1 < *from;
        if message.compact_revision() > 0 || went_back {
            tracing::warn!(
                prefix = self.prefix,
                from,
                revision,
                "changes were missed; listing again"
            );
            self.state = State::List;
            return Ok(None);
        }
        if message.canceled() {
            return Err(lost());
        }
        let mut newest = BTreeMap::new();
        for event in message.events() {
            let Some(kv) = event.kv() else { continue };
            *from = (*from).max(kv.mod_revision() + 1);
            let Some(key) = self.store.own(kv.key()) else {
                continue;
            };
            let value = match event.event_type() {
                EventType::Put => versioned(kv),
                EventType::Delete => None,
            };
            newest.insert(key.to_owned(), value);
        }
        if message.events().is_empty() && !message.created() {
            // A progress report: everything up to there was told.
            *from = (*from).max(revision + 1);
        }
        for (key, value) in &newest {
            match value {
                Some(value) => drop(self.told.insert(key.clone(), value.version)),
                None => drop(self.told.remove(key)),
            }
        }
        let changes: Vec<Change> = newest
            .into_iter()
            .map(|(key, value)| Change { key, value })
            .collect();
        Ok((!changes.is_empty()).then_some(changes))
    }
}

/// The stream is over, for whatever reason.
fn lost() -> Error {
    Error::Call {
        call: "watch",
        detail: "the stream ended".to_owned(),
        transient: true,
    }
}
