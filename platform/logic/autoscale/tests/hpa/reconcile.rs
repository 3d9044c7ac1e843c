//! Whole reconciles: order of decisions, conditions, and the way to zero and back.

use tally_autoscale::hpa::{
    Behavior, Compat, ConditionType, Metric, Reason, Scale, Selector, Spec, State, reconcile, written,
};

use crate::{at, pod, queue, tens};

fn step(spec: &Spec, state: &mut State, seconds: u64, current: i32, metrics: &[Metric]) -> i32 {
    let outcome = reconcile(spec, state, at(seconds), Some(&Scale::settled(current)), metrics).unwrap();
    written(spec, state, at(seconds), &outcome, true);
    outcome.desired
}

fn reason(state: &State, condition: ConditionType) -> Option<(bool, Reason)> {
    state
        .conditions
        .get(condition)
        .map(|condition| (condition.holds, condition.reason))
}

/// Outside of the bounds nothing is asked and nothing is held back.
#[test]
fn outside_of_the_bounds_no_metric_is_read() {
    let broken = [Metric::Unknown { name: String::new() }];
    for (current, expected) in [(50, 9), (1, 3)] {
        let mut state = State::default();
        assert_eq!(step(&Spec::new(3, 9), &mut state, 0, current, &broken), expected);
        assert_eq!(
            reason(&state, ConditionType::AbleToScale),
            Some((true, Reason::SucceededRescale))
        );
        assert_eq!(reason(&state, ConditionType::ScalingActive), None);
        assert_eq!(state.last_scale, Some(at(0)));
    }
}

/// What cannot be read or written leaves everything as it is, and says so.
#[test]
fn failures_hold_and_say_so() {
    let spec = Spec {
        behavior: Some(Behavior::defaults(Spec::DOWNSCALE_STABILIZATION)),
        ..Spec::new(1, 9)
    };
    let mut state = State::default();
    assert_eq!(reconcile(&spec, &mut state, at(0), None, &[queue(40)]), None);
    assert_eq!(
        reason(&state, ConditionType::AbleToScale),
        Some((false, Reason::FailedGetScale))
    );

    let outcome = reconcile(&spec, &mut state, at(0), Some(&Scale::settled(2)), &[queue(40)]).unwrap();
    assert_eq!((outcome.desired, outcome.rescales()), (6, true));
    written(&spec, &mut state, at(0), &outcome, false);
    assert_eq!(
        reason(&state, ConditionType::AbleToScale),
        Some((false, Reason::FailedUpdateScale))
    );
    assert!(state.history.ups.is_empty() && state.last_scale.is_none());

    let unread = Metric::External {
        target: tally_autoscale::hpa::TotalTarget::AverageValue(4_000),
        reading: Err("the queue does not answer".to_owned()),
    };
    let outcome = reconcile(&spec, &mut state, at(1), Some(&Scale::settled(2)), &[unread]).unwrap();
    assert_eq!(outcome.desired, 2);
    assert!(outcome.error().unwrap().message.contains("does not answer"));
    assert_eq!(
        reason(&state, ConditionType::ScalingActive),
        Some((false, Reason::FailedGetExternalMetric))
    );
}

/// A selector that does not find the pods of this target alone stops scaling; 1.20 did not notice an overlap.
#[test]
fn a_selector_must_be_clear() {
    for (selector, compat, expected) in [
        (Selector::Invalid, Compat::V1_37, Some(Reason::InvalidSelector)),
        (Selector::Invalid, Compat::V1_20, Some(Reason::InvalidSelector)),
        (
            Selector::Ambiguous,
            Compat::V1_37,
            Some(Reason::AmbiguousSelector),
        ),
        (Selector::Ambiguous, Compat::V1_20, None),
    ] {
        let spec = Spec {
            compat,
            ..Spec::new(1, 9)
        };
        let scale = Scale {
            selector,
            ..Scale::settled(2)
        };
        let outcome = reconcile(&spec, &mut State::default(), at(0), Some(&scale), &[queue(16)]).unwrap();
        assert_eq!(outcome.error().map(|error| error.reason), expected);
    }
}

