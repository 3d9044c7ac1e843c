//! Live HorizontalPodAutoscaler objects, by the newest autoscaling version that the server offers.
//!
//! The types are those of `autoscaling/v2` (since 1.23). `v2beta2` (1.12 to 1.25) has the same fields, so the typed spec is
//! sent there where v2 is not served; a server without either cannot scale on queue length and is refused.

use std::collections::BTreeMap;

use k8s_openapi::api::autoscaling::v2::{
    CrossVersionObjectReference, ExternalMetricSource, HorizontalPodAutoscalerCondition,
    HorizontalPodAutoscalerSpec, HorizontalPodAutoscalerStatus, MetricIdentifier, MetricSpec, MetricTarget,
    ResourceMetricSource,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::api::{ApiResource, DeleteParams, ListParams, Patch, PatchParams};
use kube::core::{DynamicObject, GroupVersionKind, Object};
use kube::{Api, Client, discovery};
use serde_json::{Value, json};
use tally_model::Operation;

use crate::Error;
use crate::cluster::in_time;
use crate::labels::{COMPONENT, OPERATION, PART_OF, PLATFORM};
use crate::watch::{Change, Objects, watch_objects};

/// Versions with metrics other than CPU, newest first.
const VERSIONS: [&str; 2] = ["v2", "v2beta2"];
/// Who applies (server-side apply).
const MANAGER: &str = "tally";

/// An autoscaler object as the server has it.
pub type Live = Object<HorizontalPodAutoscalerSpec, HorizontalPodAutoscalerStatus>;

/// What a Deployment is scaled on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Mean CPU over what the pods request, in percent.
    Cpu {
        /// The target.
        percent: u32,
    },
    /// A metric of `external.metrics.k8s.io`, divided by the number of pods.
    External {
        /// Its name.
        name: String,
        /// Which series of it.
        labels: BTreeMap<String, String>,
        /// The target per pod.
        average: u32,
    },
}

/// One autoscaler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Autoscaler {
    /// Its name.
    pub name: String,
    /// What the Deployment computes, for its label.
    pub operation: Operation,
    /// The Deployment it scales.
    pub deployment: String,
    /// Never fewer pods; at least 1.
    pub min: u32,
    /// Never more.
    pub max: u32,
    /// What it looks at.
    pub metric: Metric,
}

impl Autoscaler {
    /// The object's spec in `autoscaling/v2`. Behaviour is left to the server's defaults: they are what a user gets.
    pub fn spec(&self) -> HorizontalPodAutoscalerSpec {
        HorizontalPodAutoscalerSpec {
            scale_target_ref: CrossVersionObjectReference {
                api_version: Some("apps/v1".to_owned()),
                kind: "Deployment".to_owned(),
                name: self.deployment.clone(),
            },
            min_replicas: Some(self.min as i32),
            max_replicas: self.max as i32,
            metrics: Some(vec![self.metric.spec()]),
            behavior: None,
        }
    }
}

impl Metric {
    fn spec(&self) -> MetricSpec {
        match self {
            Self::Cpu { percent } => MetricSpec {
                type_: "Resource".to_owned(),
                resource: Some(ResourceMetricSource {
                    name: "cpu".to_owned(),
                    target: MetricTarget {
                        type_: "Utilization".to_owned(),
                        average_utilization: Some(*percent as i32),
                        ..MetricTarget::default()
                    },
                }),
                ..MetricSpec::default()
            },
            Self::External {
                name,
                labels,
                average,
            } => MetricSpec {
                type_: "External".to_owned(),
                external: Some(ExternalMetricSource {
                    metric: MetricIdentifier {
                        name: name.clone(),
                        selector: Some(LabelSelector {
                            match_labels: Some(labels.clone()),
                            ..LabelSelector::default()
                        }),
                    },
                    target: MetricTarget {
                        type_: "AverageValue".to_owned(),
                        average_value: Some(Quantity(average.to_string())),
                        ..MetricTarget::default()
                    },
                }),
                ..MetricSpec::default()
            },
        }
    }
}

/// One condition of an autoscaler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionFact {
    /// `ScalingActive`.
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// The reason's name.
    pub reason: String,
    /// For people.
    pub message: String,
}

