//! Reads the fields of a row and collects everything that is wrong with them.
//!
//! A getter that fails reports to the [`Sink`] and answers with a harmless value, so that reading goes on to the next
//! problem; nothing is evaluated once there is one.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Map, Value};

use super::Problem;

/// All problems so far, and the fields of the row being read that mean nothing.
#[derive(Debug, Default)]
pub(super) struct Sink {
    problems: RefCell<Vec<Problem>>,
    ignored: RefCell<Vec<String>>,
}

impl Sink {
    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems.into_inner()
    }

    /// What [`Fields::finish`] has found since this was last asked.
    pub(super) fn take_ignored(&self) -> Vec<String> {
        self.ignored.take()
    }

    fn report(&self, row: &str, field: String, message: String) {
        self.problems.borrow_mut().push(Problem {
            row: row.to_owned(),
            field,
            message,
        });
    }
}

/// The fields of one object of a row.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    /// As people call the row.
    pub(super) row: String,
    /// Where the object is in its row: empty, or `pods[2].`.
    path: String,
    map: &'a Map<String, Value>,
    used: RefCell<BTreeSet<&'static str>>,
    sink: &'a Sink,
}

/// Fields for people.
const PROSE: [&str; 3] = ["id", "src", "note"];

/// Longest time that a field may give, in seconds: some thirty years.
const LONGEST: f64 = 1e9;

impl<'a> Fields<'a> {
    /// The fields of the row at `index`, counted from 0.
    pub(super) fn of_row(index: usize, value: &'a Value, sink: &'a Sink) -> Option<Self> {
        let name = ["id", "src"]
            .iter()
            .find_map(|name| value.get(name).and_then(Value::as_str));
        let row = name.map_or_else(|| format!("row {}", index + 1), str::to_owned);
        let Value::Object(map) = value else {
            sink.report(
                &row,
                String::new(),
                format!("{} is not a row: a row is an object", kind_of(value)),
            );
            return None;
        };
        Some(Self {
            row,
            path: String::new(),
            map,
            used: RefCell::default(),
            sink,
        })
    }

    /// Reports a problem with a field.
    pub(super) fn problem(&self, name: &str, message: impl Into<String>) {
        self.sink
            .report(&self.row, format!("{}{name}", self.path), message.into());
    }

    /// Everything of this object has been read: names the fields that nobody asked for.
    pub(super) fn finish(&self) {
        let used = self.used.borrow();
        let unused = |name: &&String| !used.contains(name.as_str()) && !PROSE.contains(&name.as_str());
        let unused = self.map.keys().filter(unused);
        let mut ignored = self.sink.ignored.borrow_mut();
        ignored.extend(unused.map(|name| format!("{}{name}", self.path)));
    }

