//! One policy on one plan in virtual time, kept in memory: what a comparison of policies is made of.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tally_capture::elasticity::{Course, Criteria, Scores, ServedTask, StepCurve};
use tally_check::reference::evaluate;
use tally_model::{
    CertifiedTask, Instant as Moment, Observation, Operation, Outcome, PlatformConfig, SetId, Step, Suite,
    nanos,
};
use tally_plan::Plan;
use tally_roles::worker::service_time;
use tally_simulated::{Costs, Request, World};

use super::record::Zero;
use super::timeline::timeline;
use super::trial::{SETTLE, come_up, options};

/// Windows in which the objective is judged.
const WINDOW: Duration = Duration::from_secs(5);
/// Between two looks at what ended.
const STRIDE: Duration = Duration::from_secs(1);
/// What a task takes besides waiting and work: a few hops and commits.
const PATH: Duration = Duration::from_millis(10);

/// A plan, and what has to come out of it.
#[derive(Debug)]
pub(crate) struct Task {
    plan: Arc<Plan>,
    /// Of each request that the plan itself has.
    expected: Vec<Outcome>,
}

/// What became of a policy.
#[derive(Debug)]
pub(crate) struct Played {
    /// Of all layers that had tasks.
    pub(crate) scores: Scores,
    /// Sets that serve, and the fewest that would have been enough, over all layers; times since the plan began.
    pub(crate) supply: StepCurve,
    pub(crate) demand: StepCurve,
    /// Requests that were accepted and have no answer.
    pub(crate) unanswered: u64,
    /// Answers that are not those of the reference evaluation.
    pub(crate) wrong: u64,
    /// Requests that were not accepted.
    pub(crate) refused: u64,
    /// Requests that ended by something else than arithmetic: their deadline.
    pub(crate) failed: u64,
    /// Entries of the agenda.
    pub(crate) events: u64,
    /// Wall-clock seconds.
    pub(crate) real: f64,
    /// Seconds of virtual time.
    pub(crate) simulated: f64,
}

impl Task {
    /// Evaluates every request of the plan with the checker's own evaluator.
    pub(crate) fn new(plan: Plan) -> Self {
        let expected = plan.shots.iter().map(|shot| evaluate(shot.expression));
        Self {
            expected: expected.collect(),
            plan: Arc::new(plan),
        }
    }

    /// Plays the plan on a platform.
    ///
    /// # Errors
    /// The platform did not come up, or its configuration cannot be simulated.
    pub(crate) fn play(&self, platform: &PlatformConfig, costs: Costs) -> Result<Played, String> {
        let started = Instant::now();
        let plan = &self.plan;
        // Nobody is shown its certificates, so signatures need not cost real time; they cost virtual time all the same.
        let platform = &PlatformConfig {
            suite: Suite::Simulation,
            ..platform.clone()
        };
        let mut world = World::new(options(plan, platform, &[], costs)).map_err(|error| error.to_string())?;
        come_up(&mut world)?;
        let zero = Zero(world.now());
        world.play(timeline(plan, "arm"));
        let mut seen = Seen::new(self, platform, zero);
        // Beyond the drain of the plan: what comes late is late, what does not come at all is lost.
        let end = plan.end().saturating_add(nanos(SETTLE));
        while zero.at(world.now()) < end {
            world.advance(STRIDE);
            seen.take(&mut world);
            let sent = zero.at(world.now()) >= plan.measure_end();
            if sent && world.open_requests() == 0 && !world.has_more_requests() {
                break;
            }
        }
        world.give_up();
        seen.take(&mut world);
        Ok(Played {
            events: world.work().events,
            real: started.elapsed().as_secs_f64(),
            simulated: world.now().as_nanos() as f64 / 1e9,
            ..seen.judge()
        })
    }
}

struct Seen<'a> {
    task: &'a Task,
    platform: &'a PlatformConfig,
    zero: Zero,
    tasks: [Vec<ServedTask>; 4],
    observations: Vec<Observation>,
    unanswered: u64,
    wrong: u64,
    refused: u64,
    failed: u64,
}

impl<'a> Seen<'a> {
    fn new(task: &'a Task, platform: &'a PlatformConfig, zero: Zero) -> Self {
        Self {
            task,
            platform,
            zero,
            tasks: Default::default(),
            observations: Vec::new(),
            unanswered: 0,
            wrong: 0,
            refused: 0,
            failed: 0,
        }
    }

    fn take(&mut self, world: &mut World) {
        for request in world.take_finished() {
            self.request(&request);
        }
        // What the platform says besides is not judged, and there is much of it.
        let told = world.take_observations().into_iter();
        self.observations.extend(
            told.filter(|observation| {
                LIVES.contains(&observation.step) || observation.step == Step::Decision
            }),
        );
    }

