//! Both sides of the door: handlers ask, the driver answers.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tally_listen::Connections;
use tally_model::{AnswerMessage, Instant, Limits, Observation, RequestId};
use tally_roles::gateway::{CallId, GatewayCommand, GatewayEvent, Gauge, Response, Submission};
use tally_roles::port::PortCommand;
use tokio::sync::{mpsc, oneshot};

use crate::audience::Audience;
use crate::journal::Journal;
use crate::metrics::Metrics;
use crate::status::StatusSource;

/// What comes through the door: the gateway's own events, so that nothing is converted.
pub type DoorEvent = GatewayEvent;

/// Reads the clock of the world.
pub type Now = Arc<dyn Fn() -> Instant + Send + Sync>;

/// The handle that handlers and the driver share. Cheap to clone.
#[derive(Clone)]
pub struct Door {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) limits: Limits,
    pub(crate) now: Now,
    pub(crate) source: Arc<dyn StatusSource>,
    pub(crate) audience: Audience,
    pub(crate) journal: Journal,
    pub(crate) metrics: Metrics,
    pub(crate) connections: Arc<Connections>,
    gauge: RwLock<Gauge>,
    events: mpsc::Sender<DoorEvent>,
    calls: Mutex<HashMap<CallId, oneshot::Sender<Response>>>,
    next: AtomicU64,
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door")
            .field("gauge", &self.gauge())
            .finish_non_exhaustive()
    }
}

/// The gateway cannot be asked: its queue is full, or it is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deaf;

impl Door {
    /// A door, and the end of it that the gateway's driver reads. At most `limits.connections` events wait in between;
    /// beyond that clients are told 503.
    pub fn new(limits: Limits, now: Now, source: Arc<dyn StatusSource>) -> (Self, mpsc::Receiver<DoorEvent>) {
        let (events, receiver) = mpsc::channel(limits.connections.max(1));
        let inner = Inner {
            limits,
            now,
            source,
            audience: Audience::default(),
            journal: Journal::default(),
            metrics: Metrics::default(),
            connections: Arc::default(),
            gauge: RwLock::default(),
            events,
            calls: Mutex::default(),
            next: AtomicU64::new(1),
        };
        let inner = Arc::new(inner);
        (Self { inner }, receiver)
    }

    /// Carries out a command of the gateway, or returns it if it is for a port.
    pub fn obey(&self, command: GatewayCommand) -> Option<PortCommand> {
        match command {
            GatewayCommand::Port(command) => return Some(command),
            GatewayCommand::Respond { call, response } => self.respond(call, response),
            GatewayCommand::Publish { answer } => self.publish(&answer),
            GatewayCommand::Observe(observation) => self.observe(&observation),
            GatewayCommand::Gauge(gauge) => self.report(gauge),
        }
        None
    }

    /// Completes a call; one whose client went away is ignored.
    pub fn respond(&self, call: CallId, response: Response) {
        let sender = self.calls().remove(&call);
        if let Some(sender) = sender {
            // The client may have gone this instant.
            let _gone = sender.send(response);
        }
    }

    /// Publishes a stored answer to the subscribers of its tag, and counts it.
    pub fn publish(&self, answer: &Arc<AnswerMessage>) {
        self.inner.metrics.answered(answer, (self.inner.now)());
        self.inner.audience.publish(answer);
    }

    /// Adds an observation, of any role, to the journal.
    pub fn observe(&self, observation: &Observation) {
        self.inner.journal.append(observation);
    }

    /// Takes the gateway's newest levels.
    pub fn report(&self, gauge: Gauge) {
        *self.inner.gauge.write().unwrap_or_else(PoisonError::into_inner) = gauge;
    }

    /// The gateway's newest levels.
    pub fn gauge(&self) -> Gauge {
        *self.inner.gauge.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The most requests that were in handlers at once since the start.
    pub fn most_active_requests(&self) -> usize {
        self.inner.metrics.most_active.load(Ordering::Acquire)
    }

    fn calls(&self) -> std::sync::MutexGuard<'_, HashMap<CallId, oneshot::Sender<Response>>> {
        self.inner.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Submits; returns when the request is accepted or refused.
    pub(crate) async fn submit(
        &self,
        expression: String,
        key: Option<String>,
        tag: Option<String>,
        work_key: Option<u64>,
    ) -> Result<Response, Deaf> {
        self.ask(|call| {
            DoorEvent::Submit(Submission {
                call,
                expression,
                key,
                tag,
                work_key,
                entropy: rand::random(),
            })
        })
        .await
    }

    /// What is known about a request.
    pub(crate) async fn lookup(&self, id: RequestId) -> Result<Response, Deaf> {
        self.ask(|call| DoorEvent::Lookup { call, id }).await
    }

    /// Its answer, if it comes before `until`.
    pub(crate) async fn wait(&self, id: RequestId, until: Instant) -> Result<Response, Deaf> {
        self.ask(|call| DoorEvent::Wait { call, id, until }).await
    }

    async fn ask(&self, event: impl FnOnce(CallId) -> DoorEvent) -> Result<Response, Deaf> {
        let id = self.inner.next.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        self.calls().insert(id, sender);
        let call = Call {
            door: self,
            id,
            done: AtomicBool::new(false),
        };
        if self.inner.events.try_send(event(id)).is_err() {
            call.done.store(true, Ordering::Relaxed);
            self.calls().remove(&id);
            return Err(Deaf);
        }
        let response = receiver.await;
        call.done.store(true, Ordering::Relaxed);
        response.map_err(|_| Deaf)
    }
}

/// An open call; dropped before its response, it tells the gateway that nobody waits any longer.
struct Call<'a> {
    door: &'a Door,
    id: CallId,
    done: AtomicBool,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if !self.done.load(Ordering::Relaxed) && self.door.calls().remove(&self.id).is_some() {
            // If there is no room the call simply runs to its end: its wait is bounded.
            let _full = self
                .door
                .inner
                .events
                .try_send(DoorEvent::Cancel { call: self.id });
        }
    }
}
