//! A comparison of policies for a terminal.

use super::grid::grid;
use super::paint::Paint;
use crate::chart::bracketed;
use crate::policies::{MEASURES, PolicyComparison, Standing};
use crate::unit;

/// What was found, the table of all cases together, and one table per case, at most `width` columns where words can be wrapped.
pub fn policies_text(comparison: &PolicyComparison, width: usize, color: bool) -> String {
    let mut page = Paint::new(width.clamp(40, 200), color);
    page.heading("Scaling policies on the same arrivals");
    for sentence in comparison.sentences() {
        page.wrapped(2, &sentence);
    }
    let all = comparison.standings();
    if comparison.cases.len() > 1 {
        table("all", &all, &mut page);
    }
    for case in &comparison.cases {
        table(
            &format!("{}: {}", case.name, case.setting),
            &case.standings(),
            &mut page,
        );
    }
    if all
        .iter()
        .any(|standing| standing.estimates[0].interval.is_some())
    {
        page.gap();
        page.heading("V and K with 95 % intervals of the median over seeds");
        for standing in &all {
            let of = |measure: usize| {
                let estimate = &standing.estimates[measure];
                let median = estimate.median.map_or_else(|| "-".into(), unit::digits);
                format!("{} {median}{}", MEASURES[measure].name, bracketed(estimate))
            };
            page.line(&format!("{}: {}, {}", standing.policy, of(0), of(1)));
        }
    }
    page.gap();
    page.wrapped(2, &comparison.effort);
    page.finish()
}

/// Medians over seeds.
fn table(name: &str, standings: &[Standing], page: &mut Paint) {
    let mut cells = vec![vec![String::new()]];
    cells[0].extend(MEASURES.iter().map(|measure| measure.name.to_owned()));
    for standing in standings {
        let mut row = vec![standing.policy.clone()];
        let shown = |median: Option<f64>| median.map_or_else(|| "-".into(), unit::digits);
        row.extend(standing.estimates.iter().map(|estimate| shown(estimate.median)));
        cells.push(row);
    }
    page.gap();
    page.heading(name);
    let right: Vec<usize> = (1..=MEASURES.len()).collect();
    for line in grid(&cells, &right) {
        page.line(&line);
    }
}
