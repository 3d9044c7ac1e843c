//! Observations to histograms, history and run directory; owns the run schema.

mod record;

pub use record::{Effect, Fate, FaultRecord, HistoryLine, Operation, Read, SCHEMA_VERSION, Sample};
