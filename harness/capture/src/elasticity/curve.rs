//! A number that stays until it changes.

/// Values from times on, in nanoseconds; 0 before the first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepCurve(Vec<(u64, f64)>);

impl StepCurve {
    /// The value at a time, a change at that time included.
    pub fn at(&self, time: u64) -> f64 {
        let after = self.0.partition_point(|(at, _)| *at <= time);
        after.checked_sub(1).map_or(0.0, |index| self.0[index].1)
    }

    /// When it changes.
    pub fn times(&self) -> impl Iterator<Item = u64> + '_ {
        self.0.iter().map(|(at, _)| *at)
    }

    /// When it changes, and to what.
    pub fn steps(&self) -> impl Iterator<Item = (u64, f64)> + '_ {
        self.0.iter().copied()
    }

    /// The sum of several.
    pub fn sum<'a>(curves: impl Iterator<Item = &'a Self> + Clone) -> Self {
        let times: std::collections::BTreeSet<u64> = curves.clone().flat_map(Self::times).collect();
        let value = |at: u64| curves.clone().map(|curve| curve.at(at)).sum();
        times.into_iter().map(|at| (at, value(at))).collect()
    }

    /// The area under it from `from` to `to`, in seconds: replica-seconds, if it counts replicas.
    pub fn area(&self, from: u64, to: u64) -> f64 {
        let mut times: Vec<u64> = self.times().filter(|at| (from..to).contains(at)).collect();
        times.insert(0, from);
        times.push(to.max(from));
        let pieces = times
            .windows(2)
            .map(|pair| (pair[1] - pair[0]) as f64 / 1e9 * self.at(pair[0]));
        pieces.sum()
    }
}

impl FromIterator<(u64, f64)> for StepCurve {
    /// Sorted by time; of several values for one time the last counts.
    fn from_iter<I: IntoIterator<Item = (u64, f64)>>(steps: I) -> Self {
        let mut steps: Vec<(u64, f64)> = steps.into_iter().collect();
        steps.sort_by_key(|(at, _)| *at);
        let mut kept: Vec<(u64, f64)> = Vec::with_capacity(steps.len());
        for step in steps {
            match kept.last_mut() {
                Some(last) if last.0 == step.0 => *last = step,
                _ => kept.push(step),
            }
        }
        Self(kept)
    }
}
