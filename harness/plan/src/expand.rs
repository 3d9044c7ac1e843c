//! An experiment becomes a plan: loads are drawn, merged by due time and numbered; faults get their instants.

use tally_model::{Drift, nanos};
use tally_workloads::{Arrivals, ExpressionStream, Pattern, Span, Stream};

use crate::{ClosedLoad, Experiment, Load, MAX_SHOTS, Plan, PlannedFault, PlannedLoad, Shots};

impl Plan {
    /// Decides a trial of `experiment`. Equal experiments give equal plans; a further load changes neither the due
    /// times nor the expressions of the others. Never more than [`MAX_SHOTS`] requests.
    pub fn expand(experiment: &Experiment) -> Self {
        let mut plan = Self {
            version: 1,
            name: experiment.name.clone(),
            seed: experiment.seed,
            phases: experiment.phases,
            loads: Vec::with_capacity(experiment.loads.len()),
            shots: Shots::default(),
            closed: Vec::new(),
            faults: faults(experiment),
            fingerprint: String::new(),
        };
        for (index, load) in experiment.loads.iter().enumerate() {
            let before = plan.shots.len();
            match load.pattern {
                Pattern::Closed { users, think } => plan.closed.push(ClosedLoad {
                    load: index as u32,
                    name: load.name.clone(),
                    seed: experiment.seed,
                    users,
                    think: nanos(think),
                    shape: load.shape.clone(),
                }),
                _ => shots(experiment, index as u32, load, &mut plan.shots),
            }
            let requests = (plan.shots.len() - before) as u64;
            plan.loads.push(PlannedLoad {
                name: load.name.clone(),
                pattern: load.pattern.clone(),
                requests,
            });
        }
        // Stable: requests due at once keep the order of the file. Each load is a sorted run, which this sort merges.
        plan.shots.sort();
        plan.fingerprint = plan.workload_fingerprint(usize::MAX);
        plan
    }
}

fn shots(experiment: &Experiment, index: u32, load: &Load, shots: &mut Shots) {
    let stream = |purpose| Stream::new(experiment.seed, &load.name, purpose);
    let span = Span {
        warmup: experiment.phases.warmup,
        measure: experiment.phases.measure,
    };
    let room = (MAX_SHOTS as usize).saturating_sub(shots.len());
    let expected = load.pattern.expected_requests(span.warmup, span.measure) as usize;
    shots.reserve(expected.min(room));
    let mut expressions = ExpressionStream::new(load.shape.clone(), stream("expressions"));
    let mut work = stream("work");
    let drift = experiment.platform.scaling.drift;
    let drift = drift.map(|drift| nanos(span.warmup.saturating_add(drift.at)));
    for due in Arrivals::new(&load.pattern, span, stream("arrivals")).take(room) {
        let drawn = expressions.draw();
        let key = work.word();
        let key = drift.map_or(key, |from| Drift::mark(key, due >= from));
        shots.push(index, due, &drawn.text, drawn.answer, key);
    }
}

fn faults(experiment: &Experiment) -> Vec<PlannedFault> {
    let warmup = experiment.phases.warmup;
    let mut faults: Vec<PlannedFault> = experiment
        .faults
        .iter()
        .map(|fault| {
            let start = warmup.saturating_add(fault.at);
            PlannedFault {
                name: fault.name.clone(),
                kind: fault.kind,
                role: fault.role,
                pick: fault.pick,
                operation: fault.operation,
                part: fault.part.clone(),
                start: nanos(start),
                end: nanos(start.saturating_add(fault.length)),
                phase: crate::Phase::Measure,
                choice: Stream::new(experiment.seed, &fault.name, "fault").word(),
            }
        })
        .collect();
    faults.sort_by_key(|fault| fault.start);
    faults
}
