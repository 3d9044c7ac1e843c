//! What a row expects against what came out.

use super::Difference;
use super::fields::Fields;
use crate::hpa::{ConditionType, Conditions, Reason};

/// What a row expects; what it does not say is not compared.
#[derive(Debug, Default)]
pub(super) struct Expected {
    replicas: Option<i32>,
    utilization: Option<i32>,
    usage: Option<i64>,
    /// A part of the message.
    error: Option<String>,
    conditions: Vec<Wanted>,
    log_len: Option<usize>,
    /// True if an error that the row does not mention is a difference.
    errors_count: bool,
}

/// A condition that is expected.
#[derive(Debug)]
struct Wanted {
    /// None if only a reason is given.
    condition: Option<ConditionType>,
    text: String,
}

/// What came out.
#[derive(Debug, Default)]
pub(super) struct Got {
    pub(super) replicas: Option<i32>,
    pub(super) utilization: Option<i32>,
    pub(super) usage: Option<i64>,
    pub(super) error: Option<String>,
    pub(super) conditions: Conditions,
    /// The reason that a bare reason is compared with.
    pub(super) reason: Option<Reason>,
    pub(super) log_len: Option<usize>,
}

impl Expected {
    /// `exp` or `error`, `util`, `usage`.
    pub(super) fn of_metric(fields: &Fields<'_>) -> Self {
        let error = fields.optional_text("error").map(str::to_owned);
        let replicas = match &error {
            None => Some(fields.replicas("exp")),
            Some(_) => {
                if fields.value("exp").is_some() {
                    fields.problem("exp", "an error gives no replicas: leave out exp or error");
                }
                None
            }
        };
        Self {
            replicas,
            utilization: fields
                .optional_int("util", i64::from(i32::MIN), i64::from(i32::MAX))
                .map(|percent| percent as i32),
            usage: fields.optional_int("usage", i64::MIN, i64::MAX),
            error,
            errors_count: true,
            ..Self::default()
        }
    }

    /// `exp`, `cond`, `error`.
    pub(super) fn of_reconcile(fields: &Fields<'_>) -> Self {
        Self {
            replicas: Some(fields.replicas("exp")),
            error: fields.optional_text("error").map(str::to_owned),
            conditions: conditions(fields),
            ..Self::default()
        }
    }

    /// `exp`, `cond`.
    pub(super) fn of_rate(fields: &Fields<'_>) -> Self {
        Self {
            replicas: Some(fields.replicas("exp")),
            conditions: conditions(fields),
            ..Self::default()
        }
    }

    /// `exp`, `cond`, `log_len`.
    pub(super) fn of_stabilize(fields: &Fields<'_>) -> Self {
        Self {
            replicas: Some(fields.replicas("exp")),
            conditions: conditions(fields),
            log_len: fields
                .optional_int("log_len", 0, i64::from(u32::MAX))
                .map(|len| len as usize),
            ..Self::default()
        }
    }

    /// Every field in which the two disagree.
    pub(super) fn differences(&self, got: &Got) -> Vec<Difference> {
        let mut found = Vec::new();
        let mut differs = |field, expected: String, got: String| {
            found.push(Difference { field, expected, got });
        };
        match (&self.error, &got.error) {
            (Some(expected), None) => differs("error", expected.clone(), "no error".to_owned()),
            (Some(expected), Some(got)) if !got.contains(expected.as_str()) => {
                differs("error", expected.clone(), got.clone());
            }
            (None, Some(got)) if self.errors_count => differs("error", "no error".to_owned(), got.clone()),
            _ => {}
        }
        compare("exp", self.replicas, got.replicas, &mut differs);
        compare("util", self.utilization, got.utilization, &mut differs);
        compare("usage", self.usage, got.usage, &mut differs);
        compare("log_len", self.log_len, got.log_len, &mut differs);
        for wanted in &self.conditions {
            let got = wanted.as_found(got);
            if got != wanted.text {
                differs("cond", wanted.text.clone(), got);
            }
        }
        found
    }
}

fn compare<T: PartialEq + ToString>(
    field: &'static str,
    expected: Option<T>,
    got: Option<T>,
    differs: &mut impl FnMut(&'static str, String, String),
) {
    if let Some(expected) = expected
        && got.as_ref() != Some(&expected)
    {
        let got = got.map_or_else(|| "nothing".to_owned(), |got| got.to_string());
        differs(field, expected.to_string(), got);
    }
}

impl Wanted {
    /// The same condition, in the same form, as it came out.
    fn as_found(&self, got: &Got) -> String {
        match self.condition {
            Some(condition) => got.conditions.describe(condition),
            None => got
                .reason
                .map_or_else(|| "nothing".to_owned(), |reason| reason.to_string()),
        }
    }
}

/// `cond`: one text or an array of texts, each `Type=Status/Reason` or a reason.
fn conditions(fields: &Fields<'_>) -> Vec<Wanted> {
    let texts: Vec<&str> = match fields.value("cond") {
        None => Vec::new(),
        Some(value) if value.is_array() => {
            let texts = fields.optional_array("cond").unwrap_or_default().iter();
            let texts: Vec<&str> = texts.map(|text| text.as_str().unwrap_or_default()).collect();
            if texts.contains(&"") {
                fields.problem("cond", "every element must be text");
            }
            texts
        }
        Some(_) => fields.optional_text("cond").into_iter().collect(),
    };
    texts.iter().filter_map(|text| wanted(fields, text)).collect()
}

fn wanted(fields: &Fields<'_>, text: &str) -> Option<Wanted> {
    let condition = match text.split_once('=') {
        None => None,
        Some((name, rest)) => {
            let found = ConditionType::ALL
                .into_iter()
                .find(|known| known.to_string() == name);
            let has_status = rest.starts_with("True/") || rest.starts_with("False/");
            if found.is_none() || !has_status {
                let known = ConditionType::ALL.map(|known| known.to_string()).join(", ");
                fields.problem(
                    "cond",
                    format!("is {text:?}: write Type=True/Reason or Type=False/Reason; types are {known}"),
                );
                return None;
            }
            found
        }
    };
    Some(Wanted {
        condition,
        text: text.to_owned(),
    })
}