    fn request(&mut self, request: &Request) {
        self.refused += u64::from(!request.accepted);
        let Some(answer) = &request.answer else {
            self.unanswered += u64::from(request.accepted);
            return;
        };
        let known = usize::try_from(request.n)
            .ok()
            .and_then(|n| self.task.expected.get(n));
        let right = match known {
            Some(expected) => *expected == answer.outcome,
            None => evaluate(&request.expression) == answer.outcome,
        };
        // What ended for another reason than arithmetic (too late, too busy) is no answer, and not wrong either.
        match &answer.outcome {
            Outcome::Error(failure) if !failure.is_deterministic() => self.failed += 1,
            Outcome::Value(_) | Outcome::Error(_) => self.wrong += u64::from(!right),
        }
        let work_key = self
            .task
            .plan
            .shots
            .get(request.n)
            .map_or(0, |shot| shot.work_key);
        for task in &answer.tasks {
            self.served(task, work_key);
        }
    }

    fn served(&mut self, task: &CertifiedTask, work_key: u64) {
        let worked = service_time(self.platform, &task.job, work_key);
        self.tasks[task.job.operation.index()].push(ServedTask {
            ready: self.zero.at(task.ready),
            worked: worked.map_or(0, nanos),
            response: nanos(task.done.since(task.ready)),
        });
    }

    fn judge(mut self) -> Played {
        let criteria = Criteria {
            objective: nanos(self.platform.scaling.objective),
            window: nanos(WINDOW),
            path: nanos(PATH),
            most: self.platform.bounds.max,
        };
        let layers = self.layers();
        let demands: Vec<StepCurve> = layers.iter().map(|course| course.demand(&criteria)).collect();
        let judged = layers.iter().zip(&demands);
        let scores: Vec<Scores> = judged
            .map(|(course, demand)| Scores::against(course, demand, &criteria))
            .collect();
        Played {
            scores: Scores::together(&scores),
            supply: StepCurve::sum(layers.iter().map(|course| &course.supply)),
            demand: StepCurve::sum(demands.iter()),
            unanswered: self.unanswered,
            wrong: self.wrong,
            refused: self.refused,
            failed: self.failed,
            events: 0,
            real: 0.0,
            simulated: 0.0,
        }
    }

    /// The layers that had tasks, judged over the measure phase.
    fn layers(&mut self) -> Vec<Course> {
        let plan = &self.task.plan;
        let mut layers = Vec::new();
        for operation in Operation::ALL {
            let mut tasks = std::mem::take(&mut self.tasks[operation.index()]);
            if tasks.is_empty() {
                continue;
            }
            tasks.sort_unstable_by_key(|task| task.ready);
            layers.push(Course {
                tasks,
                supply: self.sets(operation, Step::SetReady, &[Step::DrainStarted, Step::SetDeleted]),
                existing: self.sets(operation, Step::CallAccepted, &[Step::SetDeleted]),
                wanted: self.wanted(operation),
                time: (plan.measure_start(), plan.measure_end()),
            });
        }
        layers
    }

    /// What happened to a layer and when; what was before the plan began is at its beginning.
    fn of(&self, operation: Operation) -> impl Iterator<Item = (u64, &Observation)> {
        let mine = self
            .observations
            .iter()
            .filter(move |observation| observation.operation == Some(operation));
        mine.map(|observation| (self.at(observation.at), observation))
    }

    const fn at(&self, moment: Moment) -> u64 {
        self.zero.at(moment)
    }

    /// How many sets are between the first `begin` and the first of `ends` of their own.
    fn sets(&self, operation: Operation, begin: Step, ends: &[Step]) -> StepCurve {
        let mut lives: BTreeMap<SetId, (Option<u64>, Option<u64>)> = BTreeMap::new();
        for (time, observation) in self.of(operation) {
            let Some(set) = observation.set else { continue };
            let life = lives.entry(set).or_default();
            if observation.step == begin {
                life.0.get_or_insert(time);
            } else if ends.contains(&observation.step) {
                life.1.get_or_insert(time);
            }
        }
        let begun = lives.values().filter_map(|(begin, end)| Some(((*begin)?, *end)));
        let mut changes: Vec<(u64, f64)> = begun
            .flat_map(|(begin, end)| [Some((begin, 1.0)), end.map(|end| (end, -1.0))])
            .flatten()
            .collect();
        changes.sort_by_key(|(time, _)| *time);
        let mut count = 0.0;
        let sum = |(time, change): (u64, f64)| {
            count += change;
            (time, count)
        };
        changes.into_iter().map(sum).collect()
    }

    fn wanted(&self, operation: Operation) -> StepCurve {
        self.of(operation)
            .filter(|(_, observation)| observation.step == Step::Decision)
            .filter_map(|(time, observation)| observation.value.map(|sets| (time, sets)))
            .collect()
    }
}

/// The steps in the life of a set that are looked at.
const LIVES: [Step; 4] = [
    Step::CallAccepted,
    Step::SetReady,
    Step::DrainStarted,
    Step::SetDeleted,
];
