//! What a comparison of policies is made of: every file, at every point of the sweep, with every seed.

use std::fmt::Write as _;
use std::path::Path;

use tally_model::Scaler;
use tally_plan::Experiment;

use super::policies::{Case, Contest};
use crate::args::Sim;
use crate::exit::Exit;
use crate::output::Output;

/// Values of an experiment that are changed, as for `--set`.
pub(super) type Changes = Vec<(String, String)>;

/// The most points of a sweep.
const MOST: usize = 1_000;

/// The policies of `--policies` and the points of `--sweep`.
#[derive(Debug)]
pub(super) struct Asked {
    policies: Vec<Scaler>,
    grid: Vec<Changes>,
    sweeps: bool,
}

impl Asked {
    /// Reads the flags.
    ///
    /// # Errors
    /// Every problem at once, with its remedy.
    pub(super) fn read(args: &Sim) -> Result<Self, Vec<(String, String)>> {
        let mut problems = Vec::new();
        let (policies, unknown) = named(&args.policies);
        if !unknown.is_empty() {
            problems.push((
                format!("not a policy: {}", unknown.join(", ")),
                format!("there are {}, fixed-N and all", Scaler::NAMES.join(", ")),
            ));
        }
        let grid = grid(&args.sweep).unwrap_or_else(|found| {
            problems.extend(found);
            Vec::new()
        });
        if problems.is_empty() {
            Ok(Self {
                policies,
                grid,
                sweeps: !args.sweep.is_empty(),
            })
        } else {
            Err(problems)
        }
    }

    /// The points of the sweep; one without changes if there is none.
    pub(super) fn points(&self) -> &[Changes] {
        &self.grid
    }

    /// The comparison that flags or files ask for; none if every file is to be played as it stands. `read` has the seeds of
    /// every file at every point.
    ///
    /// # Errors
    /// A file with faults, or nothing in common.
    pub(super) fn contest(
        &self,
        read: &[(&Changes, Vec<Experiment>)],
        args: &Sim,
        output: &Output,
    ) -> Result<Option<Contest>, Exit> {
        let mut policies = self.policies.clone();
        let experiments = || read.iter().filter_map(|(_, seeds)| seeds.first());
        if policies.is_empty() {
            let of_files: Vec<Scaler> = experiments()
                .flat_map(|experiment| &experiment.policies)
                .copied()
                .collect();
            let own = experiments().map(|experiment| experiment.platform.scaler);
            let own: Vec<Scaler> = if of_files.is_empty() && self.sweeps {
                own.collect()
            } else {
                Vec::new()
            };
            for policy in of_files.into_iter().chain(own) {
                if !policies.contains(&policy) {
                    policies.push(policy);
                }
            }
        }
        if policies.is_empty() {
            return Ok(None);
        }
        let mut refused = false;
        for experiment in experiments().filter(|experiment| !experiment.faults.is_empty()) {
            refused = true;
            output.error(
                &format!(
                    "{} has faults, and a comparison of policies plays none",
                    experiment.name
                ),
                Some("leave the file out, or play it with `tally run --target sim`"),
            );
        }
        if refused {
            return Err(Exit::BadInput);
        }
        let case = |(point, seeds): &(&Changes, Vec<Experiment>)| Case::new(point, seeds.clone());
        Ok(Some(Contest {
            cases: read.iter().map(case).collect(),
            policies,
            repro: repro(args),
        }))
    }
}

/// Policies by name, each once, and the names that are none.
fn named(list: &[String]) -> (Vec<Scaler>, Vec<String>) {
    let (mut policies, mut unknown) = (Vec::new(), Vec::new());
    for name in list.iter().map(|name| name.trim()) {
        let found: Vec<Scaler> = match name {
            "all" => Scaler::ALL.to_vec(),
            name => Scaler::from_name(name).into_iter().collect(),
        };
        if found.is_empty() {
            unknown.push(format!("`{}`", name.escape_debug()));
        }
        for policy in found {
            if !policies.contains(&policy) {
                policies.push(policy);
            }
        }
    }
    (policies, unknown)
}

/// Every combination of the values of a sweep; one without changes without a sweep.
fn grid(sweep: &[String]) -> Result<Vec<Changes>, Vec<(String, String)>> {
    let mut problems = Vec::new();
    let mut grid: Vec<Changes> = vec![Vec::new()];
    for flag in sweep {
        let pair = flag.split_once('=').filter(|(key, values)| {
            !key.trim().is_empty() && values.split(',').all(|value| !value.trim().is_empty())
        });
        let Some((key, values)) = pair else {
            let help = "write --sweep platform.start-delay=100ms,2s".to_owned();
            problems.push((format!("--sweep {flag} is not a key with values"), help));
            continue;
        };
        let extended = grid.iter().flat_map(|point| {
            values.split(',').map(move |value| {
                let more = (key.trim().to_owned(), value.trim().to_owned());
                point.iter().cloned().chain([more]).collect()
            })
        });
        grid = extended.take(MOST + 1).collect();
    }
    if grid.len() > MOST {
        problems.push((
            format!("the sweep has more than {MOST} points"),
            "name fewer values".to_owned(),
        ));
    }
    if problems.is_empty() {
        Ok(grid)
    } else {
        Err(problems)
    }
}

/// The line that plays it again.
fn repro(args: &Sim) -> String {
    let mut line = "tally sim".to_owned();
    let mut flag = |name: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = write!(line, " {name}{}{value}", if name.is_empty() { "" } else { " " });
    };
    for file in &args.files {
        flag("", &shown(file));
    }
    if !args.policies.is_empty() {
        flag("--policies", &args.policies.join(","));
    }
    for (name, value) in [
        ("--seeds", args.seeds.map(|seeds| seeds.to_string())),
        ("--seed", args.seed.map(|seed| seed.to_string())),
        ("--minutes", args.minutes.map(|minutes| minutes.to_string())),
        ("--start-delay", Some(args.start_delay.clone())),
    ] {
        if let Some(value) = value {
            flag(name, &value);
        }
    }
    for pair in &args.set {
        flag("--set", pair);
    }
    for sweep in &args.sweep {
        flag("--sweep", sweep);
    }
    line
}

fn shown(file: &Path) -> String {
    file.display().to_string()
}
