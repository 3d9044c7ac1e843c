//! The resource `cpu` of a layer: how busy its sets are, as metrics-server would report it.

use std::time::Duration;

use tally_model::Instant;

use super::{Metric, PodReading, PodSample, PodState, PodTarget};
use crate::Signal;

/// Requested by every set: one core, in thousandths. A set works on one task at a time, so it uses at most as much.
const REQUEST: i64 = 1000;

/// Busy time per set, averaged over windows as metrics-server does (`--metric-resolution`, 15 s): a look sees the last
/// window that has ended, so it is up to two windows old. The scheduler reports sums over a layer, so its sets are taken to
/// share the work evenly; a set that is not ready yet is unready.
#[derive(Clone, Debug)]
pub(super) struct Cpu {
    /// Percent of the request.
    target: i32,
    window: Window,
    /// The last whole window: thousandths of a core per set, and when it ended.
    sample: Option<(i64, Instant)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    length: Duration,
    busy: Duration,
    /// Sets that were ready times the time that they were.
    capacity: f64,
}

impl Cpu {
    const RESOLUTION: Duration = Duration::from_secs(15);
    /// A sample that ended this long ago is none.
    const STALE_AFTER: Duration = Duration::from_mins(1);

    pub(super) fn new(target: i32) -> Self {
        Self {
            target: target.max(1),
            window: Window::default(),
            sample: None,
        }
    }

    pub(super) fn record(&mut self, signal: &Signal) {
        // A report that is of no use is none: without any the sample grows old and the controller says so.
        let Ok(Some(interval)) = signal.usable_interval() else {
            return;
        };
        let window = &mut self.window;
        window.length = window.length.saturating_add(interval.length);
        window.busy = window.busy.saturating_add(interval.busy);
        window.capacity += interval.length.as_secs_f64() * f64::from(signal.ready);
        if window.length >= Self::RESOLUTION {
            let busy = window.busy.as_secs_f64();
            let usage = if window.capacity > 0.0 {
                (busy / window.capacity).min(1.0)
            } else {
                0.0
            };
            self.sample = Some(((usage * REQUEST as f64) as i64, signal.now));
            self.window = Window::default();
        }
    }

    /// The metric as the controller reads it, and how to say it.
    pub(super) fn metric(&self, signal: &Signal) -> (Metric, String) {
        let sample = self
            .sample
            .filter(|(_, at)| signal.now.since(*at) <= Self::STALE_AFTER);
        let pod = |state, usage| PodSample {
            state,
            usage,
            request: Some(REQUEST),
        };
        let usage = sample.map(|(usage, _)| usage);
        let ready = std::iter::repeat_n(pod(PodState::Counted, usage), signal.ready.min(MOST) as usize);
        let starting = std::iter::repeat_n(pod(PodState::Unready, None), signal.starting.min(MOST) as usize);
        let metric = Metric::Resource {
            target: PodTarget::Utilization(self.target),
            reading: Ok(PodReading {
                pods: ready.chain(starting).collect(),
                superfluous: Vec::new(),
            }),
        };
        let seen = match usage {
            Some(usage) => format!("cpu {} % at {} %", usage / 10, self.target),
            None => "cpu without a sample".to_owned(),
        };
        (metric, seen)
    }
}

/// Sets that are looked at one by one; a platform has fewer.
const MOST: u32 = 1024;
