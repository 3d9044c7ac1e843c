//! Whether a condition holds, in three values: yes, no, and cannot tell.

use serde::{Deserialize, Serialize};

use crate::{Condition, MetricRef, Term};

/// What became of an expectation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// `None` where a metric had no data: inconclusive, never a pass.
    pub held: Option<bool>,
    /// Every comparison with its measured value: `p99(latency) = 212 ms < 800 ms`.
    pub shown: String,
}

impl Condition {
    /// See [`crate::Expectation::evaluate`]. One false comparison makes the whole false, whatever cannot be told.
    pub fn evaluate(&self, lookup: &dyn Fn(&MetricRef) -> Option<f64>) -> Verdict {
        let mut held = Some(true);
        let mut shown = Vec::with_capacity(self.comparisons.len());
        for comparison in &self.comparisons {
            let (left, right) = (comparison.left.value(lookup), comparison.right.value(lookup));
            let one = left
                .zip(right)
                .map(|(left, right)| comparison.comparator.holds(left, right));
            held = match (held, one) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            };
            let sides = (comparison.left.show(left), comparison.right.show(right));
            shown.push(format!(
                "{} {} {}",
                sides.0,
                comparison.comparator.symbol(),
                sides.1
            ));
        }
        Verdict {
            held: held.filter(|_| !self.comparisons.is_empty()),
            shown: shown.join(", "),
        }
    }
}

impl Term {
    /// Its value in base units; `None` where data is missing or the arithmetic has no finite result.
    fn value(&self, lookup: &dyn Fn(&MetricRef) -> Option<f64>) -> Option<f64> {
        let value = match self {
            Self::Constant { value, .. } => *value,
            Self::Metric(metric) => lookup(metric)?,
            Self::Arithmetic {
                sign, left, right, ..
            } => {
                let (left, right) = (left.value(lookup)?, right.value(lookup)?);
                match sign {
                    '+' => left + right,
                    '-' => left - right,
                    '*' => left * right,
                    _ => left / right,
                }
            }
        };
        value.is_finite().then_some(value)
    }

    fn show(&self, value: Option<f64>) -> String {
        match (self, value) {
            (Self::Constant { .. }, _) => self.to_string(),
            (_, Some(value)) => format!("{self} = {}", self.unit().say(value)),
            (_, None) => format!("{self} = no data"),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Metric, MetricRef, Sample, parse_condition};

    fn lookup(known: &'static [(Metric, f64)]) -> impl Fn(&MetricRef) -> Option<f64> {
        move |asked| {
            let (Sample::One(metric) | Sample::Ratio(metric, _)) = asked.sample;
            known
                .iter()
                .find(|(name, _)| *name == metric)
                .map(|(_, value)| *value)
        }
    }

    /// Missing data is inconclusive, a failed comparison beats it, and only complete data can pass.
    #[test]
    fn missing_data_never_holds() {
        let data = lookup(&[
            (Metric::Lost, 0.0),
            (Metric::Wrong, 2.0),
            (Metric::CriticalPath, f64::NAN),
        ]);
        let cases = [
            ("lost == 0", Some(true)),
            ("wrong == 0", Some(false)),
            ("conflicting == 0", None),
            ("lost == 0 && conflicting == 0", None),
            ("conflicting == 0 && wrong == 0", Some(false)),
            ("wrong == 0 && conflicting == 0", Some(false)),
            ("p99(critical_path) < 1s", None),
            ("p99(critical_path) != 1s", None),
            ("wrong / lost > 1", None),
        ];
        for (text, held) in cases {
            assert_eq!(
                parse_condition(text).unwrap().evaluate(&data).held,
                held,
                "{text}"
            );
        }
    }

    /// A verdict shows what was measured in the unit of the metric.
    #[test]
    fn a_verdict_shows_what_was_measured() {
        let data = lookup(&[
            (Metric::Latency, 0.2124),
            (Metric::SuccessRate, 0.9991),
            (Metric::Rss, 201.0 * 1_048_576.0),
        ]);
        let cases = [
            ("p99.9(latency) < 800ms", "p99.9(latency) = 212 ms < 800 ms"),
            ("success_rate >= 99.9%", "success_rate = 0.9991 >= 0.999"),
            (
                "max(rss) <= 256MiB && lost == 0",
                "max(rss) = 201 MiB <= 256 MiB, lost = no data == 0",
            ),
            ("2 * p50(latency) < 1s", "2 * p50(latency) = 425 ms < 1 s"),
        ];
        for (text, shown) in cases {
            assert_eq!(parse_condition(text).unwrap().evaluate(&data).shown, shown);
        }
    }

    /// A measured share that is exactly the limit is at the limit, not one bit below it.
    #[test]
    fn limits_are_rounded_once() {
        let at_limit = lookup(&[(Metric::SuccessRate, 999.0 / 1000.0), (Metric::Latency, 0.0007)]);
        for text in [
            "success_rate >= 99.9%",
            "success_rate == 0.999",
            "p50(latency) <= 0.7ms",
            "p50(latency) >= 700us",
        ] {
            assert_eq!(
                parse_condition(text).unwrap().evaluate(&at_limit).held,
                Some(true),
                "{text}"
            );
        }
    }

    /// Units: what goes together is accepted, what does not is refused with the code that says why.
    #[test]
    fn units_and_names_are_checked() {
        let good = [
            "p95(dag_wait / critical_path) < 1.5",
            "rate(refused) < 5%",
            "count(refused) + count(timeout) <= 10",
            "time_to_recover < 5s && median(time_to_detect) <= 1s",
            "answered / offered >= 0.9",
            "(p99(latency) - p50(latency)) * 2 < 1s",
            "-1 < lost",
        ];
        for text in good {
            assert!(
                parse_condition(text).is_ok(),
                "{text}: {:?}",
                parse_condition(text)
            );
        }
        let bad = [
            ("latency < 5ms", "F0502"),
            ("p99(latency) < 5", "F0504"),
            ("lost < 5%", "F0504"),
            ("p99(latencyy) < 5ms", "F0503"),
            ("p100(latency) < 5ms", "F0505"),
            ("p49(latency) < 5ms", "F0505"),
            ("p99.999(latency) < 5ms", "F0505"),
            ("p99(lost) < 5", "F0502"),
            ("rate(latency) < 5%", "F0502"),
            ("queue_depth == 0", "F0506"),
            ("p99(vote) < 1s", "F0506"),
            ("p99(compute) < 1s", "F0506"),
            ("p99(latency / send_lag) > 2", "F0506"),
            ("time_to_recover(success_rate >= 0.99) < 5s", "F0506"),
            ("success_rate >= 99", "F0508"),
            ("1 < 2", "F0508"),
            ("lost / 0 < 1", "F0508"),
            ("sum(latency) < 1s", "F0509"),
            ("lost = 0", "F0501"),
            ("lost == 0 || wrong == 0", "F0501"),
            ("lost ==", "F0501"),
            ("", "F0501"),
            ("lost == 0 &&", "F0501"),
            ("0 <= lost <= 5", "F0501"),
            ("p99(latency < 5ms", "F0506"),
            ("lost == 5parsecs", "F0501"),
        ];
        for (text, code) in bad {
            let codes: Vec<String> = parse_condition(text)
                .unwrap_err()
                .into_iter()
                .map(|d| d.code)
                .collect();
            assert_eq!(codes, [code], "{text}");
        }
    }
}
