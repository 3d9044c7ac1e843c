//! What holds whatever the autoscaler is shown.

use std::time::Duration;

use proptest::prelude::*;
use tally_autoscale::hpa::{
    Behavior, Change, Compat, ConditionType, Metric, PodReading, PodSample, PodState, PodTarget, Reason,
    Scale, ScalingPolicy, ScalingRules, Select, Spec, State, TotalTarget, reconcile, written,
};

use crate::{at, pod, queue, tens};

fn compat() -> impl Strategy<Value = Compat> {
    prop_oneof![Just(Compat::V1_20), Just(Compat::V1_28), Just(Compat::V1_37)]
}

fn policy() -> impl Strategy<Value = ScalingPolicy> {
    let change = prop_oneof![
        (1..8_i32).prop_map(Change::Pods),
        (1..250_i32).prop_map(Change::Percent)
    ];
    (change, 1..240_u64).prop_map(|(change, seconds)| ScalingPolicy::per_seconds(change, seconds))
}

fn rules() -> impl Strategy<Value = ScalingRules> {
    let select = prop_oneof![4 => Just(Select::Max), 4 => Just(Select::Min), 1 => Just(Select::Disabled)];
    (prop::collection::vec(policy(), 1..4), select, 0..200_u64).prop_map(|(policies, select, window)| {
        ScalingRules {
            policies,
            select,
            window: Duration::from_secs(window),
            tolerance: None,
        }
    })
}

fn spec() -> impl Strategy<Value = Spec> {
    let behavior = prop::option::of((rules(), rules()).prop_map(|(up, down)| Behavior { up, down }));
    (0..6_i32, 1..30_i32, behavior, compat()).prop_map(|(min, span, behavior, compat)| Spec {
        behavior,
        compat,
        ..Spec::new(min, min + span)
    })
}

fn state() -> impl Strategy<Value = PodState> {
    prop_oneof![
        4 => Just(PodState::Counted),
        1 => Just(PodState::Unready),
        1 => Just(PodState::Missing),
        1 => Just(PodState::Ignored),
    ]
}

/// Any metric, with readings up to the ends of the type.
fn metric() -> impl Strategy<Value = Metric> {
    let amount = prop_oneof![6 => 0..100_000_i64, 1 => Just(i64::MAX), 1 => any::<i64>()];
    let request = prop_oneof![8 => (0..5_000_i64).prop_map(Some), 1 => Just(None)];
    let sample = (state(), prop::option::weighted(0.9, amount.clone()), request).prop_map(
        |(state, usage, request)| PodSample {
            state,
            usage,
            request,
        },
    );
    let reading = (
        prop::collection::vec(sample, 0..6),
        prop::collection::vec(amount.clone(), 0..2),
    )
        .prop_map(|(pods, superfluous)| Ok(PodReading { pods, superfluous }))
        .boxed();
    let utilization = (1..400_i32, reading.clone()).prop_map(|(percent, reading)| Metric::Resource {
        target: PodTarget::Utilization(percent),
        reading,
    });
    let average = (1..50_000_i64, reading).prop_map(|(target, reading)| Metric::Pods { target, reading });
    let total = (1..50_000_i64, any::<bool>(), prop::collection::vec(amount, 0..3)).prop_map(
        |(target, is_value, series)| Metric::External {
            target: if is_value {
                TotalTarget::Value(target)
            } else {
                TotalTarget::AverageValue(target)
            },
            reading: Ok(series),
        },
    );
    let unknown = Just(Metric::Unknown { name: "x".to_owned() });
    prop_oneof![3 => utilization, 3 => average, 3 => total, 1 => unknown]
}

/// Depths of a queue with the seconds that pass before each.
fn depths() -> impl Strategy<Value = Vec<(u64, i64)>> {
    prop::collection::vec((1..90_u64, prop_oneof![3 => 0..60_i64, 1 => 0..400_i64]), 1..60)
}

/// One step of a life: when, from how many, to how many.
#[derive(Clone, Copy, Debug)]
struct Step {
    at: u64,
    before: i32,
    after: i32,
}

