//! The policies `hpa`, `keda` and `kpa` on signals of a layer.

use std::time::Duration;

use proptest::prelude::*;
use tally_autoscale::hpa::HpaPolicy;
use tally_autoscale::{Keda, Kpa, Policy, Reading, Rules, Signal};
use tally_model::{Bounds, Depth, Operation};

use crate::at;

fn rules(min: u32, max: u32) -> Rules {
    let (after, stale) = (Duration::from_secs(10), Duration::from_secs(1));
    Rules::new(Bounds { min, max }, 4, after, stale)
}

fn signal(seconds: u64, depth: u64, ready: u32) -> Signal {
    let now = at(seconds);
    let depth = Depth {
        visible: depth,
        in_flight: 0,
    };
    Signal {
        now,
        operation: Operation::Add,
        arrivals: 0,
        reading: Some(Reading {
            at: now,
            depth,
            oldest_wait: None,
        }),
        interval: None,
        start_delay: None,
        ready,
        starting: 0,
    }
}

/// Shows `depth` once a second, every wanted set ready at once, and answers with what is wanted in each of them.
fn show(policy: &mut dyn Policy, seconds: std::ops::Range<u64>, depth: u64, mut ready: u32) -> Vec<u32> {
    let decide = |second| {
        ready = policy.decide(&signal(second, depth, ready)).wanted;
        ready
    };
    seconds.map(decide).collect()
}

/// Where the numbers change, as (second from the start, sets).
fn changes(wanted: &[u32]) -> Vec<(usize, u32)> {
    let mut found: Vec<(usize, u32)> = wanted.iter().copied().enumerate().collect();
    found.dedup_by_key(|(_, sets)| *sets);
    found
}

/// A burst of 40: to 4 at the first look, to double and then to 10 at the next ones; down after the window.
#[test]
fn an_hpa_looks_every_15_seconds_and_at_most_doubles() {
    let mut hpa = HpaPolicy::new(rules(1, 20));
    let _ = hpa.start(None);
    assert_eq!(
        changes(&show(&mut hpa, 0..60, 40, 1)),
        [(0, 4), (15, 8), (30, 10)]
    );
    // The last 10 was asked for in second 45; the look of second 345 still remembers it.
    assert_eq!(changes(&show(&mut hpa, 60..400, 2, 10)), [(0, 10), (300, 1)]);
}

/// Off until a poll finds work; off again after the cooldown.
#[test]
fn keda_switches_a_layer_off_and_on() {
    let mut keda = Keda::new(rules(0, 20));
    assert_eq!(keda.start(None).wanted, 0);
    assert_eq!(changes(&show(&mut keda, 0..10, 0, 0)), [(0, 0)]);
    let busy = show(&mut keda, 10..40, 12, 0);
    assert_eq!(
        changes(&busy),
        [(0, 0), (20, 1), (21, 3)],
        "poll in second 30, look in second 31"
    );
    let idle = show(&mut keda, 40..500, 0, 3);
    assert_eq!(*idle.last().unwrap(), 0);
    assert!(idle[..290].iter().all(|sets| *sets > 0), "{:?}", changes(&idle));
}

/// A burst is panic: at once as many sets as it takes, none fewer until a stable window has passed without.
#[test]
fn knative_panics_up_and_waits_before_it_goes_down() {
    let mut kpa = Kpa::new(rules(1, 50));
    let _ = kpa.start(None);
    assert_eq!(changes(&show(&mut kpa, 0..10, 80, 1)), [(0, 20)]);
    let calm = show(&mut kpa, 10..200, 4, 20);
    assert!(calm[..50].iter().all(|sets| *sets == 20), "{:?}", changes(&calm));
    assert_eq!(*calm.last().unwrap(), 1);
}

proptest! {
    /// Whatever is shown, the bounds hold, and what is stale or missing holds the last decision and says so.
    #[test]
    fn bounds_hold_and_bad_readings_decide_nothing(
        min in 0..4_u32,
        room in 0..30_u32,
        signals in prop::collection::vec((0..40_u64, any::<u64>(), any::<u32>(), 0..4_u8), 1..60),
    ) {
        let rules = rules(min, min + room);
        let policies: [Box<dyn Policy>; 3] =
            [Box::new(HpaPolicy::new(rules)), Box::new(Keda::new(rules)), Box::new(Kpa::new(rules))];
        for mut policy in policies {
            let mut before = policy.start(None).wanted;
            let mut now = 0;
            for &(pause, depth, ready, health) in &signals {
                now += pause;
                let mut signal = signal(now, depth, ready);
                match (health, &mut signal.reading) {
                    (0, reading) => *reading = None,
                    (1, Some(reading)) => reading.at = reading.at - Duration::from_secs(2),
                    _ => {}
                }
                let decision = policy.decide(&signal);
                prop_assert!((min..=min + room).contains(&decision.wanted), "{}: {decision:?}", policy.name());
                prop_assert_eq!(decision.held, health < 2, "{}: {:?}", policy.name(), decision);
                prop_assert!(!decision.held || decision.wanted == before);
                prop_assert!(!decision.why.is_empty());
                before = decision.wanted;
            }
        }
    }
}
