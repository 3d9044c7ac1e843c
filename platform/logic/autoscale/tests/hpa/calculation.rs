//! From readings to proposals, computed by hand.

use tally_autoscale::hpa::PodState::{Counted, Ignored, Missing, Unready};
use tally_autoscale::hpa::{
    Calculation, Compat, Metric, PodReading, PodSample, PodTarget, Scale, Tolerance, TotalTarget, propose,
};

use crate::{pod, queue, tens};

const NOW: Calculation = Calculation {
    tolerance: Tolerance { down: 0.1, up: 0.1 },
    compat: Compat::V1_37,
};
const OLD: Calculation = Calculation {
    compat: Compat::V1_20,
    ..NOW
};

fn replicas(metric: &Metric, current: i32, by: &Calculation) -> i32 {
    metric.propose(&Scale::settled(current), by).unwrap().replicas
}

/// Pods by their usage: `-` is missing, `u` unready, `x` ignored, `?` counted without a value.
fn written_as(text: &str) -> Vec<PodSample> {
    let read = |word| match word {
        "-" => pod(Missing, None),
        "u" => pod(Unready, Some(99)),
        "x" => pod(Ignored, Some(99)),
        "?" => pod(Counted, None),
        usage => pod(Counted, Some(usage.parse().unwrap())),
    };
    text.split(' ').map(read).collect()
}

/// What is assumed of pods without samples damps the step in both directions and never turns it. Target 10 each.
#[test]
fn missing_and_unready_pods_damp_the_step() {
    let table = [
        ("20 20 - -", 4, 4, "up: 10 on average, the missing at 0"),
        ("40 40 - -", 4, 8, "up: 20 on average, the missing at 0"),
        ("30 u u", 3, 3, "up: 10 on average, the unready at 0"),
        ("60 u u", 3, 6, "up: 20 on average, the unready at 0"),
        ("20 u - x", 3, 3, "up: 6.7 on average would turn the direction"),
        ("20 20 x", 3, 4, "the ignored do not count at all"),
        ("40 ?", 2, 4, "a counted pod without a value is missing"),
        ("5 5 - -", 4, 3, "down: 7.5 on average, the missing at 10"),
        ("5 - - -", 4, 4, "down: 8.75 on average still needs 4"),
        ("5 5 u u", 4, 1, "down: the unready are left out"),
        ("5 5 u -", 4, 2, "down: 6.7 on average of three"),
    ];
    for (pods, current, expected, why) in table {
        assert_eq!(
            replicas(&tens(written_as(pods)), current, &NOW),
            expected,
            "{why}"
        );
    }
}

/// Where 1.20 let assumptions have consequences that later versions do not allow.
#[test]
fn assumptions_turned_the_direction_in_1_20() {
    let on_target = tens(vec![pod(Counted, Some(10)), pod(Missing, None)]);
    assert_eq!(
        (replicas(&on_target, 2, &NOW), replicas(&on_target, 2, &OLD)),
        (2, 1)
    );
    let more_samples = tens(vec![
        pod(Counted, Some(5)),
        pod(Counted, Some(5)),
        pod(Missing, None),
    ]);
    assert_eq!(
        (replicas(&more_samples, 1, &NOW), replicas(&more_samples, 1, &OLD)),
        (1, 2)
    );
}

fn cpu(percent: i32, pods: &[(PodSample, i64)]) -> Metric {
    let request = |&(pod, request): &(PodSample, i64)| PodSample {
        request: Some(request * 1_000),
        ..pod
    };
    Metric::Resource {
        target: PodTarget::Utilization(percent),
        reading: Ok(PodReading {
            pods: pods.iter().map(request).collect(),
            superfluous: Vec::new(),
        }),
    }
}