/// Zero replicas are a pause, unless the autoscaler itself went there and something tells when to leave.
#[test]
fn zero_is_a_pause_unless_the_autoscaler_went_there() {
    let on_pods = || tens(vec![pod(tally_autoscale::hpa::PodState::Counted, Some(99))]);
    // compat, min, went there itself, metric of a queue, then: replicas
    let table = [
        (Compat::V1_37, 0, false, true, 0),
        (Compat::V1_37, 0, true, true, 2),
        (Compat::V1_37, 0, true, false, 0),
        (Compat::V1_37, 3, true, true, 3),
        (Compat::V1_37, 6, true, true, 6),
        (Compat::V1_37, 3, false, true, 0),
        (Compat::V1_28, 0, false, true, 2),
        (Compat::V1_28, 3, true, true, 0),
        (Compat::V1_20, 0, false, true, 2),
    ];
    for (compat, min, emptied, on_queue, expected) in table {
        let spec = Spec {
            compat,
            ..Spec::new(min, 9)
        };
        let mut state = State::default();
        if emptied {
            state
                .conditions
                .set(ConditionType::ScaledToZero, true, Reason::ScaledToZero);
        }
        let metric = if on_queue { queue(8) } else { on_pods() };
        let desired = step(&spec, &mut state, 0, 0, &[metric]);
        assert_eq!(
            desired, expected,
            "{compat:?} min {min} emptied {emptied} queue {on_queue}"
        );
        let active = reason(&state, ConditionType::ScalingActive).unwrap();
        assert_eq!(active.0, expected > 0);
    }
}

/// To zero after the window, and back at the first message; the condition remembers who did it.
#[test]
fn an_empty_queue_leads_to_zero_and_a_message_back() {
    let spec = Spec::new(0, 9);
    let mut state = State::default();
    assert_eq!(
        step(&spec, &mut state, 0, 2, &[queue(0)]),
        2,
        "a new autoscaler holds for its window"
    );
    assert_eq!(
        step(&spec, &mut state, 300, 2, &[queue(0)]),
        2,
        "the end of the window belongs to it"
    );
    assert_eq!(step(&spec, &mut state, 301, 2, &[queue(0)]), 0);
    let zero = |state: &State| reason(state, ConditionType::ScaledToZero);
    assert_eq!(zero(&state), Some((true, Reason::ScaledToZero)));
    assert_eq!(step(&spec, &mut state, 316, 0, &[queue(0)]), 0);
    assert_eq!(step(&spec, &mut state, 331, 0, &[queue(1)]), 1);
    assert_eq!(zero(&state), Some((false, Reason::NotScaledToZero)));
}

/// A tolerance of a behavior replaces the flag's for its direction, except in 1.20, which had none.
#[test]
fn a_behavior_has_its_own_tolerance() {
    let mut behavior = Behavior::defaults(Spec::DOWNSCALE_STABILIZATION);
    behavior.up.tolerance = Some(0.6);
    for (compat, expected) in [(Compat::V1_37, 2), (Compat::V1_20, 3)] {
        let behavior = Some(behavior.clone());
        let spec = Spec {
            compat,
            behavior,
            ..Spec::new(1, 9)
        };
        assert_eq!(step(&spec, &mut State::default(), 0, 2, &[queue(12)]), expected);
    }
}

/// What Kubernetes would refuse is named, everything at once.
#[test]
fn impossible_specs_are_named() {
    let mut behavior = Behavior::defaults(std::time::Duration::from_hours(2));
    behavior.up.policies.clear();
    behavior.up.tolerance = Some(f64::NAN);
    behavior.down.policies[0].period = std::time::Duration::ZERO;
    let spec = Spec {
        behavior: Some(behavior),
        ..Spec::new(5, 3)
    };
    assert_eq!(spec.problems().len(), 5, "{:#?}", spec.problems());
    assert_eq!(Spec::new(0, 1).problems(), Vec::<String>::new());
}
