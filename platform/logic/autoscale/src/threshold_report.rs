//! `threshold-report`: the report to the letter (M38, M92, C13), kept as a measured baseline.

use crate::{Decision, Policy, Rules, Signal};

/// Every enqueue that sees a depth above the threshold asks for one more set: a burst of B tasks asks for about B - 4.
/// No credit for sets that are starting, never down. The maximum is a safety cap that the report does not have.
#[derive(Clone, Debug)]
pub struct ThresholdReport {
    rules: Rules,
    wanted: u32,
}

impl ThresholdReport {
    /// Starts at the minimum.
    pub const fn new(rules: Rules) -> Self {
        Self {
            rules,
            wanted: rules.min(),
        }
    }
}

impl Policy for ThresholdReport {
    fn name(&self) -> String {
        "threshold-report".to_owned()
    }

    fn start(&mut self, previous: Option<u32>) -> Decision {
        self.wanted = self.rules.clamp(previous.map_or(0, u64::from));
        Decision::first(self.wanted, previous)
    }

    fn decide(&mut self, signal: &Signal) -> Decision {
        let backlog = match signal.backlog(self.rules.stale_after) {
            Ok(backlog) => backlog,
            Err(reason) => return Decision::hold(self.wanted, &reason),
        };
        let threshold = u64::from(self.rules.threshold);
        // Enqueues come in batches. Of `arrivals` enqueues that ended at `backlog`, the last ones saw more than the
        // threshold: as many as the depth is above it.
        let asks = signal.arrivals.min(backlog.saturating_sub(threshold));
        let asked = u64::from(self.wanted).saturating_add(asks);
        self.wanted = self.rules.clamp(asked);
        let why = if asks == 0 {
            format!(
                "depth {backlog}, {} enqueues, none above {threshold}",
                signal.arrivals
            )
        } else {
            format!(
                "{asks} enqueues saw more than {threshold}: {asked} asked, {} sets",
                self.wanted
            )
        };
        Decision::new(self.wanted, why)
    }
}
