//! A small Kalman filter for the rate of arrivals and its trend. [`crate::service`] has those for service time and path.
//!
//! It takes its measurements one number at a time. A measurement more than three standard deviations off is believed all
//! the same, because a layer does step: what was known of that state is widened by just the surprise. (To reject it instead
//! locks a filter out for seconds after a genuine step.)

/// Squared standardised innovation above which a measurement is a surprise: three standard deviations.
const SURPRISE: f64 = 9.0;

/// Two numbers with their covariance.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Estimate {
    x: [f64; 2],
    p: [[f64; 2]; 2],
}

impl Estimate {
    const fn new(x: [f64; 2], variance: [f64; 2]) -> Self {
        Self {
            x,
            p: [[variance[0], 0.0], [0.0, variance[1]]],
        }
    }

    /// One measurement `z = h . x + noise` of the given variance; true if it was a surprise. Joseph form, kept symmetric.
    fn update(&mut self, z: f64, h: [f64; 2], noise: f64) -> bool {
        let innovation = z - (h[0] * self.x[0] + h[1] * self.x[1]);
        let mut expected = self.expected(h) + noise;
        let surprise = innovation * innovation > SURPRISE * expected;
        if surprise {
            self.widen(h, innovation * innovation - expected);
            expected = self.expected(h) + noise;
        }
        let ph = self.times(h);
        let gain = [ph[0] / expected, ph[1] / expected];
        self.x[0] += gain[0] * innovation;
        self.x[1] += gain[1] * innovation;
        let keep = [
            [1.0 - gain[0] * h[0], -gain[0] * h[1]],
            [-gain[1] * h[0], 1.0 - gain[1] * h[1]],
        ];
        let mut p = [[0.0; 2]; 2];
        for (i, row) in p.iter_mut().enumerate() {
            for (j, cell) in row.iter_mut().enumerate() {
                let inner = |k: usize, l: usize| keep[i][k] * self.p[k][l] * keep[j][l];
                *cell = inner(0, 0) + inner(0, 1) + inner(1, 0) + inner(1, 1) + gain[i] * gain[j] * noise;
            }
        }
        let cross = f64::midpoint(p[0][1], p[1][0]);
        self.p = [[p[0][0], cross], [cross, p[1][1]]];
        surprise
    }

    /// Widens the state that `h` sees most, so that the measurement's variance grows by `more`.
    fn widen(&mut self, h: [f64; 2], more: f64) {
        let seen = usize::from(h[1] * h[1] * self.p[1][1] > h[0] * h[0] * self.p[0][0]);
        self.p[seen][seen] += more / (h[seen] * h[seen]);
    }

    fn times(&self, h: [f64; 2]) -> [f64; 2] {
        [
            self.p[0][0] * h[0] + self.p[0][1] * h[1],
            self.p[1][0] * h[0] + self.p[1][1] * h[1],
        ]
    }

    fn expected(&self, h: [f64; 2]) -> f64 {
        let ph = self.times(h);
        h[0] * ph[0] + h[1] * ph[1]
    }
}

/// The rate of arrivals: its logarithm, and the trend of that per interval, which fades.
#[derive(Clone, Debug)]
pub struct LoadFilter {
    estimate: Option<Estimate>,
    /// Variance over mean of the counts, as they scatter around what was expected.
    dispersion: f64,
}

impl LoadFilter {
    /// How much of the trend is left after an interval.
    const FADE: f64 = 0.9;
    /// Variances of what the logarithm and the trend gain per interval.
    const DRIFT: [f64; 2] = [0.02 * 0.02, 0.005 * 0.005];
    /// Variances at the start.
    const START: [f64; 2] = [1.0, 0.01];
    /// Weight of the newest count in the dispersion.
    const NEWEST: f64 = 0.05;

    /// Knows nothing.
    pub const fn new() -> Self {
        Self {
            estimate: None,
            dispersion: 1.0,
        }
    }

    /// Takes the number of arrivals of an interval of this length in seconds, above 0.
    pub fn observe(&mut self, arrivals: u64, length: f64) {
        let count = arrivals as f64;
        let z = (count.max(0.5) / length).ln();
        let Some(estimate) = &mut self.estimate else {
            // As sure as one count makes, but no less than of nothing.
            let variance = [
                Self::START[0].min(self.dispersion / count.max(1.0)),
                Self::START[1],
            ];
            self.estimate = Some(Estimate::new([z, 0.0], variance));
            return;
        };
        predict(estimate);
        let mean = (estimate.x[0].exp() * length).max(0.5);
        let noise = self.dispersion.max(1.0) / count.max(1.0);
        if !estimate.update(z, [1.0, 0.0], noise) {
            let scatter = (count - mean) * (count - mean) / mean;
            self.dispersion += Self::NEWEST * (scatter.min(10.0) - self.dispersion);
        }
    }

    /// Tasks per second after `steps` intervals, with this many standard deviations added; 0 before the first interval.
    pub fn rate(&self, steps: u32, deviations: f64) -> f64 {
        let Some(mut estimate) = self.estimate else {
            return 0.0;
        };
        for _ in 0..steps {
            predict(&mut estimate);
        }
        (estimate.x[0] + deviations * estimate.p[0][0].max(0.0).sqrt()).exp()
    }

    /// Variance over mean of the counts, from 0 to 10; about the squared variation of the times between arrivals.
    pub const fn dispersion(&self) -> f64 {
        self.dispersion
    }
}

impl Default for LoadFilter {
    fn default() -> Self {
        Self::new()
    }
}

fn predict(estimate: &mut Estimate) {
    let fade = LoadFilter::FADE;
    let ([level, trend], p) = (estimate.x, estimate.p);
    estimate.x = [level + trend, fade * trend];
    let cross = fade * (p[0][1] + p[1][1]);
    estimate.p = [
        [p[0][0] + 2.0 * p[0][1] + p[1][1] + LoadFilter::DRIFT[0], cross],
        [cross, fade * fade * p[1][1] + LoadFilter::DRIFT[1]],
    ];
}
