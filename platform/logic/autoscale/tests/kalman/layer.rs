//! One layer with sets that serve it first come first served, driven by a policy, in virtual time.

use std::collections::VecDeque;
use std::time::Duration;

use tally_autoscale::{Interval, Policy, Reading, Signal};
use tally_model::{Depth, Instant, Operation};

/// A small generator of chance (SplitMix64, Steele et al. 2014): tests need no more.
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn exponential(&mut self) -> f64 {
        -(1.0 - self.uniform()).ln()
    }

    pub(crate) fn poisson(&mut self, mean: f64) -> u64 {
        let mut left = mean;
        let mut count = 0;
        loop {
            left -= self.exponential();
            if left < 0.0 {
                return count;
            }
            count += 1;
        }
    }
}

/// A layer; its sets serve 20 ms on average, exponentially.
pub(crate) struct Layer {
    draw: Draw,
    start: f64,
    queue: VecDeque<f64>,
    /// When each set is free; a set that starts is free when it is ready.
    sets: Vec<f64>,
    /// When tasks were ready and answered.
    answered: Vec<(f64, f64)>,
    interval: Interval,
}

/// What became of it.
pub(crate) struct Run {
    /// Sets wanted, second by second.
    pub(crate) wanted: Vec<u32>,
    answered: Vec<(f64, f64)>,
}

impl Run {
    /// Share of the tasks that were ready from `from` to `to` and took longer than `limit`.
    pub(crate) fn late(&self, from: f64, to: f64, limit: f64) -> f64 {
        let inside: Vec<f64> = self
            .answered
            .iter()
            .filter(|(ready, _)| (from..to).contains(ready))
            .map(|(ready, end)| end - ready)
            .collect();
        inside.iter().filter(|took| **took > limit).count() as f64 / inside.len().max(1) as f64
    }
}

impl Layer {
    pub(crate) fn new(seed: u64, start: Duration) -> Self {
        Self {
            draw: Draw::new(seed),
            start: start.as_secs_f64(),
            queue: VecDeque::new(),
            sets: vec![0.0],
            answered: Vec::new(),
            interval: Interval::default(),
        }
    }

    /// Runs for so many seconds at this rate; the policy is asked every tenth of a second, and a report comes every second.
    pub(crate) fn run(&mut self, policy: &mut dyn Policy, rate: &dyn Fn(f64) -> f64, seconds: u32) -> Run {
        policy.start(Some(1));
        let mut seen = Vec::new();
        let mut next = 0.0;
        for tick in 0..seconds * 10 {
            let (from, to) = (f64::from(tick) / 10.0, f64::from(tick + 1) / 10.0);
            let mut arrivals = 0;
            while next < to {
                if next >= from {
                    self.queue.push_back(next);
                    arrivals += 1;
                }
                next = next.max(from) + self.draw.exponential() / rate(next.max(from)).max(1e-9);
            }
            self.serve(to);
            self.interval.arrivals += arrivals;
            let report = (tick % 10 == 9).then(|| {
                self.interval.length = Duration::from_secs(1);
                Ok(std::mem::take(&mut self.interval))
            });
            let wanted = policy.decide(&self.signal(to, arrivals, report)).wanted;
            self.scale(to, wanted);
            if tick % 10 == 9 {
                seen.push(wanted);
            }
        }
        Run {
            wanted: seen,
            answered: std::mem::take(&mut self.answered),
        }
    }

    fn serve(&mut self, now: f64) {
        while let Some(&ready) = self.queue.front() {
            let Some(set) = self.sets.iter_mut().min_by(|a, b| a.total_cmp(b)) else {
                return;
            };
            let begin = set.max(ready);
            if begin >= now {
                return;
            }
            self.queue.pop_front();
            let took = 0.020 * self.draw.exponential();
            *set = begin + took;
            self.answered.push((ready, begin + took));
            let seconds = Duration::from_secs_f64;
            self.interval.completions += 1;
            self.interval.busy += seconds(took);
            self.interval.busy_squares += took * took;
            self.interval.waiting += seconds(begin - ready);
            self.interval.response += seconds(begin - ready) + seconds(took);
        }
    }

    fn signal(&self, now: f64, arrivals: u64, interval: Option<Result<Interval, String>>) -> Signal {
        let at = Instant::ZERO + Duration::from_secs_f64(now);
        let busy = self.sets.iter().filter(|free| **free > now).count() as u64;
        Signal {
            now: at,
            operation: Operation::Add,
            arrivals,
            reading: Some(Reading {
                at,
                depth: Depth {
                    visible: self.queue.len() as u64,
                    in_flight: busy.min(self.sets.len() as u64),
                },
                oldest_wait: None,
            }),
            interval,
            start_delay: Some(Duration::from_secs_f64(self.start)),
            ready: self.sets.iter().filter(|free| **free <= now + 0.5).count() as u32,
            starting: self.sets.iter().filter(|free| **free > now + 0.5).count() as u32,
        }
    }

    fn scale(&mut self, now: f64, wanted: u32) {
        while self.sets.len() < wanted as usize {
            self.sets.push(now + self.start);
        }
        self.sets.sort_by(f64::total_cmp);
        while self.sets.len() > wanted.max(1) as usize {
            // The one that is free first goes: nothing in flight is lost.
            self.sets.remove(0);
        }
    }
}
