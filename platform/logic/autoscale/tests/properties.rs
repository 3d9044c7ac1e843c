//! What every policy owes, whatever it is shown.

use std::time::Duration;

use proptest::prelude::*;
use tally_autoscale::{
    Interval, Known, Panel, Policy, Reading, Rules, Signal, Threshold, ThresholdReport, policy,
};
use tally_model::{Bounds, Depth, Instant, Operation, Scaler};

const DOWN_AFTER: Duration = Duration::from_secs(10);
const STALE_AFTER: Duration = Duration::from_secs(1);

fn rules(min: u32, max: u32) -> Rules {
    Rules::new(Bounds { min, max }, 4, DOWN_AFTER, STALE_AFTER)
}

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

fn signal(millis: u64, visible: u64, arrivals: u64, ready: u32, starting: u32) -> Signal {
    let depth = Depth {
        visible,
        in_flight: 0,
    };
    Signal {
        now: at(millis),
        operation: Operation::Add,
        arrivals,
        reading: Some(Reading {
            at: at(millis),
            depth,
            oldest_wait: None,
        }),
        interval: None,
        start_delay: None,
        ready,
        starting,
    }
}

/// A plan of a burst.
fn known() -> Known {
    let mut arrivals = vec![3; 200];
    arrivals[40..60].fill(90);
    Known {
        arrivals,
        bucket: Duration::from_millis(500),
        drift: None,
        work: None,
    }
}

/// Every policy there is.
fn scaler() -> impl Strategy<Value = Scaler> {
    let named: Vec<Scaler> = Scaler::NAMES
        .iter()
        .filter_map(|name| Scaler::from_name(name))
        .collect();
    prop_oneof![
        6 => proptest::sample::select(named),
        1 => (0..20_u32).prop_map(Scaler::Fixed),
    ]
}

/// A report that may be missing, contradictory, or of absurd size.
fn wild_interval() -> impl Strategy<Value = Option<Result<Interval, String>>> {
    let count = || prop_oneof![0..100_u64, Just(u64::MAX)];
    let squares = prop_oneof![
        0.0..1.0_f64,
        Just(f64::NAN),
        Just(-1.0),
        Just(f64::INFINITY),
        Just(f64::MAX)
    ];
    let interval = (count(), count(), count(), count(), count(), count(), squares);
    let interval = interval.prop_map(
        |(length, arrivals, completions, busy, waiting, response, busy_squares)| Interval {
            length: Duration::from_millis(length),
            arrivals,
            completions,
            busy: Duration::from_millis(busy),
            busy_squares,
            waiting: Duration::from_millis(waiting),
            response: Duration::from_millis(response),
        },
    );
    prop_oneof![
        3 => Just(None),
        3 => interval.prop_map(|interval| Some(Ok(interval))),
        1 => Just(Some(Err("it cannot be read".to_owned()))),
    ]
}

/// A signal that may lack its reading or have an old one, with counts up to the end of the type.
fn wild_signal() -> impl Strategy<Value = Signal> {
    let count = prop_oneof![0..100_u64, Just(u64::MAX)];
    (
        0..100_000_u64,
        count.clone(),
        count,
        any::<u32>(),
        any::<u32>(),
        0..4_u8,
        wild_interval(),
        proptest::option::of((0..100_000_u64).prop_map(Duration::from_millis)),
    )
        .prop_map(
            |(millis, visible, arrivals, ready, starting, health, interval, start_delay)| {
                let mut signal = signal(millis, visible, arrivals, ready, starting);
                signal.interval = interval;
                signal.start_delay = start_delay;
                match (health, signal.reading.as_mut()) {
                    (0, _) => signal.reading = None,
                    (1, Some(reading)) => reading.at = reading.at - Duration::from_secs(2),
                    _ => {}
                }
                signal
            },
        )
}

