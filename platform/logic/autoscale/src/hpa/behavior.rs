//! `behavior`: how fast a target may grow and shrink.

use std::time::Duration;

/// Rules for both directions.
#[derive(Clone, Debug, PartialEq)]
pub struct Behavior {
    /// For growing.
    pub up: ScalingRules,
    /// For shrinking.
    pub down: ScalingRules,
}

/// Rules for one direction.
#[derive(Clone, Debug, PartialEq)]
pub struct ScalingRules {
    /// Each limits the change within its period.
    pub policies: Vec<ScalingPolicy>,
    /// Which of them counts.
    pub select: Select,
    /// How long recommendations of the past count, at most an hour.
    pub window: Duration,
    /// Fraction of the target in place of the controller's flag.
    pub tolerance: Option<f64>,
}

/// One limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScalingPolicy {
    /// At most this much,
    pub change: Change,
    /// within this time: 1 s to 1,800 s.
    pub period: Duration,
}

/// An amount of change, above 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Replicas.
    Pods(i32),
    /// Percent of the replicas at the start of the period.
    Percent(i32),
}

/// Which of several policies counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Select {
    /// The one that allows most.
    #[default]
    Max,
    /// The one that allows least.
    Min,
    /// None: no change in this direction.
    Disabled,
}

impl Behavior {
    /// What a behavior that says nothing means; `window` for the way down is the controller's flag.
    pub fn defaults(window: Duration) -> Self {
        Self {
            up: ScalingRules::up(),
            down: ScalingRules::down(window),
        }
    }

    /// Everything that Kubernetes would refuse, for people.
    pub fn problems(&self) -> Vec<String> {
        let up = self.up.problems().into_iter().map(|text| format!("up: {text}"));
        let down = self
            .down
            .problems()
            .into_iter()
            .map(|text| format!("down: {text}"));
        up.chain(down).collect()
    }
}

impl ScalingRules {
    /// Longest window.
    pub const MAX_WINDOW: Duration = Duration::from_hours(1);
    /// Longest period of a policy.
    pub const MAX_PERIOD: Duration = Duration::from_mins(30);

    /// Defaults for growing: 4 pods or double per 15 s, whichever is more, at once.
    pub fn up() -> Self {
        let pods = ScalingPolicy::per_seconds(Change::Pods(4), 15);
        let percent = ScalingPolicy::per_seconds(Change::Percent(100), 15);
        Self {
            policies: vec![pods, percent],
            select: Select::Max,
            window: Duration::ZERO,
            tolerance: None,
        }
    }

    /// Defaults for shrinking: everything, but not below what was recommended within `window`.
    pub fn down(window: Duration) -> Self {
        Self {
            policies: vec![ScalingPolicy::per_seconds(Change::Percent(100), 15)],
            select: Select::Max,
            window,
            tolerance: None,
        }
    }

    /// The longest period of its policies; zero without policies.
    pub(super) fn longest_period(&self) -> Duration {
        let periods = self.policies.iter().map(|policy| policy.period);
        periods.max().unwrap_or_default()
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.policies.is_empty() {
            problems
                .push("policies is empty: give at least one, or leave it out for the defaults".to_owned());
        }
        if self.window > Self::MAX_WINDOW {
            problems.push(format!(
                "the window is {} s, at most 3600 s",
                self.window.as_secs()
            ));
        }
        if self
            .tolerance
            .is_some_and(|tolerance| !tolerance.is_finite() || tolerance < 0.0)
        {
            problems.push("the tolerance must be a number of at least 0".to_owned());
        }
        problems.extend(
            self.policies
                .iter()
                .enumerate()
                .flat_map(|(index, policy)| policy.problems(index)),
        );
        problems
    }
}

impl ScalingPolicy {
    /// A policy with a period in seconds.
    pub const fn per_seconds(change: Change, seconds: u64) -> Self {
        Self {
            change,
            period: Duration::from_secs(seconds),
        }
    }

    fn problems(&self, index: usize) -> Vec<String> {
        let mut problems = Vec::new();
        let (Change::Pods(value) | Change::Percent(value)) = self.change;
        if value <= 0 {
            problems.push(format!(
                "policies[{index}]: the value is {value}, it must be above 0"
            ));
        }
        if self.period < Duration::from_secs(1) || self.period > ScalingRules::MAX_PERIOD {
            problems.push(format!(
                "policies[{index}]: the period is {} s, it must be 1 s to 1800 s",
                self.period.as_secs()
            ));
        }
        problems
    }
}
