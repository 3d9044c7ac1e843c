//! The dispatcher: one thread that sends on time and reads in between.
//!
//! It never looks at an answer to decide when to send. Between sends it sleeps in `epoll`, which doubles as its timer;
//! shortly before a due time it spins. Reading stops while a send is near, so an answer cannot delay a request.

use std::io;

use rustix::event::epoll;
use tally_model::RequestId;

use crate::Options;
use crate::agenda::Agenda;
use crate::clock::{Clock, thread_cpu, timespec};
use crate::control::Control;
use crate::pool::{NONE, Phase, Pool};
use crate::realtime;
use crate::retry::Retries;
use crate::supply::Supply;
use crate::tally::Tally;
use crate::window::Window;

/// Sends in a row before answers get a turn, when the thread is behind.
const BURST: usize = 16;
/// A read begins only if the next send is further away than one takes.
const READ_COST: u64 = 12_000;
/// Idle connections kept in reserve, opened when there is time.
const SPARE: usize = 4;
const SPARE_GAP: u64 = 300_000;
const SPARE_HOLDOFF: u64 = 50_000_000;
/// How often attempts are checked for having taken too long.
const SWEEP: u64 = 20_000_000;
const EVENTS: usize = 64;

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
    events: Vec<epoll::Event>,
    event_count: usize,
    event_cursor: usize,
    next_sweep: u64,
    answered: Vec<RequestId>,
}

impl<'a> Sender<'a> {
    pub(crate) fn new(options: &'a Options, control: &'a Control, mut supply: Supply) -> io::Result<Self> {
        let pool = Pool::new(options.target, options.connections_max.max(1))?;
        control.register(&pool.epoll)?;
        let empty = epoll::Event {
            flags: epoll::EventFlags::empty(),
            data: epoll::EventData::new_u64(0),
        };
        // A kernel without `epoll_pwait2` (before 5.11) must fail here rather than spin later.
        epoll::wait(&pool.epoll, &mut [empty; 1], Some(&timespec(0)))?;
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
            events: vec![empty; EVENTS],
            event_count: 0,
            event_cursor: 0,
            next_sweep: SWEEP,
            answered: Vec::with_capacity(64),
        })
    }

    /// Runs the schedule to its end.
    pub(crate) fn run(mut self) -> Tally {
        realtime::tighten_timers();
        self.tally.realtime = self.options.realtime && realtime::request_fifo();
        self.warm();
        let (cpu, delay) = (thread_cpu(), realtime::run_delay());
        while !(self.agenda.finished() && self.unresolved == 0) {
            if self.control.stopped() {
                self.abandon();
                break;
            }
            self.fire_due();
            self.fire_retries();
            self.read_between();
            self.keep_limits();
        }
        self.tally.cpu_ns = thread_cpu() - cpu;
        self.tally.run_delay_ns = realtime::run_delay().saturating_sub(delay);
        self.tally.elapsed_ns = self.clock.now();
        self.tally.stalled = self.supply.stalled;
        self.supply.close();
        self.tally
    }

    /// Opens the first connections, then waits for the start.
    fn warm(&mut self) {
        for _ in 0..self.options.connections_min.min(self.options.connections_max) {
            if self.pool.open(NONE, 0).is_err() {
                break;
            }
        }
        let is_warming = |phase| matches!(phase, Phase::Connecting | Phase::Writing | Phase::Awaiting);
        while self.pool.slots.iter().any(|slot| is_warming(slot.phase)) && !self.control.stopped() {
            let left = self.clock.until_start();
            if left < 2_000_000 {
                break;
            }
            self.poll(left - 1_000_000);
            self.handle_events(None);
        }
        while !self.control.stopped() && self.clock.until_start() > 200_000 {
            self.poll(self.clock.until_start() - 100_000);
            self.handle_events(None);
        }
        while self.clock.until_start() > 0 {
            std::hint::spin_loop();
        }
        self.started = true;
    }

    /// Sends what is due, at most [`BURST`] requests.
    fn fire_due(&mut self) {
        for _ in 0..BURST {
            let Some((due, shot)) = self.agenda.peek(&mut self.supply) else {
                return;
            };
            let now = self.clock.now();
            if due > now {
                return;
            }
            self.supply.slot_mut(shot).sent.intended_ns = due;
            if now > due.saturating_add(self.options.deadline.as_nanos() as u64) {
                self.agenda.pop();
                self.give_up(shot, now);
            } else if let Some(slot) = self.pool.take_idle() {
                self.agenda.pop();
                self.begin_attempt(shot, now);
                self.write_new(slot, shot, now);
            } else if self.pool.may_grow() {
                self.agenda.pop();
                self.begin_attempt(shot, now);
                self.tally.cold += u64::from(self.supply.slot(shot).sent.attempts == 1);
                self.open_for(shot, now);
            } else {
                self.tally.mark_starved(shot);
                return;
            }
        }
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

    /// Sleeps, spins or reads until the next thing is due.
    fn read_between(&mut self) {
        let can_send = self.pool.idle_count() > 0 || self.pool.may_grow();
        let due = self
            .agenda
            .peek(&mut self.supply)
            .map(|(due, _)| due)
            .filter(|_| can_send);
        if self.event_cursor < self.event_count {
            return self.handle_events(due);
        }
        let now = self.clock.now();
        let spin = self.window.nanos();
        if let Some(due) = due
            && due <= now.saturating_add(spin)
        {
            return self.spin_until(due);
        }
        self.add_spare(due, now);
        let wake = [
            due.map(|due| due - spin),
            self.retries.earliest().filter(|_| can_send),
            self.agenda.earliest_expiry(),
            Some(self.next_sweep),
        ];
        let wake = wake.into_iter().flatten().min().unwrap_or(self.next_sweep);
        if wake > now {
            self.poll(wake - now);
            let woke = self.clock.now();
            let by_timer = self.event_count == 0 && woke >= wake;
            self.window.woke(woke - now, by_timer.then(|| woke - wake));
        } else {
            self.poll(0);
        }
        self.handle_events(due);
    }

    /// Reads while there is time for it, otherwise waits for `due` to the nanosecond.
    fn spin_until(&mut self, due: u64) {
        let now = self.clock.now();
        if now + READ_COST < due || now > due {
            self.poll(0);
            return self.handle_events(Some(due));
        }
        while self.clock.now() < due {
            std::hint::spin_loop();
        }
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

    /// Asks the kernel for events, waiting at most `nanos`.
    fn poll(&mut self, nanos: u64) {
        self.event_cursor = 0;
        let timeout = timespec(nanos);
        // An interrupted wait is an early wake-up, which the loop survives anyway.
        self.event_count =
            epoll::wait(&self.pool.epoll, self.events.as_mut_slice(), Some(&timeout)).unwrap_or(0);
    }

    /// Handles events until none is left or a send is near; what is left is handled in the next turn.
    fn handle_events(&mut self, due: Option<u64>) {
        let mut handled = 0;
        while self.event_cursor < self.event_count {
            if let Some(due) = due {
                // Behind schedule, some answers are read all the same: they free the connections that sends need.
                let now = self.clock.now();
                if now + READ_COST > due && (now < due || handled >= BURST / 2) {
                    return;
                }
            }
            let event = self.events[self.event_cursor];
            self.event_cursor += 1;
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

    /// Timeouts of attempts and the limit on real-time CPU.
    fn keep_limits(&mut self) {
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
        if let Some(nap) = self.window.settle(now)
            && self.tally.realtime
        {
            self.tally.naps_ns += nap;
            std::thread::sleep(std::time::Duration::from_nanos(nap));
        }
    }
}
