//! The language of expectations: comparisons of metrics, joined by `&&`.

mod evaluate;
mod metric;
mod names;
mod parser;
mod token;
mod unit;

pub use evaluate::Verdict;
pub use metric::{Function, LATER_METRICS, Metric, MetricRef, Sample, metric_help};
pub use parser::parse_condition;
pub use unit::Unit;

use serde::{Deserialize, Serialize};

/// Comparisons that must all hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// At least one.
    pub comparisons: Vec<Comparison>,
}

impl Condition {
    /// Every metric, in the order of the text.
    pub fn metrics(&self) -> Vec<&MetricRef> {
        let mut metrics = Vec::new();
        for comparison in &self.comparisons {
            comparison.left.collect(&mut metrics);
            comparison.right.collect(&mut metrics);
        }
        metrics
    }
}

/// `left comparator right`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Left side.
    pub left: Term,
    /// How they compare.
    pub comparator: Comparator,
    /// Right side.
    pub right: Term,
}

/// How two sides compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparator {
    /// `<`
    #[serde(rename = "<")]
    Less,
    /// `<=`
    #[serde(rename = "<=")]
    AtMost,
    /// `>`
    #[serde(rename = ">")]
    Greater,
    /// `>=`
    #[serde(rename = ">=")]
    AtLeast,
    /// `==`
    #[serde(rename = "==")]
    Equal,
    /// `!=`
    #[serde(rename = "!=")]
    NotEqual,
}

impl Comparator {
    /// As written.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
        }
    }

    /// Whether `left` and `right` compare so; false for NaN.
    pub fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::Greater => left > right,
            Self::AtLeast => left >= right,
            Self::Equal => left == right,
            Self::NotEqual => left != right && !left.is_nan() && !right.is_nan(),
        }
    }
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Term {
    /// A constant in its base unit: seconds, bytes, shares from 0 to 1.
    Constant {
        /// The value.
        value: f64,
        /// What it is.
        unit: Unit,
    },
    /// Something measured.
    Metric(MetricRef),
    /// `left sign right`.
    Arithmetic {
        /// `+`, `-`, `*` or `/`.
        sign: char,
        /// Left operand.
        left: Box<Term>,
        /// Right operand.
        right: Box<Term>,
        /// What the result is.
        unit: Unit,
    },
}

impl Term {
    /// What the term is.
    pub const fn unit(&self) -> Unit {
        match self {
            Self::Constant { unit, .. } | Self::Arithmetic { unit, .. } => *unit,
            Self::Metric(metric) => metric.unit(),
        }
    }

    fn collect<'a>(&'a self, metrics: &mut Vec<&'a MetricRef>) {
        match self {
            Self::Constant { .. } => {}
            Self::Metric(metric) => metrics.push(metric),
            Self::Arithmetic { left, right, .. } => {
                left.collect(metrics);
                right.collect(metrics);
            }
        }
    }
}

impl std::fmt::Display for Term {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Constant { value, unit } => f.write_str(&unit.say(*value)),
            Self::Metric(metric) => write!(f, "{metric}"),
            Self::Arithmetic {
                sign, left, right, ..
            } => {
                let side = |term: &Self| match term {
                    Self::Arithmetic { .. } => format!("({term})"),
                    _ => term.to_string(),
                };
                write!(f, "{} {sign} {}", side(left), side(right))
            }
        }
    }
}

impl std::fmt::Display for Comparison {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.left, self.comparator.symbol(), self.right)
    }
}