proptest! {
    /// No history of signals brings any policy outside its bounds.
    #[test]
    fn the_bounds_always_hold(
        scaler in scaler(),
        min in 0..5_u32,
        room in 0..8_u32,
        previous in proptest::option::of(any::<u32>()),
        signals in proptest::collection::vec(wild_signal(), 1..60),
    ) {
        let mut policy = policy(scaler, rules(min, min + room), &known());
        let first = policy.start(previous).wanted;
        prop_assert!((min..=min + room).contains(&first));
        for signal in &signals {
            let wanted = policy.decide(signal).wanted;
            prop_assert!((min..=min + room).contains(&wanted), "{} wants {wanted}", policy.name());
        }
    }

    /// What a policy decides depends on the signals alone: not on who drives, nor on who else is in the shadow.
    #[test]
    fn no_policy_sees_what_another_decides(
        observer in scaler(),
        others in proptest::collection::vec(scaler(), 0..5),
        signals in proptest::collection::vec(wild_signal(), 1..40),
    ) {
        let mut alone = policy(observer, rules(1, 8), &known());
        alone.start(Some(1));
        let mut driven = Panel::new(observer, &others, rules(1, 8), &known());
        driven.start(Some(1));
        let mut shadows = others.clone();
        shadows.push(observer);
        let mut shadowed = Panel::new(Scaler::Fixed(1), &shadows, rules(1, 8), &known());
        shadowed.start(Some(1));
        for signal in &signals {
            let decision = alone.decide(signal);
            prop_assert_eq!(&driven.decide(signal).driving, &decision);
            prop_assert_eq!(&shadowed.decide(signal).shadows[others.len()].1, &decision);
        }
    }

    /// Without a look at the layer, every policy that looks at it keeps its decision and says so.
    #[test]
    fn what_cannot_be_used_changes_nothing(
        scaler in scaler(),
        signals in proptest::collection::vec(wild_signal(), 1..60),
    ) {
        let mut policy = policy(scaler, rules(1, 8), &known());
        let mut last = policy.start(None).wanted;
        for signal in &signals {
            let decision = policy.decide(signal);
            if decision.held {
                prop_assert_eq!(decision.wanted, last, "{}: {}", policy.name(), decision.why);
            }
            last = decision.wanted;
        }
    }

    /// A missing or stale reading changes nothing and is said.
    #[test]
    fn without_a_reading_the_last_decision_stands(
        report in any::<bool>(),
        signals in proptest::collection::vec(wild_signal(), 1..60),
    ) {
        let scaler = if report { Scaler::ThresholdReport } else { Scaler::Threshold };
        let mut policy = policy(scaler, rules(1, 8), &known());
        let mut last = policy.start(None).wanted;
        for signal in &signals {
            let decision = policy.decide(signal);
            let blind = signal.backlog(STALE_AFTER).is_err();
            prop_assert_eq!(decision.held, blind);
            if blind {
                prop_assert_eq!(decision.wanted, last);
                prop_assert!(decision.why.contains("holding"), "{}", decision.why);
            }
            last = decision.wanted;
        }
    }

    /// From the same past, a deeper layer never gets fewer sets.
    #[test]
    fn a_deeper_layer_never_gets_fewer_sets(
        past in proptest::collection::vec(0..60_u64, 0..300),
        shallow in 0..100_u64,
        more in 0..100_u64,
        arrivals in 0..50_u64,
        ready in 0..9_u32,
    ) {
        let mut guarded = Threshold::new(rules(1, 8));
        let mut literal = ThresholdReport::new(rules(1, 8));
        for (tick, &depth) in past.iter().enumerate() {
            guarded.decide(&signal(tick as u64 * 100, depth, 1, ready, 0));
            literal.decide(&signal(tick as u64 * 100, depth, 1, ready, 0));
        }
        let now = past.len() as u64 * 100;
        let (low, high) = (signal(now, shallow, arrivals, ready, 0), signal(now, shallow + more, arrivals, ready, 0));
        prop_assert!(guarded.clone().decide(&low).wanted <= guarded.decide(&high).wanted);
        prop_assert!(literal.clone().decide(&low).wanted <= literal.decide(&high).wanted);
    }

    /// While the depth stays within a factor of two, the number of sets never turns round.
    #[test]
    fn steady_load_does_not_flap(
        start in 1..9_u32,
        floor in 1..40_u64,
        noise in proptest::collection::vec(0..1000_u64, 2000),
    ) {
        let mut policy = Threshold::new(rules(1, 8));
        policy.start(Some(start));
        let mut last = start;
        let (mut rose, mut fell) = (false, false);
        for (tick, sample) in noise.iter().enumerate() {
            let depth = floor + sample * floor / 1000;
            let wanted = policy.decide(&signal(tick as u64 * 100, depth, 1, last, 0)).wanted;
            rose |= wanted > last;
            fell |= wanted < last;
            last = wanted;
        }
        prop_assert!(!(rose && fell), "went both ways at a depth of {floor} to {}", floor * 2);
    }
}

