//! What is sent when, and what is read in between: the state that [`crate::dispatch`] drives.
//!
//! It never looks at an answer to decide when to send. Reading stops while a send is near, so an answer cannot delay a request.

use std::io;

use tally_model::RequestId;

use crate::Options;
use crate::agenda::Agenda;
use crate::clock::Clock;
use crate::control::Control;
use crate::inbox::Inbox;
use crate::pool::{NONE, Phase, Pool};
use crate::retry::Retries;
use crate::supply::Supply;
use crate::tally::Tally;
use crate::window::Window;

/// Sends in a row before answers get a turn, when the thread is behind.
const BURST: u64 = 16;
/// A read begins only if the next send is further away than one takes.
const READ_COST: u64 = 12_000;
/// Idle connections kept in reserve, opened when there is time.
const SPARE: usize = 4;
const SPARE_GAP: u64 = 300_000;
const SPARE_HOLDOFF: u64 = 50_000_000;
/// How often attempts are checked for having taken too long.
const SWEEP: u64 = 20_000_000;

/// How a sending thread spends the time until it is needed again. None of it needs the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// Not at all: there is more to do.
    No,
    /// Looking for events.
    Look,
    /// Spinning until the time given.
    Spin(u64),
    /// Waiting for events until the time given.
    Sleep(u64),
}

/// The state of a sending thread.
pub(crate) struct Sender<'a> {
    pub(crate) options: &'a Options,
    pub(crate) control: &'a Control,
    pub(crate) clock: Clock,
    pub(crate) supply: Supply,
    pub(crate) unresolved: u32,
    pub(crate) agenda: Agenda,
    pub(crate) retries: Retries,
    pub(crate) pool: Pool,
    pub(crate) tally: Tally,
    pub(crate) scratch: Box<[u8]>,
    pub(crate) last_refused: u64,
    pub(crate) started: bool,
    window: Window,
    next_sweep: u64,
    answered: Vec<RequestId>,
}

impl<'a> Sender<'a> {
    pub(crate) fn new(options: &'a Options, control: &'a Control, mut supply: Supply) -> io::Result<Self> {
        let pool = Pool::new(options.target, options.connections_max.max(1))?;
        control.register(&pool.epoll)?;
        Ok(Self {
            options,
            control,
            clock: Clock::starting_at(options.start),
            unresolved: supply.len(),
            agenda: {
                // The first requests are there before the start.
                if supply.len() > 0 {
                    supply.ensure(0);
                }
                Agenda::new(&mut supply, options.mode)
            },
            retries: Retries::new(supply.len() as usize, options.seed),
            supply,
            pool,
            tally: Tally::new(),
            scratch: vec![0; 64 * 1024].into_boxed_slice(),
            last_refused: 0,
            started: false,
            window: Window::new(options.spin),
            next_sweep: SWEEP,
            answered: Vec::with_capacity(64),
        })
    }

    /// Opens the first connections.
    pub(crate) fn open_first(&mut self) {
        for _ in 0..self.options.connections_min.min(self.options.connections_max) {
            if self.pool.open(NONE, 0).is_err() {
                break;
            }
        }
    }

    /// Whether a connection opened before the start is not ready yet.
    pub(crate) fn is_warming(&self) -> bool {
        let is_warming = |phase| matches!(phase, Phase::Connecting | Phase::Writing | Phase::Awaiting);
        self.pool.slots.iter().any(|slot| is_warming(slot.phase))
    }

    /// Whether every request is resolved and none is to come.
    pub(crate) fn is_over(&self) -> bool {
        self.agenda.finished() && self.unresolved == 0
    }

    /// When the next request is to be sent, if one is known and a connection is to be had for it.
    pub(crate) fn next_due(&mut self) -> Option<u64> {
        let can_send = self.can_send();
        let next = self.agenda.peek(&mut self.supply).filter(|_| can_send);
        next.map(|(due, _)| due)
    }

    fn can_send(&self) -> bool {
        self.pool.idle_count() > 0 || self.pool.may_grow()
    }

    /// One turn: sends what is due, reads if there is time for it, and says what to do until the next one.
    pub(crate) fn turn(&mut self, inbox: &mut Inbox) -> Rest {
        self.fire_due();
        self.fire_retries();
        self.read_between(inbox)
    }

    /// Sends what is due, at most [`BURST`] requests; how many.
    pub(crate) fn fire_due(&mut self) -> u64 {
        let mut sent = 0;
        for _ in 0..BURST {
            let Some((due, shot)) = self.agenda.peek(&mut self.supply) else {
                return sent;
            };
            let now = self.clock.now();
            if due > now {
                return sent;
            }
            self.supply.slot_mut(shot).sent.intended_ns = due;
            if now > due.saturating_add(self.options.deadline.as_nanos() as u64) {
                self.agenda.pop();
                self.give_up(shot, now);
            } else if let Some(slot) = self.pool.take_idle() {
                self.agenda.pop();
                sent += 1;
                self.begin_attempt(shot, now);
                self.write_new(slot, shot, now);
            } else if self.pool.may_grow() {
                self.agenda.pop();
                sent += 1;
                self.begin_attempt(shot, now);
                self.tally.cold += u64::from(self.supply.slot(shot).sent.attempts == 1);
                self.open_for(shot, now);
            } else {
                self.tally.mark_starved(shot);
                return sent;
            }
        }
        sent
    }

