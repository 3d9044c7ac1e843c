//! `cargo bench --bench micro -- [FILTER]`: criterion on the parts that every request passes.
//!
//! Quick settings: 20 samples in about a second each. Without `--bench` each runs once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark that fails must stop"
)]

mod certify;
mod express;
mod judge;
mod queue;

use std::time::Duration;

use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    express::bench(&mut criterion);
    certify::bench(&mut criterion);
    queue::bench(&mut criterion);
    judge::bench(&mut criterion);
    criterion.final_summary();
}
