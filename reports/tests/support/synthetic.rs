//! A made-up run: 120 seconds with a burst, a killed leader and a paused worker. Everything follows from `seconds`.

use std::collections::BTreeMap;

use tally_capture::{
    Counts, Effect, FaultRecord, FaultTimes, LayerTimes, Quantiles, Sample, Second, Summary, Window,
    WindowSummary, scale_ups,
};
use tally_model::{Instant, Observation, Operation, SetId, Step};
use tally_reports::{Correctness, ExpectationLine, GeneratorFacts, Memory, RunReport, TrialReport, Warning};

const SECOND: u64 = 1_000_000_000;
const MS: u64 = 1_000_000;

/// A pseudorandom number below `below`, the same for the same `n`.
fn noise(n: u64, below: u64) -> u64 {
    let mut x = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5DEE_CE66;
    x ^= x >> 31;
    x = x.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (x ^ (x >> 27)) % below
}

/// How strongly second `s` of `seconds` feels the burst: 0 to 1.
fn burst(s: u64, seconds: u64) -> f64 {
    let at = s as f64 / seconds as f64;
    if (0.25..0.5).contains(&at) { 1.0 } else { 0.0 }
}

/// How strongly it feels a fault.
fn pain(s: u64, seconds: u64) -> f64 {
    let at = s as f64 / seconds as f64;
    if (0.6..0.64).contains(&at) || (0.8..0.86).contains(&at) {
        1.0
    } else {
        0.0
    }
}

fn second(s: u64, seconds: u64) -> Second {
    let busy = burst(s, seconds);
    let early = s as f64 / (seconds as f64) < 0.33;
    let offered = 100 + (300.0 * busy) as u64 + noise(s, 20);
    let slow = 1.0 + busy * if early { 14.0 } else { 2.0 } + pain(s, seconds) * 20.0;
    let refused = if busy > 0.0 && early { offered / 40 } else { 0 };
    let failed = if pain(s, seconds) > 0.0 {
        noise(s + 5, 3)
    } else {
        0
    };
    let p50 = (38.0 * slow) as u64 * MS + noise(s + 1, 4 * MS);
    let p99 = (92.0 * slow) as u64 * MS + noise(s + 2, 40 * MS);
    Second {
        second: s,
        offered,
        answered: offered - refused - failed,
        completed: offered - refused - failed - noise(s + 3, 10),
        refused,
        failed,
        p50,
        p99,
        max: p99 + noise(s + 4, 90 * MS),
    }
}

fn sample(n: u64, seconds: u64) -> Sample {
    let s = n / 2;
    let busy = burst(s, seconds);
    let early = s as f64 / (seconds as f64) < 0.33;
    let depth =
        |share: u64| ((busy * if early { 120.0 } else { 12.0 }) as u64 + noise(n + share, 4)) * share / 4;
    let grown = if busy > 0.0 && !early { 4 } else { 1 };
    let starting = if busy > 0.0 && early { 3 } else { 0 };
    Sample {
        at: n * SECOND / 2,
        visible: [depth(4), depth(1), depth(2), depth(1)],
        in_flight: [2, 1, 1, 0],
        ready: [grown, 1, grown.min(2), 1],
        starting: [starting, 0, starting.min(1), 0],
        pending: 12 + depth(4),
        rss: [48 << 20, 21 << 20, 73 << 20],
    }
}

fn effect(at: u64, evidence: &str) -> Option<Effect> {
    Some(Effect {
        at,
        evidence: evidence.into(),
    })
}

fn faults(seconds: u64) -> Vec<FaultRecord> {
    let at = |share: f64| (seconds as f64 * share * 1e9) as u64;
    vec![
        FaultRecord {
            name: "kill-leader".into(),
            kind: "kill".into(),
            role: "leader".into(),
            target: "add-0/replica-2".into(),
            planned: at(0.6),
            duration: at(0.04),
            requested: Some(at(0.6) + 2 * MS),
            effective: effect(at(0.6) + 11 * MS, "process 4711 is gone (signal 9)"),
            symptom: effect(at(0.6) + 30 * MS, "request 8211 was answered after 1.2 s"),
            detected: effect(
                at(0.6) + 621 * MS,
                "fault bus: leader add-0/replica-2, from admin",
            ),
            recovered: effect(at(0.6) + 2_140 * MS, "add-0 answered in epoch 2"),
            healed: effect(at(0.64), "replica-2 is running as process 4890"),
            problem: None,
        },
        FaultRecord {
            name: "pause-worker".into(),
            kind: "pause".into(),
            role: "worker".into(),
            target: "mul-0/worker".into(),
            planned: at(0.8),
            duration: at(0.05),
            requested: Some(at(0.8) + 900 * MS),
            effective: effect(at(0.8) + 1_100 * MS, "state T in /proc"),
            symptom: None,
            detected: effect(at(0.8) + 2_300 * MS, "3 probes missed"),
            recovered: None,
            healed: effect(at(0.86), "state S in /proc"),
            problem: None,
        },
    ]
}

