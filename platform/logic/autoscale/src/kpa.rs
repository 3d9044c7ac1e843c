//! `kpa`: the autoscaler of Knative, which averages concurrency over a stable window and a short one for panic.

use std::collections::VecDeque;
use std::time::Duration;

use tally_model::Instant;

use crate::{Decision, Policy, Rules, Signal};

/// Knative's pod autoscaler on the tasks of the layer that wait or are worked on, with its defaults: windows of 60 s and
/// 6 s, a decision every 2 s, panic at twice what the ready sets are meant for. The target per set is the threshold that
/// all policies share, in place of Knative's 70 of 100 requests. Left out: the grace period and the buffer of the activator
/// (a layer goes to zero when its stable window is empty), and the start in panic.
#[derive(Clone, Debug)]
pub struct Kpa {
    rules: Rules,
    wanted: u32,
    /// Second, sum of the readings within it, and their number; at most the stable window.
    seconds: VecDeque<(u64, u128, u64)>,
    /// The second of the first reading.
    first: Option<u64>,
    next_tick: Option<Instant>,
    panic: Option<Panic>,
    why: String,
}

/// More than twice too much, lately: the number of sets only grows.
#[derive(Clone, Copy, Debug)]
struct Panic {
    since: Instant,
    most: u64,
}

impl Kpa {
    const TICK: Duration = Duration::from_secs(2);
    const STABLE_WINDOW: Duration = Duration::from_mins(1);
    const PANIC_WINDOW: Duration = Duration::from_secs(6);
    /// Of what the ready sets are meant for.
    const PANIC_THRESHOLD: f64 = 2.0;
    const MAX_SCALE_UP_RATE: f64 = 1000.0;
    const MAX_SCALE_DOWN_RATE: f64 = 2.0;

    /// With these bounds.
    pub const fn new(rules: Rules) -> Self {
        Self {
            rules,
            wanted: rules.min(),
            seconds: VecDeque::new(),
            first: None,
            next_tick: None,
            panic: None,
            why: String::new(),
        }
    }

    fn record(&mut self, now: Instant, backlog: u64) {
        let second = now.as_nanos() / 1_000_000_000;
        self.first.get_or_insert(second);
        match self.seconds.back_mut() {
            Some((last, sum, count)) if *last >= second => {
                *sum += u128::from(backlog);
                *count += 1;
            }
            _ => self.seconds.push_back((second, u128::from(backlog), 1)),
        }
        let oldest = second.saturating_sub(Self::STABLE_WINDOW.as_secs() - 1);
        while self.seconds.front().is_some_and(|(at, _, _)| *at < oldest) {
            self.seconds.pop_front();
        }
    }

    /// The average of the seconds of the window, as far as there were any since the first reading.
    fn average(&self, now: Instant, window: Duration) -> f64 {
        let second = now.as_nanos() / 1_000_000_000;
        let lived = second.saturating_sub(self.first.unwrap_or(second)) + 1;
        let length = window.as_secs().min(lived);
        let oldest = (second + 1).saturating_sub(length);
        let inside = self.seconds.iter().filter(|(at, _, _)| *at >= oldest);
        let sum: f64 = inside.map(|(_, sum, count)| *sum as f64 / *count as f64).sum();
        sum / length as f64
    }

    fn tick(&mut self, now: Instant, ready: u32) -> Decision {
        self.next_tick = Some(now + Self::TICK);
        let target = f64::from(self.rules.threshold);
        let ready = f64::from(ready.max(1));
        let stable = self.average(now, Self::STABLE_WINDOW);
        let lately = self.average(now, Self::PANIC_WINDOW);
        let most = (Self::MAX_SCALE_UP_RATE * ready).ceil();
        let fewest = (ready / Self::MAX_SCALE_DOWN_RATE).floor();
        let sets = |load: f64| (load / target).ceil().min(most).max(fewest) as u64;
        let over = (lately / target).ceil() / ready >= Self::PANIC_THRESHOLD;
        self.panic = match self.panic {
            Some(panic) if over => Some(Panic { since: now, ..panic }),
            None if over => Some(Panic { since: now, most: 0 }),
            Some(panic) if panic.since + Self::STABLE_WINDOW < now => None,
            unchanged => unchanged,
        };
        let mut desired = sets(stable);
        if let Some(panic) = &mut self.panic {
            panic.most = panic.most.max(desired).max(sets(lately));
            desired = panic.most;
        }
        self.wanted = self.rules.clamp(desired);
        let mood = if self.panic.is_some() { "panic" } else { "stable" };
        self.why = format!(
            "{stable:.1} over 60 s, {lately:.1} over 6 s, {mood}: {desired} asked, {} sets",
            self.wanted
        );
        Decision::new(self.wanted, self.why.clone())
    }
}

impl Policy for Kpa {
    fn name(&self) -> String {
        "kpa".to_owned()
    }

    fn start(&mut self, previous: Option<u32>) -> Decision {
        *self = Self::new(self.rules);
        self.wanted = self.rules.clamp(previous.map_or(0, u64::from));
        let decision = Decision::first(self.wanted, previous);
        self.why.clone_from(&decision.why);
        decision
    }

    fn decide(&mut self, signal: &Signal) -> Decision {
        let backlog = match signal.backlog(self.rules.stale_after) {
            Ok(backlog) => backlog,
            Err(reason) => return Decision::hold(self.wanted, &reason),
        };
        self.record(signal.now, backlog);
        if self.next_tick.is_some_and(|next| signal.now < next) {
            return Decision::new(self.wanted, self.why.clone());
        }
        self.tick(signal.now, signal.ready)
    }
}
