//! Rows of the tables of Kubernetes' tests.

use tally_autoscale::hpa::cases::evaluate;

const ROWS: &str = include_str!("../hpa_cases.json");

/// What Kubernetes makes of a row is what the model makes of it.
#[test]
fn every_row_of_the_tables_is_equal() {
    let rows = evaluate(ROWS).unwrap();
    assert!(rows.len() >= 25, "only {} rows", rows.len());
    let differing: Vec<_> = rows.iter().filter(|row| !row.differences.is_empty()).collect();
    assert!(differing.is_empty(), "{differing:#?}");
    assert!(
        rows.iter().all(|row| row.ignored.is_empty()),
        "a field has no meaning"
    );
}
