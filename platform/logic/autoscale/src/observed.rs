//! What a policy with a model has learned of its layer so far.

use std::collections::VecDeque;
use std::time::Duration;

use tally_model::Instant;

use crate::filter::LoadFilter;
use crate::service::{Answered, ServiceFilter};
use crate::station::Station;
use crate::{Interval, Rules, Signal};

/// Both filters, fed from the reports in the signals.
#[derive(Clone, Debug)]
pub(crate) struct Observed {
    pub(crate) load: LoadFilter,
    pub(crate) service: ServiceFilter,
    interval: Duration,
    /// Rates of the intervals of the last minute: end and tasks per second, the larger first.
    peaks: VecDeque<(Instant, f64)>,
    reported: Option<Instant>,
    /// Arrivals since the newest report, as far as signals tell.
    news: u64,
}

impl Observed {
    /// How long a rate of the past bounds what is believed of the future.
    const PEAK_WINDOW: Duration = Duration::from_mins(1);
    /// The future is at most this many times the largest rate of the past.
    const PEAK_FACTOR: f64 = 4.0;
    /// A layer whose reports stop for this many intervals has none.
    const SILENCE: u32 = 5;

    pub(crate) fn new(rules: &Rules) -> Self {
        Self {
            load: LoadFilter::new(),
            service: ServiceFilter::new(),
            interval: rules.interval,
            peaks: VecDeque::new(),
            reported: None,
            news: 0,
        }
    }

    /// Learns from a signal. Returns the interval, if it had one.
    ///
    /// # Errors
    /// Says why nothing can be decided on: the report is of no use, or there has been none for long.
    pub(crate) fn learn(&mut self, signal: &Signal) -> Result<Option<Interval>, String> {
        self.news = self.news.saturating_add(signal.arrivals);
        if let Some(interval) = signal.usable_interval()? {
            self.take(signal.now, &interval);
            return Ok(Some(interval));
        }
        let last = *self.reported.get_or_insert(signal.now);
        let silence = signal.now.since(last);
        if silence > self.interval * Self::SILENCE {
            return Err(format!(
                "no report of the layer's work for {} ms",
                silence.as_millis()
            ));
        }
        Ok(None)
    }

    fn take(&mut self, now: Instant, interval: &Interval) {
        let length = interval.length.as_secs_f64();
        self.load.observe(interval.arrivals, length);
        self.service.observe(&Answered {
            count: interval.completions,
            busy: interval.busy.as_secs_f64(),
            busy_squares: interval.busy_squares,
            unqueued: interval.response.saturating_sub(interval.waiting).as_secs_f64(),
        });
        let rate = interval.arrivals as f64 / length;
        while self.peaks.back().is_some_and(|(_, peak)| *peak <= rate) {
            self.peaks.pop_back();
        }
        self.peaks.push_back((now, rate));
        while self
            .peaks
            .front()
            .is_some_and(|(at, _)| now.since(*at) > Self::PEAK_WINDOW)
        {
            self.peaks.pop_front();
        }
        self.reported = Some(now);
        self.news = 0;
    }

    /// Tasks per second after so many intervals, within what the last minute makes credible.
    pub(crate) fn rate(&self, steps: u32, deviations: f64) -> f64 {
        let peak = self.peaks.front().map_or(0.0, |(_, peak)| *peak);
        if peak == 0.0 {
            // Nothing came for a minute: the filter cannot say zero, because it thinks in logarithms.
            return 0.0;
        }
        let most = (Self::PEAK_FACTOR * peak).max(1.0);
        self.load.rate(steps, deviations).min(most)
    }

    /// A rate that the newest arrivals show although their report is not there yet: more came since the last report than
    /// chance explains. What came is spread over at least a quarter of an interval.
    pub(crate) fn surge(&self, now: Instant) -> Option<f64> {
        let elapsed = now.since(self.reported?).as_secs_f64();
        let (news, expected) = (self.news as f64, self.load.rate(0, 0.0) * elapsed);
        let scatter = (expected * self.load.dispersion().max(1.0)).sqrt();
        let surprising = news > expected + 4.0 * scatter + 4.0;
        let over = elapsed.max(self.interval.as_secs_f64() / 4.0);
        surprising.then(|| (news - news.sqrt()) / over)
    }

    /// The layer at this rate, with its service time so many standard deviations up.
    pub(crate) fn station(&self, rate: f64, deviations: f64) -> Station {
        Station {
            rate,
            service: self.service.service(deviations),
            path: self.service.path(),
            arrival_variation: self.load.dispersion(),
            service_variation: self.service.variation(),
        }
    }
}
