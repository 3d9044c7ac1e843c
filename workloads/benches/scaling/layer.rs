//! The model: one layer, its queue and its sets, in virtual time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use tally_autoscale::{Interval, Known, Reading, Rules, Signal, policy};
use tally_capture::elasticity::{Course, ServedTask};
use tally_model::{Depth, Instant, Operation, Scaler};

use crate::traces::{Task, Trace};

/// Between two looks of the policy, in nanoseconds.
const TICK: u64 = 100_000_000;
/// Looks between two reports.
const REPORT: u64 = 10;

/// What became of a trace under a policy.
pub(crate) struct Run {
    pub(crate) course: Course,
    pub(crate) objective: u64,
    /// Arrivals, ends of service, starts of sets and looks.
    pub(crate) events: u64,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A set has finished its task.
    Free,
    /// A set has started.
    Ready,
    /// The policy looks.
    Look,
}

struct World {
    now: u64,
    agenda: BinaryHeap<Reverse<(u64, Event)>>,
    waiting: VecDeque<(u64, u64)>,
    idle: u32,
    busy: u32,
    starting: u32,
    /// Sets that start although they are no longer wanted: they end when they are ready.
    unwanted: u32,
    /// Busy sets that go when they have finished.
    leaving: u32,
    interval: Interval,
    served: Vec<ServedTask>,
    supply: Vec<(u64, f64)>,
    existing: Vec<(u64, f64)>,
}

/// Plays the tasks under the policy; sets take `start` seconds to start.
pub(crate) fn play(trace: &Trace, tasks: &[Task], scaler: Scaler, start: f64) -> Run {
    let config = trace.config(tasks);
    let rules = Rules::of(&config);
    let mut policy = policy(scaler, rules, &Known::of(&config, Operation::Add));
    let mut wanted = policy.start(None).wanted;
    let nanos = |seconds: f64| (seconds * 1e9) as u64;
    let length = trace.length * 1_000_000_000;
    let mut world = World::new(wanted, tasks.len());
    let mut decided = vec![(0, f64::from(wanted))];
    let mut next = tasks
        .iter()
        .map(|task| (nanos(task.ready), nanos(task.service)))
        .peekable();
    let (mut events, mut looks, mut news) = (0_u64, 0_u64, 0_u64);
    world.agenda.push(Reverse((TICK, Event::Look)));
    loop {
        let due = world.agenda.peek().map_or(u64::MAX, |Reverse((at, _))| *at);
        if let Some((ready, service)) = next.next_if(|(ready, _)| *ready <= due) {
            events += 1;
            news += 1;
            world.now = ready;
            world.arrive(ready, service);
            continue;
        }
        let Some(Reverse((at, event))) = world.agenda.pop() else {
            break;
        };
        if at > length && world.waiting.is_empty() && world.busy == 0 {
            break;
        }
        events += 1;
        world.now = at;
        match event {
            Event::Free => world.free(),
            Event::Ready => world.ready(),
            Event::Look => {
                looks += 1;
                let report = (looks % REPORT == 0).then(|| world.report());
                let signal = world.signal(std::mem::take(&mut news), report, start);
                wanted = policy.decide(&signal).wanted;
                if decided.last().is_some_and(|(_, last)| *last != f64::from(wanted)) {
                    decided.push((at, f64::from(wanted)));
                }
                world.scale(wanted, nanos(start));
                world.agenda.push(Reverse((at + TICK, Event::Look)));
            }
        }
    }
    let mut tasks = world.served;
    tasks.sort_unstable_by_key(|task| task.ready);
    Run {
        course: Course {
            tasks,
            supply: world.supply.into_iter().collect(),
            existing: world.existing.into_iter().collect(),
            wanted: decided.into_iter().collect(),
            time: (0, length),
        },
        objective: rules.objective.as_nanos() as u64,
        events,
    }
}

