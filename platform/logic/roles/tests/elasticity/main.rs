//! Autoscaler, fleet and admin together, over a model store and fake pods: they scale, replace and drain, and the fleet may
//! die at any command.

#![allow(clippy::unwrap_used, reason = "a test that finds nothing there has failed")]

mod pods;
mod world;

use std::time::Duration;

use tally_model::{
    Bounds, LeaderChange, MemberRole, NodeId, Operation, PlatformConfig, PodSpec, Protocol, Scaler, SetId,
    Step,
};

use world::World;

const SECOND: Duration = Duration::from_secs(1);

/// Nothing runs until there is work, so that a scenario stays small.
fn config() -> PlatformConfig {
    let mut config = PlatformConfig {
        bounds: Bounds { min: 0, max: 4 },
        ..PlatformConfig::default()
    };
    config.timing.scale_down_after = 2 * SECOND;
    config.timing.drain_timeout = SECOND;
    config.timing.start_timeout = SECOND;
    config
}

fn set(number: u32) -> SetId {
    SetId {
        operation: Operation::Add,
        number,
    }
}

/// The name of the pod that has this role in the first set.
fn pod_of(world: &World, role: MemberRole) -> Option<(NodeId, String)> {
    let records = world.records();
    let record = records.values().next()?;
    let member = record
        .members()
        .find(|member| record.role_of(member.node) == Some(role))?;
    let spec = PodSpec {
        node: member.node,
        incarnation: member.incarnation,
        config: String::new(),
    };
    Some((member.node, spec.name()))
}

/// Keeps the depth of the layer at `depth` for a while.
fn hold(world: &mut World, depth: u64, duration: Duration) {
    let step = Duration::from_millis(25);
    for _ in 0..duration.as_millis() / step.as_millis() {
        let missing = depth.saturating_sub(world.depths[0]);
        if missing > 0 {
            world.enqueue(Operation::Add, missing);
        }
        world.run_for(step);
    }
}

/// Grow to three sets, lose a worker, a leader and a follower, shrink to one, end at none.
fn scenario(world: &mut World, context: &str) {
    world.run_for(SECOND);
    hold(world, 12, 2 * SECOND);
    world.assert_converged([3, 0, 0, 0], context);
    for role in [MemberRole::Worker, MemberRole::Leader, MemberRole::Follower] {
        let (_, name) = pod_of(world, role).unwrap();
        world.kill(&name);
        hold(world, 12, 3 * SECOND);
        world.assert_converged([3, 0, 0, 0], &format!("{context}, {role:?} replaced"));
    }
    hold(world, 2, 7 * SECOND);
    world.assert_converged([1, 0, 0, 0], &format!("{context}, shrunk"));
    world.run_for(5 * SECOND);
    world.assert_converged([0; 4], &format!("{context}, ended"));
}

/// Sets follow the load up and down, each of the three kinds of member is replaced, and nothing is left over.
#[test]
fn sets_follow_the_load_and_lost_members_are_replaced() {
    let mut world = World::new(&config(), 1);
    scenario(&mut world, "undisturbed");
    let kinds: Vec<_> = world
        .seen(Step::FaultRaised)
        .iter()
        .filter_map(|seen| seen.note.clone())
        .collect();
    assert_eq!(
        kinds,
        ["type I from admin", "type II from admin", "type III from admin"]
    );
    assert_eq!(
        world.seen(Step::SetReady).len(),
        3 + 1,
        "three sets, and one that lost its worker: lost replicas are masked"
    );
    assert_eq!(world.seen(Step::SetDeleted).len(), 3);
    assert_eq!(world.seen(Step::PodReady).len(), 3 * 5 + 3);
    let steps = [
        Step::OverThreshold,
        Step::MetricVisible,
        Step::Decision,
        Step::CallAccepted,
        Step::PodStarted,
    ];
    let first: Vec<_> = steps.iter().map(|&step| world.seen(step)[0].at).collect();
    assert!(first[0] <= first[1] && first[3] < first[4], "{first:?}");
    assert_eq!(world.seen(Step::BacklogDrained).len(), 1);
}

