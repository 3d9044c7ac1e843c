//! `kalman` and its filters against a simulated layer: steps of rate and service time, steady load, starts, silence.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

#[path = "kalman/layer.rs"]
mod layer;

use std::time::Duration;

use layer::{Draw, Layer};
use tally_autoscale::filter::LoadFilter;
use tally_autoscale::service::{Answered, ServiceFilter};
use tally_autoscale::{Interval, Kalman, Policy, Reading, Rules, Signal};
use tally_model::{Bounds, Depth, Instant, Operation};

const SEEDS: std::ops::Range<u64> = 0..20;

fn rules(max: u32) -> Rules {
    let (after, stale) = (Duration::from_secs(10), Duration::from_secs(1));
    Rules::new(Bounds { min: 1, max }, 4, after, stale)
}

/// 80 % of a threefold step of the rate is believed in the same interval, for every seed; before it, the rate of 60/s is
/// off by a few percent on average.
#[test]
fn a_step_of_the_rate_is_followed_in_the_same_interval() {
    let mut error = 0.0;
    for seed in SEEDS {
        let mut draw = Draw::new(seed);
        let mut filter = LoadFilter::new();
        for second in 0..60 {
            filter.observe(draw.poisson(60.0), 1.0);
            if second >= 20 {
                error += (filter.rate(0, 0.0) - 60.0).abs() / 60.0;
            }
        }
        filter.observe(draw.poisson(180.0), 1.0);
        let believed = filter.rate(0, 0.0);
        assert!(believed >= 60.0 + 0.8 * 120.0 * 0.85, "seed {seed}: {believed}");
        // The count itself scatters by 7 %; what it showed is believed nearly whole.
        assert!(believed <= 240.0, "seed {seed}: {believed}");
    }
    let mean = error / (40.0 * 20.0);
    assert!(mean < 0.06, "mean error {mean}");
}

/// Service time of 20 ms, exponential: known to a few percent, and 90 % of a step to 30 ms is believed within an interval or
/// two.
#[test]
fn a_step_of_the_service_time_is_followed_quickly() {
    let (mut error, mut slowest) = (0.0, 0);
    let answered = |draw: &mut Draw, mean: f64| {
        let count = draw.poisson(60.0);
        let times: Vec<f64> = (0..count).map(|_| mean * draw.exponential()).collect();
        let busy: f64 = times.iter().sum();
        Answered {
            count,
            busy,
            busy_squares: times.iter().map(|time| time * time).sum(),
            unqueued: busy + 0.005 * count as f64,
        }
    };
    for seed in SEEDS {
        let mut draw = Draw::new(1_000 + seed);
        let mut filter = ServiceFilter::new();
        for second in 0..60 {
            filter.observe(&answered(&mut draw, 0.020));
            if second >= 20 {
                error += (filter.service(0.0) - 0.020).abs() / 0.020;
            }
        }
        assert!(
            (filter.path() - 0.005).abs() < 0.003,
            "seed {seed}: path {}",
            filter.path()
        );
        assert!(
            (0.6..1.5).contains(&filter.variation()),
            "seed {seed}: {}",
            filter.variation()
        );
        let steps = (1..20).find(|_| {
            filter.observe(&answered(&mut draw, 0.030));
            filter.service(0.0) >= 0.029
        });
        slowest = slowest.max(steps.unwrap_or(20));
    }
    let mean = error / (40.0 * 20.0);
    assert!(mean < 0.05, "mean error {mean}");
    assert!(slowest <= 8, "the slowest seed took {slowest} intervals");
}

/// Two tasks per second of 50 ms on average: a single long one makes the service time suspect in hardly any interval, and it is
/// not believed for long.
#[test]
fn few_long_tasks_do_not_make_the_service_time_suspect() {
    let (mut suspected, mut intervals, mut longest) = (0, 0, 0);
    for seed in SEEDS {
        let mut draw = Draw::new(2_000 + seed);
        let mut filter = ServiceFilter::new();
        let mut lasts = 0;
        for second in 0..600 {
            let count = draw.poisson(2.0);
            let times: Vec<f64> = (0..count).map(|_| 0.050 * draw.exponential()).collect();
            let busy: f64 = times.iter().sum();
            filter.observe(&Answered {
                count,
                busy,
                busy_squares: times.iter().map(|time| time * time).sum(),
                unqueued: busy + 0.005 * count as f64,
            });
            if second >= 30 {
                let suspect = filter.service(0.0) > 0.150;
                lasts = if suspect { lasts + 1 } else { 0 };
                intervals += 1;
                suspected += i32::from(suspect);
                longest = longest.max(lasts);
            }
        }
        assert!(
            (0.5..2.0).contains(&filter.variation()),
            "seed {seed}: {}",
            filter.variation()
        );
    }
    assert!(
        suspected * 200 < intervals,
        "{suspected} of {intervals} intervals"
    );
    assert!(longest <= 5, "believed for {longest} intervals");
}

