//! Opening the store and serving until told to stop.

use std::net::SocketAddr;
use std::sync::Arc;

use tally_embedded::{Embedded, Settings};
use tally_listen::Listen;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::ServerConfig;
use crate::http::{App, ambiguous};
use crate::metrics::Metrics;
use crate::registry::Registry;
use crate::service::Service;

/// What a connection above the cap is told.
const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain\r\nretry-after: 1\r\n\
connection: close\r\ncontent-length: 30\r\n\r\nthe connection cap is reached\n";

/// Why the server cannot start, or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A bound makes no sense.
    #[error("{0}")]
    Config(String),
    /// The operating system refused something.
    #[error("{0}")]
    System(String),
    /// The store cannot be opened, or broke.
    #[error("{0}")]
    Store(#[from] tally_embedded::Error),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}; choose another address, or port 0 for any")]
    Listen {
        /// Which one.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
}

/// A server that listens and does not answer yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    health: Option<TcpListener>,
    address: SocketAddr,
    app: App,
}

impl Server {
    /// Opens the file, reads the queues and listens.
    ///
    /// # Errors
    /// [`Error`], with its remedy.
    pub async fn bind(config: ServerConfig) -> Result<Self, Error> {
        if !(1024..=ServerConfig::LARGEST).contains(&config.message_bytes) {
            return Err(Error::Config(format!(
                "a message limit of {} bytes is not between 1024 and {}",
                config.message_bytes,
                ServerConfig::LARGEST
            )));
        }
        // The platform's own queues stay empty here; every queue is one that a client made.
        let path = config.data.clone();
        let opened = tokio::task::spawn_blocking(move || Embedded::open(path, Settings::default())).await;
        let store = opened.map_err(|error| Error::Config(format!("opening the store ended: {error}")))??;
        let registry = Registry::open(&store, config.queues).await?;
        let listener = listen(config.listen).await?;
        let address = listener.local_addr().unwrap_or(config.listen);
        let health = match config.health {
            Some(address) => Some(listen(address).await?),
            None => None,
        };
        let service = Service {
            store,
            registry,
            config,
            metrics: Metrics::default(),
            stop: CancellationToken::new(),
        };
        Ok(Self {
            listener,
            health,
            address,
            app: App::new(Arc::new(service)),
        })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` resolves, then lets requests under way end, for at most five seconds; long polls end empty.
    ///
    /// # Errors
    /// [`Error::Store`] when a write failed: nothing was acknowledged that is not durable, and the process must be started
    /// again.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), Error> {
        let service = Arc::clone(&self.app.service);
        let stop = service.stop.clone();
        let probes = self.app.probes();
        let main = tally_listen::serve(self.listener, behind(self.app), stop.cancelled());
        let health = async {
            if let Some(listener) = self.health {
                tally_listen::serve(listener, behind(probes), stop.cancelled()).await;
            }
        };
        let end = async {
            let end = tokio::select! {
                () = shutdown => Ok(()),
                error = service.store.broken() => Err(Error::Store(error)),
            };
            stop.cancel();
            end
        };
        tokio::join!(main, health, end).2
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address)
        .await
        .map_err(|source| Error::Listen { address, source })
}

fn behind(app: App) -> Listen<App, http_body_util::Full<bytes::Bytes>> {
    let service = Arc::clone(&app.service);
    Listen {
        service: app,
        limits: service.config.limits,
        connections: Arc::clone(&service.metrics.connections),
        refusal: REFUSAL,
        ambiguous,
        stop: service.stop.clone(),
    }
}
