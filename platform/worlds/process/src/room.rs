//! What the glue of every role needs.

use std::fmt::Debug;
use std::sync::Arc;

use tally_model::{Machine, Observation, PlatformConfig};
use tally_ports::{Cluster, MetadataStore, Queue};
use tally_roles::port::PortEvent;
use tally_runtime::{Inbox, PortRunner, Ports, SystemClock, drive};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Error;

/// The ports a world has chosen.
pub trait World: Send + Sync + 'static {
    /// Its queues.
    type Queue: Queue;
    /// Its metadata.
    type Metadata: MetadataStore;
    /// Its pods and services.
    type Cluster: Cluster;
}

/// Where observations go.
pub type Observer = Arc<dyn Fn(&Observation) + Send + Sync>;

/// What every role's glue needs.
pub struct Room<W: World> {
    /// The platform.
    pub platform: PlatformConfig,
    /// Its name, part of everything signed.
    pub cluster: [u8; 16],
    /// The ports.
    pub ports: Ports<W::Queue, W::Metadata, W::Cluster>,
    /// The time.
    pub clock: SystemClock,
    /// For the record.
    pub observer: Observer,
    /// Everything that runs.
    pub tasks: TaskTracker,
    /// Ends it.
    pub shutdown: CancellationToken,
}

// Not derived: that would ask for ports that can be cloned.
impl<W: World> Clone for Room<W> {
    fn clone(&self) -> Self {
        Self {
            platform: self.platform.clone(),
            cluster: self.cluster,
            ports: self.ports.clone(),
            clock: self.clock,
            observer: Arc::clone(&self.observer),
            tasks: self.tasks.clone(),
            shutdown: self.shutdown.clone(),
        }
    }
}

impl<W: World> Debug for Room<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Room").finish_non_exhaustive()
    }
}

impl<W: World> Room<W> {
    /// Carries out the port commands of one machine.
    pub fn runner<E: Send + 'static>(
        &self,
        inbox: Inbox<E>,
        wrap: fn(PortEvent) -> E,
    ) -> PortRunner<W::Queue, W::Metadata, W::Cluster, E> {
        PortRunner::new(
            self.ports.clone(),
            inbox,
            wrap,
            self.tasks.clone(),
            self.shutdown.clone(),
        )
    }

    /// For the record.
    pub fn observe(&self, observation: &Observation) {
        (self.observer)(observation);
    }

    /// Drives a machine until the shutdown.
    pub fn drive<M>(
        &self,
        machine: M,
        start: Vec<M::Command>,
        events: mpsc::Receiver<M::Event>,
        obey: impl FnMut(M::Command) + Send + 'static,
    ) where
        M: Machine + Send + 'static,
        M::Event: Send + 'static,
        M::Command: Send + 'static,
    {
        let (clock, shutdown) = (self.clock, self.shutdown.clone());
        self.tasks
            .spawn(drive(machine, start, events, clock, obey, shutdown));
    }
}

/// Waits for SIGTERM.
///
/// # Errors
/// If it cannot be listened for.
pub async fn until_terminated() -> Result<(), Error> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::system("cannot handle SIGTERM"))?;
    terminate.recv().await;
    Ok(())
}

/// The 16 bytes of a platform's name, 32 hexadecimal digits; none if it is not one.
pub fn cluster_bytes(name: &str) -> Option<[u8; 16]> {
    u128::from_str_radix(name, 16)
        .ok()
        .filter(|_| name.len() == 32)
        .map(u128::to_be_bytes)
}
