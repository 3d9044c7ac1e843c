//! Logging.

use tracing_subscriber::EnvFilter;

/// Sends log lines to standard error; `TALLY_LOG` chooses what (default `warn`). Does nothing the second time.
pub fn init_tracing() {
    init_tracing_at("warn");
}

/// Like [`init_tracing`], with another default.
pub fn init_tracing_at(default: &str) {
    let filter = EnvFilter::try_from_env("TALLY_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .try_init();
}