/// What an autoscaler last decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutoscalerFact {
    /// Its name.
    pub name: String,
    /// What the Deployment it scales computes: `add`.
    pub operation: Option<String>,
    /// How many pods it wants; 0 before its first look.
    pub desired: u32,
    /// How many it saw.
    pub current: u32,
    /// Its `spec`, as the server has it.
    pub spec: Value,
    /// Its `currentMetrics`, as the server has them; null before its first look.
    pub metrics: Value,
    /// Its conditions.
    pub conditions: Vec<ConditionFact>,
    /// When it last changed the number of pods, as the server writes it.
    pub last_scale: Option<String>,
    /// Its condition `ScalingActive`: whether it reads its metric; before its first look that is unknown.
    pub active: Option<bool>,
    /// What it says about that, with the reason's name: `FailedGetExternalMetric: ...`.
    pub why: String,
}

impl AutoscalerFact {
    fn read(live: &Live) -> Self {
        let labels = live.metadata.labels.as_ref();
        let status = live.status.as_ref();
        let conditions = status.and_then(|status| status.conditions.as_ref());
        let conditions: Vec<ConditionFact> = conditions
            .into_iter()
            .flatten()
            .map(ConditionFact::read)
            .collect();
        let active = conditions.iter().find(|one| one.kind == "ScalingActive");
        let scaled = status.and_then(|status| status.last_scale_time.as_ref());
        Self {
            name: live.metadata.name.clone().unwrap_or_default(),
            operation: labels.and_then(|labels| labels.get(OPERATION)).cloned(),
            desired: status.map_or(0, |status| status.desired_replicas.max(0) as u32),
            current: status
                .and_then(|status| status.current_replicas)
                .unwrap_or(0)
                .max(0) as u32,
            spec: json!(live.spec),
            metrics: json!(status.and_then(|status| status.current_metrics.as_ref())),
            last_scale: scaled.and_then(|time| json!(time).as_str().map(str::to_owned)),
            active: active.map(|condition| condition.status == "True"),
            why: active.map_or_else(
                || "it has not looked yet".to_owned(),
                |condition| format!("{}: {}", condition.reason, condition.message),
            ),
            conditions,
        }
    }

    /// Mean use of the processor over what the pods request, in percent, as it last read it; none if that is not its metric.
    pub fn utilization(&self) -> Option<i64> {
        let current = |metric: &Value| metric["resource"]["current"]["averageUtilization"].as_i64();
        self.metrics.as_array()?.iter().find_map(current)
    }
}

impl ConditionFact {
    fn read(condition: &HorizontalPodAutoscalerCondition) -> Self {
        Self {
            kind: condition.type_.clone(),
            status: condition.status.clone(),
            reason: condition.reason.clone().unwrap_or_default(),
            message: condition.message.clone().unwrap_or_default(),
        }
    }
}

/// Changes of autoscalers.
#[derive(Debug)]
pub struct AutoscalerFacts(Objects<Live>);

impl AutoscalerFacts {
    /// The next changes: first everything that exists; none if the watch has ended. Cancel safe.
    pub async fn next(&mut self) -> Option<Vec<Change<AutoscalerFact>>> {
        let changes = self.0.next().await?;
        let read = |change: Change<Live>| change.map(|live| AutoscalerFact::read(&live));
        Some(changes.into_iter().map(read).collect())
    }
}

/// The autoscalers of one namespace.
#[derive(Clone, Debug)]
pub struct Autoscalers {
    api: Api<Live>,
    samples: Api<DynamicObject>,
    version: &'static str,
}

impl Autoscalers {
    /// Finds out which version the server offers.
    ///
    /// # Errors
    /// If it cannot be asked, or offers neither v2 nor v2beta2.
    pub async fn discover(client: Client, namespace: &str) -> Result<Self, Error> {
        let group = in_time(
            "discover autoscaling".into(),
            discovery::group(&client, "autoscaling"),
        )
        .await?;
        let offered: Vec<&str> = group.versions().collect();
        let version = newest(&offered).ok_or_else(|| Error::Call {
            call: "choose an autoscaling version".into(),
            reason: format!(
                "the server offers {}, and neither v2 nor v2beta2",
                offered.join(", ")
            ),
            code: None,
        })?;
        let kind = GroupVersionKind::gvk("autoscaling", version, "HorizontalPodAutoscaler");
        let resource = ApiResource::from_gvk_with_plural(&kind, "horizontalpodautoscalers");
        let kind = GroupVersionKind::gvk("metrics.k8s.io", "v1beta1", "PodMetrics");
        let samples = ApiResource::from_gvk_with_plural(&kind, "pods");
        Ok(Self {
            samples: Api::namespaced_with(client.clone(), namespace, &samples),
            api: Api::namespaced_with(client, namespace, &resource),
            version,
        })
    }

