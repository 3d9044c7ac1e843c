//! Single services in containers, from images that are built here.

use std::process::Command;
use std::time::Duration;

use testcontainers::core::{IntoContainerPort, Mount, WaitFor};
use testcontainers::runners::SyncRunner;
use testcontainers::{Container, GenericImage, ImageExt, TestcontainersError};

/// How long a service may take to start on a busy machine.
const START: Duration = Duration::from_mins(2);

/// A running service; removed on drop, and on a signal that ends the process.
#[derive(Debug)]
pub struct Service {
    container: Container<GenericImage>,
    port: u16,
}

impl Service {
    /// Where it answers, HOST:PORT.
    ///
    /// # Errors
    /// If Docker does not say.
    pub fn address(&self) -> Result<String, TestcontainersError> {
        let host = self.container.get_host()?;
        let port = self.container.get_host_port_ipv4(self.port.tcp())?;
        Ok(format!("{host}:{port}"))
    }

    /// The id of its container.
    pub fn id(&self) -> &str {
        self.container.id()
    }
}

/// etcd, from Debian's package; its image is built if need be.
///
/// # Errors
/// If Docker cannot run it.
pub fn etcd() -> Result<Service, TestcontainersError> {
    const PORT: u16 = 2379;
    build("deploy/kind/etcd/image.sh", "tally-etcd:3.4")?;
    let image = GenericImage::new("tally-etcd", "3.4")
        .with_exposed_port(PORT.tcp())
        .with_wait_for(WaitFor::message_on_stderr("ready to serve client requests"));
    let request = image
        .with_startup_timeout(START)
        .with_mount(Mount::tmpfs_mount("/tmp"))
        .with_readonly_rootfs(true)
        .with_cmd([
            "--data-dir=/tmp/etcd",
            "--listen-client-urls=http://0.0.0.0:2379",
            "--advertise-client-urls=http://127.0.0.1:2379",
        ]);
    Ok(Service {
        container: request.start()?,
        port: PORT,
    })
}

/// The SQS-compatible server, from the platform's own image `tally:dev`.
///
/// # Errors
/// If Docker cannot run it; also if `deploy/image.sh` has not made the image.
pub fn queue() -> Result<Service, TestcontainersError> {
    const PORT: u16 = 9324;
    let image = GenericImage::new("tally", "dev")
        .with_exposed_port(PORT.tcp())
        .with_wait_for(WaitFor::message_on_stdout("\"http\""));
    let request = image
        .with_startup_timeout(START)
        .with_env_var("TALLY_QUEUE_LISTEN", format!("0.0.0.0:{PORT}"))
        .with_env_var("TALLY_QUEUE_DATA", "/var/lib/tally/queue.redb")
        .with_mount(Mount::tmpfs_mount("/var/lib/tally"))
        .with_readonly_rootfs(true)
        .with_cmd(["serve", "queue"]);
    Ok(Service {
        container: request.start()?,
        port: PORT,
    })
}

fn build(script: &str, tag: &str) -> Result<(), TestcontainersError> {
    let path = format!("{}/../../{script}", env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(path)
        .arg(tag)
        .output()
        .map_err(TestcontainersError::other)?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(TestcontainersError::other(format!("{script}: {said}")))
}
