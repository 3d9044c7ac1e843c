//! `tally serve queue` inside the test.

use tally_sqs_server::{Server, ServerConfig};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A server over a file of its own; ends with this value.
pub(crate) struct Own {
    address: std::net::SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
    _directory: tempfile::TempDir,
}

impl Own {
    pub(crate) async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let any = ([127, 0, 0, 1], 0).into();
        let server = Server::bind(ServerConfig::new(any, directory.path()))
            .await
            .unwrap();
        let address = server.address();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            server
                .run(async {
                    // Dropped with the value: that stops it too.
                    let _ = stopped.await;
                })
                .await
                .unwrap();
        });
        Self {
            address,
            stop,
            task,
            _directory: directory,
        }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends it and waits for the end.
    pub(crate) async fn stop(self) {
        drop(self.stop);
        self.task.await.unwrap();
    }
}
