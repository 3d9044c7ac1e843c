//! `threshold`: the report's rule "length of a layer > 4" (M38, M85), with what the report leaves out (C13): credit for
//! sets that are already starting, bounds, and a way down.

use tally_model::Instant;

use crate::{Decision, Policy, Rules, Signal};

/// A layer with `n` sets is overloaded when more than `threshold * n` tasks wait or are worked on; then it gets as many sets
/// as have at most `threshold` tasks each. It loses one set when, for `scale_down_after` without a break, fewer sets
/// would have had at most *half* the threshold each. The factor of two is the hysteresis: while the depth stays within
/// a factor of two, the number of sets moves in one direction only.
#[derive(Clone, Debug)]
pub struct Threshold {
    rules: Rules,
    wanted: u32,
    /// Since when fewer sets would do.
    low_since: Option<Instant>,
}

impl Threshold {
    /// Starts at the minimum.
    pub const fn new(rules: Rules) -> Self {
        Self {
            rules,
            wanted: rules.min(),
            low_since: None,
        }
    }

    fn decide_down(&mut self, now: Instant, backlog: u64, needed: u32) -> Decision {
        let since = *self.low_since.get_or_insert(now);
        let low_for = now.since(since);
        if low_for < self.rules.scale_down_after {
            let why = format!(
                "depth {backlog} needs {needed}, low for {} ms",
                low_for.as_millis()
            );
            return Decision::new(self.wanted, why);
        }
        // Removing a set changes what the depth means, so the evidence for the next step starts afresh.
        self.low_since = Some(now);
        self.wanted -= 1;
        let why = format!(
            "depth {backlog} needs {needed} for {} ms: down to {}",
            low_for.as_millis(),
            self.wanted
        );
        Decision::new(self.wanted, why)
    }
}

impl Policy for Threshold {
    fn name(&self) -> String {
        "threshold".to_owned()
    }

    fn start(&mut self, previous: Option<u32>) -> Decision {
        self.low_since = None;
        self.wanted = self.rules.clamp(previous.map_or(0, u64::from));
        Decision::first(self.wanted, previous)
    }

    fn decide(&mut self, signal: &Signal) -> Decision {
        let backlog = match signal.backlog(self.rules.stale_after) {
            Ok(backlog) => backlog,
            Err(reason) => {
                self.low_since = None;
                return Decision::hold(self.wanted, &reason);
            }
        };
        let threshold = u64::from(self.rules.threshold);
        let credit = self.wanted.max(signal.ready.saturating_add(signal.starting));
        if backlog > threshold.saturating_mul(u64::from(credit)) {
            self.low_since = None;
            self.wanted = self.rules.clamp(backlog.div_ceil(threshold));
            let why = format!("depth {backlog} > {threshold} x {credit}: {} sets", self.wanted);
            return Decision::new(self.wanted, why);
        }
        let needed = self.rules.clamp(backlog.saturating_mul(2).div_ceil(threshold));
        if needed < self.wanted {
            return self.decide_down(signal.now, backlog, needed);
        }
        self.low_since = None;
        Decision::new(self.wanted, format!("depth {backlog} suits {} sets", self.wanted))
    }
}
