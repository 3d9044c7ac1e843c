//! The local world: a supervisor and its processes on this machine.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tally_chaos::{Fault, LocalFault, LocalField, Order, Problem};
use tally_local::{Operator, Platform, State, peak_bytes_of, resident_bytes_of};
use tally_model::{Observation, PodPhase};

use super::{Hold, Sizes, World, current_sets};

/// The platform's store in its folder.
pub(crate) const STORE: &str = "tally.redb";

/// A platform on this machine.
#[derive(Debug)]
pub(crate) struct Local(pub(crate) State);

impl World for Local {
    fn http(&self) -> SocketAddr {
        self.0.http
    }

    fn cluster(&self) -> String {
        let name = std::fs::read_to_string(self.0.data.join("cluster")).unwrap_or_default();
        name.trim().to_owned()
    }

    fn logs(&self) -> String {
        self.0.data.join("logs").display().to_string()
    }

    /// Lines that cannot be read (a process died while writing) are left out.
    fn observations(&self) -> Vec<Observation> {
        let Ok(entries) = std::fs::read_dir(self.0.data.join("events")) else {
            return Vec::new();
        };
        entries
            .flatten()
            .filter_map(|entry| std::fs::read_to_string(entry.path()).ok())
            .flat_map(|text| {
                text.lines()
                    .filter_map(|line| serde_json::from_str(line).ok())
                    .collect::<Vec<Observation>>()
            })
            .collect()
    }

    fn memory(&self) -> Box<dyn FnMut() -> Option<Sizes> + Send> {
        let mut operator = Operator::new(self.0.supervisor).ok();
        Box::new(move || operator.as_mut().and_then(sizes))
    }

    fn fault<'a>(
        &'a self,
        order: Order,
        now: &'a (dyn Fn() -> u64 + Sync),
    ) -> Result<Box<dyn Fault + 'a>, Problem> {
        let http = self.0.http;
        let field = LocalField::new(self.0.supervisor, move || current_sets(http))?;
        Ok(Box::new(LocalFault::new(field, order, now)))
    }
}

fn sizes(operator: &mut Operator) -> Option<Sizes> {
    let status = operator.status().ok()?;
    let mut sizes = Sizes::default();
    if let Some(process) = status.control_plane.pod.process {
        sizes.control_plane = resident_bytes_of(process);
        sizes.control_plane_peak = peak_bytes_of(process);
    }
    let running = status
        .pods
        .iter()
        .filter(|occupant| occupant.pod.phase == PodPhase::Running);
    for process in running.filter_map(|occupant| occupant.pod.process) {
        sizes.member = sizes.member.max(resident_bytes_of(process));
        sizes.member_peak = sizes.member_peak.max(peak_bytes_of(process));
    }
    Some(sizes)
}

/// A platform on this machine that goes with the trial.
#[derive(Debug)]
pub(crate) struct Owned {
    pub(crate) platform: Platform,
    pub(crate) data: PathBuf,
}

impl Hold for Owned {
    /// Brings back a supervisor that somebody killed: it is the machine here, and a machine that fails is repaired by its operator.
    fn tend(&mut self) -> Option<String> {
        match self.platform.revive() {
            Ok(ended) => {
                ended.map(|ended| format!("the supervisor was gone ({ended}); another took its place"))
            }
            Err(error) => Some(format!("the supervisor is gone and does not come back: {error}")),
        }
    }

    fn stop(self: Box<Self>) -> Result<(), String> {
        let stopped = self.platform.stop().map_err(|error| error.to_string());
        tidy(&self.data);
        stopped
    }
}

/// The platform's store goes; its logs and observations stay.
fn tidy(data: &Path) {
    let store = data.join(STORE);
    if store.exists()
        && let Err(error) = std::fs::remove_file(&store)
    {
        tracing::warn!(path = %store.display(), %error, "the platform's store was not removed");
    }
}
