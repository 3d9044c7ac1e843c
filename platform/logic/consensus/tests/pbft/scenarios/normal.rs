//! Without faults.

use tally_consensus::ClientEvent;
use tally_model::Suite;

use crate::cast::{config, small};
use crate::world::World;

/// Every job is answered, in view 0, by sets of four and seven, in both suites, and nobody is suspected for having nothing to do.
#[test]
fn everything_is_answered_and_the_view_stays() {
    for (suite, n, jobs) in [
        (Suite::Modern, 4, 300),
        (Suite::Modern, 7, 100),
        (Suite::Report, 4, 20),
    ] {
        let config = config(suite, n);
        let settings = small(&config);
        let mut world = World::new(config, settings, u64::from(n));
        world.submit(jobs);
        world.must_answer(1_000);
        world.run(60_000);
        for copy in world.correct() {
            assert_eq!(copy.replica.view(), 0);
            assert_eq!(copy.replica.executed(), world.copies[0].replica.executed());
        }
        assert!(
            !world
                .told
                .iter()
                .any(|event| matches!(event, ClientEvent::Suspect { .. } | ClientEvent::Degraded { .. }))
        );
        let fulls = world
            .told
            .iter()
            .filter(|event| matches!(event, ClientEvent::Full { .. }));
        assert_eq!(fulls.count(), 1, "all replied: said once");
    }
}
