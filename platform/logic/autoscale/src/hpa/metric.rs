//! One metric: what is wanted of it and what was read.

use super::{Calculation, MetricError, PodSample, Proposal, Reason, Scale, average, total};

/// What was read of the pods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodReading {
    /// Every pod that the selector matches.
    pub pods: Vec<PodSample>,
    /// Samples in milli-units that belong to none of them.
    pub superfluous: Vec<i64>,
}

/// The target of a metric that every pod has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodTarget {
    /// Percent of the request, above 0.
    Utilization(i32),
    /// Milli-units per pod, above 0.
    AverageValue(i64),
}

/// The target of a metric that there is once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TotalTarget {
    /// Milli-units in all, above 0.
    Value(i64),
    /// Milli-units per replica, above 0.
    AverageValue(i64),
}

/// One metric with its reading, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Metric {
    /// CPU or memory of pods.
    Resource {
        /// What is wanted.
        target: PodTarget,
        /// What was read.
        reading: Result<PodReading, String>,
    },
    /// CPU or memory of one container of each pod; requests and usage are that container's.
    ContainerResource {
        /// What is wanted.
        target: PodTarget,
        /// What was read.
        reading: Result<PodReading, String>,
    },
    /// A custom metric of pods.
    Pods {
        /// Milli-units per pod, above 0.
        target: i64,
        /// What was read.
        reading: Result<PodReading, String>,
    },
    /// A custom metric of one object.
    Object {
        /// What is wanted.
        target: TotalTarget,
        /// Milli-units.
        reading: Result<i64, String>,
    },
    /// A metric from outside of the cluster.
    External {
        /// What is wanted.
        target: TotalTarget,
        /// Milli-units of every series; they are added up.
        reading: Result<Vec<i64>, String>,
    },
    /// A type that this version does not know.
    Unknown {
        /// How the type is called.
        name: String,
    },
}

impl Metric {
    /// True if the metric exists without pods, so that it can tell when to leave zero.
    pub const fn lives_without_pods(&self) -> bool {
        matches!(self, Self::Object { .. } | Self::External { .. })
    }

    /// How many replicas this metric asks for.
    ///
    /// # Errors
    /// Says why it asks for none: no reading, no pods, no requests, an unknown type.
    pub fn propose(&self, scale: &Scale, by: &Calculation) -> Result<Proposal, MetricError> {
        let error = |message: String| MetricError {
            reason: self.failure(),
            message,
        };
        let proposal = match self {
            Self::Resource { target, reading } | Self::ContainerResource { target, reading } => reading
                .as_ref()
                .map_err(|cause| format!("unable to get metrics for resource: {cause}"))
                .and_then(|reading| average::propose(*target, reading, scale.spec, by)),
            Self::Pods { target, reading } => reading
                .as_ref()
                .map_err(|cause| format!("unable to get metric: {cause}"))
                .and_then(|reading| {
                    average::propose(PodTarget::AverageValue(*target), reading, scale.spec, by)
                }),
            Self::Object { target, reading } => reading
                .as_ref()
                .map_err(|cause| format!("unable to get metric of the object: {cause}"))
                .map(|usage| total::propose(*target, *usage, scale, by)),
            Self::External { target, reading } => match reading {
                Ok(series) if series.is_empty() => Err(
                    "unable to get external metric: no metrics returned from external metrics API".to_owned(),
                ),
                Ok(series) => Ok(total::propose(*target, total::sum(series), scale, by)),
                Err(cause) => Err(format!("unable to get external metric: {cause}")),
            },
            Self::Unknown { name } => Err(format!("unknown metric source type {name:?}")),
        };
        proposal.map_err(error)
    }

    /// The reason of a condition if this metric is of no use.
    const fn failure(&self) -> Reason {
        match self {
            Self::Resource { .. } => Reason::FailedGetResourceMetric,
            Self::ContainerResource { .. } => Reason::FailedGetContainerResourceMetric,
            Self::Pods { .. } => Reason::FailedGetPodsMetric,
            Self::Object { .. } => Reason::FailedGetObjectMetric,
            Self::External { .. } => Reason::FailedGetExternalMetric,
            Self::Unknown { .. } => Reason::InvalidMetricSourceType,
        }
    }
}
