//! Why a report could not be made.

use plotters::drawing::DrawingAreaErrorKind;

/// Why a report could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A chart could not be drawn; a bug of ours.
    #[error("cannot draw a chart: {0}")]
    Chart(String),
    /// The template and what is put into it do not fit; a bug of ours.
    #[error("cannot fill in the page")]
    Template(#[from] minijinja::Error),
    /// The page came out larger than a page may be.
    #[error("the page would have {bytes} bytes, more than {limit}; report fewer trials at once")]
    TooLarge {
        /// What it would have.
        bytes: usize,
        /// See [`crate::MOST_BYTES`].
        limit: usize,
    },
}

impl<E: std::error::Error + Send + Sync> From<DrawingAreaErrorKind<E>> for Error {
    fn from(error: DrawingAreaErrorKind<E>) -> Self {
        Self::Chart(error.to_string())
    }
}
