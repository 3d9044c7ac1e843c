//! One trial in virtual time, and its files.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use tally_capture::{Operation, SCHEMA_VERSION, Sample, TrialKeys, TrialWriter};
use tally_chaos::{Answered, Planned};
use tally_consensus::hexadecimal;
use tally_model::{Observation, PlatformConfig, RequestId, Scaler};
use tally_plan::Plan;
use tally_simulated::{Costs, Options, World};

use super::fault::Fault;
use super::record::{Zero, operation, read};
use super::timeline::{load_of, timeline};
use crate::output::Progress;
use crate::run::{Broken, Watch};

/// How long a simulated platform may take to come up, in virtual time.
pub(super) const SETTLE: Duration = Duration::from_mins(5);
/// Between two samples, unless the trial is so long that there would be too many.
const SAMPLE: Duration = Duration::from_millis(200);
const SAMPLES_MAX: u64 = 20_000;
/// Answers that are read again at the end.
const REREAD: usize = 256;
/// What a read at the end may take.
const REREAD_TIME: Duration = Duration::from_secs(2);
/// How long answers are waited for after a trial was stopped.
const STOPPED: u64 = 2_000_000_000;
/// Between two looks at whether a trial has to be stopped: a second, and no more than fifty looks in the last half of a long one.
const LOOK: u64 = 1_000_000_000;
const LOOKS: u64 = 50;

/// What a trial is made of.
pub(crate) struct Setup<'a> {
    pub(crate) number: u32,
    pub(crate) plan: &'a Arc<Plan>,
    pub(crate) platform: &'a PlatformConfig,
    pub(crate) faults: Vec<Planned>,
    pub(crate) shadows: &'a [Scaler],
    pub(crate) tag: String,
    pub(crate) interrupted: &'a dyn Fn() -> bool,
    /// Tells whether the trial has to be stopped.
    pub(crate) watch: &'a Watch<'a>,
    pub(crate) costs: Costs,
    /// Gets one line per event, if somebody wants to see them.
    pub(crate) trace: Option<&'a dyn Fn(&str)>,
}

/// What the simulation itself did: `simulation.json` of a trial.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// Fingerprint of everything that happened.
    pub(crate) trace: String,
    /// Virtual seconds.
    pub(crate) simulated: f64,
    /// Wall-clock seconds.
    pub(crate) real: f64,
    /// Of this thread.
    pub(crate) cpu_seconds: f64,
    /// Entries of the agenda that were delivered to a machine.
    pub(crate) events: u64,
    /// Of these, to machines of the platform itself.
    pub(crate) turns: u64,
    /// Seconds that pods existed, over all.
    pub(crate) pod_seconds: f64,
    /// Seconds that sets existed, by operation.
    pub(crate) set_seconds: [f64; 4],
    /// How long a pod took to start, where the experiment does not say it itself.
    #[serde(default = "usual_start")]
    pub(crate) pod_start: Duration,
    /// A closed load had no more requests before its time was over.
    #[serde(default)]
    pub(crate) ran_dry: bool,
}

fn usual_start() -> Duration {
    Costs::default().pod_start
}

impl Facts {
    /// In one line.
    pub(crate) fn line(&self) -> String {
        format!(
            "simulated {:.1} s in {:.2} s ({:.0} times real time); {} events, {:.2} million per CPU-second; trace {}",
            self.simulated,
            self.real,
            self.simulated / self.real.max(1e-9),
            self.events,
            self.events as f64 / self.cpu_seconds.max(1e-9) / 1e6,
            self.trace
        )
    }
}

/// The world that the experiment asks for: its own start delay and shadows, and the plan for policies that know it.
pub(super) fn options(plan: &Plan, platform: &PlatformConfig, shadows: &[Scaler], costs: Costs) -> Options {
    let mut platform = platform.clone();
    if platform.scaling.needs_the_plan(platform.scaler) {
        platform.scaling.forecast = Some(plan.forecast(&platform));
    }
    let scaling = &platform.scaling;
    let shadows = shadows.iter().chain(&scaling.shadows).copied().collect();
    let pod_start = scaling.start_delay.unwrap_or(costs.pod_start);
    Options {
        costs: Costs { pod_start, ..costs },
        shadows,
        ..Options::new(platform, plan.seed)
    }
}

/// Waits until the platform is up, and for the moment after it that a harness needs to see it and to begin: by then whoever hands out
/// tasks has been told of the last set as well.
///
/// # Errors
/// It does not come up.
pub(super) fn come_up(world: &mut World) -> Result<(), String> {
    world.settle(SETTLE).map_err(|error| error.to_string())?;
    world.advance(Duration::from_millis(10));
    Ok(())
}

