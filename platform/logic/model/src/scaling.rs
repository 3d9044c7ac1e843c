//! Which policy decides on the number of sets, and what policies are told.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::named::named;

macro_rules! scalers {
    ($($(#[$meta:meta])* $variant:ident = $text:literal),+ $(,)?) => {
        /// A scaling policy: the one that drives the number of sets, or one in its shadow.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Scaler {
            $($(#[$meta])* #[serde(rename = $text)] $variant,)+
            /// A fixed number of sets per operation, within the bounds: `fixed-3`.
            #[serde(rename = "fixed")]
            Fixed(u32),
        }

        impl Scaler {
            /// The names of all policies but `fixed-N`, in the order of the documentation.
            pub const NAMES: &'static [&'static str] = &[$($text),+];

            /// All policies but `fixed-N`, in the order of [`Scaler::NAMES`].
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The policy of that name in files and flags; `fixed-N` for N from 1 to [`Scaler::MOST_FIXED`].
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($text => Some(Self::$variant),)+
                    _ => {
                        let sets = name.strip_prefix("fixed-")?.parse().ok()?;
                        (1..=Self::MOST_FIXED).contains(&sets).then_some(Self::Fixed(sets))
                    }
                }
            }
        }

        impl std::fmt::Display for Scaler {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    $(Self::$variant => f.write_str($text),)+
                    Self::Fixed(sets) => write!(f, "fixed-{sets}"),
                }
            }
        }
    };
}

scalers!(
    /// Layer depth above the threshold, with credit for starting sets, scale-down and drain.
    Threshold = "threshold",
    /// The report's literal rule: every enqueue that sees the depth above the threshold adds a set, up to the bound.
    ThresholdReport = "threshold-report",
    /// The model of the HorizontalPodAutoscaler as [`HpaRules`] say; by default on the depth of the layer every 15 s.
    Hpa = "hpa",
    /// The model on CPU at 80 % of the request every 15 s: what a Deployment gets that says nothing.
    HpaCpu80 = "hpa-cpu80",
    /// The model on CPU at 50 % every 15 s, with a window of 0 s for the way up and 60 s for the way down.
    HpaCpu50 = "hpa-cpu50",
    /// The model on the depth of the layer every second, with windows of 0 s and 60 s: the strong baseline.
    Hpa1s = "hpa-1s",
    /// KEDA's activation around the model.
    Keda = "keda",
    /// Knative's pod autoscaler.
    Kpa = "kpa",
    /// Two filters and a queueing model: rate, trend and service time are learned.
    Kalman = "kalman",
    /// One filter over a processor-sharing model, the baseline in the form of DC2.
    Dc2Ps = "dc2-ps",
    /// The fixed number of sets that the plan needs at most: a bound, it knows the plan.
    StaticOptimum = "static-optimum",
    /// Knows when every task will come, still pays for starting sets: a bound.
    Clairvoyant = "clairvoyant",
);

impl Scaler {
    /// The largest N of `fixed-N`.
    pub const MOST_FIXED: u32 = 64;

    /// True if it decides by the [`Forecast`], which no policy that could be used knows.
    pub const fn knows_the_plan(self) -> bool {
        matches!(self, Self::StaticOptimum | Self::Clairvoyant)
    }
}

named!(
    /// What `hpa` looks at.
    HpaMetric {
        /// The depth of the layer, as an external metric with an average value per set.
        Queue = "queue",
        /// The share of its time that a set is busy, as the resource `cpu` with a request of one core.
        Cpu = "cpu",
    }
);

named!(
    /// Which Kubernetes `hpa` follows.
    HpaVersion {
        /// 1.20.
        V1_20 = "1.20",
        /// 1.28 to 1.36.
        V1_28 = "1.28",
        /// 1.37 and later.
        V1_37 = "1.37",
    }
);

