//! Sets that come and go lose nothing: to zero and back, and away while there is work.

#![allow(clippy::unwrap_used, reason = "a set-up that fails must fail the test")]

use std::collections::BTreeMap;
use std::time::Duration;

use tally_model::{
    Bounds, Observation, Operation, PlatformConfig, Protocol, Scaler, SetId, Step, Timing, Work,
    WorkDistribution, WorkKind,
};
use tally_simulated::{Options, Request, Shot, Timeline, World};

/// What is asked, and its answer.
const EXPRESSION: (&str, &str) = ("((3+5)*(4/2))-1", "15");

fn config(scaler: Scaler, bounds: Bounds, service: Duration) -> PlatformConfig {
    let work = Work {
        kind: WorkKind::Delay,
        mean: service,
        distribution: WorkDistribution::Fixed,
        replicas: false,
        processor: 0,
    };
    PlatformConfig {
        protocol: Protocol::None,
        scaler,
        bounds,
        work: [Some(work); 4],
        ..PlatformConfig::default()
    }
}

/// A platform that has come up, and to which requests come at these times.
fn world(config: PlatformConfig, due: Vec<Duration>) -> World {
    let mut world = World::new(Options::new(config, 1)).unwrap();
    world.settle(Duration::from_secs(20)).unwrap();
    let last = due.last().copied().unwrap_or_default();
    let shots = (0_u64..).zip(due).map(|(n, due)| Shot {
        n,
        due,
        expression: EXPRESSION.0.to_owned(),
        work_key: n,
    });
    world.play(Timeline {
        shots: Box::new(shots),
        users: Vec::new(),
        closed_end: Duration::ZERO,
        drain: last,
        tag: "scaling".to_owned(),
        patience: Duration::from_mins(1),
    });
    world
}

/// Ends when everything is answered: once, and rightly.
fn answered(world: &mut World, scaler: Scaler) -> (Vec<Request>, Vec<Observation>) {
    let mut observations = Vec::new();
    for _ in 0..600 {
        observations.extend(world.take_observations());
        if !world.has_more_requests() && world.open_requests() == 0 {
            break;
        }
        world.advance(Duration::from_secs(1));
    }
    world.give_up();
    let requests = world.take_finished();
    for request in &requests {
        let answer = request
            .answer
            .as_ref()
            .unwrap_or_else(|| panic!("{scaler}: {request:?}"));
        assert_eq!(answer.outcome.to_string(), EXPRESSION.1, "{scaler}");
        assert_eq!(request.attempts, 1, "{scaler}");
    }
    assert_eq!(world.trouble(), None, "{scaler}");
    (requests, observations)
}

fn sets(world: &World) -> u32 {
    let layers = world.layers();
    layers.iter().map(|layer| layer.ready + layer.starting).sum()
}

/// Every policy that may go to zero does, once there is no work; what comes then brings the sets back, and is answered.
#[test]
fn a_layer_goes_to_zero_and_back_and_loses_nothing() {
    let gap = Duration::from_mins(20);
    let wave = |from: Duration| (0..40).map(move |n| from + Duration::from_millis(50) * n);
    for scaler in [
        Scaler::Threshold,
        Scaler::Kalman,
        Scaler::Keda,
        Scaler::Kpa,
        Scaler::Hpa1s,
    ] {
        let config = config(scaler, Bounds { min: 0, max: 4 }, Duration::from_millis(40));
        let due: Vec<Duration> = wave(Duration::ZERO).chain(wave(gap)).collect();
        let count = due.len();
        let mut world = world(config, due);
        // KEDA looks every 30 s.
        let each = (0..40).map(|_| {
            world.advance(Duration::from_secs(1));
            sets(&world)
        });
        assert!(each.max() > Some(0), "{scaler}: work brings sets");
        world.advance(Duration::from_secs(1_150));
        assert_eq!(sets(&world), 0, "{scaler}: there was no work for twenty minutes");
        let (requests, _) = answered(&mut world, scaler);
        assert_eq!(requests.len(), count, "{scaler}");
    }
}

/// Sets are let go while they work: what they have is finished first. Nothing is done twice, and nothing waits for a lease to end.
#[test]
fn a_set_that_has_to_go_finishes_its_work_first() {
    let mut config = config(
        Scaler::Threshold,
        Bounds { min: 1, max: 6 },
        Duration::from_millis(700),
    );
    config.timing = Timing {
        scale_down_after: Duration::from_millis(100),
        ..config.timing
    };
    let (visibility, operation) = (config.timing.visibility, Operation::Add);
    let waves = (0..20).flat_map(|wave| (0..12).map(move |n| Duration::from_millis(wave * 6_000 + n * 40)));
    let mut world = world(config, waves.collect());
    let (requests, observations) = answered(&mut world, Scaler::Threshold);
    assert_eq!(requests.len(), 240);
    let first = |step: Step| {
        let mut times = BTreeMap::new();
        let mine = observations.iter().filter(|observation| observation.step == step);
        for observation in mine {
            if let Some(set) = observation.set {
                times.entry(set).or_insert(observation.at);
            }
        }
        times
    };
    let (draining, deleted) = (first(Step::DrainStarted), first(Step::SetDeleted));
    assert!(
        deleted.keys().filter(|set| set.operation == operation).count() > 10,
        "{deleted:?}"
    );
    let undrained: Vec<&SetId> = deleted
        .iter()
        .filter(|(set, at)| draining.get(set).is_none_or(|began| began > at))
        .map(|(set, _)| set)
        .collect();
    assert!(undrained.is_empty(), "deleted without a drain: {undrained:?}");
    let tasks = || requests.iter().filter_map(|request| request.answer.as_ref());
    let mut late = 0;
    for task in tasks().flat_map(|answer| &answer.tasks) {
        assert!(
            task.done.since(task.ready) < visibility,
            "{task:?} waited for a lease"
        );
        if let Some(began) = draining.get(&task.set) {
            late += u32::from(task.done > *began);
        }
    }
    assert!(
        late > 0,
        "no set was let go while it worked: the test shows nothing"
    );
    let twice = observations
        .iter()
        .filter(|observation| observation.step == Step::DuplicateOutcome);
    assert_eq!(twice.count(), 0, "a task was done twice");
}