/// Sets that are starting count as if they were there: the same backlog seen again asks for nothing more.
#[test]
fn starting_sets_are_credited() {
    let mut policy = Threshold::new(rules(1, 8));
    policy.start(None);
    assert_eq!(policy.decide(&signal(0, 20, 20, 1, 0)).wanted, 5);
    assert_eq!(policy.decide(&signal(100, 20, 0, 1, 4)).wanted, 5);
    let mut resumed = Threshold::new(rules(1, 8));
    resumed.start(Some(1));
    assert_eq!(
        resumed.decide(&signal(0, 20, 0, 1, 4)).wanted,
        1,
        "five sets suit a depth of 20"
    );
}

/// The way down takes one set per quiet period, and one busy moment starts the period again.
#[test]
fn scaling_down_is_slow_and_stepwise() {
    let mut policy = Threshold::new(rules(1, 8));
    policy.start(Some(4));
    let mut wanted_at = |millis: u64, depth: u64| policy.decide(&signal(millis, depth, 0, 4, 0)).wanted;
    assert_eq!(wanted_at(0, 0), 4);
    assert_eq!(wanted_at(9_999, 0), 4, "not yet ten seconds");
    assert_eq!(wanted_at(10_000, 0), 3);
    assert_eq!(wanted_at(19_000, 0), 3);
    assert_eq!(
        wanted_at(19_500, 6),
        3,
        "half the threshold is used: the period starts again"
    );
    assert_eq!(wanted_at(20_500, 0), 3);
    assert_eq!(wanted_at(30_499, 0), 3);
    assert_eq!(wanted_at(30_500, 0), 2);
    assert_eq!(wanted_at(40_500, 0), 1);
    assert_eq!(wanted_at(99_999, 0), 1, "never below the minimum");
}

/// C13: on a burst of B the report's rule asks for B - 4 sets, and only the safety cap stops it.
#[test]
fn the_report_asks_for_a_set_per_enqueue_above_four() {
    let mut policy = ThresholdReport::new(rules(1, 100));
    policy.start(None);
    assert_eq!(
        policy.decide(&signal(0, 4, 4, 1, 0)).wanted,
        1,
        "four is not more than four"
    );
    assert_eq!(policy.decide(&signal(10, 30, 26, 1, 0)).wanted, 27);
    assert_eq!(
        policy.decide(&signal(20, 30, 0, 1, 26)).wanted,
        27,
        "no enqueue, no ask"
    );
    assert_eq!(
        policy.decide(&signal(60_000, 0, 0, 27, 0)).wanted,
        27,
        "never down"
    );
    assert_eq!(
        policy.decide(&signal(60_010, 500, 500, 27, 0)).wanted,
        100,
        "capped"
    );
}

/// A minimum of 0 means that an idle layer may have no set at all and still wakes up.
#[test]
fn a_layer_scales_from_zero() {
    let mut policy = Threshold::new(rules(0, 8));
    assert_eq!(policy.start(None).wanted, 0);
    assert_eq!(policy.decide(&signal(0, 1, 1, 0, 0)).wanted, 1);
}

/// Bounds that contradict each other or the fixed number are resolved, not obeyed into a panic.
#[test]
fn odd_bounds_are_survived() {
    let mut fixed = policy(Scaler::Fixed(12), rules(1, 8), &known());
    let decision = fixed.start(None);
    assert_eq!(decision.wanted, 8);
    assert!(decision.why.contains("bounded"), "{}", decision.why);
    assert_eq!(
        policy(Scaler::Threshold, rules(5, 2), &known())
            .start(Some(9))
            .wanted,
        5
    );
}

/// Shadows see what the driving policy sees and change nothing.
#[test]
fn shadows_do_not_drive() {
    let shadows = [Scaler::ThresholdReport, Scaler::Fixed(3)];
    let mut panel = Panel::new(Scaler::Threshold, &shadows, rules(1, 50), &known());
    let mut alone = Threshold::new(rules(1, 50));
    assert_eq!(panel.start(None).driving, alone.start(None));
    let burst = signal(0, 40, 40, 1, 0);
    let verdict = panel.decide(&burst);
    assert_eq!(verdict.driving, alone.decide(&burst));
    let wanted: Vec<_> = verdict
        .shadows
        .iter()
        .map(|(name, decision)| (&**name, decision.wanted))
        .collect();
    assert_eq!(wanted, [("threshold-report", 37), ("fixed-3", 3)]);
}