/// A fleet that is killed before any one of its commands leaves a world that the next one completes: wanted sets, no orphan,
/// no name used twice, no epoch going back.
#[test]
fn the_fleet_may_die_at_any_command() {
    let mut calm = World::new(&config(), 2);
    scenario(&mut calm, "calm");
    let commands = calm.fleet_commands;
    assert!(commands > 100);
    for point in 1..=commands {
        let mut world = World::new(&config(), 2);
        // The second death comes while the next fleet is still finding its feet.
        world.crash_at = [point, point + 9 + point % 23].into();
        scenario(&mut world, &format!("killed at command {point}"));
    }
}

/// Calls that fail, whether they had an effect or not, and pods that die while they start delay the end but do not change it.
#[test]
fn trouble_and_stillborn_pods_only_delay() {
    for seed in 0..20 {
        let mut world = World::new(&config(), seed);
        world.trouble = 20;
        world.stillborn = 20;
        hold(&mut world, 12, 6 * SECOND);
        world.trouble = 0;
        world.stillborn = 0;
        hold(&mut world, 12, 25 * SECOND);
        world.assert_converged([3, 0, 0, 0], &format!("seed {seed}"));
    }
}

/// Whatever happens in whatever order, once the world is calm it is as wanted.
#[test]
fn a_wild_hour_ends_in_order() {
    for seed in 0..25 {
        let mut world = World::new(&config(), seed);
        world.trouble = 5;
        world.stillborn = 5;
        for _ in 0..150 {
            wild_step(&mut world);
            let millis = world.pick(200) as u64;
            world.run_for(Duration::from_millis(millis));
        }
        world.trouble = 0;
        world.stillborn = 0;
        for pod in world.pods.all() {
            world.pods.pause(&pod.name, false);
        }
        world.run_for(60 * SECOND);
        world.assert_converged([0; 4], &format!("seed {seed}"));
        hold(&mut world, 8, 5 * SECOND);
        world.assert_converged([2, 0, 0, 0], &format!("seed {seed}, again"));
    }
}

fn wild_step(world: &mut World) {
    let pods = world.pods.all();
    let victim = (!pods.is_empty()).then(|| pods[world.pick(pods.len())].clone());
    match (world.pick(12), victim) {
        (0..4, _) => {
            let operation = Operation::ALL[world.pick(2)];
            let count = world.pick(40) as u64;
            world.enqueue(operation, count);
        }
        (4..6, Some(pod)) => {
            world.kill(&pod.name);
            world.peer_lost(pod.node);
        }
        (6, Some(pod)) => world.pods.pause(&pod.name, true),
        (7, Some(pod)) => world.pods.pause(&pod.name, false),
        (8, _) => world.restart_fleet(),
        (9, _) => world.restart_autoscaler(),
        (10, _) => world.restart_admin(),
        _ => {}
    }
}

/// A process that hangs for longer than the probes allow is replaced like one that died, and its successor keeps the place.
#[test]
fn a_paused_member_is_replaced_like_a_dead_one() {
    let mut world = World::new(&config(), 3);
    hold(&mut world, 4, SECOND);
    let (node, name) = pod_of(&world, MemberRole::Worker).unwrap();
    world.pods.pause(&name, true);
    hold(&mut world, 4, 10 * SECOND);
    assert_eq!(world.seen(Step::FaultRaised).len(), 1);
    assert!(!world.pods.all().iter().any(|pod| pod.name == name));
    let worker = world.records()[&set(1)].worker.clone().unwrap();
    assert_eq!((worker.node, worker.incarnation), (node, 1));
    world.assert_converged([1, 0, 0, 0], "replaced");
}

/// A leader that is lost hands the lead to another replica, in a newer epoch (C2, admin-replace).
#[test]
fn a_lost_leader_is_followed_by_another() {
    let config = PlatformConfig {
        protocol: Protocol::Collect,
        ..config()
    };
    for seed in 0..5 {
        let mut world = World::new(&config, seed);
        hold(&mut world, 4, SECOND);
        let before = world.records()[&set(1)].clone();
        let (_, name) = pod_of(&world, MemberRole::Leader).unwrap();
        world.kill(&name);
        hold(&mut world, 4, 3 * SECOND);
        let after = world.records()[&set(1)].clone();
        assert_ne!(before.leader, after.leader);
        assert!(after.epoch > before.epoch);
        world.assert_converged([1, 0, 0, 0], "led again");
    }
}

