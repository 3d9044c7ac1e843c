//! Plays every trial of every arm and keeps the comparison's record.

use std::path::{Path, PathBuf};

use tally_capture::{ArmRecord, ComparisonStart, ComparisonWriter, PlayedTrial, RunStatus};
use tally_plan::Experiment;

use super::arm::Arm;
use super::order::{Turn, turns};
use crate::agents::Agents;
use crate::exit::Exit;
use crate::output::Output;
use crate::run::{Interrupt, Settings, Target, play};

/// An experiment and its arms, read and checked.
pub(crate) struct Contest {
    /// The file.
    pub(crate) file: PathBuf,
    /// Its text.
    pub(crate) source: String,
    /// The arms, the first being what the others are compared with.
    pub(crate) arms: Vec<Arm>,
    /// The experiment of every arm in every pair.
    pub(crate) experiments: Vec<Vec<Experiment>>,
}

impl Contest {
    fn first(&self) -> Option<&Experiment> {
        self.experiments.first()?.first()
    }

    fn pairs(&self) -> u32 {
        self.experiments.first().map_or(0, Vec::len) as u32
    }

    /// The trials in the order in which they are played.
    pub(crate) fn turns(&self) -> Vec<Turn> {
        let order = self.first().and_then(|first| first.compare.as_ref());
        let order = order.map(|compare| compare.order).unwrap_or_default();
        let seed = self.first().map_or(0, |first| first.seed);
        turns(self.arms.len(), self.pairs(), order, seed)
    }

    fn experiment(&self, turn: Turn) -> Option<&Experiment> {
        self.experiments.get(turn.arm)?.get(turn.pair as usize - 1)
    }
}

/// What was played.
pub(crate) struct Contested {
    /// The worst of all trials.
    pub(crate) exit: Exit,
    /// The comparison's directory; none if it could not be made.
    pub(crate) directory: Option<PathBuf>,
}

/// Plays them all, or until the user interrupts or (with `fail_fast`) one does not pass.
pub(crate) fn play_all(
    contest: &Contest,
    settings: &Settings,
    fail_fast: bool,
    interrupt: Interrupt,
    output: &Output,
) -> Contested {
    let mut writer = match create(contest, settings) {
        Ok(writer) => writer,
        Err(problem) => {
            output.error(&problem, Some("choose another place with --runs-dir"));
            return Contested {
                exit: Exit::Environment,
                directory: None,
            };
        }
    };
    let turns = contest.turns();
    let mut exit = Exit::Pass;
    for (index, turn) in turns.iter().enumerate() {
        let Some(experiment) = contest.experiment(*turn) else {
            continue;
        };
        let label = &contest.arms[turn.arm].label;
        output.progress().step(&format!(
            "run {} of {}: arm {label}, trial {} of {}, seed {}",
            index + 1,
            turns.len(),
            turn.pair,
            contest.pairs(),
            experiment.seed
        ));
        let settings = of_turn(contest, *turn, experiment, settings, writer.arm(turn.arm));
        let finished = play(&contest.source, experiment, &settings, interrupt, output);
        exit = exit.worse(finished.exit);
        let written = writer.played(PlayedTrial {
            arm: turn.arm,
            pair: turn.pair,
            seed: experiment.seed,
            run: finished.directory,
            exit_code: finished.exit.code(),
        });
        if let Err(error) = written {
            output.error(
                &format!("the comparison was not recorded: {error}"),
                Some("is the disk full?"),
            );
            exit = exit.worse(Exit::Environment);
            break;
        }
        if interrupt.is_set() || (fail_fast && finished.exit != Exit::Pass) {
            break;
        }
    }
    let status = match exit {
        Exit::Interrupted | Exit::Terminated => RunStatus::Interrupted,
        _ => RunStatus::Complete,
    };
    if let Err(error) = writer.finish(status, exit.code()) {
        output.error(
            &format!("the comparison was not recorded: {error}"),
            Some("is the disk full?"),
        );
        exit = exit.worse(Exit::Environment);
    }
    Contested {
        exit,
        directory: Some(writer.directory().to_owned()),
    }
}

/// How one trial is run: as the whole, in its arm's folder, and on a cluster with whoever makes the workers of that arm.
fn of_turn(
    contest: &Contest,
    turn: Turn,
    experiment: &Experiment,
    settings: &Settings,
    runs_dir: PathBuf,
) -> Settings {
    let target = target(contest, turn, settings);
    Settings {
        runs_dir,
        command: alone(contest, turn, experiment, settings),
        target,
        #[cfg(feature = "cluster")]
        cluster: settings
            .cluster
            .as_ref()
            .filter(|_| target != Target::Sim)
            .map(|(target, _)| {
                let label = &contest.arms[turn.arm].label;
                (target.clone(), crate::deploy::Arm::of_label(label))
            }),
        ..settings.clone()
    }
}

/// Where one trial is played.
fn target(contest: &Contest, turn: Turn, settings: &Settings) -> Target {
    if contest.arms[turn.arm].is_simulated {
        Target::Sim
    } else {
        settings.target
    }
}

fn create(contest: &Contest, settings: &Settings) -> Result<ComparisonWriter, String> {
    let mut arms: Vec<ArmRecord> = Vec::new();
    for arm in &contest.arms {
        let record = arm.record(&arms);
        arms.push(record);
    }
    let start = ComparisonStart {
        name: contest.first().map_or("", |first| first.name.as_str()),
        target: settings.target.name(),
        command: &settings.command,
        experiment: contest.source.as_bytes(),
        pairs: contest.pairs(),
        arms: &arms,
    };
    ComparisonWriter::create(&settings.runs_dir, start).map_err(|error| error.to_string())
}

/// The command that plays this trial alone.
fn alone(contest: &Contest, turn: Turn, experiment: &Experiment, settings: &Settings) -> Vec<String> {
    let program = settings.command.first().cloned();
    let mut command = vec![program.unwrap_or_else(|| "tally".to_owned()), "run".to_owned()];
    command.push(absolute(&contest.file));
    for (key, value) in &contest.arms[turn.arm].changes {
        command.extend(["--set".to_owned(), format!("{key}={value}")]);
    }
    command.extend([
        "--target".to_owned(),
        target(contest, turn, settings).name().to_owned(),
    ]);
    command.extend(["--seed".to_owned(), experiment.seed.to_string()]);
    command.extend(["--trials".to_owned(), "1".to_owned()]);
    if target(contest, turn, settings) != Target::Sim {
        command.extend(settings.agents.into_iter().flat_map(Agents::flags));
    }
    command
}

fn absolute(file: &Path) -> String {
    std::path::absolute(file)
        .unwrap_or_else(|_| file.to_owned())
        .display()
        .to_string()
}
