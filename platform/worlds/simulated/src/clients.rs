//! Clients: they send what is due, try again under the same key when a connection fails, and hear answers on a stream.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tally_model::{AnswerMessage, Instant, RequestId};
use tally_roles::gateway::{CallId, GatewayEvent, Submission};

use crate::happening::{Happening, Knock};
use crate::timeline::{Missing, Request, Shot, Shots, Sight, Timeline};
use crate::world::World;

/// Attempts of one request (as the generator of real runs).
const ATTEMPTS: u32 = 64;
/// An attempt without a response is given up after this long.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause before the second attempt; doubles up to the longest.
const PAUSE: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_millis(500);
/// How often outstanding answers are asked for once something was lost.
pub(crate) const REREAD: Duration = Duration::from_secs(1);

/// What happens to clients.
#[derive(Debug)]
pub(crate) enum ClientEvent {
    /// The next request with a due time is due.
    Due,
    /// A user of a group has thought.
    Thought(usize),
    /// A request is tried again.
    Retry(u64),
    /// A connection failed; whether the platform was reached.
    Reset(CallId, bool),
    /// An answer arrives on the stream.
    Answer(Arc<AnswerMessage>),
    /// Outstanding answers are asked for.
    Reread,
    /// Requests of unknown fate are sent again under their keys.
    Resolve,
}

/// Why the gateway was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Submit,
    Reread,
    Sample,
}

pub(crate) struct Group {
    pub(crate) think: Duration,
    pub(crate) requests: Shots,
}

pub(crate) struct Open {
    pub(crate) request: Request,
    pub(crate) work_key: u64,
    /// Which group of users it is of.
    pub(crate) group: Option<usize>,
    pub(crate) reached: bool,
}

/// All clients of a run.
pub(crate) struct Clients {
    origin: Instant,
    tag: String,
    patience: Duration,
    closed_end: Instant,
    shots: Shots,
    next: Option<Shot>,
    /// A user wanted to begin a request, and there was none.
    pub(crate) ran_dry: bool,
    pub(crate) groups: Vec<Group>,
    pub(crate) open: BTreeMap<u64, Open>,
    pub(crate) by_id: BTreeMap<RequestId, u64>,
    /// Answers under ids that no request is known to have, with the time at which they were heard.
    pub(crate) early: BTreeMap<RequestId, Vec<(Instant, Arc<AnswerMessage>)>>,
    pub(crate) calls: BTreeMap<CallId, (u64, Purpose)>,
    next_call: CallId,
    pub(crate) rereading: bool,
    /// Nothing new is sent; what is of unknown fate is found out.
    pub(crate) draining: bool,
    pub(crate) finished: Vec<Request>,
    pub(crate) sights: Vec<Sight>,
}

impl std::fmt::Debug for Clients {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clients")
            .field("open", &self.open.len())
            .finish_non_exhaustive()
    }
}

impl Default for Clients {
    fn default() -> Self {
        Self {
            origin: Instant::ZERO,
            tag: String::new(),
            patience: Duration::ZERO,
            closed_end: Instant::ZERO,
            shots: Box::new(std::iter::empty()),
            next: None,
            ran_dry: false,
            groups: Vec::new(),
            open: BTreeMap::new(),
            by_id: BTreeMap::new(),
            early: BTreeMap::new(),
            calls: BTreeMap::new(),
            next_call: 1,
            rereading: false,
            draining: false,
            finished: Vec::new(),
            sights: Vec::new(),
        }
    }
}

impl Clients {
    /// Requests that were begun and are not over.
    pub(crate) fn open(&self) -> usize {
        self.open.len()
    }

    /// Whether requests with due times are still to come.
    pub(crate) const fn has_more(&self) -> bool {
        self.next.is_some()
    }

    /// Takes everything that is open, as it stands.
    pub(crate) fn take_open(&mut self) -> Vec<Request> {
        let left = std::mem::take(&mut self.open).into_values();
        left.map(|open| open.request).collect()
    }

    pub(crate) fn call(&mut self, n: u64, purpose: Purpose) -> CallId {
        let call = self.next_call;
        self.next_call += 1;
        self.calls.insert(call, (n, purpose));
        call
    }
}

impl World {
    /// Begins a timeline now.
    pub fn play(&mut self, timeline: Timeline) {
        let Timeline {
            mut shots,
            users,
            closed_end,
            drain,
            tag,
            patience,
        } = timeline;
        let now = self.now;
        let next = shots.next();
        if let Some(shot) = &next {
            self.client_in(shot.due, ClientEvent::Due);
        }
        for (group, users) in users.iter().enumerate() {
            for _ in 0..users.users {
                self.client_in(users.think, ClientEvent::Thought(group));
            }
        }
        self.client_in(drain, ClientEvent::Resolve);
        self.clients = Clients {
            origin: now,
            tag,
            patience,
            closed_end: now + closed_end,
            shots,
            next,
            groups: users
                .into_iter()
                .map(|users| Group {
                    think: users.think,
                    requests: users.requests,
                })
                .collect(),
            ..Clients::default()
        };
    }

    /// Clients begin no more requests from now on; what is open goes on.
    pub fn stop_requests(&mut self) {
        self.clients.closed_end = self.clients.closed_end.min(self.now);
        self.clients.shots = Box::new(std::iter::empty());
        self.clients.next = None;
    }