/// Utilization is one ratio of sums in whole percent, and what is assumed is weighted by requests.
#[test]
fn utilization_is_a_ratio_of_sums_in_whole_percent() {
    let unready_is_large = cpu(50, &[(pod(Counted, Some(260)), 100), (pod(Unready, None), 300)]);
    assert_eq!(
        replicas(&unready_is_large, 2, &NOW),
        3,
        "65 % of 400, not 5.2 times one pod"
    );
    for (usage, utilization, expected) in [(1099, 109, 1), (1109, 110, 1), (1110, 111, 2), (899, 89, 1)] {
        let proposal = cpu(100, &[(pod(Counted, Some(usage)), 1000)])
            .propose(&Scale::settled(1), &NOW)
            .unwrap();
        assert_eq!(
            (proposal.utilization, proposal.replicas),
            (Some(utilization), expected)
        );
    }
}

/// The interval of tolerance is closed and each direction has its own; 1.20 rounded the upper bound away.
#[test]
fn tolerance_is_a_closed_interval() {
    let eleven = Metric::External {
        target: TotalTarget::AverageValue(10_000),
        reading: Ok(vec![11_000]),
    };
    assert_eq!((replicas(&eleven, 1, &NOW), replicas(&eleven, 1, &OLD)), (1, 2));
    let wide_down = Tolerance { down: 0.5, up: 0.0 };
    for (ratio, within) in [
        (0.5, true),
        (0.499, false),
        (1.0, true),
        (1.001, false),
        (f64::NAN, false),
    ] {
        assert_eq!(wide_down.within(ratio, Compat::V1_37), within, "{ratio}");
    }
}

/// A value counts ready replicas only, so that a large ratio can ask for fewer replicas than there are.
#[test]
fn a_value_counts_ready_replicas() {
    let value = |total| Metric::Object {
        target: TotalTarget::Value(4_000),
        reading: Ok(total),
    };
    let scale = |ready| Scale {
        ready,
        ..Scale::settled(4)
    };
    let proposed = |total, ready| value(total).propose(&scale(ready), &NOW).unwrap().replicas;
    assert_eq!(proposed(8_000, 4), 8);
    assert_eq!(proposed(8_000, 1), 2);
    assert_eq!(proposed(4_100, 1), 4, "within tolerance");
    assert_eq!(proposed(i64::MAX, 4), i32::MAX, "saturates");
}

/// Series are added up and stop at the largest number; nothing there asks for nothing, also where 0 / 0 is no number.
#[test]
fn extremes_do_not_wrap_around() {
    let series = |series: Vec<i64>| Metric::External {
        target: TotalTarget::AverageValue(1),
        reading: Ok(series),
    };
    assert_eq!(replicas(&series(vec![i64::MAX, i64::MAX]), 3, &NOW), i32::MAX);
    assert_eq!(replicas(&series(vec![0]), 0, &NOW), 0);
    assert_eq!(replicas(&series(vec![7]), 0, &NOW), 7);
    let huge = cpu(1, &[(pod(Counted, Some(i64::MAX / 1_000)), 1)]);
    assert_eq!(replicas(&huge, 1_000, &NOW), i32::MAX);
}

/// The largest of several counts. One that is broken forbids the way down only; 1.20 did not mind.
#[test]
fn a_broken_metric_forbids_the_way_down_only() {
    let broken = || Metric::Unknown {
        name: "CheddarCheese".to_owned(),
    };
    let ask = |metrics: &[Metric], by| propose(metrics, &Scale::settled(4), by).map(|all| all.replicas);
    assert_eq!(ask(&[queue(8), queue(40), queue(20)], &NOW), Ok(10));
    assert_eq!(ask(&[broken(), queue(40)], &NOW), Ok(10));
    assert_eq!(ask(&[broken(), queue(16)], &NOW), Ok(4));
    assert!(ask(&[queue(8), broken()], &NOW).is_err());
    assert_eq!(ask(&[queue(8), broken()], &OLD), Ok(2));
    assert!(ask(&[broken()], &OLD).is_err());
    assert!(ask(&[], &NOW).is_err());
}
