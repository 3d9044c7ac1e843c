//! An etcd as a process of the test.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Long enough for etcd to elect itself on a busy machine.
const START: Duration = Duration::from_mins(1);

/// A running etcd with a folder of its own; killed with this value.
pub(crate) struct Server {
    child: Child,
    folder: tempfile::TempDir,
    client: u16,
    peer: u16,
}

impl Server {
    /// Starts one; `None`, loudly, where it is not installed.
    pub(crate) async fn start() -> Option<Self> {
        if Command::new("etcd")
            .arg("--version")
            .stdout(Stdio::null())
            .status()
            .is_err()
        {
            eprintln!("SKIPPED: etcd is not installed (Debian: etcd-server)");
            return None;
        }
        // Both at once, so that they differ; free a moment ago.
        let sockets = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [client, peer] = sockets
            .each_ref()
            .map(|socket| socket.local_addr().unwrap().port());
        drop(sockets);
        let folder = tempfile::tempdir().unwrap();
        let child = spawn(&folder, client, peer);
        let server = Self {
            child,
            folder,
            client,
            peer,
        };
        server.answers().await;
        Some(server)
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.client)
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The same again, on what is left of its files.
    pub(crate) async fn restart(&mut self) {
        self.child = spawn(&self.folder, self.client, self.peer);
        self.answers().await;
    }

    /// Loses its files.
    pub(crate) fn forget(&self) {
        std::fs::remove_dir_all(self.folder.path().join("data")).unwrap();
    }

    /// Forgets all history before now.
    pub(crate) async fn compact(&self) {
        let mut client = etcd_client::Client::connect([self.endpoint()], None)
            .await
            .unwrap();
        let now = client
            .get("any", None)
            .await
            .unwrap()
            .header()
            .unwrap()
            .revision();
        client.compact(now, None).await.unwrap();
    }

    async fn answers(&self) {
        let end = Instant::now() + START;
        loop {
            let asked = async {
                let mut client = etcd_client::Client::connect([self.endpoint()], None).await?;
                client.get("any", None).await
            };
            if let Ok(Ok(_)) = tokio::time::timeout(Duration::from_secs(1), asked).await {
                return;
            }
            assert!(Instant::now() < end, "etcd does not answer after {START:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The test may have killed it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(folder: &tempfile::TempDir, client: u16, peer: u16) -> Child {
    let (client, peer) = (
        format!("http://127.0.0.1:{client}"),
        format!("http://127.0.0.1:{peer}"),
    );
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    Command::new("etcd")
        .args(["--name", "one", "--initial-cluster", &format!("one={peer}")])
        .args([
            "--listen-client-urls",
            &client,
            "--advertise-client-urls",
            &client,
        ])
        .args([
            "--listen-peer-urls",
            &peer,
            "--initial-advertise-peer-urls",
            &peer,
        ])
        .arg("--data-dir")
        .arg(folder.path().join("data"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}
