//! The parts of the workload bench that only compute, and the claims about them.
//!
//! The claims stand apart from the code because a bench without libtest is compiled as a test whose tests are dropped.

mod baseline;
mod bound;
mod estimate;
mod flags;
mod metric;
mod workload;

#[path = "logic"]
mod claims {
    mod baseline;
    mod bound;
    mod estimate;
    mod flags;
    mod metric;
    mod workload;
}
