//! The page of a comparison of scaling policies.

use serde::Serialize;

use super::fitting;
use crate::chart::{self, Chart, Multiples, bracketed};
use crate::error::Error;
use crate::policies::{MEASURES, PolicyCase, PolicyComparison, Standing};
use crate::unit;

/// How many cases get panels, most first: the first number with which the page is small enough is taken.
const CHARTED: [usize; 6] = [64, 24, 12, 6, 3, 1];

#[derive(Debug, Serialize)]
struct Cell {
    value: String,
    spread: String,
}

/// The table of some standings.
type Rows = Vec<(String, Vec<Cell>)>;

#[derive(Debug, Serialize)]
struct Case {
    name: String,
    title: String,
    setting: String,
    rows: Rows,
    workers: Option<Multiples>,
}

#[derive(Debug, Serialize)]
struct Page {
    title: String,
    sentences: Vec<String>,
    columns: Vec<&'static str>,
    rows: Rows,
    judged: Chart,
    cases: Vec<Case>,
    left_out: usize,
    meanings: Vec<(&'static str, &'static str)>,
    effort: String,
    repro: String,
}

/// One self-contained page about policies on the same arrivals; the same comparison gives the same bytes.
///
/// # Errors
/// If a chart cannot be drawn or the page would be larger than [`crate::MOST_BYTES`].
pub fn policies_html(comparison: &PolicyComparison) -> Result<String, Error> {
    fitting("policies.html", &CHARTED, |charted| page(comparison, charted))
}

fn page(comparison: &PolicyComparison, charted: usize) -> Result<Page, Error> {
    let standings = comparison.standings();
    let cases = comparison.cases.iter().enumerate();
    Ok(Page {
        title: "Scaling policies on the same arrivals".into(),
        sentences: comparison.sentences(),
        columns: MEASURES.iter().map(|measure| measure.name).collect(),
        rows: rows(&standings),
        judged: chart::judged(&standings)?,
        cases: cases
            .map(|(index, case)| one(index, case, index < charted))
            .collect::<Result<_, _>>()?,
        left_out: comparison.cases.len().saturating_sub(charted),
        meanings: MEASURES
            .iter()
            .map(|measure| (measure.name, measure.meaning))
            .collect(),
        effort: comparison.effort.clone(),
        repro: comparison.repro.clone(),
    })
}

fn one(index: usize, case: &PolicyCase, charted: bool) -> Result<Case, Error> {
    Ok(Case {
        name: case.name.clone(),
        title: case.title.clone(),
        setting: case.setting.clone(),
        rows: rows(&case.standings()),
        workers: charted
            .then(|| chart::workers_of_policies(index, case))
            .transpose()?,
    })
}

fn rows(standings: &[Standing]) -> Rows {
    let row = |standing: &Standing| {
        let cells = standing.estimates.iter().map(|estimate| Cell {
            value: estimate.median.map_or_else(|| "-".into(), unit::digits),
            spread: bracketed(estimate),
        });
        (standing.policy.clone(), cells.collect())
    };
    standings.iter().map(row).collect()
}