/// Plays the trial and writes its files.
pub(crate) fn play(
    setup: Setup<'_>,
    writer: TrialWriter,
    progress: &mut Progress,
) -> Result<(Vec<tally_capture::FaultRecord>, Facts), Broken> {
    let options = Options {
        lines: setup.trace.is_some(),
        ..options(setup.plan, setup.platform, setup.shadows, setup.costs)
    };
    let mut world = World::new(options).map_err(|error| error.to_string())?;
    let (started, cpu) = (Instant::now(), thread_cpu());
    come_up(&mut world)?;
    let zero = Zero(world.now());
    let tag = format!("{}-{}", setup.tag, setup.number);
    world.play(timeline(setup.plan, &tag));
    let faults = setup.faults.iter().cloned().map(Fault::new).collect();
    let mut stage = Stage {
        setup: &setup,
        world,
        zero,
        writer,
        faults,
        answered: Vec::new(),
        observations: Vec::new(),
        reread: Vec::new(),
        keys: 0,
        counts: [0; 2],
        next_look: LOOK,
    };
    stage.run(progress)?;
    let facts = stage.facts(started, cpu);
    let faults = stage.finish(&facts)?;
    Ok((faults, facts))
}

struct Stage<'a> {
    setup: &'a Setup<'a>,
    world: World,
    zero: Zero,
    writer: TrialWriter,
    faults: Vec<Fault>,
    /// For the ledgers; empty without faults.
    answered: Vec<Answered>,
    observations: Vec<Observation>,
    /// The first answers, read again at the end.
    reread: Vec<(u64, RequestId)>,
    /// Set records written so far.
    keys: usize,
    /// Accepted and answered.
    counts: [u64; 2],
    /// When it is looked at next whether the trial has to be stopped.
    next_look: u64,
}

