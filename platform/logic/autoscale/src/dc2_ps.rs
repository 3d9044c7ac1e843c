//! `dc2-ps`: the baseline in the form of DC2, one filter over a processor-sharing station.
//!
//! Form after Gandhi, Dube, Karve, Kochut and Zhang, "Adaptive, Model-driven Autoscaling for Cloud Applications" (ICAC
//! 2014), whose full text we have not had: one class, one tier. State (u0, d, S), measured (u, R):
//!
//! ```text
//! u = u0 + lambda S / c          R = d + S / (1 - u)
//! ```
//!
//! Our sets share one queue, so the model overstates waiting, and it means nothing at u >= 1; that is why it is a baseline.

use crate::observed::Observed;
use crate::pace::Pace;
use crate::{Decision, Interval, Policy, Rules, Signal};

/// See the module.
#[derive(Clone, Debug)]
pub struct Dc2Ps {
    rules: Rules,
    /// For the interval and its checks; its filters are not used.
    observed: Observed,
    filter: Filter,
    /// Tasks per second in the newest interval.
    rate: f64,
    pace: Pace,
    wanted: u32,
    why: String,
}

impl Dc2Ps {
    /// Starts at the minimum.
    pub fn new(rules: Rules) -> Self {
        Self {
            observed: Observed::new(&rules),
            filter: Filter::new(),
            rate: 0.0,
            pace: Pace::default(),
            wanted: rules.min(),
            why: String::new(),
            rules,
        }
    }

    /// The fewest sets with which the mean response is within the objective; the maximum if none are enough.
    fn needed(&self) -> u32 {
        let objective = self.rules.objective.as_secs_f64();
        let enough = |sets: &u32| {
            let (u, r) = self.filter.predict(self.rate, f64::from(*sets));
            u < MOST_BUSY && r <= objective
        };
        let first = self.rules.min().max(1);
        if self.rate == 0.0 {
            return self.rules.min();
        }
        (first..=self.rules.max())
            .find(enough)
            .unwrap_or_else(|| self.rules.max())
    }

    fn learn(&mut self, interval: &Interval, ready: u32) {
        let length = interval.length.as_secs_f64();
        self.rate = interval.arrivals as f64 / length;
        let sets = f64::from(ready.max(1));
        let served = interval.completions as f64 / length;
        let utilization = interval.busy.as_secs_f64() / (length * sets);
        let response = (interval.completions >= Filter::ENOUGH)
            .then(|| interval.response.as_secs_f64() / interval.completions as f64);
        self.filter.observe(served, sets, utilization, response);
    }
}

/// Sets are not to be busier than this.
const MOST_BUSY: f64 = 0.95;

impl Policy for Dc2Ps {
    fn name(&self) -> String {
        "dc2-ps".to_owned()
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
        match self.observed.learn(signal) {
            Ok(Some(interval)) => self.learn(&interval, signal.ready),
            Ok(None) => return Decision::new(self.wanted, self.why.clone()),
            Err(reason) => return Decision::hold(self.wanted, &reason),
        }
        let needed = self.needed();
        let busy = backlog > 0 || self.rate > 0.0;
        let window = self.rules.scale_down_after;
        let next = self.pace.next(signal.now, self.wanted, needed, window, busy);
        self.wanted = self.rules.clamp(u64::from(next));
        let [background, path, service] = self.filter.x;
        self.why = format!(
            "{:.1}/s, u0 {background:.2}, d {:.1} ms, S {:.1} ms: {needed} needed, {} sets",
            self.rate,
            path * 1000.0,
            service * 1000.0,
            self.wanted
        );
        Decision::new(self.wanted, self.why.clone())
    }
}

/// The extended Kalman filter over (u0, d, S).
#[derive(Clone, Debug)]
struct Filter {
    x: [f64; 3],
    p: [[f64; 3]; 3],
}

impl Filter {
    /// Answered tasks without which a response is not believed.
    const ENOUGH: u64 = 20;
    const START: [f64; 3] = [0.05, 0.010, 0.050];
    const FLOOR: [f64; 3] = [0.0, 0.0, 0.000_1];
    /// What every state gains per interval, as a fraction.
    const DRIFT: f64 = 0.05;
    /// Variances of the measurements as fractions of their square: five percent off in one of twenty.
    const NOISE: f64 = (0.05 / 1.96) * (0.05 / 1.96);
    /// Utilization at which the model ends.
    const FULL: f64 = 0.98;

    const fn new() -> Self {
        let s = Self::START;
        Self {
            x: s,
            p: [
                [s[0] * s[0], 0.0, 0.0],
                [0.0, 9.0 * s[1] * s[1], 0.0],
                [0.0, 0.0, s[2] * s[2]],
            ],
        }
    }

    /// Utilization and mean response at this rate with so many sets.
    fn predict(&self, rate: f64, sets: f64) -> (f64, f64) {
        let [background, path, service] = self.x;
        let u = (background + rate * service / sets).min(1.0);
        (u, path + service / (1.0 - u.min(Self::FULL)))
    }

    /// Takes the measurements of an interval one after the other.
    fn observe(&mut self, rate: f64, sets: f64, utilization: f64, response: Option<f64>) {
        for i in 0..3 {
            self.p[i][i] += (Self::DRIFT * self.x[i]).powi(2) + 1e-12;
        }
        let share = rate / sets;
        let (u, _) = self.predict(rate, sets);
        let noise = Self::NOISE * utilization * utilization + 1e-6;
        self.update(utilization - u, [1.0, 0.0, share], noise);
        if let Some(response) = response {
            let (u, r) = self.predict(rate, sets);
            let left = 1.0 - u.min(Self::FULL);
            let steep = self.x[2] / (left * left);
            let h = [steep, 1.0, 1.0 / left + share * steep];
            self.update(response - r, h, Self::NOISE * response * response + 1e-9);
        }
    }

    fn update(&mut self, innovation: f64, h: [f64; 3], noise: f64) {
        let dot = |row: &[f64; 3]| row.iter().zip(&h).map(|(a, b)| a * b).sum::<f64>();
        let ph = [dot(&self.p[0]), dot(&self.p[1]), dot(&self.p[2])];
        let expected = dot(&ph) + noise;
        let before = self.p;
        for i in 0..3 {
            self.x[i] = (self.x[i] + ph[i] / expected * innovation).max(Self::FLOOR[i]);
            for j in 0..3 {
                self.p[i][j] = before[i][j] - ph[i] * ph[j] / expected;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The Jacobian of the response is that of finite differences, and the filter finds service time and path of a
    /// processor-sharing station whose rate varies.
    #[test]
    fn the_filter_finds_the_parameters_of_its_own_model() {
        let truth = Filter {
            x: [0.0, 0.008, 0.020],
            ..Filter::new()
        };
        let mut filter = Filter::new();
        for step in 0..400_u32 {
            let rate = 40.0 + 30.0 * f64::from(step % 7) / 6.0;
            let (u, r) = truth.predict(rate, 2.0);
            filter.observe(rate, 2.0, u, Some(r));
        }
        assert!((filter.x[2] - 0.020).abs() < 0.001, "{:?}", filter.x);
        assert!((filter.x[1] - 0.008).abs() < 0.002, "{:?}", filter.x);
        assert!(filter.x[0] < 0.03, "{:?}", filter.x);
    }
}
