//! One experiment from its file to its verdict: run directory, trials, checks, expectations, report.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tally_capture::{CaptureError, Environment, RunStart, RunWriter};
use tally_local::{Options, Platform, StateFile};
use tally_plan::{Experiment, Plan};
use tally_reports::RunReport;
use tally_simulated::Costs;

use super::assess::assess;
use super::broken::{Broken, Problem, with_cleanup};
use super::conclusion::{Judgement, conclude};
use super::interrupt::Interrupt;
use super::matching::must_match;
use super::ready::wait_until_ready;
use super::target::Target;
use super::trial::{Setup, Trial, order, play as play_trial};
use super::watch::Watch;
use super::world::{Hold, Local, Owned, STORE, World};
use crate::agents::{Agents, Brief, Crew};
use crate::exit::Exit;
use crate::output::{Output, Progress};
use crate::simulate;

/// How long a platform may take to come up.
const START: Duration = Duration::from_mins(1);

/// How to run.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Where runs are recorded.
    pub(crate) runs_dir: PathBuf,
    /// The command line, for the record.
    pub(crate) command: Vec<String>,
    /// Use the platform that `up` started.
    pub(crate) attach: bool,
    /// Where it runs.
    pub(crate) target: Target,
    /// Who sends, if this process does not.
    pub(crate) agents: Option<Agents>,
    /// What things cost in virtual time.
    pub(crate) costs: Costs,
    /// The cluster of `kind` and `kube`, and who makes the workers there.
    #[cfg(feature = "cluster")]
    pub(crate) cluster: Option<(crate::deploy::ClusterTarget, crate::deploy::Arm)>,
}

impl Settings {
    /// On this machine, recorded under `runs_dir`, by the command line of this process.
    pub(crate) fn new(runs_dir: &Path) -> Self {
        Self {
            runs_dir: runs_dir.to_owned(),
            command: std::env::args().collect(),
            attach: false,
            target: Target::Local,
            agents: None,
            costs: Costs::default(),
            #[cfg(feature = "cluster")]
            cluster: None,
        }
    }
}

/// A finished experiment.
pub(crate) struct Finished {
    pub(crate) exit: Exit,
    pub(crate) directory: Option<PathBuf>,
    pub(crate) report: Option<RunReport>,
}

impl Finished {
    const fn nothing(exit: Exit) -> Self {
        Self {
            exit,
            directory: None,
            report: None,
        }
    }
}

/// Plays every trial and leaves a run directory with the verdict.
pub(crate) fn play(
    source: &str,
    experiment: &Experiment,
    settings: &Settings,
    interrupt: Interrupt,
    output: &Output,
) -> Finished {
    let plan = Arc::new(Plan::expand(experiment));
    let mut progress = output.progress();
    progress.step(&format!(
        "{}: seed {}, plan {}, {} request(s), {} fault(s)",
        experiment.name,
        experiment.seed,
        &plan.fingerprint[..plan.fingerprint.len().min(12)],
        plan.shots.len(),
        plan.faults.len()
    ));
    let run = match create(source, experiment, &plan, settings) {
        Ok(run) => run,
        Err(problem) => {
            output.error(&problem, Some("choose another place with --runs-dir"));
            return Finished::nothing(Exit::Environment);
        }
    };
    let mut judgements = Vec::new();
    let mut exit = Exit::Pass;
    for number in 1..=experiment.trials.max(1) {
        let stage = Stage {
            experiment,
            plan: &plan,
            run: &run,
            settings,
            interrupt,
            number,
        };
        match stage.trial(&mut progress) {
            Ok(judgement) => {
                exit = exit.worse(judgement.exit);
                judgements.push(judgement);
            }
            Err((worse, problem)) => {
                output.error(&problem, None);
                exit = exit.worse(worse);
            }
        }
        if let Some(interrupted) = interrupt.exit() {
            exit = exit.worse(interrupted);
            break;
        }
    }
    drop(progress);
    conclude(experiment, &plan, run, judgements, exit, settings, output)
}

fn create(
    source: &str,
    experiment: &Experiment,
    plan: &Plan,
    settings: &Settings,
) -> Result<RunWriter, String> {
    let start = RunStart {
        seed: experiment.seed,
        plan: &plan.fingerprint,
        target: settings.target.name(),
        command: &settings.command,
        experiment: source.as_bytes(),
    };
    let profile = if cfg!(debug_assertions) {
        "debug"
    } else {
        "release"
    };
    let environment = Environment::observe(profile);
    RunWriter::create(
        &settings.runs_dir,
        &experiment.name,
        start,
        experiment,
        plan,
        environment,
    )
    .map_err(|error| error.to_string())
}

struct Stage<'a> {
    experiment: &'a Experiment,
    plan: &'a Arc<Plan>,
    run: &'a RunWriter,
    settings: &'a Settings,
    interrupt: Interrupt,
    number: u32,
}

/// The platform of a trial, and the same again if it goes with the trial.
type Ground = (Box<dyn World>, Option<Box<dyn Hold>>);

