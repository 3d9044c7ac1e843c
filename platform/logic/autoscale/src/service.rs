//! Kalman filters for the service time and the path of a layer's tasks, each on the logarithm of one positive mean.
//!
//! Logarithms, because the scatter of a mean is a fraction of it. Measured as it is, a mean that was once believed to be ten times
//! too long makes its own correction look like noise, and few tasks are enough to make it so: one exponential service time in
//! 800 is 6.7 times the mean. In logarithms the noise does not depend on what is believed.

/// A positive number of which means of so many tasks are seen.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Mean {
    /// Its logarithm.
    log: f64,
    /// Variance of what is known of that.
    variance: f64,
}

impl Mean {
    /// Variance that the logarithm gains per interval: the number drifts by 1 %.
    const DRIFT: f64 = 0.01 * 0.01;
    /// Standard deviations beyond which a measurement is a surprise.
    const SURPRISE: f64 = 3.0;

    /// Knows this value with a standard deviation of so many times as much: that of a log-normal number.
    fn new(value: f64, deviations: f64) -> Self {
        Self {
            log: value.ln(),
            variance: (deviations * deviations).ln_1p(),
        }
    }

    fn value(&self, deviations: f64) -> f64 {
        (self.log + deviations * self.variance.sqrt()).exp()
    }

    fn drift(&mut self) {
        self.variance += Self::DRIFT;
    }

    /// Takes the mean of `count` tasks with this squared coefficient of variation, above 0; true if it was a surprise.
    ///
    /// The sum is taken to be a gamma variable of shape k = count / variation, whose logarithm has mean ln k - 1/(2k) and
    /// variance 1/k + 1/(2k^2), to the second order. A surprise widens what is known by just as much and is believed all the
    /// same, because a layer does step.
    fn update(&mut self, mean: f64, count: u64, variation: f64) -> bool {
        let shape = count as f64 / variation.max(0.01);
        let noise = 1.0 / shape + 0.5 / (shape * shape);
        let innovation = mean.ln() + 0.5 / shape - self.log;
        let surprise = self.is_surprise(innovation, shape);
        if surprise {
            self.variance = self.variance.max(innovation * innovation - noise);
        }
        let gain = self.variance / (self.variance + noise);
        self.log += gain * innovation;
        self.variance *= 1.0 - gain;
        surprise
    }

    /// Whether the ratio of seen and expected is beyond chance. Its cube root is nearly normal for a gamma variable of any shape,
    /// which its logarithm is not: mean 1 - 1/(9k), variance 1/(9k) (Wilson and Hilferty, PNAS 17, 1931).
    fn is_surprise(&self, innovation: f64, shape: f64) -> bool {
        let ninth = 1.0 / (9.0 * shape);
        let root = ((innovation - 0.5 / shape) / 3.0).exp();
        // What is not known of the expected value moves the cube root by a third as much.
        let variance = ninth + self.variance / 9.0;
        (root - (1.0 - ninth)).abs() > Self::SURPRISE * variance.sqrt()
    }
}

/// Service time and path of a task, in seconds, and how the service time varies.
#[derive(Clone, Debug)]
pub struct ServiceFilter {
    service: Mean,
    path: Mean,
    /// Squared coefficient of variation, from 0 to 10.
    variation: f64,
    /// Answered tasks so far.
    seen: u64,
}

/// What an interval says about answered tasks; times in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answered {
    /// How many.
    pub count: u64,
    /// Service times added up.
    pub busy: f64,
    /// Their squares added up.
    pub busy_squares: f64,
    /// Responses less waiting, added up.
    pub unqueued: f64,
}

impl ServiceFilter {
    /// Service time and path before anything is known, and their standard deviations as multiples.
    const START: [(f64, f64); 2] = [(0.050, 1.0), (0.010, 3.0)];
    /// Shortest service time and path.
    const FLOOR: [f64; 2] = [0.000_1, 0.000_01];
    /// Tasks over which the variation is averaged.
    const MEMORY: u64 = 300;
    /// Tasks that the variation of exponential service times, assumed at first, counts for.
    const PRIOR: u64 = 10;
    /// Fewer answered tasks make a cold filter.
    const WARM: u64 = 30;

    /// Knows nothing.
    pub fn new() -> Self {
        let [service, path] = Self::START.map(|(value, deviations)| Mean::new(value, deviations));
        Self {
            service,
            path,
            variation: 1.0,
            seen: 0,
        }
    }

    /// Takes what an interval says; without an answered task it says nothing.
    ///
    /// The utilization law gives the service time: busy time is answered tasks times service time, whatever the distributions.
    /// What is left of the response without waiting is the path: the same service times are in both, so they are not
    /// measured twice.
    pub fn observe(&mut self, answered: &Answered) {
        self.service.drift();
        self.path.drift();
        if answered.count == 0 {
            return;
        }
        let count = answered.count as f64;
        let service = (answered.busy / count).max(Self::FLOOR[0]);
        let path = ((answered.unqueued - answered.busy) / count).max(Self::FLOOR[1]);
        if !self.service.update(service, answered.count, self.variation) {
            // Held against what is believed of the mean: the mean of few tasks would hide half of the scatter.
            let square = answered.busy_squares / count / self.service.value(0.0).powi(2);
            let memory = self.seen.min(Self::MEMORY) + Self::PRIOR;
            let weight = count / (memory as f64 + count);
            self.variation += weight * (square - 1.0 - self.variation);
            self.variation = self.variation.clamp(0.0, 10.0);
        }
        self.path.update(path, answered.count, 1.0);
        self.seen = self.seen.saturating_add(answered.count);
    }

    /// Service time with this many standard deviations added.
    pub fn service(&self, deviations: f64) -> f64 {
        self.service.value(deviations).max(Self::FLOOR[0])
    }

    /// Path of a task that does not wait.
    pub fn path(&self) -> f64 {
        self.path.value(0.0).max(Self::FLOOR[1])
    }

    /// Squared coefficient of variation of the service times.
    pub const fn variation(&self) -> f64 {
        self.variation
    }

    /// True before enough tasks were answered to believe it.
    pub const fn is_cold(&self) -> bool {
        self.seen < Self::WARM
    }
}

impl Default for ServiceFilter {
    fn default() -> Self {
        Self::new()
    }
}
