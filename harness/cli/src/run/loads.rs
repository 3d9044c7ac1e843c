//! Turns a plan into what the generator sends, and runs it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tally_load::{
    Control, LoadError, Loop, Options, Report, RetryPolicy, Sent, Shots, Submission, serialise,
};
use tally_plan::{ClosedLoad, Plan};

use super::recorder::{Lookup, Wanted};

/// Resolved requests that may wait to be recorded; what does not fit is taken from the report.
const LIVE: usize = 65_536;
/// Requests of a closed load at most.
const CLOSED_MAX: u64 = 100_000;

/// One run of the generator.
pub(super) struct Lane {
    pub(super) shots: Shots,
    mode: Loop,
    pub(super) control: Arc<Control>,
}

impl Lane {
    /// Whether its requests have fixed due times.
    pub(super) fn is_open(&self) -> bool {
        self.mode == Loop::Open
    }
}

/// Everything a trial sends.
pub(super) struct Lanes {
    pub(super) lanes: Vec<Lane>,
    /// Numbers from here on belong to closed loads.
    pub(super) closed_from: u64,
    wanted: Arc<HashMap<u64, Wanted>>,
}

/// What is the same for every request of a trial.
#[derive(Clone, Debug)]
pub(super) struct Address {
    pub(super) target: SocketAddr,
    pub(super) tag: String,
    pub(super) trial: u32,
}

impl Lanes {
    /// Serialises every request of the plan.
    pub(super) fn new(plan: &Plan, address: &Address) -> std::io::Result<Self> {
        let mut lanes = Vec::new();
        let mut wanted = HashMap::new();
        let closed_from = plan.shots.len() as u64;
        if !plan.shots.is_empty() {
            let mut shots = Shots::new();
            for shot in &plan.shots {
                push(
                    &mut shots,
                    address,
                    shot.n,
                    Duration::from_nanos(shot.due),
                    &shot.expression,
                    shot.work_key,
                );
            }
            lanes.push(Lane {
                shots,
                mode: Loop::Open,
                control: Arc::new(Control::new(1)?),
            });
        }
        let mut next = closed_from;
        for load in &plan.closed {
            let shots = closed(load, address, &mut next, &mut wanted);
            let mode = Loop::Closed {
                users: load.users,
                wait_for_answer: true,
            };
            let control = Arc::new(Control::new(load.users as usize * 2)?);
            lanes.push(Lane { shots, mode, control });
        }
        Ok(Self {
            lanes,
            closed_from,
            wanted: Arc::new(wanted),
        })
    }

    /// Tells what a number stands for.
    pub(super) fn lookup(&self, plan: Arc<Plan>) -> Lookup {
        let closed = Arc::clone(&self.wanted);
        Box::new(move |n| match plan.shots.get(n as usize) {
            Some(shot) => Some(Wanted {
                load: shot.load as u16,
                expression: shot.expression.clone(),
            }),
            None => closed.get(&n).cloned(),
        })
    }
}

fn push(shots: &mut Shots, address: &Address, n: u64, due: Duration, expression: &str, work_key: u64) {
    let key = format!("{}-{}-{n}", address.tag, address.trial);
    shots.push(n, due, |bytes| {
        let submission = Submission {
            target: address.target,
            expression,
            idempotency_key: &key,
            tag: Some(&address.tag),
            work_key: Some(work_key),
        };
        serialise(&submission, bytes);
    });
}

/// The users' requests in turns: the first of each, the second of each, and so on.
fn closed(load: &ClosedLoad, address: &Address, next: &mut u64, wanted: &mut HashMap<u64, Wanted>) -> Shots {
    let mut shots = Shots::new();
    let mut users: Vec<_> = (0..load.users).map(|user| load.requests(user)).collect();
    let think = Duration::from_nanos(load.think);
    let rounds = CLOSED_MAX / u64::from(load.users.max(1));
    for _ in 0..rounds {
        for request in users.iter_mut().filter_map(Iterator::next) {
            push(
                &mut shots,
                address,
                *next,
                think,
                &request.expression,
                request.work_key,
            );
            wanted.insert(
                *next,
                Wanted {
                    load: load.load as u16,
                    expression: request.expression,
                },
            );
            *next += 1;
        }
    }
    shots
}

/// Runs one lane to its end; `told` hears of every resolved request as it happens.
pub(super) fn run(
    lane: &Lane,
    address: &Address,
    start: Instant,
    seed: u64,
    deadline: Duration,
    told: &(dyn Fn(&Sent) + Sync),
) -> Result<Report, LoadError> {
    let (live, heard) = sync_channel(LIVE);
    let options = Options {
        start,
        deadline,
        seed,
        mode: lane.mode,
        connections_min: 32,
        connections_max: 1_024,
        retry: RetryPolicy {
            busy: false,
            ..RetryPolicy::default()
        },
        live: Some(live),
        ..Options::to(address.target)
    };
    let seen = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        let noted = &seen;
        let listener = scope.spawn(move || listen(heard, noted, told));
        let report = tally_load::run(&options, &lane.shots, &lane.control);
        drop(options);
        // The channel is closed now, so the listener ends.
        let _ = listener.join();
        let report = report?;
        let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut told_already = vec![false; report.requests.len()];
        for n in seen.iter() {
            if let Ok(place) = report.requests.binary_search_by_key(n, |sent| sent.n) {
                told_already[place] = true;
            }
        }
        for (sent, _) in report
            .requests
            .iter()
            .zip(&told_already)
            .filter(|(_, told)| !**told)
        {
            told(sent);
        }
        Ok(report)
    })
}

fn listen(heard: Receiver<Sent>, seen: &Mutex<Vec<u64>>, told: &(dyn Fn(&Sent) + Sync)) {
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    while let Ok(sent) = heard.recv() {
        seen.push(sent.n);
        told(&sent);
    }
}
