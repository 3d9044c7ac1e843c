//! One call of the bench: chooses workloads, plays trials, compares, keeps.

use std::path::{Path, PathBuf};

use tally::Exit;

use crate::baseline::{Shelf, Trials};
use crate::bound::{Primitives, Shape};
use crate::estimate::{demanded, median};
use crate::flags::{Baseline, Flags};
use crate::metric::Metric;
use crate::primitives::{self, Pace};
use crate::print::{self, line, note};
use crate::trial::{Problem, Trial, play};
use crate::workload::{EXPRESSION, Scale, WORKLOADS, Workload};

/// Trials of `--quick`.
const QUICK: usize = 3;

/// What stays the same for every workload.
#[derive(Debug)]
pub(crate) struct Session {
    flags: Flags,
    shelf: Shelf,
    runs: PathBuf,
}

impl Session {
    /// Keeps everything under this target directory.
    pub(crate) fn new(flags: Flags, target: &Path) -> Self {
        Self {
            flags,
            shelf: Shelf::new(target),
            runs: target.join("tally-bench").join("runs"),
        }
    }

    /// Runs what is selected.
    pub(crate) fn run(&self) -> Exit {
        for flag in &self.flags.ignored {
            note(&format!("{flag} means nothing here and is ignored"));
        }
        let chosen: Vec<&Workload> = WORKLOADS
            .iter()
            .filter(|workload| self.flags.selects(workload.name))
            .collect();
        if self.flags.list {
            for workload in chosen {
                line(&format!("{}: benchmark", workload.name));
            }
            return Exit::Pass;
        }
        if chosen.is_empty() {
            let names: Vec<&str> = WORKLOADS.iter().map(|workload| workload.name).collect();
            note(&format!(
                "no workload is called {:?}; there are {}",
                self.flags.filters,
                names.join(", ")
            ));
            return Exit::BadInput;
        }
        if let Err(problem) = std::fs::create_dir_all(&self.runs) {
            note(&format!("{}: {problem}", self.runs.display()));
            return Exit::Environment;
        }
        let missing = self.missing_baselines(&chosen);
        if !missing.is_empty() {
            note(&format!(
                "{}; make it with --save-baseline, or use --baseline-lenient",
                missing.join("; ")
            ));
            return Exit::BadInput;
        }
        let mut exit = Exit::Pass;
        for workload in chosen {
            let one = if self.flags.measure {
                self.measure(workload)
            } else {
                self.smoke(workload)
            };
            exit = exit.worse(one.unwrap_or_else(|problem| {
                note(&format!(
                    "{}: {}: {}",
                    workload.name,
                    problem.exit.word(),
                    problem.text
                ));
                problem.exit
            }));
            if matches!(exit, Exit::Interrupted | Exit::Terminated) {
                break;
            }
        }
        exit
    }

    /// Told before anything runs, because running takes minutes.
    fn missing_baselines(&self, chosen: &[&Workload]) -> Vec<String> {
        let Baseline::Compare { name, lenient: false } = &self.flags.baseline else {
            return Vec::new();
        };
        let missing = |workload: &&&Workload| {
            self.flags.measure && !matches!(self.shelf.load(workload.name, name), Ok(Some(_)))
        };
        chosen
            .iter()
            .filter(missing)
            .map(|w| format!("{} has no baseline `{name}`", w.name))
            .collect()
    }

    /// Answers only; how long it takes says nothing.
    fn smoke(&self, workload: &Workload) -> Result<Exit, Problem> {
        let trial = play(&experiment(workload, Scale::Smoke)?, &self.runs)?;
        line(&format!(
            "Testing {}: {} answers, all right",
            workload.name, trial.answered
        ));
        Ok(Exit::Pass)
    }

