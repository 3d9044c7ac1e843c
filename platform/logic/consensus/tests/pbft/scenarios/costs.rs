//! The table in the documentation of the module is true.

use tally_consensus::pbft::{Macs, Settings};
use tally_consensus::{Client as _, Effort, Replica as _};
use tally_model::Suite;

use crate::cast::config;
use crate::world::World;

/// Signatures, verifications, MACs and messages of one request, member by member, are exactly those of the table.
#[test]
fn a_request_costs_exactly_what_the_table_says() {
    for n in [4_u64, 7] {
        let f = (n - 1) / 3;
        let mut world = World::full(n as u8, 1);
        // Everything takes the same time, so that nothing overtakes.
        world.weather.delay = (100, 100);
        world.submit(1);
        world.run(1_000);
        let (client, replicas, sent) = spent(&world);
        world.submit(1);
        world.run(1_000);
        let (client_after, replicas_after, sent_after) = spent(&world);
        assert_eq!(client_after.signed - client.signed, 1);
        assert_eq!(client_after.verified - client.verified, f + 1);
        for (before, after) in replicas.iter().zip(&replicas_after) {
            assert_eq!(after.0.signed - before.0.signed, 2, "signs");
            assert_eq!(after.0.verified - before.0.verified, 2 * f + 1, "verifies");
            assert_eq!(after.1.made - before.1.made, n - 1, "makes MACs");
            assert_eq!(after.1.checked - before.1.checked, 2 * f, "checks MACs");
        }
        assert_eq!(sent_after - sent, 2 * n * (n - 1) + n + 1, "messages");
    }
}

/// Suite and number of jobs change nothing in the counts of a request (docs/consensus-costs.md): five requests, of which one has 64
/// jobs, cost five times what one costs, in `report` with a signature for every MAC.
#[test]
fn suite_and_batch_size_change_no_count() {
    for suite in [Suite::Modern, Suite::Report] {
        for n in [4_u64, 7] {
            let f = (n - 1) / 3;
            let config = config(suite, n as u8);
            let settings = Settings {
                pipeline: 1,
                ..Settings::of(&config)
            };
            let mut world = World::new(config, settings, 1);
            world.weather.delay = (100, 100);
            world.submit(4 + 64);
            world.run(200);
            assert_eq!(world.certified().len(), 68);
            let places = world.copies[0].replica.executed();
            let (client, replicas, sent) = spent(&world);
            assert_eq!((client.signed, client.verified), (5, 5 * (f + 1)), "{suite} {n}");
            let sum = |of: fn(&(Effort, Macs)) -> u64| replicas.iter().map(of).sum::<u64>();
            assert_eq!(sum(|spent| spent.0.signed), (places + 5) * n);
            assert_eq!(sum(|spent| spent.0.verified), (places * 2 * f + 5) * n);
            assert_eq!(sum(|spent| spent.1.made), places * n * (n - 1));
            assert_eq!(sum(|spent| spent.1.checked), places * n * 2 * f);
            assert_eq!(sent, places * 2 * n * (n - 1) + 5 * (1 + n));
        }
    }
}

/// A checkpoint adds n signatures, 2fn verifications and n(n-1) messages.
#[test]
fn a_checkpoint_costs_exactly_what_the_table_says() {
    for n in [4_u64, 7] {
        let f = (n - 1) / 3;
        let mut world = World::small(n as u8, 1);
        world.weather.delay = (100, 100);
        for _ in 0..3 {
            world.submit(1);
            world.run(1_000);
        }
        let before = spent(&world);
        world.submit(1);
        world.run(1_000);
        let after = spent(&world);
        assert!(world.correct().all(|copy| copy.replica.stable() == 4));
        let sum = |replicas: &[(Effort, Macs)]| {
            let signed: u64 = replicas.iter().map(|spent| spent.0.signed).sum();
            let verified: u64 = replicas.iter().map(|spent| spent.0.verified).sum();
            (signed, verified)
        };
        let (signed, verified) = (
            sum(&after.1).0 - sum(&before.1).0,
            sum(&after.1).1 - sum(&before.1).1,
        );
        assert_eq!(signed, 2 * n + n);
        assert_eq!(verified, n * (2 * f + 1) + 2 * f * n);
        assert_eq!(after.2 - before.2, 2 * n * (n - 1) + n + 1 + n * (n - 1));
    }
}

/// Requests that wait share a batch, and only their own signatures, verifications and messages are added.
#[test]
fn requests_in_one_batch_share_the_agreement() {
    let (n, f) = (4, 1);
    let mut world = World::full(4, 1);
    world.settings.pipeline = 1;
    world.weather.delay = (100, 100);
    world.submit(200);
    world.run(5_000);
    let places = world.copies[0].replica.executed();
    let requests = tally_consensus::Client::effort(&world.client).signed;
    let (_, replicas, _) = spent(&world);
    let signed: u64 = replicas.iter().map(|spent| spent.0.signed).sum();
    let verified: u64 = replicas.iter().map(|spent| spent.0.verified).sum();
    assert_eq!(signed, places * n + requests * n);
    assert_eq!(verified, places * n * 2 * f + requests * n);
}

type Spent = (Effort, Vec<(Effort, Macs)>, u64);

fn spent(world: &World) -> Spent {
    let replicas = world
        .copies
        .iter()
        .map(|copy| (copy.replica.effort(), copy.replica.macs()))
        .collect();
    (world.client.effort(), replicas, world.sent)
}
