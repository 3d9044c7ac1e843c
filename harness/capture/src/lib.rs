//! Observations to histograms, history and run directory; owns the run schema.
//!
//! ```text
//! runs/
//!   latest -> burst/20260101T101500Z-4f2a          also burst/latest
//!   burst/20260101T101500Z-4f2a/
//!     run.json experiment.toml resolved.json plan.json env.json repro.sh    phase 0, before the first request
//!     trials/0001/                                                          phase 1, as it happens
//!       history.jsonl.zst        HistoryLine: every operation, later read and answer to nobody, without tasks
//!       certificates.jsonl.zst   CertificateLine: the tasks of every answer, with certificates
//!       faults.jsonl events.jsonl series.jsonl keys.json   and simulation.json of a simulated trial,
//!                                                          hpa.jsonl of one with live autoscalers
//!       latency.hdr lag.hdr      HdrHistogram interval logs, made from the history
//!     check.json results.json summary.txt report.html BLAKE3SUMS            phase 2, after analysis
//! ```
//!
//! Documents are written to a temporary file, synced and renamed; the two large files are independent zstd frames of at most a
//! second, so that a crash leaves a readable prefix. Nothing secret is ever handed to this crate, so nothing is redacted.

mod analysis;
mod comparison;
mod durable;
pub mod elasticity;
mod environment;
mod error;
mod frame;
mod gaps;
mod history;
mod hpa;
mod interval;
mod lines;
mod metric;
mod name;
mod phases;
mod reaction;
mod reader;
mod record;
mod row;
mod run;
mod seal;
mod shape;
mod summary;
mod tasks;
mod trial;
mod waits;
mod window;

pub use analysis::Analysis;
pub use comparison::{
    ArmRecord, COMPARISONS, ComparisonReader, ComparisonRecord, ComparisonStart, ComparisonWriter,
    PlayedTrial, comparison_directory, write_documents,
};
pub use environment::{Environment, load_average};
pub use error::{CaptureError, Result};
pub use frame::{FRAME_AGE, FRAME_BYTES, FRAME_LIMIT, Frame, FrameDecoder, FrameReader, FrameWriter, Tail};
pub use history::{HistoryReader, fold_frames, parse_line, split_lines};
pub use hpa::{HPA_SETTLES, HpaCondition, HpaFact, HpaLine};
pub use lines::{LineWriter, read_lines};
pub use phases::LayerTimes;
pub use reaction::{ScaleUp, Stage, scale_ups};
pub use reader::{RunReader, TrialReader};
pub use record::{
    CertificateLine, Effect, Fate, FaultRecord, HistoryLine, Operation, Read, SCHEMA_VERSION, Sample, Sight,
    Stray, TrialKeys,
};
pub use run::{Document, RunRecord, RunStart, RunStatus, RunWriter};
pub use seal::{seal, verify_seal};
pub use summary::{Counts, FaultTimes, Quantiles, Second, Summary, WindowSummary};
pub use trial::{TrialSize, TrialWriter};
pub use window::Window;