/// Where the admin replaces leaders the successor leads, in a newer epoch (M19, C2).
#[test]
fn a_replaced_leader_leads_again() {
    let config = PlatformConfig {
        protocol: Protocol::Collect,
        leader: Some(LeaderChange::AdminReplace),
        ..config()
    };
    for seed in 0..5 {
        let mut world = World::new(&config, seed);
        hold(&mut world, 4, SECOND);
        let before = world.records()[&set(1)].clone();
        let (node, name) = pod_of(&world, MemberRole::Leader).unwrap();
        world.kill(&name);
        hold(&mut world, 4, 3 * SECOND);
        let after = world.records()[&set(1)].clone();
        assert_eq!(before.leader, after.leader);
        assert!(after.epoch > before.epoch);
        let leader = after.members().find(|member| member.node == node).unwrap();
        assert_eq!(leader.incarnation, 1);
        world.assert_converged([1, 0, 0, 0], "led again");
    }
}

/// No record names a leader that does not hold the lock of its set (M77, C20), wherever the fleet dies and whatever write fails, and no
/// lock outlives its set. The world looks at every record that is written.
#[test]
fn who_leads_holds_the_lock() {
    let config = PlatformConfig {
        protocol: Protocol::Collect,
        leader_lock: true,
        ..config()
    };
    let mut calm = World::new(&config, 7);
    scenario(&mut calm, "calm");
    for point in (1..=calm.fleet_commands).step_by(3) {
        let mut world = World::new(&config, 7);
        world.crash_at = [point, point + 9 + point % 23].into();
        scenario(&mut world, &format!("killed at command {point}"));
    }
    for seed in 0..20 {
        let mut world = World::new(&config, seed);
        world.trouble = 20;
        hold(&mut world, 12, 2 * SECOND);
        if let Some((_, name)) = pod_of(&world, MemberRole::Leader) {
            world.kill(&name);
        }
        hold(&mut world, 12, 3 * SECOND);
        world.trouble = 0;
        hold(&mut world, 12, 25 * SECOND);
        world.assert_converged([3, 0, 0, 0], &format!("seed {seed}"));
    }
}

/// A `pbft` set takes tasks while f replicas are replaced, without a pause; one that lost more cannot agree on anything any more,
/// and another takes its place.
#[test]
fn a_set_masks_f_lost_replicas_and_gives_way_when_it_lost_more() {
    let mut world = World::new(&config(), 6);
    hold(&mut world, 4, SECOND);
    let (node, name) = pod_of(&world, MemberRole::Follower).unwrap();
    world.kill(&name);
    hold(&mut world, 4, 3 * SECOND);
    let record = world.records()[&set(1)].clone();
    let member = record.members().find(|member| member.node == node).unwrap();
    assert_eq!(member.incarnation, 1);
    assert!(record.founded.is_some_and(|founded| founded < record.epoch));
    assert_eq!(
        world.seen(Step::SetReady).len(),
        1,
        "it never stopped taking tasks"
    );
    for member in record.replicas.iter().take(2) {
        let spec = PodSpec {
            node: member.node,
            incarnation: member.incarnation,
            config: String::new(),
        };
        world.kill(&spec.name());
    }
    hold(&mut world, 4, 8 * SECOND);
    assert!(!world.records().contains_key(&set(1)));
    world.assert_converged([1, 0, 0, 0], "made anew");
}

/// A fixed number of sets is there from the start and stays, and the minimum holds for every operation.
#[test]
fn a_fixed_number_of_sets_is_kept() {
    let mut config = config();
    config.bounds.min = 1;
    config.scaler = Scaler::Fixed(2);
    let mut world = World::new(&config, 4);
    world.run_for(2 * SECOND);
    world.assert_converged([2; 4], "fixed");
    world.enqueue(Operation::Mul, 500);
    world.run_for(10 * SECOND);
    world.assert_converged([2; 4], "fixed under load");
}

/// The autoscaler resumes where it was; a new life does not start at the minimum.
#[test]
fn a_restarted_autoscaler_resumes() {
    let mut world = World::new(&config(), 5);
    hold(&mut world, 12, 2 * SECOND);
    world.restart_autoscaler();
    hold(&mut world, 7, 2 * SECOND);
    world.assert_converged([3, 0, 0, 0], "resumed");
    let decisions = world
        .seen(Step::Decision)
        .iter()
        .filter(|d| d.operation == Some(Operation::Add))
        .count();
    assert!(
        decisions <= 3,
        "the initial decision, the growth, and nothing on resuming"
    );
}
