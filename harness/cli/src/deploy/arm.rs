//! The live baselines of a comparison: who makes and scales the worker pods, and the objects that it takes.

use tally_cluster::{Sets, WORKERS};
use tally_model::{PlatformConfig, Scaler};

use super::{ClusterTarget, DEFAULT_OVERLAY, Deploy, OURS, kubectl};
use crate::output::Progress;

/// Mean CPU that a live autoscaler aims at, in percent of the request.
const CPU_PERCENT: u32 = 50;

/// Whose policy runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arm {
    /// One of the platform's own.
    Own,
    /// `hpa-cpu`: Deployments under a HorizontalPodAutoscaler on CPU.
    HpaCpu,
    /// `hpa-queue`: the same on the layer's depth, through our external metrics adapter.
    HpaQueue,
    /// `kubelet`: Deployments of a number of pods that stays, the least unless the arm says `fixed-N`; what dies is started again by the kubelet, and nobody else looks.
    Kubelet,
}

impl Arm {
    /// Of the label of an arm of `--against`, whose parts are joined by `+`.
    pub(crate) fn of_label(label: &str) -> Self {
        let live = label.split('+').find_map(|part| match part.trim() {
            "hpa-cpu" => Some(Self::HpaCpu),
            "hpa-queue" => Some(Self::HpaQueue),
            "kubelet" => Some(Self::Kubelet),
            _ => None,
        });
        live.unwrap_or(Self::Own)
    }

    const fn overlay(self) -> &'static str {
        match self {
            Self::Own => DEFAULT_OVERLAY,
            Self::HpaCpu | Self::Kubelet => "scaling-hpa-cpu",
            Self::HpaQueue => "scaling-hpa-queue",
        }
    }

    /// Who makes the worker pods of a platform in this arm.
    pub(crate) fn sets(self, platform: &PlatformConfig) -> Sets {
        match self {
            Self::Own => Sets::Made,
            Self::HpaCpu => Sets::ScaledByCpu(CPU_PERCENT),
            Self::HpaQueue => Sets::ScaledByDepth(platform.threshold),
            Self::Kubelet => Sets::Deployed(match platform.scaler {
                Scaler::Fixed(sets) => sets.clamp(platform.bounds.min, platform.bounds.max),
                _ => platform.bounds.min,
            }),
        }
    }
}

/// Where the overlay that was applied last is noted: an annotation of the namespace of the workers.
const NOTE: &str = "tally.dev/overlay";

impl Deploy {
    /// Brings the objects of an arm to the cluster, unless they are there, and removes those of the arm before.
    pub(crate) fn arm(
        &self,
        target: &ClusterTarget,
        arm: Arm,
        progress: &mut Progress,
    ) -> Result<(), String> {
        let wanted = arm.overlay();
        if noted(target)? == wanted {
            return Ok(());
        }
        // An APIService whose server has gone keeps every namespace of the cluster from being deleted.
        let kinds = "deployments,horizontalpodautoscalers,apiservices";
        let stale = [
            "--namespace",
            WORKERS,
            "delete",
            kinds,
            "--selector",
            OURS,
            "--ignore-not-found",
        ];
        kubectl(&target.context).args(stale).run(progress)?;
        self.apply(target, wanted, progress)?;
        let note = format!("{NOTE}={wanted}");
        let annotate = ["annotate", "--overwrite", "namespace", WORKERS, &note];
        kubectl(&target.context).args(annotate).quiet().map(|_| ())
    }
}

/// The overlay that was applied last; empty if none was.
fn noted(target: &ClusterTarget) -> Result<String, String> {
    let path = format!("jsonpath={{.metadata.annotations.{}}}", NOTE.replace('.', "\\."));
    let get = [
        "get",
        "namespace",
        WORKERS,
        "--ignore-not-found",
        "--output",
        &path,
    ];
    kubectl(&target.context).args(get).quiet()
}
