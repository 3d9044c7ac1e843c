//! `clairvoyant` and `static-optimum`: what could be had by knowing the future. They are bounds, not policies to run.

use std::time::Duration;

use tally_model::Instant;

use crate::demand::Demand;
use crate::known::Known;
use crate::station::Station;
use crate::{Decision, Policy, Rules, Signal};

/// Seconds that a task takes besides waiting and service, taken for granted.
const PATH: f64 = 0.010;

impl Rules {
    fn demand(&self, known: &Known, at: Duration, rate: f64, backlog: f64) -> Demand {
        let (service, service_variation) = known.service(at);
        let objective = self.objective.as_secs_f64();
        Demand {
            station: Station {
                rate,
                service,
                path: PATH,
                arrival_variation: 1.0,
                service_variation,
            },
            objective,
            backlog,
            drain: objective.max(known.bucket.as_secs_f64()),
        }
    }
}

/// How many sets each stretch of the plan needs: the fewest that meet the objective at its own rate, with what the
/// stretches before left behind.
fn needs(rules: &Rules, known: &Known) -> Vec<u32> {
    let length = known.bucket.as_secs_f64();
    let mut backlog = 0.0_f64;
    let need = |(place, &count): (usize, &u32)| {
        let at = known.bucket.saturating_mul(place as u32);
        let (service, _) = known.service(at);
        let demand = rules.demand(known, at, f64::from(count) / length, backlog);
        let sets = demand
            .fewest(rules.min(), rules.max())
            .unwrap_or_else(|| rules.max());
        backlog = (backlog + f64::from(count) - f64::from(sets) * length / service).max(0.0);
        sets
    };
    known.arrivals.iter().enumerate().map(need).collect()
}

/// Knows when every task of the plan will come, and its service time; still pays for starting sets. It asks for what the
/// most demanding stretch needs from now until a set that is asked for now is ready, and lets go of sets as soon as they
/// are not needed again before one could be started anew.
///
/// The plan's time begins with the first arrival that it sees.
#[derive(Clone, Debug)]
pub struct Clairvoyant {
    rules: Rules,
    known: Known,
    needs: Vec<u32>,
    /// When the plan began.
    origin: Option<Instant>,
    wanted: u32,
}

impl Clairvoyant {
    /// Starts where the beginning of the plan asks for.
    pub fn new(rules: Rules, known: Known) -> Self {
        Self {
            needs: needs(&rules, &known),
            origin: None,
            wanted: rules.min(),
            known,
            rules,
        }
    }

    /// The first stretch in which tasks come.
    fn first(&self) -> Option<usize> {
        self.known.arrivals.iter().position(|count| *count > 0)
    }

    /// Tasks per second of the plan at this time.
    fn rate(&self, elapsed: Duration) -> f64 {
        let place = elapsed.as_nanos() / self.known.bucket.as_nanos().max(1);
        let count = usize::try_from(place)
            .ok()
            .and_then(|place| self.known.arrivals.get(place));
        count.map_or(0.0, |&count| f64::from(count) / self.known.bucket.as_secs_f64())
    }

    /// What it takes to get rid of tasks that will wait although the plan was known, once sets that start now are ready.
    fn drains(&self, elapsed: Duration, lead: Duration, backlog: u64, ready: u32) -> u32 {
        let (service, _) = self.known.service(elapsed);
        let rate = self.rate(elapsed);
        let left = (rate - f64::from(ready) / service) * lead.as_secs_f64();
        let waiting = backlog as f64 - f64::from(ready) + left;
        if waiting <= 0.0 {
            return 0;
        }
        let demand = self.rules.demand(&self.known, elapsed, rate, waiting);
        let fewest = demand.fewest(self.rules.min(), self.rules.max());
        fewest.unwrap_or_else(|| self.rules.max())
    }

    /// The most that is needed from `from` on for `length`.
    fn most(&self, from: Duration, length: Duration) -> u32 {
        let bucket = self.known.bucket.as_nanos().max(1);
        let place = |time: Duration| usize::try_from(time.as_nanos() / bucket).unwrap_or(usize::MAX);
        let end = place(from.saturating_add(length))
            .saturating_add(1)
            .min(self.needs.len());
        let start = place(from).min(end);
        let most = self.needs[start..end].iter().copied().max();
        most.unwrap_or_else(|| self.rules.min())
    }
}

impl Policy for Clairvoyant {
    fn name(&self) -> String {
        "clairvoyant".to_owned()
    }

    fn start(&mut self, previous: Option<u32>) -> Decision {
        self.origin = None;
        let first = self.first().map_or_else(
            || self.rules.min(),
            |first| self.most(self.known.bucket * first as u32, self.rules.interval),
        );
        self.wanted = self.rules.clamp(u64::from(previous.unwrap_or(0).max(first)));
        if self.needs.is_empty() {
            return Decision::hold(self.wanted, "there is no plan to know");
        }
        Decision::new(self.wanted, format!("the plan begins with {first} sets"))
    }

