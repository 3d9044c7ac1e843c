//! Traces in the form of the Azure Functions 2019 data set.
//!
//! Shahrad et al., "Serverless in the Wild" (USENIX ATC 2020), published as CSV: one file of invocations per minute
//! (`HashOwner,HashApp,HashFunction,Trigger,1,2,...,1440`) and one of execution times per function
//! (`HashOwner,HashApp,HashFunction,Average,Count,Minimum,Maximum,percentile_Average_0,...`, milliseconds). The data set is
//! not ours to ship; [`synthetic`] makes files of that form.

mod synthetic;

use std::collections::BTreeMap;
use std::fmt;

pub use synthetic::{SYNTHETIC_SEED, synthetic};

/// Minutes of a day, the most that a row has.
const MINUTES: usize = 1440;

/// One function of a trace.
#[derive(Clone, Debug, PartialEq)]
pub struct TracedFunction {
    /// `HashFunction`.
    pub name: String,
    /// `Trigger`: http, queue, timer, ...
    pub trigger: String,
    /// Invocations per minute.
    pub counts: Vec<u32>,
    /// Execution times, if the other file has them.
    pub durations: Option<Durations>,
}

/// Execution times of one function, in milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Durations {
    /// Over all invocations.
    pub average: f64,
    /// Percentile and value, in ascending order: 0, 1, 25, 50, 75, 99, 100.
    pub percentiles: Vec<(u8, f64)>,
}

/// A place in a file that is not of the form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceProblem {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub message: String,
}

impl fmt::Display for TraceProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

/// Reads a file of invocations, and one of durations for the functions in it.
///
/// # Errors
/// Every line of either that is not of the form.
pub fn read_trace(
    invocations: &str,
    durations: Option<&str>,
) -> Result<Vec<TracedFunction>, Vec<TraceProblem>> {
    let mut problems = Vec::new();
    let mut functions = Vec::new();
    for (line, fields) in rows(invocations, "HashFunction", &mut problems) {
        match invocation_row(&fields) {
            Ok(function) => functions.push(function),
            Err(message) => problems.push(TraceProblem { line, message }),
        }
    }
    let mut known = BTreeMap::new();
    for (line, fields) in durations.map_or_else(Vec::new, |text| rows(text, "Average", &mut problems)) {
        match duration_row(&fields) {
            Ok((name, durations)) => {
                known.insert(name, durations);
            }
            Err(message) => problems.push(TraceProblem { line, message }),
        }
    }
    for function in &mut functions {
        function.durations = known.remove(&function.name);
    }
    if problems.is_empty() {
        Ok(functions)
    } else {
        Err(problems)
    }
}

/// The fields of every line but the header, which must name `column`.
fn rows<'t>(text: &'t str, column: &str, problems: &mut Vec<TraceProblem>) -> Vec<(usize, Vec<&'t str>)> {
    let mut lines = text.lines().enumerate();
    let header = lines.next().map_or("", |(_, line)| line);
    if !header.split(',').any(|field| field.trim() == column) {
        problems.push(TraceProblem {
            line: 1,
            message: format!("the header has no column `{column}`"),
        });
        return Vec::new();
    }
    lines
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(index, line)| (index + 1, line.split(',').map(str::trim).collect()))
        .collect()
}

fn invocation_row(fields: &[&str]) -> Result<TracedFunction, String> {
    let [_, _, name, trigger, counts @ ..] = fields else {
        return Err(format!("it has {} fields, at least 5 are needed", fields.len()));
    };
    if counts.is_empty() || counts.len() > MINUTES {
        return Err(format!(
            "it has {} minutes, 1 to {MINUTES} are possible",
            counts.len()
        ));
    }
    let count = |(minute, text): (usize, &&str)| {
        text.parse::<u32>()
            .map_err(|_| format!("minute {} is {text:?}, not a count", minute + 1))
    };
    Ok(TracedFunction {
        name: (*name).to_owned(),
        trigger: (*trigger).to_owned(),
        counts: counts.iter().enumerate().map(count).collect::<Result<_, _>>()?,
        durations: None,
    })
}

/// Which percentiles the columns after `Maximum` are.
const PERCENTILES: [u8; 7] = [0, 1, 25, 50, 75, 99, 100];