    /// `v2` or `v2beta2`.
    pub const fn version(&self) -> &'static str {
        self.version
    }

    /// Makes it so (server-side apply).
    ///
    /// # Errors
    /// The server's.
    pub async fn apply(&self, autoscaler: &Autoscaler) -> Result<Live, Error> {
        let name = &autoscaler.name;
        let object = json!({
            "apiVersion": format!("autoscaling/{}", self.version),
            "kind": "HorizontalPodAutoscaler",
            "metadata": { "name": name, "labels": { PART_OF: PLATFORM, COMPONENT: "hpa", OPERATION: autoscaler.operation.name() } },
            "spec": autoscaler.spec(),
        });
        let (parameters, patch) = (PatchParams::apply(MANAGER).force(), Patch::Apply(&object));
        let work = self.api.patch(name, &parameters, &patch);
        in_time(format!("apply autoscaler {name}"), work).await
    }

    /// One autoscaler with its status.
    ///
    /// # Errors
    /// The server's.
    pub async fn get(&self, name: &str) -> Result<Option<Live>, Error> {
        in_time(format!("get autoscaler {name}"), self.api.get_opt(name)).await
    }

    /// Watches the platform's autoscalers.
    pub fn watch(&self) -> AutoscalerFacts {
        AutoscalerFacts(watch_objects(self.api.clone(), &format!("{PART_OF}={PLATFORM}")))
    }

    /// When the oldest of the newest samples was taken of the use of the processor by a Deployment's pods, as the server of
    /// `metrics.k8s.io` writes it (RFC 3339, to the second); none without samples. An autoscaler that looks now reads these.
    ///
    /// # Errors
    /// The server's.
    pub async fn sampled(&self, operation: Operation) -> Result<Option<String>, Error> {
        let labels = format!("{PART_OF}={PLATFORM},{OPERATION}={}", operation.name());
        let list = ListParams::default().labels(&labels);
        let pods = in_time("list pod metrics".into(), self.samples.list(&list)).await?;
        // Times of one form and zone, so that the first in the alphabet is the oldest.
        let taken = |pod: &DynamicObject| pod.data["timestamp"].as_str().map(str::to_owned);
        Ok(pods.items.iter().filter_map(taken).min())
    }

    /// Removes the platform's autoscalers; removing nothing is success.
    ///
    /// # Errors
    /// The server's.
    pub async fn delete_all(&self) -> Result<(), Error> {
        let ours = ListParams::default().labels(&format!("{PART_OF}={PLATFORM}"));
        let parameters = DeleteParams::default();
        let work = self.api.delete_collection(&parameters, &ours);
        in_time("delete the autoscalers".into(), work).await.map(|_| ())
    }
}

fn newest(offered: &[&str]) -> Option<&'static str> {
    VERSIONS.into_iter().find(|version| offered.contains(version))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The newest version with metrics is chosen, never v1, which cannot carry them.
    #[test]
    fn the_newest_version_with_metrics_is_chosen() {
        let cases: [(&[&str], Option<&str>); 5] = [
            (&["v1", "v2beta2", "v2beta1"], Some("v2beta2")),
            (&["v1", "v2"], Some("v2")),
            (&["v2", "v2beta2", "v1"], Some("v2")),
            (&["v1"], None),
            (&["v2beta1"], None),
        ];
        for (offered, wanted) in cases {
            assert_eq!(newest(offered), wanted, "{offered:?}");
        }
    }

    /// Both metrics say on the wire what Kubernetes' documentation writes.
    #[test]
    fn specs_are_what_the_documentation_writes() {
        let autoscaler = |metric| Autoscaler {
            name: "add".into(),
            operation: Operation::Add,
            deployment: "worker-add".into(),
            min: 1,
            max: 8,
            metric,
        };
        let cpu = serde_json::to_value(autoscaler(Metric::Cpu { percent: 50 }).spec()).unwrap();
        assert_eq!(
            cpu,
            json!({
                "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "worker-add" },
                "minReplicas": 1, "maxReplicas": 8,
                "metrics": [{ "type": "Resource", "resource": {
                    "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 50 } } }],
            })
        );
        let queue = Metric::External {
            name: "tally_layer_depth".into(),
            labels: BTreeMap::from([("operation".into(), "add".into())]),
            average: 4,
        };
        let queue = serde_json::to_value(autoscaler(queue).spec()).unwrap();
        assert_eq!(
            queue["metrics"],
            json!([{ "type": "External", "external": {
                "metric": { "name": "tally_layer_depth", "selector": { "matchLabels": { "operation": "add" } } },
                "target": { "type": "AverageValue", "averageValue": "4" } } }])
        );
    }
}
