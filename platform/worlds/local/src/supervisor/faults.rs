//! Faults done to processes: kill and pause, each with a duration after which it is over whoever asked for it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tally_wire::services::ActiveFault;

use super::process::signal;

/// Longest fault.
pub(super) const DURATION_MAX: Duration = Duration::from_mins(10);

/// What can be done to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// SIGKILL.
    Kill,
    /// SIGSTOP, and SIGCONT when it is over.
    Pause,
    /// SIGUSR1, which makes the process lie, and SIGUSR2 when it is over.
    Corrupt,
}

impl Kind {
    pub(super) fn from_name(name: &str) -> Option<Self> {
        match name {
            "kill" => Some(Self::Kill),
            "pause" => Some(Self::Pause),
            "corrupt" => Some(Self::Corrupt),
            _ => None,
        }
    }
}

#[derive(Clone, Debug)]
struct Active {
    kind: &'static str,
    pod: String,
    process: u32,
    until: Instant,
}

/// Faults that are on.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    active: Arc<Mutex<Vec<Active>>>,
}

impl Faults {
    /// Does it now; it is over after `duration`.
    pub(super) fn inject(&self, kind: Kind, pod: &str, process: u32, duration: Duration) {
        match kind {
            Kind::Kill => signal(process, Signal::KILL),
            Kind::Pause => signal(process, Signal::STOP),
            Kind::Corrupt => signal(process, Signal::USR1),
        }
        let name = match kind {
            Kind::Kill => "kill",
            Kind::Pause => "pause",
            Kind::Corrupt => "corrupt",
        };
        let until = Instant::now() + duration;
        let fault = Active {
            kind: name,
            pod: pod.to_owned(),
            process,
            until,
        };
        self.active
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(fault);
        let active = Arc::clone(&self.active);
        tokio::spawn(async move {
            tokio::time::sleep_until(until.into()).await;
            let mut active = active.lock().unwrap_or_else(PoisonError::into_inner);
            active.retain(|fault| fault.until > Instant::now());
            // Two of a kind on one process overlap into the longer one.
            let still = active
                .iter()
                .any(|fault| fault.process == process && fault.kind == name);
            match kind {
                Kind::Pause if !still => signal(process, Signal::CONT),
                // Whoever has its number by now may not know the signal.
                Kind::Corrupt if !still && is_corrupt(process) => signal(process, Signal::USR2),
                Kind::Kill | Kind::Pause | Kind::Corrupt => {}
            }
        });
    }

    /// The faults that are on now.
    pub(super) fn list(&self) -> Vec<ActiveFault> {
        let now = Instant::now();
        let active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        let on = active.iter().filter(|fault| fault.until > now);
        on.map(|fault| ActiveFault {
            kind: fault.kind.into(),
            pod: fault.pod.clone(),
            process: fault.process,
            remaining_millis: (fault.until - now).as_millis() as u64,
        })
        .collect()
    }
}

/// Whether a process says in its name that it lies.
pub(super) fn is_corrupt(process: u32) -> bool {
    std::fs::read(format!("/proc/{process}/comm"))
        .is_ok_and(|name| name.trim_ascii_end() == tally_process::node::CORRUPT_NAME.to_bytes())
}