fn duration_row(fields: &[&str]) -> Result<(String, Durations), String> {
    let [_, _, name, average, _count, _minimum, _maximum, percentiles @ ..] = fields else {
        return Err(format!("it has {} fields, at least 7 are needed", fields.len()));
    };
    let millis = |text: &str| {
        text.parse::<f64>()
            .ok()
            .filter(|millis| millis.is_finite() && *millis >= 0.0)
            .ok_or_else(|| format!("{text:?} is not a number of milliseconds"))
    };
    let values = percentiles
        .iter()
        .map(|text| millis(text))
        .collect::<Result<Vec<f64>, _>>()?;
    if !values.is_sorted() {
        return Err("its percentiles do not ascend".to_owned());
    }
    let durations = Durations {
        average: millis(average)?,
        percentiles: PERCENTILES.into_iter().zip(values).collect(),
    };
    Ok(((*name).to_owned(), durations))
}

impl Durations {
    /// Squared coefficient of variation of the log-normal law through the quartiles, if there are quartiles above 0:
    /// the quartiles of a normal law are 0.6745 standard deviations from its mean.
    pub fn variation(&self) -> Option<f64> {
        let at = |wanted: u8| {
            let found = self
                .percentiles
                .iter()
                .find(|(percentile, _)| *percentile == wanted);
            found.map(|(_, value)| *value).filter(|value| *value > 0.0)
        };
        let sigma = (at(75)?.ln() - at(25)?.ln()) / (2.0 * 0.674_489_75);
        Some((sigma * sigma).exp_m1())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVOCATIONS: &str =
        "HashOwner,HashApp,HashFunction,Trigger,1,2,3\no,a,f1,http,1,0,7\no,a,f2,timer,1,1,1\n";
    const DURATIONS: &str = "HashOwner,HashApp,HashFunction,Average,Count,Minimum,Maximum,percentile_Average_0,\
        percentile_Average_1,percentile_Average_25,percentile_Average_50,percentile_Average_75,percentile_Average_99,\
        percentile_Average_100\no,a,f1,20,8,1,90,1,2,10,18,27.1828,80,90\n";

    /// Both files are joined by the function; one without durations has none.
    #[test]
    fn a_trace_is_read_from_both_files() {
        let functions = read_trace(INVOCATIONS, Some(DURATIONS)).unwrap();
        assert_eq!(functions.len(), 2);
        assert_eq!(functions[0].counts, [1, 0, 7]);
        assert_eq!(functions[1].durations, None);
        let durations = functions[0].durations.as_ref().unwrap();
        assert_eq!(durations.percentiles[3], (50, 18.0));
        // ln(27.1828 / 10) is 1, so sigma is 1 / 1.349 and the variation exp(0.5495) - 1.
        let variation = durations.variation().unwrap();
        assert!((variation - 0.732).abs() < 0.002, "{variation}");
    }

    /// Every line that is not of the form is told with its number.
    #[test]
    fn what_is_not_of_the_form_is_told_line_by_line() {
        let broken = "HashOwner,HashApp,HashFunction,Trigger,1\no,a,f,http,x\no,a\no,a,g,http,-1\n";
        let problems = read_trace(broken, Some("nothing")).unwrap_err();
        let told: Vec<String> = problems.iter().map(TraceProblem::to_string).collect();
        assert_eq!(told.len(), 4, "{told:?}");
        assert!(told[0].starts_with("line 2: minute 1"), "{told:?}");
        assert!(told[3].contains("no column `Average`"), "{told:?}");
    }

    /// The files that come with Tally are what the seeded generator makes, and can be read.
    #[test]
    fn the_synthetic_files_are_those_of_the_generator() {
        let (invocations, durations) = synthetic(SYNTHETIC_SEED);
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("traces");
        let files = [("invocations.csv", &invocations), ("durations.csv", &durations)];
        for (name, text) in files {
            if std::env::var_os("TALLY_BLESS").is_some() {
                std::fs::write(folder.join(name), text).unwrap();
            }
            assert_eq!(
                &std::fs::read_to_string(folder.join(name)).unwrap(),
                text,
                "{name}"
            );
        }
        let functions = read_trace(&invocations, Some(&durations)).unwrap();
        assert!(functions.iter().all(|function| function.counts.len() == MINUTES));
        assert!(functions.iter().all(|function| function.durations.is_some()));
    }
}
