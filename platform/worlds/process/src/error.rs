//! Why a role cannot start, or had to end.

/// A process that cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What it was told is of no use.
    #[error("{0}")]
    Config(String),
    /// The operating system refused something.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: String,
        /// Why not.
        source: std::io::Error,
    },
    /// Part of the platform could not be opened, or broke.
    #[error("{0}")]
    Start(String),
}

impl Error {
    /// Names what the operating system refused.
    pub fn system(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::System { what, source }
    }
}
