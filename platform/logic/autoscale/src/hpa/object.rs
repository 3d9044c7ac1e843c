//! The `spec` of a HorizontalPodAutoscaler object, as its API server has it, for the model.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::{Behavior, Change, Compat, ScalingPolicy, ScalingRules, Select, Spec, TotalTarget};

/// An autoscaler on one external metric.
#[derive(Clone, Debug, PartialEq)]
pub struct ExternalObject {
    /// Bounds and behavior.
    pub spec: Spec,
    /// Name of what it scales.
    pub target: String,
    /// The metric's name.
    pub metric: String,
    /// What is wanted of it.
    pub wanted: TotalTarget,
}

impl ExternalObject {
    /// Reads the `spec` of an `autoscaling/v2` (or `v2beta2`) object of this Kubernetes.
    ///
    /// # Errors
    /// What of it cannot be modelled from a recorded external signal, for people.
    pub fn read(spec: &Value, compat: Compat) -> Result<Self, String> {
        let written = ObjectSpec::deserialize(spec).map_err(|error| format!("the spec: {error}"))?;
        let [
            MetricSpec {
                external: Some(external),
            },
        ] = &written.metrics[..]
        else {
            return Err("only an autoscaler on one metric of type External can be decided again".into());
        };
        let quantity = |text: &Option<String>| text.as_deref().map(milli).transpose();
        let wanted = match (
            quantity(&external.target.average_value)?,
            quantity(&external.target.value)?,
        ) {
            (Some(average), _) => TotalTarget::AverageValue(average),
            (None, Some(value)) => TotalTarget::Value(value),
            (None, None) => return Err("the target of the metric has neither averageValue nor value".into()),
        };
        let mut model = Spec::new(written.min_replicas.unwrap_or(1), written.max_replicas);
        model.compat = compat;
        let window = model.downscale_stabilization;
        model.behavior = match written.behavior {
            Some(behavior) => Some(Behavior {
                up: behavior.scale_up.over(ScalingRules::up())?,
                down: behavior.scale_down.over(ScalingRules::down(window))?,
            }),
            None => None,
        };
        let problems = model.problems();
        if !problems.is_empty() {
            return Err(problems.join("; "));
        }
        Ok(Self {
            spec: model,
            target: written.scale_target_ref.name,
            metric: external.metric.name.clone(),
            wanted,
        })
    }
}

/// A quantity in thousandths: `4`, `250m`, `2k`. Other suffixes are refused.
///
/// # Errors
/// Names the quantity.
pub fn milli(text: &str) -> Result<i64, String> {
    let refuse = || format!("the quantity {text:?} is not a whole number, alone or with the suffix m or k");
    let (digits, times) = match text.strip_suffix('m') {
        Some(digits) => (digits, 1),
        None => match text.strip_suffix('k') {
            Some(digits) => (digits, 1_000_000),
            None => (text, 1_000),
        },
    };
    let whole: i64 = digits.parse().map_err(|_| refuse())?;
    whole.checked_mul(times).ok_or_else(refuse)
}

/// A quantity below 1 as the API server writes it, `50m` or `500u`, as the number that the controller makes of it
/// (`Quantity.AsApproximateFloat64`: digits times a power of ten).
fn fraction(text: &str) -> Result<f64, String> {
    let (digits, unit) = match text.char_indices().last() {
        Some((at, 'm')) => (&text[..at], 1e-3),
        Some((at, 'u')) => (&text[..at], 1e-6),
        Some((at, 'n')) => (&text[..at], 1e-9),
        _ => (text, 1.0),
    };
    let whole: u32 = digits.parse().map_err(|_| {
        format!("the tolerance {text:?} is not a whole number, alone or with the suffix m, u or n")
    })?;
    Ok(f64::from(whole) * unit)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ObjectSpec {
    scale_target_ref: Reference,
    min_replicas: Option<i32>,
    max_replicas: i32,
    metrics: Vec<MetricSpec>,
    behavior: Option<BehaviorSpec>,
}

#[derive(Deserialize)]
struct Reference {
    name: String,
}

#[derive(Deserialize)]
struct MetricSpec {
    external: Option<External>,
}

#[derive(Deserialize)]
struct External {
    metric: MetricName,
    target: Target,
}

#[derive(Deserialize)]
struct MetricName {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    average_value: Option<String>,
    value: Option<String>,
}

// A rule that is not known here must not be left out of what is decided again.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BehaviorSpec {
    #[serde(default)]
    scale_up: RulesSpec,
    #[serde(default)]
    scale_down: RulesSpec,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RulesSpec {
    stabilization_window_seconds: Option<u64>,
    /// Since 1.33 (feature `HPAConfigurableTolerance`); a server that does not know it does not have it in its objects.
    tolerance: Option<String>,
    select_policy: Option<SelectSpec>,
    policies: Option<Vec<PolicySpec>>,
}

#[derive(Deserialize)]
enum SelectSpec {
    Max,
    Min,
    Disabled,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PolicySpec {
    #[serde(rename = "type")]
    kind: PolicyKind,
    value: i32,
    period_seconds: u64,
}

#[derive(Deserialize)]
enum PolicyKind {
    Pods,
    Percent,
}

impl RulesSpec {
    /// What it says, and the defaults for the rest.
    fn over(self, mut rules: ScalingRules) -> Result<ScalingRules, String> {
        if let Some(seconds) = self.stabilization_window_seconds {
            rules.window = Duration::from_secs(seconds);
        }
        if let Some(select) = self.select_policy {
            rules.select = match select {
                SelectSpec::Max => Select::Max,
                SelectSpec::Min => Select::Min,
                SelectSpec::Disabled => Select::Disabled,
            };
        }
        if let Some(policies) = self.policies {
            let policy = |policy: PolicySpec| {
                let change = match policy.kind {
                    PolicyKind::Pods => Change::Pods(policy.value),
                    PolicyKind::Percent => Change::Percent(policy.value),
                };
                ScalingPolicy::per_seconds(change, policy.period_seconds)
            };
            rules.policies = policies.into_iter().map(policy).collect();
        }
        rules.tolerance = self.tolerance.as_deref().map(fraction).transpose()?;
        Ok(rules)
    }
}