    fn decide(&mut self, signal: &Signal) -> Decision {
        let Some(first) = self.first() else {
            return Decision::hold(self.wanted, "there is no plan to know");
        };
        if self.origin.is_none() && signal.arrivals > 0 {
            self.origin = Some(signal.now - self.known.bucket * first as u32);
        }
        let Some(origin) = self.origin else {
            return Decision::new(self.wanted, "the plan has not begun".to_owned());
        };
        let backlog = match signal.backlog(self.rules.stale_after) {
            Ok(backlog) => backlog,
            Err(reason) => return Decision::hold(self.wanted, &reason),
        };
        let elapsed = signal.now.since(origin);
        let lead = signal
            .start_delay
            .unwrap_or(self.rules.interval)
            .saturating_add(self.known.bucket);
        let soon = self.most(elapsed, lead);
        let needed = soon.max(self.drains(elapsed, lead, backlog, signal.ready));
        let hold = self.most(elapsed, lead.saturating_mul(2));
        let wanted = self.wanted.min(hold).max(needed);
        self.wanted = self.rules.clamp(u64::from(wanted));
        Decision::new(
            self.wanted,
            format!(
                "{soon} needed within {:.1} s, depth {backlog}: {} sets",
                lead.as_secs_f64(),
                self.wanted
            ),
        )
    }
}

/// The fixed number of sets that the most demanding stretch of the plan needs.
#[derive(Clone, Debug)]
pub struct StaticOptimum {
    rules: Rules,
    needs: Option<u32>,
}

impl StaticOptimum {
    /// Searches the plan.
    pub fn new(rules: Rules, known: &Known) -> Self {
        Self {
            needs: needs(&rules, known).into_iter().max(),
            rules,
        }
    }

    fn decision(&self) -> Decision {
        match self.needs {
            Some(sets) => Decision::new(
                self.rules.clamp(u64::from(sets)),
                format!("the plan needs {sets} at most"),
            ),
            None => Decision::hold(self.rules.min(), "there is no plan to know"),
        }
    }
}

impl Policy for StaticOptimum {
    fn name(&self) -> String {
        "static-optimum".to_owned()
    }

    fn start(&mut self, _previous: Option<u32>) -> Decision {
        self.decision()
    }

    fn decide(&mut self, _signal: &Signal) -> Decision {
        self.decision()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reading;
    use tally_model::{Bounds, Depth, Operation, Work, WorkDistribution, WorkKind};

    /// 50/s for 20 s, 400/s for 10 s, 50/s for 30 s; 20 ms each.
    fn known() -> Known {
        let mut arrivals = vec![50; 60];
        arrivals[20..30].fill(400);
        Known {
            arrivals,
            bucket: Duration::from_secs(1),
            drift: None,
            work: Some(Work {
                kind: WorkKind::Delay,
                mean: Duration::from_millis(20),
                distribution: WorkDistribution::Exponential,
                replicas: false,
                processor: 0,
            }),
        }
    }

    fn rules() -> Rules {
        let (after, stale) = (Duration::from_secs(10), Duration::from_secs(1));
        Rules::new(Bounds { min: 1, max: 20 }, 4, after, stale)
    }

    /// Sets are asked for one start before the burst, and no longer wanted when it is over.
    #[test]
    fn the_clairvoyant_starts_before_the_burst() {
        let mut policy = Clairvoyant::new(rules(), known());
        assert_eq!(policy.start(None).wanted, 2);
        let mut wanted: Vec<u32> = Vec::new();
        for second in 0..60_u64 {
            // The plan began at 100 s.
            let now = Instant::ZERO + Duration::from_secs(100 + second);
            let signal = Signal {
                now,
                operation: Operation::Add,
                arrivals: 50,
                reading: Some(Reading {
                    at: now,
                    depth: Depth::default(),
                    oldest_wait: None,
                }),
                interval: None,
                start_delay: Some(Duration::from_secs(4)),
                ready: wanted.last().copied().unwrap_or(2),
                starting: 0,
            };
            wanted.push(policy.decide(&signal).wanted);
        }
        assert_eq!(wanted[..15], [2; 15]);
        assert!(
            wanted[15..30].iter().all(|sets| (9..=11).contains(sets)),
            "{wanted:?}"
        );
        assert_eq!(wanted[31..], [2; 29]);
    }

    /// A fixed number is that of the burst, and without a plan both hold and say so.
    #[test]
    fn the_static_optimum_is_that_of_the_peak() {
        let fixed = StaticOptimum::new(rules(), &known()).start(None);
        assert!((9..=11).contains(&fixed.wanted) && !fixed.held, "{fixed:?}");
        assert!(StaticOptimum::new(rules(), &Known::default()).start(None).held);
        assert!(Clairvoyant::new(rules(), Known::default()).start(None).held);
    }
}
