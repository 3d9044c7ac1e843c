//! The one thread that writes: it drains everything that waits into one transaction, then tells those who waited.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Instant;

use redb::Database;
use tally_substrate::{MessageId, Placement};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::Error;
use crate::broker::Broker;
use crate::commit::{Work, commit};
use crate::feed::Feeds;
use crate::health::Health;
use crate::limits::{LINGER, UNIT, UNITS};

/// Work on its way to the thread. The permit bounds what waits and is returned when the work is done or dropped.
struct Request {
    work: Work,
    permit: Option<OwnedSemaphorePermit>,
}

/// What the thread works on.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) database: Arc<Database>,
    pub(crate) broker: Arc<Broker>,
    pub(crate) feeds: Arc<Feeds>,
    pub(crate) health: Arc<Health>,
}

/// The handle of the thread. Dropping it writes what is left and waits for the end.
#[derive(Debug)]
pub(crate) struct Writer {
    requests: Option<SyncSender<Request>>,
    permits: Arc<Semaphore>,
    flushing: Arc<AtomicBool>,
    health: Arc<Health>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(crate) fn start(parts: Parts) -> std::io::Result<Self> {
        // Every request holds a permit, and one flush needs none: the channel is never full.
        let (requests, receiver) = sync_channel(UNITS + 1);
        let flushing = Arc::new(AtomicBool::new(false));
        let health = Arc::clone(&parts.health);
        let work = Thread {
            parts,
            receiver,
            flushing: Arc::clone(&flushing),
        };
        let thread = std::thread::Builder::new()
            .name("tally-writer".to_owned())
            .spawn(move || work.run())?;
        let permits = Arc::new(Semaphore::new(UNITS));
        Ok(Self {
            requests: Some(requests),
            permits,
            flushing,
            health,
            thread: Some(thread),
        })
    }

    /// Waits for room, then until the work is durable. Cancelled, the work may still be done. `handed_over` is called as
    /// soon as nothing but a failure of the store can keep the work from being written.
    pub(crate) async fn submit<T>(
        &self,
        bytes: usize,
        work: impl FnOnce(oneshot::Sender<T>) -> Work,
        handed_over: impl FnOnce(),
    ) -> Result<T, Error> {
        self.health.check()?;
        let units = (1 + bytes / UNIT).min(UNITS) as u32;
        // The semaphore is never closed; without a permit the work would merely not be counted.
        let permit = Arc::clone(&self.permits).acquire_many_owned(units).await.ok();
        let (done, wait) = oneshot::channel();
        let request = Request {
            work: work(done),
            permit,
        };
        if self.hand_over(request) {
            handed_over();
        }
        match wait.await {
            Ok(reply) => Ok(reply),
            // Only a failure drops a waiter; it is recorded at the latest when the thread ends.
            Err(_) => Err(self.health.broken().await),
        }
    }

    /// Has the changes of the queues written soon.
    pub(crate) fn flush_soon(&self) {
        if !self.flushing.swap(true, Ordering::AcqRel) {
            self.hand_over(Request {
                work: Work::Flush,
                permit: None,
            });
        }
    }

    /// A request that cannot be handed over is dropped, and its waiter learns that the store is broken.
    fn hand_over(&self, request: Request) -> bool {
        self.requests
            .as_ref()
            .is_some_and(|requests| requests.try_send(request).is_ok())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.requests.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

struct Thread {
    parts: Parts,
    receiver: Receiver<Request>,
    flushing: Arc<AtomicBool>,
}

impl Thread {
    fn run(self) {
        let mut end = End {
            health: Arc::clone(&self.parts.health),
            orderly: false,
        };
        while let Ok(first) = self.receiver.recv() {
            let mut batch = vec![first];
            gather(&self.receiver, &mut batch);
            // Before the changes are taken, so that a later change asks again.
            self.flushing.store(false, Ordering::Release);
            // Before the rest of the batch: a message can be deleted as soon as it was handed over, so whatever these
            // changes speak of is written already or waits here.
            let moved = self.parts.broker.take_changes();
            batch.extend(self.receiver.try_iter());
            if !self.write(batch, &moved) {
                return;
            }
        }
        end.orderly = self.write(Vec::new(), &self.parts.broker.take_changes());
    }

    /// One durable commit; false if it failed, and then nothing may ever be written again.
    fn write(&self, batch: Vec<Request>, moved: &[(MessageId, Option<Placement>)]) -> bool {
        if moved.is_empty() && batch.iter().all(|request| matches!(request.work, Work::Flush)) {
            return true;
        }
        let (batch, permits): (Vec<Work>, Vec<_>) = batch
            .into_iter()
            .map(|request| (request.work, request.permit))
            .unzip();
        let admit = |messages| self.parts.broker.admit(messages);
        match commit(&self.parts.database, batch, moved, admit) {
            Ok(outcome) => {
                self.parts.feeds.tell(&outcome.changes);
                outcome.reply();
                drop(permits);
                true
            }
            Err(error) => {
                tracing::error!(%error, "a commit failed; the store is broken");
                self.parts.health.fail(error.to_string());
                false
            }
        }
    }
}

/// Waits for a write that somebody waits for, for a little while.
fn gather(receiver: &Receiver<Request>, batch: &mut Vec<Request>) {
    let end = Instant::now() + LINGER;
    while batch.iter().all(|request| request.work.is_patient()) {
        match receiver.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(request) => batch.push(request),
            Err(_) => return,
        }
    }
}

/// Breaks the store when the thread ends in any way but by being closed.
struct End {
    health: Arc<Health>,
    orderly: bool,
}

impl Drop for End {
    fn drop(&mut self) {
        if !self.orderly {
            self.health.fail("the writer stopped".to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(work: Work) -> Request {
        Request { work, permit: None }
    }

    fn send(patient: bool) -> Request {
        request(Work::Send {
            queue: tally_substrate::QueueId(0),
            messages: Vec::new(),
            patient,
            done: oneshot::channel().0,
        })
    }

    /// Of these what is gathered to the first.
    fn gathered(first: Request, waiting: impl IntoIterator<Item = Request>) -> usize {
        let (sender, receiver) = sync_channel(8);
        for request in waiting {
            sender.send(request).ok();
        }
        let mut batch = vec![first];
        gather(&receiver, &mut batch);
        batch.len()
    }

    /// What nobody waits for is not written before something that somebody waits for, which is not held up by it.
    #[test]
    fn a_patient_write_rides_on_an_awaited_one() {
        assert_eq!(gathered(send(true), [send(true), send(false), send(true)]), 3);
        assert_eq!(gathered(request(Work::Flush), [send(true), send(false)]), 3);
        assert_eq!(gathered(send(false), [send(true), send(false)]), 1);
        assert_eq!(gathered(send(true), []), 1);
    }
}
