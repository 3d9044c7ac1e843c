//! What is measured of a workload.

use crate::estimate::Good;

/// One quantity of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Metric {
    /// Requests answered per second of the measure phase.
    Throughput,
    /// Median latency in milliseconds.
    P50,
    /// 99th percentile of latency in milliseconds.
    P99,
    /// Processor time of the whole platform per request, in microseconds.
    Cpu,
    /// Of it, the control plane's.
    CpuControlPlane,
    /// Of it, the workers'.
    CpuWorkers,
    /// Of it, the replicas'.
    CpuReplicas,
    /// Processor time of the harness (generator, recorder, sampler) per request, in microseconds; not the platform's.
    CpuHarness,
    /// 99.9th percentile of the generator's lag in milliseconds.
    Lag,
}

impl Metric {
    /// All, in the order they are printed.
    pub(crate) const ALL: [Self; 9] = [
        Self::Throughput,
        Self::P50,
        Self::P99,
        Self::Cpu,
        Self::CpuControlPlane,
        Self::CpuWorkers,
        Self::CpuReplicas,
        Self::CpuHarness,
        Self::Lag,
    ];

    /// Its name in baselines.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Throughput => "requests-per-second",
            Self::P50 => "p50-ms",
            Self::P99 => "p99-ms",
            Self::Cpu => "cpu-us",
            Self::CpuControlPlane => "cpu-control-plane-us",
            Self::CpuWorkers => "cpu-workers-us",
            Self::CpuReplicas => "cpu-replicas-us",
            Self::CpuHarness => "cpu-harness-us",
            Self::Lag => "lag-p99.9-ms",
        }
    }

    /// Its name for people.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Throughput => "throughput",
            Self::P50 => "latency p50",
            Self::P99 => "latency p99",
            Self::Cpu => "processor time per request",
            Self::CpuControlPlane => "  of the control plane",
            Self::CpuWorkers => "  of workers",
            Self::CpuReplicas => "  of replicas",
            Self::CpuHarness => "  beside it: the harness",
            Self::Lag => "send lag p99.9",
        }
    }

    /// Its unit.
    pub(crate) const fn unit(self) -> &'static str {
        match self {
            Self::Throughput => "/s",
            Self::P50 | Self::P99 | Self::Lag => "ms",
            _ => "us",
        }
    }

    /// Which way it is good.
    pub(crate) const fn good(self) -> Good {
        match self {
            Self::Throughput => Good::High,
            _ => Good::Low,
        }
    }
}
