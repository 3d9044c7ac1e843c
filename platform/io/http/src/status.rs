//! What the world tells the door about itself, for operators.

use serde::Serialize;
use tally_model::{Operation, PlatformConfig, SetRecord};

/// One layer as of now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LayerStatus {
    /// Which layer.
    pub operation: Operation,
    /// Tasks that wait.
    pub visible: u64,
    /// Tasks that were received and are not done.
    pub in_flight: u64,
    /// Sets that take tasks.
    pub ready: u32,
    /// Sets that start.
    pub starting: u32,
}

/// The platform as of now.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PlatformStatus {
    /// The layers, in the order of [`Operation::ALL`].
    pub layers: Vec<LayerStatus>,
    /// Sets that exist, in any state.
    pub sets: u32,
    /// Faults raised since the start.
    pub faults: u64,
    /// Messages in the dead-letter queue.
    pub dead: u64,
    /// Resident memory of the control plane, bytes.
    pub rss_bytes: Option<u64>,
    /// What the platform was started with.
    pub config: Option<PlatformConfig>,
}

/// Where the door learns about the world. Called on request handlers' threads: it must not block.
pub trait StatusSource: Send + Sync + 'static {
    /// The platform as of now.
    fn status(&self) -> PlatformStatus;
    /// Every record of every set seen since the start, all epochs, oldest first; a bounded history is fine.
    fn sets(&self) -> Vec<SetRecord>;
}
