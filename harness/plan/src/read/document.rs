//! A TOML text as a tree that knows where everything stands.

use tally_model::{Diagnostic, Span};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnose::{Place, Problems};

/// The whole file.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) entries: Vec<Entry>,
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_place: Place,
    pub(crate) node: Node,
}

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

/// A value.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// A text. `start` is the byte of the file at which it stands letter by letter, if it does.
    Text {
        text: String,
        start: Option<usize>,
    },
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Datetime,
    Array(Vec<Node>),
    Table(Vec<Entry>),
}

impl Value {
    /// With an article, for messages.
    pub(crate) const fn describe(&self) -> &'static str {
        match self {
            Self::Text { .. } => "a text",
            Self::Integer(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Boolean(_) => "true or false",
            Self::Datetime => "a date",
            Self::Array(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

impl Node {
    /// The place of bytes `start..end` of this text, or of all of it where it is not written letter by letter.
    pub(crate) fn inside(&self, start: usize, end: usize) -> Place {
        match (&self.value, &self.place) {
            (
                Value::Text {
                    start: Some(base), ..
                },
                Place { span: Some(_), .. },
            ) => Place::in_file(Span::new(base + start, base + end)),
            _ => self.place.clone(),
        }
    }
}

impl Document {
    /// Reads as much as can be read and reports what cannot.
    pub(crate) fn parse(source: &str, problems: &mut Problems) -> Self {
        let (table, errors) = DeTable::parse_recoverable(source);
        for error in errors {
            let span = error
                .span()
                .map_or(Span::new(0, 0), |span| Span::new(span.start, span.end));
            let message = error.message().lines().next().unwrap_or("not TOML").to_owned();
            problems.push(
                Diagnostic::new("F0101", message)
                    .at(span)
                    .help("the file is TOML: https://toml.io"),
            );
        }
        Self {
            entries: entries(table.get_ref(), source),
        }
    }
}

/// Reads the value of an override: TOML if it is TOML, otherwise the text itself.
pub(crate) fn override_value(key: &str, text: &str) -> Node {
    let place = Place {
        span: None,
        set: Some(format!("{key}={text}")),
    };
    let mut node = match DeValue::parse(text) {
        Ok(value) if !matches!(value.get_ref(), DeValue::Datetime(_)) => node(&value, text),
        _ => Node {
            place: Place::default(),
            value: Value::Text {
                text: text.to_owned(),
                start: None,
            },
        },
    };
    relocate(&mut node, &place);
    node
}

fn relocate(node: &mut Node, place: &Place) {
    node.place = place.clone();
    match &mut node.value {
        Value::Text { start, .. } => *start = None,
        Value::Array(items) => items.iter_mut().for_each(|item| relocate(item, place)),
        Value::Table(entries) => {
            for entry in entries {
                entry.key_place = place.clone();
                relocate(&mut entry.node, place);
            }
        }
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime => {}
    }
}

fn place<T>(spanned: &Spanned<T>) -> Place {
    let span = spanned.span();
    Place::in_file(Span::new(span.start, span.end))
}

fn entries(table: &DeTable<'_>, source: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = table
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().to_string(),
            key_place: place(key),
            node: node(value, source),
        })
        .collect();
    entries.sort_by_key(|entry| entry.key_place.span);
    entries
}

/// Recursion ends at 80 levels, the limit of the TOML parser itself.
fn node(spanned: &Spanned<DeValue<'_>>, source: &str) -> Node {
    let place = place(spanned);
    let value = match spanned.get_ref() {
        DeValue::String(text) => {
            let start = place.span.and_then(|span| verbatim(source, span, text));
            Value::Text {
                text: text.to_string(),
                start,
            }
        }
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Integer(number),
            Err(_) => Value::Float(if number.as_str().starts_with('-') {
                f64::NEG_INFINITY
            } else {
                f64::INFINITY
            }),
        },
        DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(flag) => Value::Boolean(*flag),
        DeValue::Datetime(_) => Value::Datetime,
        DeValue::Array(items) => Value::Array(items.iter().map(|item| node(item, source)).collect()),
        DeValue::Table(table) => Value::Table(entries(table, source)),
    };
    Node { place, value }
}

/// Where the letters of a quoted text begin, unless escapes make it differ from what is written.
fn verbatim(source: &str, span: Span, text: &str) -> Option<usize> {
    let written = source.get(span.start..span.end)?;
    [1, 3]
        .into_iter()
        .find(|quotes| {
            written
                .get(*quotes..)
                .is_some_and(|rest| rest.len() == text.len() + quotes && rest.starts_with(text))
        })
        .map(|quotes| span.start + quotes)
}
