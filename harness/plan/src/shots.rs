//! The requests of a plan, compactly: a million take 60 MiB with their texts.
//!
//! Rows of numbers and one text for all expressions, instead of a record with a text of its own for each. In `plan.json` they are
//! a list of [`Shot`]s all the same.

use std::collections::BTreeMap;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde::{Serialize, Serializer};
use tally_model::Outcome;

/// One request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Shot<'a> {
    /// Its number in the trial, from 0.
    pub n: u64,
    /// Index into [`crate::Plan::loads`].
    pub load: u32,
    /// When it is due, in nanoseconds since the start of the trial.
    pub due: u64,
    /// What is sent.
    pub expression: &'a str,
    /// The answer the file gives; without it the checker computes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<&'a Outcome>,
    /// Which draw of the service-time model its tasks get.
    pub work_key: u64,
}

/// A shot as it is stored.
#[derive(serde::Deserialize)]
struct Stored {
    n: u64,
    load: u32,
    due: u64,
    expression: String,
    #[serde(default)]
    expected: Option<Outcome>,
    work_key: u64,
}

/// Numbers of a shot, and where its text is.
#[derive(Clone, Copy, Debug)]
struct Row {
    due: u64,
    work_key: u64,
    start: u64,
    length: u32,
    load: u32,
}

/// Requests in the order they are due, numbered from 0.
#[derive(Clone, Debug, Default)]
pub struct Shots {
    rows: Vec<Row>,
    text: String,
    /// Stated answers, by where the text starts: sorting does not move texts.
    expected: BTreeMap<u64, Outcome>,
}

impl Shots {
    /// How many.
    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Number `n`.
    pub fn get(&self, n: u64) -> Option<Shot<'_>> {
        let row = self.rows.get(usize::try_from(n).ok()?)?;
        let start = row.start as usize;
        Some(Shot {
            n,
            load: row.load,
            due: row.due,
            expression: self.text.get(start..start + row.length as usize)?,
            expected: self.expected.get(&row.start),
            work_key: row.work_key,
        })
    }

    /// All, in order.
    pub fn iter(&self) -> impl Iterator<Item = Shot<'_>> {
        (0..self.rows.len() as u64).filter_map(|n| self.get(n))
    }

    /// Makes room for `more` requests.
    pub(crate) fn reserve(&mut self, more: usize) {
        self.rows.reserve(more);
    }

    /// Appends a request.
    pub(crate) fn push(&mut self, load: u32, due: u64, text: &str, expected: Option<Outcome>, work_key: u64) {
        let start = self.text.len() as u64;
        self.text.push_str(text);
        // So that no two start at the same place, not even empty ones.
        self.text.push('\n');
        if let Some(expected) = expected {
            self.expected.insert(start, expected);
        }
        self.rows.push(Row {
            due,
            work_key,
            start,
            length: text.len() as u32,
            load,
        });
    }

    /// Puts them in the order they are due; those due at once keep their order.
    pub(crate) fn sort(&mut self) {
        self.rows.sort_by_key(|row| row.due);
        self.rows.shrink_to_fit();
        self.text.shrink_to_fit();
    }
}

impl PartialEq for Shots {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Serialize for Shots {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Shots {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Shots;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of requests, numbered from 0")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Shots, A::Error> {
                let mut shots = Shots::default();
                while let Some(shot) = list.next_element::<Stored>()? {
                    let place = shots.len() as u64;
                    if shot.n != place {
                        let text = format!("request {} stands where request {place} belongs", shot.n);
                        return Err(A::Error::custom(text));
                    }
                    shots.push(
                        shot.load,
                        shot.due,
                        &shot.expression,
                        shot.expected,
                        shot.work_key,
                    );
                }
                Ok(shots)
            }
        }
        deserializer.deserialize_seq(List)
    }
}
