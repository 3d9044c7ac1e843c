//! Seeded generators of expressions and arrivals, the catalog and its fingerprints.
//!
//! Equal seeds give equal bytes on every platform: the stream is ChaCha8, and nothing between it and a request is a
//! floating-point number. A load draws from streams named after it, so that adding a load changes no other.

mod arrivals;
mod azure;
mod catalog;
mod course;
mod expressions;
mod fingerprint;
mod operands;
mod pattern;
mod residue;
mod shape;
mod stream;

pub use arrivals::{Arrivals, Span};
pub use azure::{Durations, SYNTHETIC_SEED, TraceProblem, TracedFunction, read_trace, synthetic};
pub use catalog::{CATALOG, CatalogEntry, catalog_entry};
pub use expressions::ExpressionStream;
pub use fingerprint::{FINGERPRINTED, Fingerprint, fingerprint};
pub use operands::{Decimals, OperationWeights, ValueRange};
pub use pattern::{Pattern, Rate};
pub use shape::{FixedExpression, MAX_CHAIN, MAX_DEPTH, MAX_FANOUT, MAX_OPERANDS, MixedPart, Shape, Terms};
pub use stream::Stream;
