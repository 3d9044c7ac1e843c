//! Recommendations and steps, computed by hand.

use std::time::Duration;

use tally_autoscale::hpa::rate::{with_behavior, without_behavior};
use tally_autoscale::hpa::stabilize::{both_ways, down_only};
use tally_autoscale::hpa::{
    Behavior, Change, Compat, Event, History, Reason, Recommendation, ScalingPolicy, ScalingRules, Select,
    Spec,
};

use crate::at;

const NOW: u64 = 10_000;

fn log(entries: &[(i32, u64)]) -> History {
    let entry = |&(replicas, age): &(i32, u64)| Recommendation {
        replicas,
        at: at(NOW - age),
    };
    History {
        recommendations: Some(entries.iter().map(entry).collect()),
        ..History::default()
    }
}

fn numbers(history: &History) -> Vec<i32> {
    history.recommended().iter().map(|entry| entry.replicas).collect()
}

/// The end of the window belongs to it only without a behavior, and the last old entry makes place for the new one.
#[test]
fn windows_end_where_kubernetes_ends_them() {
    let mut history = log(&[(9, 301), (8, 302), (6, 300)]);
    let stable = down_only(&mut history, at(NOW), 2, Duration::from_mins(5));
    assert_eq!((stable, numbers(&history)), (6, vec![9, 2, 6]));

    let mut history = log(&[(9, 301), (6, 300), (5, 299)]);
    let behavior = Behavior::defaults(Duration::from_mins(5));
    let stable = both_ways(&mut history, at(NOW), 10, 2, &behavior, Compat::V1_37);
    assert_eq!(stable, (5, Reason::ScaleDownStabilized));
    assert_eq!(numbers(&history), [2, 6, 5]);
}

/// Both windows clamp the current size; 1.20 looked at the one of the direction only.
#[test]
fn both_windows_count_except_in_1_20() {
    let mut behavior = Behavior::defaults(Duration::from_mins(5));
    behavior.up.window = Duration::from_mins(5);
    let stable = |current, proposal, compat| {
        both_ways(
            &mut log(&[(4, 60), (8, 30)]),
            at(NOW),
            current,
            proposal,
            &behavior,
            compat,
        )
        .0
    };
    assert_eq!(stable(5, 9, Compat::V1_37), 5, "between 4 and 9");
    assert_eq!(stable(5, 9, Compat::V1_20), 4, "down although up was asked for");
    assert_eq!(stable(3, 9, Compat::V1_37), 4);
    assert_eq!(stable(9, 2, Compat::V1_37), 8);
    assert_eq!(stable(6, 2, Compat::V1_37), 6);
    assert_eq!(stable(6, 2, Compat::V1_20), 8, "up although down was asked for");
}

fn events(entries: &[(i32, u64)]) -> Vec<Event> {
    let event = |&(change, age): &(i32, u64)| Event {
        change,
        at: at(NOW - age),
        outdated: false,
    };
    entries.iter().map(event).collect()
}

fn rules(select: Select, policies: &[(Change, u64)]) -> ScalingRules {
    let policy = |&(change, seconds): &(Change, u64)| ScalingPolicy::per_seconds(change, seconds);
    ScalingRules {
        policies: policies.iter().map(policy).collect(),
        select,
        ..ScalingRules::up()
    }
}

/// Percentages are rounded as Kubernetes rounds them in binary fractions: up from 100 by 10 % is 111.
#[test]
fn percentages_round_as_in_kubernetes() {
    let spec = Spec::new(0, 10_000);
    for (percent, start, up, down) in [
        (10, 100, 111, 90),
        (10, 1, 2, 0),
        (50, 3, 5, 1),
        (100, 7, 14, 0),
        (1, 0, 0, 0),
    ] {
        let both = rules(Select::Max, &[(Change::Percent(percent), 60)]);
        let behavior = Behavior {
            up: both.clone(),
            down: both,
        };
        let step =
            |desired| with_behavior(&spec, &behavior, &History::default(), at(NOW), start, desired).replicas;
        assert_eq!((step(10_000), step(0)), (up, down), "{percent} % of {start}");
    }
}

