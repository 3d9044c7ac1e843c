//! The server as a process of its own: what `tally serve queue` runs.

use std::io::Write;

use tokio::signal::unix::{SignalKind, signal};

use crate::{Error, Server, ServerConfig};

/// Serves until SIGTERM or SIGINT. Says where it listens with one line of JSON on standard output: `{"http":"127.0.0.1:9324"}`.
/// Must not be called inside a runtime.
///
/// # Errors
/// What [`Server::bind`] and [`Server::run`] say, and what the operating system refuses.
pub fn serve(config: ServerConfig) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(system("cannot start a runtime"))?;
    runtime.block_on(async {
        // Before anybody can know the address, so that no signal ends the process in the middle.
        let mut terminate = signal(SignalKind::terminate()).map_err(system("cannot handle SIGTERM"))?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(system("cannot handle SIGINT"))?;
        let server = Server::bind(config).await?;
        let line = format!("{}\n", serde_json::json!({ "http": server.address() }));
        let mut out = std::io::stdout();
        out.write_all(line.as_bytes())
            .and_then(|()| out.flush())
            .map_err(system("cannot say where this process listens"))?;
        server
            .run(async {
                tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            })
            .await
    })
}

fn system(what: &'static str) -> impl FnOnce(std::io::Error) -> Error {
    move |error| Error::System(format!("{what}: {error}"))
}