impl Stage<'_> {
    fn trial(&self, progress: &mut Progress) -> Result<Judgement, Problem> {
        if self.settings.target == Target::Sim {
            return self.simulated(progress);
        }
        let data = self.run.directory().join(format!("platform-{:04}", self.number));
        self.interrupt.owns(&data.join(STORE));
        let (world, mut own) = self.platform(&data, progress)?;
        let writer = self
            .run
            .trial(self.number)
            .map_err(|error| (Exit::Environment, error.to_string()))?;
        let directory = writer.directory().to_owned();
        let watch = Watch::new(self.experiment, self.plan, &directory);
        let tag = tag_of(&self.run.id());
        let brief = Brief {
            experiment: self.experiment,
            plan: self.plan,
            tag: &tag,
            trial: self.number,
        };
        let gather = |agents: Agents| agents.gather(world.as_ref(), &brief, progress);
        let gathered = self.settings.agents.map(gather).transpose();
        // A supervisor that ends because this process leaves is not brought back.
        let mut tend = || match &mut own {
            Some(own) if !self.interrupt.is_leaving() => own.tend(),
            _ => None,
        };
        // Whatever comes of it, the platform is stopped.
        let (played, left) = match gathered {
            Ok(crew) => {
                let setup = Setup {
                    number: self.number,
                    plan: Arc::clone(self.plan),
                    platform: &self.experiment.platform,
                    world: world.as_ref(),
                    tag,
                    interrupt: self.interrupt,
                    watch: &watch,
                    crew,
                };
                let played = play_trial(&setup, writer, progress, &mut tend);
                (played, setup.crew.map_or(Ok(()), Crew::disband))
            }
            Err(problem) => (Err(Broken::Setup(problem)), Ok(())),
        };
        drop(world);
        let stopped = left.and(own.map_or(Ok(()), Hold::stop));
        let judged = self.assess(&directory, played);
        let mut judgement = match judged {
            Ok(judgement) => judgement,
            Err(problem) => return Err(with_cleanup(problem, stopped)),
        };
        if let Err(error) = stopped {
            judgement
                .warnings
                .push((error, "`tally status --leaks` shows what is left".into()));
            judgement.exit = judgement.exit.worse(Exit::Cleanup);
        }
        self.told(&judgement, progress);
        Ok(judgement)
    }

    fn assess(&self, directory: &Path, played: Result<Trial, Broken>) -> Result<Judgement, Problem> {
        let trial = played.map_err(|broken| broken.with_record(directory, self.plan))?;
        let interrupted = self.interrupt.is_set();
        assess(
            self.experiment,
            self.plan,
            self.number,
            directory,
            trial,
            interrupted,
        )
        .map_err(|error| match error {
            CaptureError::Io { .. } => (Exit::Environment, error.to_string()),
            _ => (Exit::Bug, error.to_string()),
        })
    }

    fn told(&self, judgement: &Judgement, progress: &mut Progress) {
        progress.step(&format!(
            "trial {} of {}: {}",
            self.number,
            self.experiment.trials.max(1),
            judgement.exit.word()
        ));
    }

    /// The same in virtual time.
    fn simulated(&self, progress: &mut Progress) -> Result<Judgement, Problem> {
        let writer = self
            .run
            .trial(self.number)
            .map_err(|error| (Exit::Environment, error.to_string()))?;
        let directory = writer.directory().to_owned();
        let platform = &self.experiment.platform;
        let watch = Watch::new(self.experiment, self.plan, &directory);
        let setup = simulate::Setup {
            number: self.number,
            plan: self.plan,
            platform,
            faults: self
                .plan
                .faults
                .iter()
                .map(|fault| order(platform, fault))
                .collect(),
            shadows: &[],
            tag: tag_of(&self.run.id()),
            interrupted: &|| self.interrupt.is_set(),
            watch: &watch,
            costs: self.settings.costs,
            trace: None,
        };
        let played = simulate::play(setup, writer, progress).map(|(faults, facts)| {
            if let Some(stop) = watch.stop() {
                progress.event(&stop.sentence());
            }
            progress.step(&facts.line());
            Trial {
                faults,
                stop: watch.stop().cloned(),
                ran_dry: facts.ran_dry,
                ..Trial::default()
            }
        });
        let judgement = self.assess(&directory, played)?;
        self.told(&judgement, progress);
        Ok(judgement)
    }

    fn platform(&self, data: &Path, progress: &mut Progress) -> Result<Ground, Problem> {
        #[cfg(feature = "cluster")]
        if let Some((target, arm)) = &self.settings.cluster {
            return self.on_cluster(target, *arm, progress);
        }
        if self.settings.attach {
            let state = StateFile::locate()
                .read()
                .map_err(|error| (Exit::Environment, error.to_string()))?;
            let state = state.ok_or((Exit::Setup, "no platform runs; `tally up` starts one".to_owned()))?;
            must_match(state.http, &self.experiment.platform).map_err(|problem| (Exit::BadInput, problem))?;
            return Ok((Box::new(Local(state)), None));
        }
        let mut platform = self.experiment.platform.clone();
        if platform.scaling.needs_the_plan(platform.scaler) {
            platform.scaling.forecast = Some(self.plan.forecast(&platform));
        }
        let options = Options {
            data: data.to_owned(),
            platform,
            http: None,
            daemon: false,
            timeout: START,
        };
        let platform = Platform::start(&options).map_err(|error| (Exit::Setup, error.to_string()))?;
        let world = Local(platform.state().clone());
        wait_until_ready(&world, &options.platform, START, progress)
            .map_err(|problem| (Exit::Setup, problem))?;
        let owned = Owned {
            platform,
            data: options.data,
        };
        Ok((Box::new(world), Some(Box::new(owned))))
    }

    #[cfg(feature = "cluster")]
    fn on_cluster(
        &self,
        target: &crate::deploy::ClusterTarget,
        arm: crate::deploy::Arm,
        progress: &mut Progress,
    ) -> Result<Ground, Problem> {
        let wanted = self.experiment.platform.clone();
        let platform = crate::commands::start_on_cluster(target, wanted, arm, progress)
            .map_err(|problem| (Exit::Setup, problem))?;
        let world = super::world::Cluster::of(&platform);
        Ok((Box::new(world), Some(Box::new(platform))))
    }
}

/// Names the run of this id on the platform: no other run has it.
pub(crate) fn tag_of(id: &str) -> String {
    id.replace('/', "-")
}