/// `Max` takes the policy that allows most in its direction, `Min` the one that allows least, `Disabled` none.
#[test]
fn select_means_the_same_in_both_directions() {
    let spec = Spec::new(1, 1_000);
    let policies = [(Change::Pods(3), 60), (Change::Percent(50), 60)];
    for (select, up, down) in [
        (Select::Max, 30, 10),
        (Select::Min, 23, 17),
        (Select::Disabled, 20, 20),
    ] {
        let both = rules(select, &policies);
        let behavior = Behavior {
            up: both.clone(),
            down: both,
        };
        let step = |desired| with_behavior(&spec, &behavior, &History::default(), at(NOW), 20, desired);
        assert_eq!((step(999).replicas, step(1).replicas), (up, down), "{select:?}");
        assert_eq!(
            (step(999).reason, step(1).reason),
            (Reason::ScaleUpLimit, Reason::ScaleDownLimit)
        );
    }
}

/// A period starts from what there was then: steps of both directions within it count, at its end they do not.
#[test]
fn a_period_starts_from_what_there_was_then() {
    let behavior = Behavior {
        up: rules(Select::Max, &[(Change::Pods(10), 60)]),
        down: rules(Select::Max, &[(Change::Pods(10), 60)]),
    };
    let history = History {
        recommendations: None,
        ups: events(&[(4, 59), (100, 60)]),
        downs: events(&[(3, 10)]),
    };
    let step = |compat, desired| {
        let mut spec = Spec::new(0, 1_000);
        spec.compat = compat;
        with_behavior(&spec, &behavior, &history, at(NOW), 50, desired).replicas
    };
    // It started from 50 - 4 + 3 = 49; 1.20 counted from 46 up and from 53 down.
    assert_eq!((step(Compat::V1_37, 999), step(Compat::V1_37, 0)), (59, 39));
    assert_eq!((step(Compat::V1_20, 999), step(Compat::V1_20, 0)), (56, 43));
}

/// Without behavior: at most double or 4, the bounds, and no limit on the way down.
#[test]
fn without_behavior_a_step_at_most_doubles() {
    let table = [
        (1, 9, 1, 20, 4, Reason::ScaleUpLimit),
        (5, 99, 1, 20, 10, Reason::ScaleUpLimit),
        (5, 99, 1, 10, 10, Reason::TooManyReplicas),
        (5, 0, 2, 10, 2, Reason::TooFewReplicas),
        (100, 2, 1, 100, 2, Reason::DesiredWithinRange),
        (
            i32::MAX,
            i32::MAX,
            1,
            i32::MAX,
            i32::MAX,
            Reason::DesiredWithinRange,
        ),
    ];
    for (current, desired, min, max, replicas, reason) in table {
        let limited = without_behavior(current, desired, min, max);
        assert_eq!((limited.replicas, limited.reason), (replicas, reason));
    }
}

/// A step takes the place of the last one that is older than every period of its direction.
#[test]
fn a_step_takes_the_place_of_an_outdated_one() {
    let mut behavior = Behavior::defaults(Duration::from_mins(5));
    behavior
        .up
        .policies
        .push(ScalingPolicy::per_seconds(Change::Pods(1), 100));
    let mut history = History {
        ups: events(&[(1, 101), (2, 200), (3, 100)]),
        ..History::default()
    };
    let changes = |history: &History| -> Vec<i32> { history.ups.iter().map(|event| event.change).collect() };
    history.step(at(NOW), &behavior, 5, 9);
    assert_eq!(changes(&history), [1, 4, 3]);
    history.step(at(NOW), &behavior, 9, 14);
    assert_eq!(changes(&history), [5, 4, 3]);
    history.step(at(NOW), &behavior, 14, 20);
    assert_eq!(changes(&history), [5, 4, 3, 6]);
    history.step(at(NOW), &behavior, 20, 20);
    assert_eq!(
        (history.ups.len(), history.downs.len()),
        (4, 0),
        "a step to the same size is none"
    );
}
