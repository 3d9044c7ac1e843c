//! Plays the faults of a trial, each on a thread of its own, at its time.

use std::time::{Duration, Instant};

use tally_capture::FaultRecord;

use crate::fault::{Fault, Order, play};

/// How often a waiting fault looks whether the trial was called off.
const LOOK: Duration = Duration::from_millis(20);

/// An order and its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// What.
    pub order: Order,
    /// Nanoseconds since the trial began.
    pub at: u64,
}

/// Plays every fault and returns their ledgers, in the order given. One that the trial was called off before is not begun.
pub fn run<'f, F: Fault + 'f>(
    faults: &[Planned],
    start: Instant,
    called_off: &(dyn Fn() -> bool + Sync),
    now: &(dyn Fn() -> u64 + Sync),
    make: &(dyn Fn(Order) -> Result<F, crate::Problem> + Sync),
    tell: &(dyn Fn(&FaultRecord) + Sync),
) -> Vec<FaultRecord> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = faults
            .iter()
            .map(|planned| {
                scope.spawn(move || {
                    let due = start + Duration::from_nanos(planned.at);
                    while Instant::now() < due {
                        if called_off() {
                            return None;
                        }
                        std::thread::sleep(LOOK.min(due.saturating_duration_since(Instant::now())));
                    }
                    let record = one(planned, now, make);
                    tell(&record);
                    Some(record)
                })
            })
            .collect();
        threads
            .into_iter()
            .filter_map(|thread| thread.join().ok().flatten())
            .collect()
    })
}

fn one<'f, F: Fault + 'f>(
    planned: &Planned,
    now: &(dyn Fn() -> u64 + Sync),
    make: &(dyn Fn(Order) -> Result<F, crate::Problem> + Sync),
) -> FaultRecord {
    match make(planned.order.clone()) {
        Ok(mut fault) => play(&mut fault, &planned.order, planned.at, &|| now()),
        Err(problem) => FaultRecord {
            name: planned.order.name.clone(),
            kind: planned.order.kind.clone(),
            role: crate::fault::role_name(planned.order.role).to_owned(),
            target: String::new(),
            planned: planned.at,
            duration: planned.order.duration.as_nanos() as u64,
            requested: None,
            effective: None,
            symptom: None,
            detected: None,
            recovered: None,
            healed: None,
            problem: Some(problem.0),
        },
    }
}
