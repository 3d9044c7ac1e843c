//! Claims about metrics.

use crate::estimate::Good;
use crate::metric::*;

/// Baselines are keyed by name, so two metrics of one name would overwrite each other.
#[test]
fn every_metric_has_a_name_of_its_own() {
    let names: std::collections::BTreeSet<_> = Metric::ALL.iter().map(|metric| metric.name()).collect();
    assert_eq!(names.len(), Metric::ALL.len());
    assert!(
        Metric::ALL
            .iter()
            .all(|metric| (metric.good() == Good::High) == (metric.unit() == "/s"))
    );
    assert!(Metric::ALL.iter().all(|metric| !metric.title().is_empty()));
}