/// Parameters of `hpa`; what is none has the controller's default.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HpaRules {
    /// What it looks at.
    pub metric: HpaMetric,
    /// Tasks per set, or percent of the request; none for the threshold of the platform, or 80 %.
    pub target: Option<f64>,
    /// How often it looks.
    pub period: Duration,
    /// Stabilisation on the way up; with it or the other window the target has a `behavior`.
    pub up_window: Option<Duration>,
    /// Stabilisation on the way down.
    pub down_window: Option<Duration>,
    /// Fraction of the target above it that asks for no change.
    pub up_tolerance: f64,
    /// Fraction of the target below it that asks for no change.
    pub down_tolerance: f64,
    /// Which Kubernetes.
    pub version: HpaVersion,
}

impl Default for HpaRules {
    fn default() -> Self {
        Self {
            metric: HpaMetric::Queue,
            target: None,
            period: Duration::from_secs(15),
            up_window: None,
            down_window: None,
            up_tolerance: 0.1,
            down_tolerance: 0.1,
            version: HpaVersion::V1_37,
        }
    }
}

/// Service times that change in the middle of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// Requests that are due from here on, counted from the start of the measure phase, are drifted.
    pub at: Duration,
    /// By what their service times are multiplied, above 0.
    pub factor: f64,
}

impl Drift {
    /// The bit of a work key that says that its request is drifted. The plan sets it, so that every world and every
    /// repetition agrees which requests are.
    pub const BIT: u64 = 1 << 63;

    /// The work key with the bit set or cleared.
    pub const fn mark(work_key: u64, drifted: bool) -> u64 {
        if drifted {
            work_key | Self::BIT
        } else {
            work_key & !Self::BIT
        }
    }
}

/// What a plan will ask of the layers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// Length of a stretch of time; above zero.
    pub bucket: Duration,
    /// Tasks of each stretch, from the start of the plan on, per operation in the order of [`crate::Operation::ALL`].
    pub arrivals: [Vec<u32>; 4],
    /// From when on service times are drifted, and by what factor.
    #[serde(default)]
    pub drift: Option<(Duration, f64)>,
}

/// What scaling policies are told, apart from bounds and threshold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Scaling {
    /// Policies that see every signal and decide for the record only.
    pub shadows: Vec<Scaler>,
    /// What a task may take from ready to answered, for 95 % of the tasks; policies with a model aim at it.
    pub objective: Duration,
    /// How often the scheduler says what the layers did; the interval of policies with a model.
    pub interval: Duration,
    /// How long a set takes from asked for to ready where the world is simulated, 10 ms to 30 s; none for that world's own.
    pub start_delay: Option<Duration>,
    /// See [`HpaRules`].
    pub hpa: HpaRules,
    /// See [`Drift`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drift>,
    /// For the policies that know the plan; the harness fills it in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forecast: Option<Forecast>,
}

impl Scaling {
    /// True if `driving` or a shadow needs the [`Forecast`].
    pub fn needs_the_plan(&self, driving: Scaler) -> bool {
        driving.knows_the_plan() || self.shadows.iter().any(|shadow| shadow.knows_the_plan())
    }
}

impl Default for Scaling {
    fn default() -> Self {
        Self {
            shadows: Vec::new(),
            objective: Duration::from_millis(500),
            interval: Duration::from_secs(1),
            start_delay: None,
            hpa: HpaRules::default(),
            drift: None,
            forecast: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names and policies are each other's reverse, also in JSON, and `fixed-N` has bounds.
    #[test]
    fn every_name_is_the_name_of_one_policy() {
        for name in Scaler::NAMES.iter().copied().chain(["fixed-1", "fixed-64"]) {
            let scaler = Scaler::from_name(name).unwrap();
            assert_eq!(scaler.to_string(), name);
            let text = serde_json::to_string(&scaler).unwrap();
            assert_eq!(serde_json::from_str::<Scaler>(&text).unwrap(), scaler);
        }
        for name in ["fixed-0", "fixed-65", "fixed--1", "fixed", "Threshold", ""] {
            assert_eq!(Scaler::from_name(name), None, "{name}");
        }
    }
}