/// Under steady load the number of sets is at rest, and the objective is met.
#[test]
fn steady_load_neither_flaps_nor_starves() {
    for seed in SEEDS {
        let mut layer = Layer::new(seed, Duration::from_secs(2));
        let mut policy = Kalman::new(rules(20));
        let run = layer.run(&mut policy, &|_| 80.0, 300);
        let late = run.late(60.0, 300.0, 0.5);
        assert!(late < 0.02, "seed {seed}: {late} late");
        let wanted = &run.wanted[60..];
        let (least, most) = (wanted.iter().min().unwrap(), wanted.iter().max().unwrap());
        assert!(most - least <= 2, "seed {seed}: {least} to {most}");
        assert!(*most <= 5, "seed {seed}: {most} for a load of 1.6");
    }
}

/// A threefold step with sets that take 2 s to start: two intervals and a start later it is over.
#[test]
fn a_step_is_over_soon_after_the_sets_have_started() {
    for seed in SEEDS {
        let mut layer = Layer::new(seed, Duration::from_secs(2));
        let mut policy = Kalman::new(rules(40));
        let rate = |at: f64| if at < 60.0 { 60.0 } else { 180.0 };
        let run = layer.run(&mut policy, &rate, 120);
        let late = run.late(68.0, 120.0, 0.5);
        assert!(late < 0.02, "seed {seed}: {late} late after the step");
    }
}

/// Claim: what is learned is taken to be worse than it looks. 1.86 of two sets, the same in every interval, are within the bound of 95 %
/// if they are known, and they never are: a third set.
#[test]
fn two_sets_that_would_only_just_do_are_three() {
    let mut policy = Kalman::new(rules(8));
    policy.start(Some(2));
    let even = Interval {
        length: Duration::from_secs(1),
        arrivals: 93,
        completions: 93,
        busy: Duration::from_millis(1_860),
        busy_squares: 93.0 * 0.02 * 0.02,
        waiting: Duration::ZERO,
        response: Duration::from_millis(2_325),
    };
    let decisions = (1..60).map(|second| {
        let now = Instant::ZERO + Duration::from_secs(second);
        let decision = policy.decide(&Signal {
            now,
            operation: Operation::Add,
            arrivals: 93,
            reading: Some(Reading {
                at: now,
                depth: Depth::default(),
                oldest_wait: None,
            }),
            interval: Some(Ok(even)),
            start_delay: Some(Duration::from_secs(2)),
            ready: 2,
            starting: 0,
        });
        decision.wanted
    });
    let last = decisions.last();
    assert_eq!(last, Some(3));
}

/// Silence, contradiction and a lost queue: the last decision stands and says why.
#[test]
fn a_signal_that_is_of_no_use_is_held_and_said() {
    let mut policy = Kalman::new(rules(8));
    policy.start(Some(5));
    let at = |seconds: u64| Instant::ZERO + Duration::from_secs(seconds);
    let signal = |seconds: u64, interval| Signal {
        now: at(seconds),
        operation: Operation::Add,
        arrivals: 0,
        reading: Some(Reading {
            at: at(seconds),
            depth: Depth::default(),
            oldest_wait: None,
        }),
        interval,
        start_delay: None,
        ready: 5,
        starting: 0,
    };
    let good = Interval {
        length: Duration::from_secs(1),
        arrivals: 50,
        completions: 50,
        busy: Duration::from_secs(1),
        busy_squares: 0.04,
        waiting: Duration::from_millis(10),
        response: Duration::from_secs(2),
    };
    let first = policy.decide(&signal(1, Some(Ok(good))));
    assert!(!first.held, "{first:?}");
    let nan = Interval {
        busy_squares: f64::NAN,
        ..good
    };
    let torn = Interval {
        response: Duration::ZERO,
        ..good
    };
    let none = Interval {
        length: Duration::ZERO,
        ..good
    };
    for (second, bad) in [
        (2, Ok(nan)),
        (3, Ok(torn)),
        (4, Ok(none)),
        (5, Err("backwards".to_owned())),
    ] {
        let decision = policy.decide(&signal(second, Some(bad)));
        assert!(decision.held && decision.why.contains("holding"), "{decision:?}");
        assert_eq!(decision.wanted, first.wanted);
    }
    let silent = policy.decide(&signal(30, None));
    assert!(silent.held && silent.why.contains("no report"), "{silent:?}");
    let mut blind = signal(31, Some(Ok(good)));
    blind.reading = None;
    assert!(policy.decide(&blind).held);
    assert!(!policy.decide(&signal(32, Some(Ok(good)))).held);
}
