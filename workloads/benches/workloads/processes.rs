//! Processor time of the platform's processes during the load, read from `/proc`.
//!
//! They are children of the supervisor, which is a child of this process, and each names its role in its arguments
//! (`serve ROLE`). What they used before the first request (starting, making keys) is taken off: the load begins when the
//! generator's sending thread appears in this process.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Between two looks at known processes; what ends the platform takes longer.
const LOOK: Duration = Duration::from_millis(50);
/// Between two searches for new ones, which read all of `/proc`.
const SEARCH: Duration = Duration::from_millis(250);
/// Ticks per second of the times in `/proc`: 100 on every Linux (`USER_HZ`).
const TICKS: f64 = 100.0;
/// The name of the generator's first sending thread.
const SENDER: &str = "tally-send-0";

/// Seconds of processor time during the load, by role (`control-plane`, `worker`, `replica`, `supervisor`, `harness`).
pub(crate) type Seconds = BTreeMap<String, f64>;

/// A running measurement.
#[derive(Debug)]
pub(crate) struct Meter {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Seconds>,
}

impl Meter {
    /// Begins to look.
    pub(crate) fn start() -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&over);
        let thread = std::thread::spawn(move || Watch::default().run(&told));
        Self { over, thread }
    }

    /// What was used, up to the last look at each process while it lived.
    pub(crate) fn finish(self) -> Seconds {
        self.over.store(true, Ordering::Release);
        self.thread.join().unwrap_or_default()
    }
}

#[derive(Debug)]
struct Process {
    role: String,
    /// Used before the load.
    before: f64,
    /// Used so far.
    used: f64,
}

#[derive(Debug, Default)]
struct Watch {
    known: BTreeMap<u32, Process>,
    loaded: bool,
}

impl Watch {
    fn run(mut self, over: &AtomicBool) -> Seconds {
        let own = std::process::id();
        self.known.insert(
            own,
            Process {
                role: "harness".into(),
                before: 0.0,
                used: 0.0,
            },
        );
        let mut searched: Option<Instant> = None;
        while !over.load(Ordering::Acquire) {
            if searched.is_none_or(|at| at.elapsed() >= SEARCH) {
                self.search(own);
                searched = Some(Instant::now());
            }
            self.look();
            std::thread::sleep(LOOK);
        }
        let mut seconds = Seconds::new();
        for process in self.known.into_values() {
            *seconds.entry(process.role).or_default() += process.used - process.before;
        }
        seconds
    }

    fn look(&mut self) {
        for (id, process) in &mut self.known {
            if let Some(stat) = Stat::of(*id) {
                process.used = stat.seconds;
            }
        }
        if !self.loaded && is_sending() {
            self.loaded = true;
            for process in self.known.values_mut() {
                process.before = process.used;
            }
        }
    }

    /// Finds processes that this one started, directly or through others, and whose first argument is `serve`.
    fn search(&mut self, own: u32) {
        let Ok(entries) = fs::read_dir("/proc") else {
            return;
        };
        let ids = entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let parents: BTreeMap<u32, u32> = ids.filter_map(|id| Some((id, Stat::of(id)?.parent))).collect();
        for id in parents.keys() {
            if self.known.contains_key(id) || !descends(*id, own, &parents) {
                continue;
            }
            if let Some(role) = role_of(*id) {
                self.known.insert(
                    *id,
                    Process {
                        role,
                        before: 0.0,
                        used: 0.0,
                    },
                );
            }
        }
    }
}

fn descends(id: u32, ancestor: u32, parents: &BTreeMap<u32, u32>) -> bool {
    let mut at = id;
    // Deeper than supervisor and child there is nothing.
    for _ in 0..4 {
        match parents.get(&at) {
            Some(parent) if *parent == ancestor => return true,
            Some(parent) => at = *parent,
            None => return false,
        }
    }
    false
}

fn role_of(id: u32) -> Option<String> {
    let line = fs::read(format!("/proc/{id}/cmdline")).ok()?;
    let mut arguments = line.split(|byte| *byte == 0).skip(1);
    (arguments.next()? == b"serve").then_some(())?;
    Some(String::from_utf8_lossy(arguments.next()?).into_owned())
}

fn is_sending() -> bool {
    let Ok(tasks) = fs::read_dir("/proc/self/task") else {
        return false;
    };
    tasks
        .flatten()
        .any(|task| fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.trim() == SENDER))
}

#[derive(Debug)]
struct Stat {
    parent: u32,
    seconds: f64,
}

impl Stat {
    /// See proc_pid_stat(5): fields count from 1, the name in parentheses may hold anything.
    fn of(id: u32) -> Option<Self> {
        let line = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        let fields: Vec<&str> = line.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
        Some(Self {
            parent: number(4)? as u32,
            seconds: (number(14)? + number(15)?) as f64 / TICKS,
        })
    }
}
