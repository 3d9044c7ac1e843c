//! Waits until a platform takes requests and every layer has the sets it starts with.

use std::time::{Duration, Instant};

use serde_json::Value;
use tally_load::Client;
use tally_model::{PlatformConfig, Scaler};

use super::world::World;
use crate::output::Progress;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// Returns when every layer has its first sets ready.
pub(crate) fn wait_until_ready(
    world: &dyn World,
    platform: &PlatformConfig,
    timeout: Duration,
    progress: &mut Progress,
) -> Result<(), String> {
    let wanted = match platform.scaler {
        Scaler::Fixed(sets) => u64::from(sets),
        _ => u64::from(platform.bounds.min),
    };
    let started = Instant::now();
    let mut client = Client::new(world.http(), Duration::from_secs(2));
    loop {
        let status = client
            .status()
            .ok()
            .and_then(|reply| serde_json::from_slice::<Value>(&reply.body).ok());
        let ready: Vec<u64> = status
            .iter()
            .flat_map(|status| status["layers"].as_array().into_iter().flatten())
            .map(|layer| layer["ready"].as_u64().unwrap_or(0))
            .collect();
        if ready.len() == 4 && ready.iter().all(|sets| *sets >= wanted) {
            let replicas = platform.replicas_per_set();
            let sets: u64 = ready.iter().sum();
            progress.step(&format!(
                "platform healthy: {sets} set(s), {} process(es), protocol {}",
                sets * (u64::from(replicas) + 1) + 2,
                platform.protocol
            ));
            return Ok(());
        }
        if started.elapsed() > timeout {
            return Err(format!(
                "not every layer has {wanted} ready set(s) after {timeout:?} (ready: {ready:?}); logs are in {}",
                world.logs()
            ));
        }
        progress.tick(&format!("waiting for sets, ready: {ready:?}"));
        std::thread::sleep(LOOK);
    }
}