    fn measure(&self, workload: &Workload) -> Result<Exit, Problem> {
        let scale = if self.flags.quick {
            Scale::Quick
        } else {
            Scale::Full
        };
        let source = experiment(workload, scale)?;
        let wanted = self
            .flags
            .trials
            .unwrap_or(if self.flags.quick { QUICK } else { workload.trials });
        if !self.flags.quiet {
            note(&format!("Benchmarking {}: {wanted} trial(s)", workload.name));
        }
        let mut primitives: Vec<(Pace, Primitives)> = Vec::new();
        let mut trials = Trials::default();
        let mut void = 0;
        for number in 1..=wanted {
            for (index, &pace) in paces(workload).iter().enumerate() {
                let timed = self.primitives(pace, &source)?;
                match primitives.get_mut(index) {
                    Some((_, earlier)) => *earlier = earlier.quickest(timed),
                    None => primitives.push((pace, timed)),
                }
            }
            let trial = play(&source, &self.runs)?;
            self.tell(workload, number, &trial);
            // A closed loop sends when it can; the rate it reached stands whenever that was.
            if !trial.on_time && workload.main != Metric::Throughput {
                void += 1;
                continue;
            }
            for (metric, value) in trial.values {
                trials.0.entry(metric).or_default().push(value);
            }
        }
        if void * 2 > wanted {
            let text = format!("the generator was late in {void} of {wanted} trials; close other programs");
            return Err(Problem {
                exit: Exit::Inconclusive,
                text,
            });
        }
        print::results(workload, &trials);
        if void > 0 {
            line(&format!(
                "  {void} of {wanted} trials were void: the generator was late"
            ));
        }
        if let Some(certified) = workload.bound {
            let p50 = median(trials.of(Metric::P50));
            for (pace, timed) in &primitives {
                print::bound(pace.name(), shape(), certified, timed, p50);
            }
        }
        self.keep(workload, &trials)
    }

    fn primitives(&self, pace: Pace, source: &str) -> Result<Primitives, Problem> {
        primitives::measure(pace, source, &self.runs).map_err(|text| Problem {
            exit: Exit::Environment,
            text,
        })
    }

    fn tell(&self, workload: &Workload, number: usize, trial: &Trial) {
        if !self.flags.verbose {
            return;
        }
        let values: Vec<String> = trial
            .values
            .iter()
            .map(|(metric, value)| format!("{} {value:.3}", metric.name()))
            .collect();
        let sizes: Vec<String> = trial
            .memory
            .iter()
            .map(|(label, bytes)| format!("{label} {} MiB", bytes >> 20))
            .collect();
        note(&format!(
            "  {} trial {number}: {} answers, on time {}, real-time {}, {}; {}",
            workload.name,
            trial.answered,
            trial.on_time,
            trial.realtime,
            values.join(", "),
            sizes.join(", ")
        ));
    }

    /// Compares with the baseline that was asked for, and keeps the results if that was.
    fn keep(&self, workload: &Workload, trials: &Trials) -> Result<Exit, Problem> {
        let broken = |error: std::io::Error| Problem {
            exit: Exit::Environment,
            text: error.to_string(),
        };
        let compared = |name: &str| -> Result<Option<Exit>, Problem> {
            let old = self.shelf.load(workload.name, name).map_err(broken)?;
            Ok(old.map(|old| print::comparison(workload, name, &old, trials, self.flags.noise)))
        };
        let save = |name: &str| {
            self.shelf
                .save(workload.name, name, trials, workload.main)
                .map_err(broken)
        };
        match &self.flags.baseline {
            Baseline::Rolling => {
                compared("base")?;
                save("base")?;
                Ok(Exit::Pass)
            }
            Baseline::Save(name) => save(name).map(|()| Exit::Pass),
            Baseline::Compare { name, lenient } => Ok(demanded(compared(name)?, *lenient)),
        }
    }
}

fn experiment(workload: &Workload, scale: Scale) -> Result<String, Problem> {
    workload.experiment(scale).map_err(|text| Problem {
        exit: Exit::Bug,
        text,
    })
}

/// How primitives have to follow each other to be compared with its latency. Twenty requests a second find the machine asleep, so
/// both are shown: what a machine that never sleeps could do, and what this one does when it is woken.
fn paces(workload: &Workload) -> &'static [Pace] {
    match workload.bound {
        Some(_) if workload.is_alone() => &[Pace::HOT],
        Some(_) => &[Pace::HOT, Pace::SPARSE],
        None => &[],
    }
}

/// Of the expression whose latency has a bound.
fn shape() -> Shape {
    let dag = tally_expression::parse(EXPRESSION).map(|expression| expression.dag());
    dag.map_or(
        Shape {
            operations: 0,
            levels: 0,
        },
        |dag| Shape {
            operations: dag.work() as u32,
            levels: dag.critical_path() as u32,
        },
    )
}