/// Lives through `depths`, from `start` replicas; every step is written and takes effect at once.
fn live(spec: &Spec, start: i32, depths: &[(u64, i64)]) -> (Vec<Step>, State) {
    let (mut state, mut now, mut current) = (State::default(), 0, start);
    let steps = depths.iter().map(|&(pause, depth)| {
        now += pause;
        let scale = Scale::settled(current);
        let outcome = reconcile(spec, &mut state, at(now), Some(&scale), &[queue(depth)]).unwrap();
        written(spec, &mut state, at(now), &outcome, true);
        let before = std::mem::replace(&mut current, outcome.desired);
        Step {
            at: now,
            before,
            after: current,
        }
    });
    let steps = steps.collect();
    (steps, state)
}

proptest! {
    /// Whatever is read and however often, the result is within the bounds; a target at zero may stay there.
    #[test]
    fn results_are_within_the_bounds(
        spec in spec(),
        rounds in prop::collection::vec((prop::collection::vec(metric(), 0..3), 0..400_u64), 1..12),
        mut current in 0..60_i32,
        emptied in any::<bool>(),
    ) {
        let (mut state, mut now) = (State::default(), 0);
        if emptied {
            state.conditions.set(ConditionType::ScaledToZero, true, Reason::ScaledToZero);
        }
        for (metrics, pause) in rounds {
            now += pause;
            let scale = Scale::settled(current);
            let outcome = reconcile(&spec, &mut state, at(now), Some(&scale), &metrics).unwrap();
            written(&spec, &mut state, at(now), &outcome, true);
            let paused = current == 0 && outcome.desired == 0;
            prop_assert!(paused || (spec.min..=spec.max).contains(&outcome.desired), "{outcome:?}");
            current = outcome.desired;
        }
    }

    /// More of a metric never leads to fewer replicas, in the proposal and after all limits.
    #[test]
    fn more_load_never_asks_for_less(
        spec in spec(),
        current in 1..30_i32,
        usages in prop::collection::vec(0..300_i64, 1..30),
        more in 0..300_i64,
        on_pods in any::<bool>(),
    ) {
        let current = current.clamp(spec.min.max(1), spec.max);
        let measured = |more: i64| if on_pods {
            let usage = |index: usize| usages[index % usages.len()] + more;
            tens((0..current as usize).map(|index| pod(PodState::Counted, Some(usage(index)))).collect())
        } else {
            queue(usages[0] + more)
        };
        let decide = |more| {
            let scale = Scale::settled(current);
            let outcome = reconcile(&spec, &mut State::default(), at(0), Some(&scale), &[measured(more)]).unwrap();
            (outcome.proposals.unwrap().unwrap().replicas, outcome.desired)
        };
        let ((less_proposed, less), (more_proposed, more)) = (decide(0), decide(more));
        prop_assert!(less_proposed <= more_proposed, "{less_proposed} > {more_proposed}");
        prop_assert!(less <= more, "{less} > {more}");
    }

    /// Within tolerance nothing changes, whatever the limits.
    #[test]
    fn within_tolerance_nothing_changes(spec in spec(), current in 1..30_i32, deviation in -99..=99_i64) {
        let current = current.clamp(spec.min.max(1), spec.max);
        let total = 4_000 * i64::from(current) * (1_000 + deviation) / 1_000;
        let metric = |target| Metric::External { target, reading: Ok(vec![total]) };
        let targets = [TotalTarget::AverageValue(4_000), TotalTarget::Value(4_000 * i64::from(current))];
        for target in targets {
            let scale = Scale::settled(current);
            let outcome =
                reconcile(&spec, &mut State::default(), at(0), Some(&scale), &[metric(target)]).unwrap();
            prop_assert_eq!(outcome.desired, current);
        }
    }

    /// A step down never goes below what was asked for within the window, the first size included.
    #[test]
    fn the_way_down_respects_the_window(mut spec in spec(), depths in depths()) {
        if let (Compat::V1_20, Some(behavior)) = (spec.compat, &mut spec.behavior) {
            // 1.20 steps down when its window for the way up says so: memory::both_windows_count_except_in_1_20.
            behavior.up.window = Duration::ZERO;
        }
        let start = spec.max;
        let (steps, _) = live(&spec, start, &depths);
        let (window, closed) = match &spec.behavior {
            None => (spec.downscale_stabilization.as_secs(), true),
            Some(behavior) => (behavior.down.window.as_secs(), false),
        };
        // What was asked for, computed by hand: the depth over 4, unless that is within 10 % of what there was.
        let mut asked = vec![(steps[0].at, start)];
        for (step, (_, depth)) in steps.iter().zip(&depths) {
            let (there, depth) = (i64::from(step.before), *depth);
            let tolerable = 36 * there <= 10 * depth && 10 * depth <= 44 * there;
            let edge = 36 * there == 10 * depth || 10 * depth == 44 * there;
            let needed = if tolerable && !edge { step.before } else { (depth as u64).div_ceil(4) as i32 };
            let young = |then: u64| step.at - then < window || (closed && step.at - then == window);
            if step.after < step.before && step.before != 0 {
                let largest = asked.iter().filter(|(then, _)| young(*then)).map(|(_, asked)| *asked).max();
                let largest = largest.unwrap_or(0).min(spec.max);
                prop_assert!(step.after >= largest, "{step:?} below {largest} of {asked:?}");
            }
            if step.before != 0 && !edge {
                asked.push((step.at, needed));
            }
        }
    }

    /// Within its period no policy that counts is exceeded, by the steps that were really made.
    #[test]
    fn policies_are_never_exceeded(spec in spec(), depths in depths(), start in 1..20_i32) {
        let Some(behavior) = spec.behavior.clone() else { return Ok(()) };
        let start = start.clamp(spec.min.max(1), spec.max);
        let (steps, _) = live(&spec, start, &depths);
        for (index, step) in steps.iter().enumerate() {
            let up = step.after > step.before;
            if step.after == step.before || step.before == 0 {
                continue;
            }
            let rules = if up { &behavior.up } else { &behavior.down };
            let kept = |policy: &ScalingPolicy| {
                let young = steps[..index].iter().filter(|past| step.at - past.at < policy.period.as_secs());
                let changes = young.map(|past| past.after - past.before);
                let counts = |change: &i32| spec.compat != Compat::V1_20 || (*change > 0) == up;
                let from = step.before - changes.filter(counts).sum::<i32>();
                allows(policy.change, from, up, step.after)
            };
            let held = match rules.select {
                Select::Max => rules.policies.iter().any(kept),
                Select::Min => rules.policies.iter().all(kept),
                Select::Disabled => false,
            };
            prop_assert!(held, "{step:?} after {:?}", &steps[..index]);
        }
    }

    /// The memory does not grow beyond what the windows hold at the pace of the reconciles.
    #[test]
    fn memory_is_bounded_by_the_windows(spec in spec(), depths in depths()) {
        let depths: Vec<_> = depths.iter().cycle().take(600).map(|(_, depth)| (15, *depth)).collect();
        let (_, state) = live(&spec, spec.max, &depths);
        let history = state.history;
        prop_assert!(history.recommended().len() <= 300 / 15 + 2, "{}", history.recommended().len());
        prop_assert!(history.ups.len().max(history.downs.len()) <= 240 / 15 + 2);
    }
}

/// True if `change` from `from` allows `to`: in whole numbers, one more for what binary fractions round up.
fn allows(change: Change, from: i32, up: bool, to: i32) -> bool {
    match (change, up) {
        (Change::Pods(pods), true) => to <= from + pods,
        (Change::Pods(pods), false) => to >= from - pods,
        (Change::Percent(percent), true) => 100 * (to - 1) <= from * (100 + percent),
        (Change::Percent(percent), false) => 100 * (to + 1) >= from * (100 - percent),
    }
}