fn quantiles(count: u64, p50: u64) -> Quantiles {
    Quantiles {
        count,
        min: p50 / 3,
        mean: p50 as f64 * 1.2,
        p50,
        p75: p50 * 3 / 2,
        p90: p50 * 2,
        p95: p50 * 5 / 2,
        p99: p50 * 4,
        p999: p50 * 9,
        p9999: p50 * 20,
        max: p50 * 24,
    }
}

fn window(name: &str, seconds: &[Second], from: u64, to: u64, p50: u64) -> WindowSummary {
    let inside = || {
        seconds
            .iter()
            .filter(|second| (from..to).contains(&second.second))
    };
    let sum = |of: fn(&Second) -> u64| inside().map(of).sum::<u64>();
    let counts = Counts {
        offered: sum(|s| s.offered),
        sent: sum(|s| s.offered),
        late: 3,
        dropped: 0,
        refused: sum(|s| s.refused),
        accepted: sum(|s| s.offered) - sum(|s| s.refused),
        answered: sum(|s| s.answered),
        failed: sum(|s| s.failed),
        dead_lettered: 0,
        timeout: 0,
        recovered: 4,
    };
    WindowSummary {
        name: name.into(),
        spans: vec![Window {
            from: from * SECOND,
            to: to * SECOND,
        }],
        length: (to - from) * SECOND,
        view_changes: u64::from(name == "always" || name == "during"),
        counts,
        latency: quantiles(counts.answered, p50),
        service: quantiles(counts.answered, p50 - MS),
        lag: quantiles(counts.sent, 90_000),
        first_byte: quantiles(counts.sent, 2 * MS),
        queue_wait: quantiles(counts.answered, 3 * MS),
        dag_wait: quantiles(counts.answered, p50),
        critical_path: quantiles(counts.answered, 5 * MS),
    }
}

fn summary(seconds: u64) -> Summary {
    let all: Vec<Second> = (0..seconds).map(|s| second(s, seconds)).collect();
    let part = |share: f64| (seconds as f64 * share) as u64;
    let layer = |(n, operation)| LayerTimes {
        operation,
        queue_wait: quantiles(9_000 - n as u64 * 2_000, (2 + 3 * n as u64) * MS),
        compute: quantiles(9_000 - n as u64 * 2_000, 24 * MS),
        operations: None,
    };
    Summary {
        schema_version: 1,
        torn: false,
        windows: vec![
            window("always", &all, part(0.05), part(0.95), 41 * MS),
            window("steady", &all, part(0.05), part(0.6), 39 * MS),
            window("before", &all, part(0.05), part(0.6), 39 * MS),
            window("during", &all, part(0.6), part(0.64), 640 * MS),
            window("after", &all, part(0.86), part(0.95), 40 * MS),
            window("during:kill-leader", &all, part(0.6), part(0.64), 640 * MS),
        ],
        seconds: all,
        layers: Operation::ALL.into_iter().enumerate().map(layer).collect(),
        faults: vec![
            FaultTimes {
                name: "kill-leader".into(),
                time_to_detect: Some(610 * MS),
                time_to_recover: Some(2_129 * MS),
                answer_gap: Some(640 * MS),
            },
            FaultTimes {
                name: "pause-worker".into(),
                time_to_detect: Some(1_200 * MS),
                time_to_recover: None,
                answer_gap: Some(97 * MS),
            },
        ],
        scale_ups: scale_ups(&events(seconds)),
    }
}