    /// Sends one retry, unless a scheduled request is due within the time that takes.
    fn fire_retries(&mut self) {
        let now = self.clock.now();
        let near = self
            .agenda
            .peek(&mut self.supply)
            .is_some_and(|(due, _)| due < now + READ_COST);
        let (idle, may_grow) = (self.pool.idle_count(), self.pool.may_grow());
        if (near && idle < 2) || (idle == 0 && !may_grow) {
            return;
        }
        let Some(shot) = self.retries.pop_due(now) else {
            return;
        };
        self.begin_attempt(shot, now);
        match self.pool.take_idle() {
            Some(slot) => self.write_new(slot, shot, now),
            None => self.open_for(shot, now),
        }
    }

    /// Reads until a send is near or nothing is left to be read.
    fn read_between(&mut self, inbox: &mut Inbox) -> Rest {
        let due = self.next_due();
        let now = self.clock.now();
        let to_come = due.filter(|due| now <= *due);
        if let Some(due) = to_come
            && due <= now + READ_COST
        {
            return Rest::Spin(due);
        }
        if !inbox.is_empty() {
            self.handle_events(inbox, due);
            return Rest::No;
        }
        let spin = self.window.nanos();
        if to_come.is_some_and(|due| due <= now.saturating_add(spin)) {
            return Rest::Look;
        }
        if due.is_some() && to_come.is_none() {
            // Behind schedule.
            inbox.poll(0);
            self.handle_events(inbox, due);
            return Rest::No;
        }
        self.add_spare(due, now);
        let wake = [
            due.map(|due| due - spin),
            self.retries.earliest().filter(|_| self.can_send()),
            self.agenda.earliest_expiry(),
            Some(self.next_sweep),
        ];
        let wake = wake.into_iter().flatten().min().unwrap_or(self.next_sweep);
        if wake > now {
            return Rest::Sleep(wake);
        }
        inbox.poll(0);
        self.handle_events(inbox, due);
        Rest::No
    }

    /// A sleep that began at `slept_at` and was to end at `wake` is over.
    pub(crate) fn woke(&mut self, inbox: &Inbox, slept_at: u64, wake: u64) {
        let now = self.clock.now();
        let by_timer = inbox.is_empty() && now >= wake;
        self.window.woke(now - slept_at, by_timer.then(|| now - wake));
    }

    /// Reads what has arrived if there is time.
    pub(crate) fn read_arrived(&mut self, inbox: &mut Inbox) {
        let due = self.next_due();
        self.handle_events(inbox, due);
    }

    /// Opens a connection ahead of need when there is time and the server was not refusing just now.
    fn add_spare(&mut self, due: Option<u64>, now: u64) {
        let has_time = due.is_none_or(|due| due > now + SPARE_GAP);
        let calm = self.last_refused == 0 || now > self.last_refused + SPARE_HOLDOFF;
        let wanted = SPARE.min(self.options.connections_min);
        if !(has_time && calm && self.pool.may_grow()) || self.agenda.finished() {
            return;
        }
        let enough = self.pool.idle_count() >= wanted || self.pool.connecting >= wanted;
        if !enough && self.pool.open(NONE, now).is_err() {
            self.last_refused = now;
        }
    }

    /// Handles events until none is left or a send is near; what is left is handled in the next turn.
    pub(crate) fn handle_events(&mut self, inbox: &mut Inbox, due: Option<u64>) {
        let mut handled = 0;
        while !inbox.is_empty() {
            if let Some(due) = due {
                // Behind schedule, some answers are read all the same: they free the connections that sends need.
                let now = self.clock.now();
                if now + READ_COST > due && (now < due || handled >= BURST / 2) {
                    return;
                }
            }
            let Some(event) = inbox.next() else { return };
            handled += 1;
            match event.data.u64() {
                crate::control::CONTROL => self.take_answers(),
                token => self.on_event(token, event.flags),
            }
        }
    }

    fn take_answers(&mut self) {
        let mut answered = std::mem::take(&mut self.answered);
        self.control.take(&mut answered);
        let now = self.clock.now();
        for id in answered.drain(..) {
            self.agenda.answered(&mut self.supply, id, now);
        }
        self.answered = answered;
    }

    /// Timeouts of attempts and the limit on real-time CPU; the nanoseconds that the thread must sleep for the latter, if any.
    pub(crate) fn keep_limits(&mut self) -> Option<u64> {
        let now = self.clock.now();
        if now >= self.next_sweep {
            self.next_sweep = now + SWEEP;
            self.sweep(now);
        }
        if let Some(expiry) = self.agenda.earliest_expiry()
            && expiry <= now
        {
            self.tally.unanswered += self.agenda.expire(&mut self.supply, now);
        }
        let nap = self.window.settle(now).filter(|_| self.tally.realtime)?;
        self.tally.naps_ns += nap;
        Some(nap)
    }
}