impl World {
    fn new(sets: u32, tasks: usize) -> Self {
        let mut world = Self {
            now: 0,
            agenda: BinaryHeap::new(),
            waiting: VecDeque::new(),
            idle: sets,
            busy: 0,
            starting: 0,
            unwanted: 0,
            leaving: 0,
            interval: Interval::default(),
            served: Vec::with_capacity(tasks),
            supply: Vec::new(),
            existing: Vec::new(),
        };
        world.note();
        world
    }

    fn note(&mut self) {
        let serving = f64::from(self.idle + self.busy - self.leaving);
        let all = f64::from(self.idle + self.busy + self.starting);
        for (curve, value) in [(&mut self.supply, serving), (&mut self.existing, all)] {
            if curve.last().is_none_or(|(_, last)| *last != value) {
                curve.push((self.now, value));
            }
        }
    }

    fn arrive(&mut self, ready: u64, service: u64) {
        self.interval.arrivals += 1;
        if self.idle > 0 {
            self.idle -= 1;
            self.begin(ready, service);
        } else {
            self.waiting.push_back((ready, service));
        }
    }

    fn begin(&mut self, ready: u64, service: u64) {
        self.busy += 1;
        self.agenda.push(Reverse((self.now + service, Event::Free)));
        let response = self.now - ready + service;
        self.served.push(ServedTask {
            ready,
            worked: service,
            response,
        });
        let seconds = service as f64 / 1e9;
        let interval = &mut self.interval;
        // Counted when it begins: within one service time of when it ends.
        interval.completions += 1;
        interval.busy += Duration::from_nanos(service);
        interval.busy_squares += seconds * seconds;
        interval.waiting += Duration::from_nanos(self.now - ready);
        interval.response += Duration::from_nanos(response);
    }

    fn free(&mut self) {
        self.busy -= 1;
        if self.leaving > 0 {
            self.leaving -= 1;
        } else if let Some((ready, service)) = self.waiting.pop_front() {
            self.begin(ready, service);
            return;
        } else {
            self.idle += 1;
        }
        self.note();
    }

    fn ready(&mut self) {
        self.starting -= 1;
        if self.unwanted > 0 {
            self.unwanted -= 1;
        } else if let Some((ready, service)) = self.waiting.pop_front() {
            self.begin(ready, service);
        } else {
            self.idle += 1;
        }
        self.note();
    }

    /// Towards `wanted`: sets that were on their way out stay, before others are started; idle sets go first, then those
    /// that start, then busy ones once they are free.
    fn scale(&mut self, wanted: u32, start: u64) {
        let there = self.idle + self.busy - self.leaving + self.starting - self.unwanted;
        let mut more = wanted.saturating_sub(there);
        let staying = more.min(self.leaving);
        self.leaving -= staying;
        more -= staying;
        let kept = more.min(self.unwanted);
        self.unwanted -= kept;
        more -= kept;
        for _ in 0..more {
            self.starting += 1;
            self.agenda.push(Reverse((self.now + start, Event::Ready)));
        }
        let mut fewer = there.saturating_sub(wanted);
        let cancelled = fewer.min(self.starting - self.unwanted);
        self.unwanted += cancelled;
        fewer -= cancelled;
        let idle = fewer.min(self.idle);
        self.idle -= idle;
        self.leaving += (fewer - idle).min(self.busy - self.leaving);
        self.note();
    }

    fn report(&mut self) -> Interval {
        Interval {
            length: Duration::from_nanos(TICK * REPORT),
            ..std::mem::take(&mut self.interval)
        }
    }

    fn signal(&self, arrivals: u64, report: Option<Interval>, start: f64) -> Signal {
        let at = Instant::ZERO + Duration::from_nanos(self.now);
        Signal {
            now: at,
            operation: Operation::Add,
            arrivals,
            reading: Some(Reading {
                at,
                depth: Depth {
                    visible: self.waiting.len() as u64,
                    in_flight: u64::from(self.busy),
                },
                oldest_wait: None,
            }),
            interval: report.map(Ok),
            start_delay: Some(Duration::from_secs_f64(start)),
            ready: self.idle + self.busy - self.leaving,
            starting: self.starting - self.unwanted,
        }
    }
}