/// One scale-up of a layer from 1 to `sets` sets, and back.
fn grown(operation: Operation, sets: u32, seconds: u64, events: &mut Vec<Observation>) {
    let at = |share: f64| Instant::from_nanos((seconds as f64 * share * 1e9) as u64);
    let layer = |share: f64, step: Step| Observation::new(at(share), step).with_operation(operation);
    let wants = |share: f64, sets: u32| layer(share, Step::Decision).with_value(f64::from(sets));
    events.push(wants(0.0, 1));
    events.push(layer(0.25, Step::Onset));
    events.push(layer(0.251, Step::OverThreshold));
    events.push(layer(0.26, Step::MetricVisible));
    events.push(wants(0.26, 2));
    events.push(wants(0.28, sets));
    for number in 1..sets {
        let set = SetId { operation, number };
        let later = 0.001 * f64::from(number);
        events.push(Observation::new(at(0.281 + later), Step::CallAccepted).with_set(set));
        events.push(Observation::new(at(0.321 + later), Step::PodStarted).with_set(set));
        events.push(Observation::new(at(0.33 + later), Step::SetReady).with_set(set));
        events.push(Observation::new(at(0.335 + later), Step::FirstAnswer).with_set(set));
    }
    events.push(layer(0.4, Step::BacklogDrained));
    events.push(wants(0.52, 2));
    events.push(wants(0.58, 1));
}

fn events(seconds: u64) -> Vec<Observation> {
    let mut events = Vec::new();
    grown(Operation::Add, 4, seconds, &mut events);
    grown(Operation::Mul, 2, seconds, &mut events);
    events.sort_by_key(|event| event.at);
    events
}

/// One trial of `seconds` seconds.
pub(crate) fn trial(number: u32, seconds: u64) -> TrialReport {
    TrialReport {
        number,
        summary: summary(seconds),
        samples: (0..seconds * 2).map(|n| sample(n, seconds)).collect(),
        events: events(seconds),
        faults: faults(seconds),
        correctness: Some(Correctness {
            accepted: 12_031,
            answered: 12_019,
            certificates_audited: 4_000,
            certificates_total: 31_044,
            flaws: BTreeMap::new(),
            ..Correctness::default()
        }),
        autoscalers: Vec::new(),
        generator: GeneratorFacts {
            lag_p50: 90_000,
            lag_p99: 360_000,
            lag_p999: 810_000,
            lag_max: 2_160_000,
            bound: 16_400_000,
            valid: true,
            realtime: true,
            relieved: 3,
            cpu_seconds: 3.21,
            agents: Vec::new(),
        },
        memory: [
            ("control plane", 48),
            ("largest worker or replica", 21),
            ("harness", 73),
        ]
        .map(|(label, mib)| Memory {
            label: label.into(),
            bytes: mib << 20,
        })
        .to_vec(),
    }
}

fn expectation(text: &str, when: &str, held: Option<bool>, shown: &str) -> ExpectationLine {
    ExpectationLine {
        text: text.into(),
        when: when.into(),
        held,
        shown: shown.into(),
    }
}

/// A run with one trial of `seconds` seconds.
pub(crate) fn run(seconds: u64) -> RunReport {
    RunReport {
        schema_version: 1,
        name: "burst".into(),
        title: "A burst of four times the load, with a killed leader and a paused worker".into(),
        run_id: "burst/20260101T101500Z-4f2a".into(),
        seed: 42,
        target: "local".into(),
        plan: "7c1e90ab".into(),
        verdict: "FAIL".into(),
        exit_code: 1,
        sentence: "Every answer was right and none was lost, but the slowest hundredth took longer than allowed while no fault \
                   was felt. The killed leader was replaced within 2.13 s."
            .into(),
        expectations: vec![
            expectation("lost == 0", "always", Some(true), "0 of 12,031 accepted"),
            expectation("wrong == 0 && conflicting == 0 && duplicated == 0", "measure", Some(true), "0, 0, 0"),
            expectation("p99(latency) < 150ms", "steady", Some(false), "156 ms"),
            expectation("time_to_recover(kill-leader) < 5s", "", Some(true), "2.13 s"),
            expectation("time_to_recover(pause-worker) < 5s", "", None, "the fault was never made up for"),
        ],
        trials: vec![trial(1, seconds)],
        warnings: vec![Warning {
            code: "few-trials".into(),
            text: "1 trial: no interval can be given.".into(),
            remedy: "Use --trials 6.".into(),
        }],
        environment: [
            ("tally", "0.1.0, release, commit 4fe6d63"),
            ("processor", "2 x Example CPU at 2.8 GHz"),
            ("kernel", "Linux 6.12.1"),
            ("load before", "0.31"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec(),
        next: vec!["tally report runs/burst/latest --open".into()],
        repro: "sh runs/burst/20260101T101500Z-4f2a/repro.sh".into(),
    }
}
