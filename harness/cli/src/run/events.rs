//! The platform's own observations, gathered from the files of its processes and moved to the trial's zero.

use std::path::Path;

use tally_model::{Instant, Observation};

/// Every observation of the trial, in order. Lines that cannot be read (a process died while writing) are left out.
pub(super) fn gather(data: &Path, zero: u64) -> Vec<Observation> {
    let Ok(entries) = std::fs::read_dir(data.join("events")) else {
        return Vec::new();
    };
    let mut observations: Vec<Observation> = entries
        .flatten()
        .filter_map(|entry| std::fs::read_to_string(entry.path()).ok())
        .flat_map(|text| {
            text.lines()
                .filter_map(|line| serde_json::from_str(line).ok())
                .collect::<Vec<Observation>>()
        })
        .collect();
    for observation in &mut observations {
        observation.at = Instant::from_nanos(observation.at.as_nanos().saturating_sub(zero));
    }
    observations.sort_by_key(|observation| observation.at);
    observations
}