    /// The value, unless the field is missing or null.
    pub(super) fn value(&self, name: &'static str) -> Option<&'a Value> {
        self.used.borrow_mut().insert(name);
        self.map.get(name).filter(|value| !value.is_null())
    }

    /// True if the field is there, be it null.
    pub(super) fn has(&self, name: &'static str) -> bool {
        self.used.borrow_mut().insert(name);
        self.map.contains_key(name)
    }

    /// A whole number within `low..=high`; a problem if it is missing.
    pub(super) fn int(&self, name: &'static str, low: i64, high: i64) -> i64 {
        self.optional_int(name, low, high).unwrap_or_else(|| {
            if self.value(name).is_none() {
                let what = if self.has(name) { "null" } else { "missing" };
                self.problem(name, format!("is {what}: give a whole number"));
            }
            low
        })
    }

    /// A whole number within `low..=high`, if the field is there.
    pub(super) fn optional_int(&self, name: &'static str, low: i64, high: i64) -> Option<i64> {
        self.whole(name, self.value(name)?, low, high)
    }

    /// `value` as a whole number; a problem with field `name` if it is none.
    pub(super) fn whole(&self, name: &str, value: &Value, low: i64, high: i64) -> Option<i64> {
        // `1e3` and `1000.0` are whole numbers too.
        let whole = |number: f64| number.fract() == 0.0 && number.abs() < 9e15;
        let number = value
            .as_i64()
            .or_else(|| value.as_f64().filter(|&number| whole(number)).map(|n| n as i64));
        match number {
            None => {
                self.problem(name, format!("is {}: give a whole number", kind_of(value)));
                None
            }
            Some(number) if number < low || number > high => {
                self.problem(name, format!("is {number}: give a number from {low} to {high}"));
                None
            }
            some => some,
        }
    }

    /// A number of replicas; a problem if it is missing.
    pub(super) fn replicas(&self, name: &'static str) -> i32 {
        self.int(name, 0, i64::from(i32::MAX)) as i32
    }

    /// A number of replicas, if the field is there.
    pub(super) fn optional_replicas(&self, name: &'static str) -> Option<i32> {
        self.optional_int(name, 0, i64::from(i32::MAX))
            .map(|number| number as i32)
    }

    /// A target, above 0; a problem if it is missing.
    pub(super) fn target(&self) -> i64 {
        self.int("target", 1, i64::MAX)
    }

    /// Seconds from 0 to `most`, if the field is there.
    pub(super) fn optional_seconds(&self, name: &'static str, most: Duration) -> Option<Duration> {
        self.seconds_of(name, self.value(name)?, most)
    }

    /// Seconds; a problem if the field is missing.
    pub(super) fn age(&self, name: &'static str) -> Duration {
        match self.value(name) {
            Some(value) => self.seconds_of(name, value, Duration::from_secs_f64(LONGEST)),
            None => {
                self.problem(name, "is missing: give seconds");
                None
            }
        }
        .unwrap_or_default()
    }

    fn seconds_of(&self, name: &str, value: &Value, most: Duration) -> Option<Duration> {
        let seconds = value
            .as_f64()
            .filter(|&seconds| seconds >= 0.0 && seconds <= most.as_secs_f64());
        if seconds.is_none() {
            let most = most.as_secs();
            self.problem(
                name,
                format!("is {}: give seconds from 0 to {most}", kind_of(value)),
            );
        }
        seconds.map(Duration::from_secs_f64)
    }

    /// A fraction of at least 0; a problem with field `name` if it is none.
    pub(super) fn fraction(&self, name: &str, value: &Value) -> Option<f64> {
        let number = value
            .as_f64()
            .filter(|number| number.is_finite() && *number >= 0.0);
        if number.is_none() {
            self.problem(
                name,
                format!("is {}: give a fraction of at least 0", kind_of(value)),
            );
        }
        number
    }

    /// True or false, if the field is there.
    pub(super) fn optional_bool(&self, name: &'static str) -> Option<bool> {
        let value = self.value(name)?;
        if value.as_bool().is_none() {
            self.problem(name, format!("is {}: give true or false", kind_of(value)));
        }
        value.as_bool()
    }

    /// Text, if the field is there.
    pub(super) fn optional_text(&self, name: &'static str) -> Option<&'a str> {
        let value = self.value(name)?;
        if value.as_str().is_none() {
            self.problem(name, format!("is {}: give text", kind_of(value)));
        }
        value.as_str()
    }

    /// One of the values that `choices` names; a problem if it is another or missing.
    pub(super) fn choice<T: Copy>(&self, name: &'static str, choices: &[(&str, T)]) -> Option<T> {
        let known = || {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            names.join(", ")
        };
        if self.value(name).is_none() {
            self.problem(name, format!("is missing: give one of {}", known()));
            return None;
        }
        let text = self.optional_text(name)?;
        let found = choices.iter().find(|(name, _)| *name == text);
        if found.is_none() {
            self.problem(name, format!("is {text:?}: give one of {}", known()));
        }
        found.map(|(_, value)| *value)
    }

    /// The elements of an array, if the field is there.
    pub(super) fn optional_array(&self, name: &'static str) -> Option<&'a [Value]> {
        let value = self.value(name)?;
        if !value.is_array() {
            self.problem(name, format!("is {}: give an array", kind_of(value)));
        }
        value.as_array().map(Vec::as_slice)
    }

    /// The objects of an array, if the field is there; elements that are no objects are problems.
    pub(super) fn optional_objects(&self, name: &'static str) -> Option<Vec<Fields<'a>>> {
        let array = self.optional_array(name)?;
        let each = array
            .iter()
            .enumerate()
            .filter_map(|(index, value)| self.inner(format!("{name}[{index}]"), value));
        Some(each.collect())
    }

    /// The object of a field, if the field is there.
    pub(super) fn optional_object(&self, name: &'static str) -> Option<Fields<'a>> {
        self.inner(name.to_owned(), self.value(name)?)
    }

    fn inner(&self, name: String, value: &'a Value) -> Option<Fields<'a>> {
        let Value::Object(map) = value else {
            self.problem(&name, format!("is {}: give an object", kind_of(value)));
            return None;
        };
        Some(Fields {
            row: self.row.clone(),
            path: format!("{}{name}.", self.path),
            map,
            used: RefCell::default(),
            sink: self.sink,
        })
    }
}

/// A value for a message; long ones by their type.
pub(super) fn kind_of(value: &Value) -> String {
    match value {
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        Value::String(text) if text.len() > 40 => "a long text".to_owned(),
        other => other.to_string(),
    }
}