    pub(crate) fn client_in(&mut self, after: Duration, event: ClientEvent) {
        self.agenda.push(self.now + after, Happening::Client(event));
    }

    pub(crate) fn client(&mut self, event: ClientEvent) {
        match event {
            ClientEvent::Due => self.due(),
            ClientEvent::Thought(group) => self.thought(group),
            ClientEvent::Retry(n) => self.attempt(n),
            ClientEvent::Reset(call, reached) => self.reset(call, reached),
            ClientEvent::Answer(answer) => self.answer(answer, true),
            ClientEvent::Reread => self.reread(),
            ClientEvent::Resolve => self.resolve(),
        }
    }

    fn due(&mut self) {
        let Some(shot) = self.clients.next.take() else {
            return;
        };
        self.clients.next = self.clients.shots.next();
        if let Some(next) = &self.clients.next {
            let at = self.clients.origin + next.due;
            self.agenda
                .push(at.max(self.now), Happening::Client(ClientEvent::Due));
        }
        self.begin(shot, None);
    }

    pub(crate) fn thought(&mut self, group: usize) {
        if self.now >= self.clients.closed_end {
            return;
        }
        match self.clients.groups[group].requests.next() {
            Some(shot) => self.begin(shot, Some(group)),
            None => self.clients.ran_dry = true,
        }
    }

    pub(crate) fn begin(&mut self, shot: Shot, group: Option<usize>) {
        let request = Request {
            n: shot.n,
            intended: self.now,
            sent: self.now,
            first_byte: None,
            done: None,
            status: 0,
            missing: None,
            accepted: false,
            id: None,
            other_ids: Vec::new(),
            attempts: 0,
            expression: shot.expression,
            answer: None,
        };
        let open = Open {
            request,
            work_key: shot.work_key,
            group,
            reached: false,
        };
        self.clients.open.insert(shot.n, open);
        self.attempt(shot.n);
    }

    /// Sends a request, the first time or again: equal in every byte that the platform compares.
    pub(crate) fn attempt(&mut self, n: u64) {
        let entropy = self.entropy();
        let call = self.clients.call(n, Purpose::Submit);
        let Some(open) = self.clients.open.get_mut(&n) else {
            return;
        };
        open.request.attempts += 1;
        let submission = Submission {
            call,
            expression: open.request.expression.clone(),
            key: Some(format!("{}-{n}", self.clients.tag)),
            tag: Some(self.clients.tag.clone()),
            work_key: Some(open.work_key),
            entropy,
        };
        self.knock(n, GatewayEvent::Submit(submission));
    }

    pub(crate) fn knock(&mut self, n: u64, event: GatewayEvent) {
        let at = self.now + self.costs.door;
        self.agenda.push(at, Happening::Knock(Knock { n, event }));
    }

    /// A question reaches the gateway's door.
    pub(crate) fn knocked(&mut self, knock: Knock) {
        let call = match &knock.event {
            GatewayEvent::Submit(submission) => submission.call,
            GatewayEvent::Lookup { call, .. } => *call,
            _ => return,
        };
        if !self.control.up {
            self.client_in(self.costs.door, ClientEvent::Reset(call, false));
            return;
        }
        if self.control.paused {
            self.client_in(ATTEMPT_TIMEOUT, ClientEvent::Reset(call, true));
            self.control.held.push(Happening::Knock(knock));
            return;
        }
        self.control.calls.insert(call, knock.n);
        self.tell(crate::happening::RoleEvent::Gateway(knock.event));
    }

    /// Connections to a control plane that is gone break; those to one that is stopped run out of patience.
    pub(crate) fn break_connections(&mut self, gone: bool) {
        let after = if gone { self.costs.door } else { ATTEMPT_TIMEOUT };
        let calls: Vec<CallId> = self.control.calls.keys().copied().collect();
        for call in calls {
            self.client_in(after, ClientEvent::Reset(call, true));
        }
        if gone && !std::mem::replace(&mut self.clients.rereading, true) {
            self.client_in(REREAD, ClientEvent::Reread);
        }
    }

    pub(crate) fn reset(&mut self, call: CallId, reached: bool) {
        let Some((n, purpose)) = self.clients.calls.remove(&call) else {
            return;
        };
        self.control.calls.remove(&call);
        if purpose != Purpose::Submit {
            return;
        }
        let Some(open) = self.clients.open.get_mut(&n) else {
            return;
        };
        open.reached |= reached;
        let request = &mut open.request;
        let patient = self.now.since(request.sent) < self.clients.patience;
        if request.attempts < ATTEMPTS && patient {
            let doublings = request.attempts.saturating_sub(1).min(20);
            let pause = PAUSE.saturating_mul(1 << doublings).min(PAUSE_MAX);
            let drawn = self.draw() % pause.as_nanos().max(1) as u64;
            self.client_in(pause / 2 + Duration::from_nanos(drawn), ClientEvent::Retry(n));
            return;
        }
        if open.reached {
            request.missing = Some(Missing::Unknown);
        } else {
            request.missing = Some(Missing::Refused);
            self.over(n);
        }
    }
}
