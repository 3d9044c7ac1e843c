//! What is counted has happened: events that a swarm must meet are not met by what only looks like them.

#![allow(clippy::unwrap_used, reason = "a set-up that fails must fail the test")]

use std::time::Duration;

use tally_model::{NodeId, Outcome, PlatformConfig, Protocol};
use tally_simulated::{Options, Sometimes, World};

const AHEAD: Duration = Duration::from_secs(100);

fn settled() -> World {
    let config = PlatformConfig {
        protocol: Protocol::None,
        ..PlatformConfig::default()
    };
    let options = Options {
        wall: AHEAD,
        oracle: Some(|_| Outcome::Value("0".to_owned())),
        ..Options::new(config, 1)
    };
    let mut world = World::new(options).unwrap();
    world.settle(Duration::from_secs(20)).unwrap();
    world
}

/// Ends a pod and then the control plane, with time for others to take their places; how often each began by a clock that was set
/// back.
fn begun_again(world: &mut World) -> [u64; 2] {
    let victim = world.pods().find(|pod| pod.node != NodeId::Control).unwrap();
    let name = victim.name.clone();
    world.kill(&name).unwrap();
    world.advance(Duration::from_secs(5));
    world.kill_control();
    world.advance(Duration::from_secs(5));
    let coverage = world.coverage().unwrap();
    [Sometimes::SetBack, Sometimes::ControlSetBack].map(|what| coverage.count(what))
}

/// A clock was set back for whoever reads less than was read before, and for nobody else: not after a jump of the predecessor's own
/// clock, nor where less was taken back than has passed.
#[test]
fn a_clock_is_set_back_if_it_reads_less_than_before() {
    let mut world = settled();
    world.step_control_clock(Duration::from_secs(3));
    assert_eq!(begun_again(&mut world), [0, 0]);
    world.set_wall_clock(AHEAD + Duration::from_millis(50_001));
    assert_eq!(begun_again(&mut world), [0, 0]);
    world.set_wall_clock(AHEAD + Duration::from_secs(50));
    assert_eq!(begun_again(&mut world), [0, 0]);
    world.set_wall_clock(AHEAD);
    let [pods, control] = begun_again(&mut world);
    assert!(pods > 0 && control == 1, "{pods} {control}");
}
