//! One row: what is to be evaluated, and what is expected of it.

use super::compare::{Expected, Got};
use super::fields::Fields;
use super::{Difference, history_rows, metric_rows, reconcile_rows};
use crate::hpa::Compat;

/// A row that could be read.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) kind: String,
    what: What,
    expected: Expected,
}

/// What a row is about.
#[derive(Debug)]
enum What {
    Metric(metric_rows::MetricRow),
    Reconcile(reconcile_rows::ReconcileRow),
    Rate(history_rows::RateRow),
    RateLegacy(history_rows::LegacyRateRow),
    Stabilize(history_rows::StabilizeRow),
    StabilizeLegacy(history_rows::LegacyRow),
}

#[derive(Clone, Copy)]
enum Kind {
    Metric(metric_rows::MetricKind),
    Reconcile,
    Rate,
    RateLegacy,
    Stabilize,
    StabilizeLegacy,
}

impl Row {
    /// Reads a row; problems are reported through `fields`.
    pub(super) fn read(fields: &Fields<'_>) -> Option<Self> {
        let mut kinds: Vec<(&str, Kind)> = metric_rows::KINDS
            .iter()
            .map(|&(name, kind)| (name, Kind::Metric(kind)))
            .collect();
        kinds.extend([
            ("reconcile", Kind::Reconcile),
            ("rate", Kind::Rate),
            ("rate_legacy", Kind::RateLegacy),
            ("stabilize", Kind::Stabilize),
            ("stabilize_legacy", Kind::StabilizeLegacy),
        ]);
        let compat = compat(fields);
        let kind = fields.choice("kind", &kinds)?;
        let what = match kind {
            Kind::Metric(kind) => What::Metric(metric_rows::MetricRow::read(fields, kind, compat)),
            Kind::Reconcile => What::Reconcile(reconcile_rows::ReconcileRow::read(fields, compat)),
            Kind::Rate => What::Rate(history_rows::RateRow::read(fields, compat)),
            Kind::RateLegacy => What::RateLegacy(history_rows::LegacyRateRow::read(fields)),
            Kind::Stabilize => What::Stabilize(history_rows::StabilizeRow::read(fields, compat)),
            Kind::StabilizeLegacy => What::StabilizeLegacy(history_rows::LegacyRow::read(fields)),
        };
        let expected = match kind {
            Kind::Metric(_) => Expected::of_metric(fields),
            Kind::Reconcile => Expected::of_reconcile(fields),
            Kind::Rate | Kind::RateLegacy => Expected::of_rate(fields),
            Kind::Stabilize | Kind::StabilizeLegacy => Expected::of_stabilize(fields),
        };
        Some(Self {
            name: fields.row.clone(),
            kind: fields.optional_text("kind").unwrap_or_default().to_owned(),
            what,
            expected,
        })
    }

    /// Evaluates and compares.
    pub(super) fn differences(&self) -> Vec<Difference> {
        self.expected.differences(&self.evaluate())
    }

    fn evaluate(&self) -> Got {
        match &self.what {
            What::Metric(row) => row.evaluate(),
            What::Reconcile(row) => row.evaluate(),
            What::Rate(row) => row.evaluate(),
            What::RateLegacy(row) => row.evaluate(),
            What::Stabilize(row) => row.evaluate(),
            What::StabilizeLegacy(row) => row.evaluate(),
        }
    }
}

fn compat(fields: &Fields<'_>) -> Compat {
    let Some(text) = fields.optional_text("compat") else {
        return Compat::default();
    };
    Compat::parse(text).unwrap_or_else(|| {
        fields.problem("compat", format!("is {text:?}: known are {}", Compat::NAMES));
        Compat::default()
    })
}
