//! Which pods count.

use std::time::Duration;

use tally_autoscale::hpa::PodState::{self, Counted, Ignored, Missing, Unready};
use tally_autoscale::hpa::pods::{Phase, Pod, Ready, Sample, Youth};

use crate::at;

/// Now, in seconds.
const NOW: u64 = 10_000;

/// A running pod that started `age` ago, with its condition as of `since` ago and a sample of the last minute taken
/// `sampled` ago.
fn young(age: u64, ready: bool, since: u64, sampled: u64) -> Pod {
    Pod {
        deleting: false,
        phase: Phase::Running,
        ready: Some(Ready {
            holds: Some(ready),
            since: at(NOW - since),
        }),
        started: Some(at(NOW - age)),
        sample: Some(Sample {
            usage: 1,
            at: at(NOW - sampled),
            window: Duration::from_mins(1),
        }),
        request: None,
    }
}

/// What a pod is, to CPU and to any other metric.
type Row = (&'static str, Pod, PodState, PodState);

fn hold(table: &[Row]) {
    for (why, pod, cpu, other) in table {
        let youth = Youth::default();
        assert_eq!(pod.state(true, at(NOW), &youth), *cpu, "{why}, CPU");
        assert_eq!(pod.state(false, at(NOW), &youth), *other, "{why}, another metric");
    }
}

/// The first rule that fits decides: going away, phase, sample.
#[test]
fn the_first_rule_that_fits_decides() {
    let old = young(1_000, true, 900, 0);
    let but = |change: fn(&mut Pod)| {
        let mut pod = old;
        change(&mut pod);
        pod
    };
    let deleting = but(|pod| (pod.deleting, pod.phase) = (true, Phase::Pending));
    let pending = but(|pod| (pod.phase, pod.sample) = (Phase::Pending, None));
    let failed = but(|pod| pod.phase = Phase::Failed);
    hold(&[
        ("settled", old, Counted, Counted),
        ("deleting and pending", deleting, Ignored, Ignored),
        ("failed", failed, Ignored, Ignored),
        ("pending without a sample", pending, Unready, Unready),
        (
            "succeeded",
            but(|pod| pod.phase = Phase::Succeeded),
            Counted,
            Counted,
        ),
        ("no sample", but(|pod| pod.sample = None), Missing, Missing),
    ]);
}

/// CPU waits for readiness, and for a whole window of it while a pod is young; nothing else does.
#[test]
fn only_cpu_waits_for_readiness() {
    let mut unconditioned = young(1_000, true, 900, 0);
    unconditioned.ready = None;
    let mut unstarted = young(1_000, true, 900, 0);
    unstarted.started = None;
    let pods = [
        ("no condition", unconditioned, Unready),
        ("not started", unstarted, Unready),
        ("young, whole window after", young(200, true, 100, 40), Counted),
        ("young, window began before", young(200, true, 100, 41), Unready),
        ("young, not ready", young(200, false, 100, 0), Unready),
        ("at the end of its youth", young(300, true, 100, 41), Counted),
        ("old, never ready", young(1_000, false, 971, 0), Unready),
        ("unready at the delay", young(1_000, false, 970, 0), Counted),
    ];
    hold(&pods.map(|(why, pod, cpu)| (why, pod, cpu, Counted)));
}

/// A pod whose readiness is unknown is not unready once it is old.
#[test]
fn an_unknown_condition_counts() {
    let mut pod = young(1_000, false, 1_000, 0);
    pod.ready = Some(Ready {
        holds: None,
        since: at(NOW - 1_000),
    });
    let observed = pod.observed(true, at(NOW), &Youth::default());
    assert_eq!((observed.state, observed.usage), (Counted, Some(1)));
}
