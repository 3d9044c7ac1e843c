//! Tables of cases: rows of values with what Kubernetes makes of them, compared with what this model makes of them.
//!
//! A file is a JSON array of rows. Every row has a `kind`, the values of that kind, and what is expected (`exp`, `util`,
//! `usage`, `error`, `cond`, `log_len`); `compat` names a version, `id`, `src` and `note` are for people. Amounts are in
//! thousandths, ages and windows in seconds. A file is either evaluated as a whole or refused with all its problems.

mod compare;
mod fields;
mod history_rows;
mod metric_rows;
mod reconcile_rows;
mod row;

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use fields::{Fields, Sink};
use row::Row;

/// A place in a file that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The `id` of the row, else its `src`, else `row 3` counted from 1; `file` if it is about no row.
    pub row: String,
    /// The field, such as `pods[2].v`; empty if it is about no field.
    pub field: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            write!(f, "{}: {}", self.row, self.message)
        } else {
            write!(f, "{}: field {}: {}", self.row, self.field, self.message)
        }
    }
}

/// A field in which a row and the model disagree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The field of the row that says what is expected.
    pub field: &'static str,
    /// What the row says.
    pub expected: String,
    /// What the model says.
    pub got: String,
}

/// One evaluated row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evaluated {
    /// As in [`Problem::row`].
    pub row: String,
    /// The kind of the row.
    pub kind: String,
    /// Empty if the row and the model agree.
    pub differences: Vec<Difference>,
    /// Fields that rows of this kind do not have; nothing was made of them.
    pub ignored: Vec<String>,
}

/// Evaluates every row of a file.
///
/// # Errors
/// All places that cannot be read; then nothing is evaluated.
pub fn evaluate(text: &str) -> Result<Vec<Evaluated>, Vec<Problem>> {
    let of_file = |message: String| {
        vec![Problem {
            row: "file".to_owned(),
            field: String::new(),
            message,
        }]
    };
    let value: Value = serde_json::from_str(text).map_err(|error| of_file(format!("not JSON: {error}")))?;
    let Value::Array(rows) = value else {
        return Err(of_file("a file of cases is a JSON array of rows".to_owned()));
    };
    if rows.is_empty() {
        return Err(of_file("there are no rows".to_owned()));
    }
    let sink = Sink::default();
    let rows: Vec<Option<(Row, Vec<String>)>> = rows
        .iter()
        .enumerate()
        .map(|(index, value)| {
            let fields = Fields::of_row(index, value, &sink)?;
            let row = Row::read(&fields)?;
            fields.finish();
            Some((row, sink.take_ignored()))
        })
        .collect();
    let problems = sink.into_problems();
    if !problems.is_empty() {
        return Err(problems);
    }
    let evaluated = rows.into_iter().flatten().map(|(row, ignored)| Evaluated {
        differences: row.differences(),
        row: row.name,
        kind: row.kind,
        ignored,
    });
    Ok(evaluated.collect())
}