impl Stage<'_> {
    fn now(&self) -> u64 {
        self.zero.at(self.world.now())
    }

    fn run(&mut self, progress: &mut Progress) -> tally_capture::Result<()> {
        let plan = self.setup.plan;
        let period = (plan.end() / SAMPLES_MAX).max(SAMPLE.as_nanos() as u64);
        let mut sample = 0;
        loop {
            let now = self.now();
            if now >= sample {
                self.sample()?;
                self.collect()?;
                sample = now + period;
                let [accepted, answered] = self.counts;
                progress.tick(&format!(
                    "{:.0} s of virtual time  accepted {accepted}  answered {answered}",
                    now as f64 / 1e9
                ));
            }
            self.watch(now)?;
            for fault in &mut self.faults {
                fault.look(&mut self.world, self.zero);
            }
            let owed = self.world.open_requests() > 0 || self.world.has_more_requests();
            let healing = self.faults.iter().any(|fault| fault.due(now).is_some());
            let stopped = self.setup.watch.stop().map(|stop| stop.at);
            let sent = stopped.is_some() || now >= plan.measure_end();
            let given_up = stopped.is_some_and(|at| now >= at + STOPPED);
            let drained = sent && !healing && (!owed || given_up);
            if drained || now >= plan.end() || (self.setup.interrupted)() {
                break;
            }
            let due = self.faults.iter().filter_map(|fault| fault.due(now)).min();
            let next = due.unwrap_or(u64::MAX).min(sample).min(plan.end());
            self.world
                .advance(Duration::from_nanos(next.saturating_sub(now).max(1)));
        }
        self.collect()?;
        self.world.read_again(std::mem::take(&mut self.reread));
        self.world.advance(REREAD_TIME);
        self.world.give_up();
        self.collect()?;
        for stray in self.world.take_strays() {
            self.writer.stray(tally_capture::Stray {
                id: stray.id,
                at: self.zero.at(stray.at),
                outcome: stray.outcome,
            })?;
        }
        Ok(())
    }

    /// Stops the trial if it has to be: nothing more is sent or broken, and what is broken heals.
    fn watch(&mut self, now: u64) -> tally_capture::Result<()> {
        let watch = self.setup.watch;
        if watch.stop().is_some() {
            return Ok(());
        }
        let untouched = self.faults.iter().all(Fault::is_waiting);
        let first = watch.first_fault().is_some_and(|first| now >= first && untouched);
        let due = watch.may_abort() && now >= self.next_look && now < self.setup.plan.measure_end();
        if first || due {
            self.collect()?;
            self.writer.flush()?;
        }
        if first {
            watch.before_faults(now)?;
        }
        if due {
            let over = self.faults.iter().filter_map(Fault::ledger);
            over.for_each(|ledger| watch.over(ledger));
            watch.look(now)?;
            self.next_look = now + LOOK.max(now / LOOKS);
        }
        if watch.stop().is_some() {
            self.world.stop_requests();
            self.faults.retain(|fault| !fault.is_waiting());
        }
        Ok(())
    }

    fn sample(&mut self) -> tally_capture::Result<()> {
        let layers = self.world.layers();
        let sample = Sample {
            at: self.now(),
            visible: layers.map(|layer| layer.visible),
            in_flight: layers.map(|layer| layer.in_flight),
            ready: layers.map(|layer| layer.ready),
            starting: layers.map(|layer| layer.starting),
            pending: self.world.pending(),
            rss: [0; 3],
        };
        self.writer.sample(&sample)?;
        let history = self.world.set_history();
        if history.len() > self.keys {
            self.keys = history.len();
            self.writer.keys(&self.trial_keys())?;
        }
        Ok(())
    }

    /// Certificates name their epoch, so every version of every record is needed to check them.
    fn trial_keys(&self) -> TrialKeys {
        let mut known = BTreeSet::new();
        let mut sets = Vec::new();
        for record in self.world.set_history() {
            let keys: String = record
                .members()
                .map(|member| member.public_key.as_str())
                .collect();
            if known.insert((record.id, record.epoch, keys)) {
                sets.push(record.clone());
            }
        }
        TrialKeys {
            schema_version: SCHEMA_VERSION,
            cluster: hexadecimal::encode(&self.world.cluster()),
            config: self.setup.platform.clone(),
            sets,
        }
    }

    /// Writes down what ended since the last time.
    fn collect(&mut self) -> tally_capture::Result<()> {
        for request in self.world.take_finished() {
            let load = load_of(self.setup.plan, request.n);
            let operation = operation(self.zero, load, request);
            self.remember(&operation);
            self.writer.operation(operation)?;
        }
        for sight in self.world.take_sights() {
            self.writer.read(read(self.zero, sight))?;
        }
        for mut observation in self.world.take_observations() {
            observation.at = tally_model::Instant::from_nanos(self.zero.at(observation.at));
            self.writer.event(&observation)?;
            if !self.faults.is_empty() {
                self.observations.push(observation);
            }
        }
        if let Some(tell) = self.setup.trace {
            for line in self.world.take_lines() {
                tell(&line);
            }
        }
        self.writer.tick()
    }

    fn remember(&mut self, operation: &Operation) {
        self.counts[0] += u64::from(operation.accepted);
        self.counts[1] += u64::from(operation.done.is_some());
        if let (Some(id), true) = (
            operation.id,
            operation.done.is_some() && self.reread.len() < REREAD,
        ) {
            self.reread.push((operation.n, id));
        }
        if !self.faults.is_empty() && operation.accepted {
            let sets: BTreeSet<_> = operation.tasks.iter().map(|task| task.set).collect();
            self.answered.push(Answered {
                intended: operation.intended,
                done: operation.done,
                sets: sets.into_iter().collect(),
            });
        }
    }

    fn facts(&self, started: Instant, cpu: Duration) -> Facts {
        let (work, usage) = (self.world.work(), self.world.usage());
        Facts {
            trace: self.world.trace_hash(),
            simulated: self.world.now().as_nanos() as f64 / 1e9,
            real: started.elapsed().as_secs_f64(),
            cpu_seconds: thread_cpu().saturating_sub(cpu).as_secs_f64(),
            events: work.events,
            turns: work.turns,
            pod_seconds: usage.pod_seconds,
            set_seconds: usage.set_seconds,
            pod_start: self.setup.costs.pod_start,
            ran_dry: self.world.ran_dry(),
        }
    }

    fn finish(mut self, facts: &Facts) -> tally_capture::Result<Vec<tally_capture::FaultRecord>> {
        let mut records: Vec<_> = std::mem::take(&mut self.faults)
            .into_iter()
            .filter_map(Fault::finish)
            .collect();
        tally_chaos::explain(&mut records, &self.observations, &self.answered);
        for record in &records {
            self.writer.fault(record)?;
        }
        self.writer.keys(&self.trial_keys())?;
        self.writer.simulation(facts)?;
        self.writer.finish()?;
        Ok(records)
    }
}

/// CPU time of this thread.
pub(super) fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
