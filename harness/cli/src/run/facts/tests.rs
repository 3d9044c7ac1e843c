//! Every expectation that can be written is judged on the numbers it names, or on none.

use tally_capture::{
    Effect, Environment, Fate, FaultRecord, Operation, RunStart, RunWriter, Sample, TrialReader,
};
use tally_model::{Outcome, RequestId};

use super::*;

const MILLI: u64 = 1_000_000;

/// Two kills, and whatever is expected.
const FILE: &str = r#"
version = 1
name = "known"
phases = { warmup = "1s", measure = "20s", drain = "40s" }

[platform]
protocol = "none"

[[load]]
name = "a"
pattern = "constant"
rate = "50/s"
expr = { kind = "flat" }

[[fault]]
name = "first"
kind = "kill"
role = "worker"
at = "2s"
for = "1s"

[[fault]]
name = "second"
kind = "kill"
role = "worker"
at = "10s"
for = "1s"
"#;

fn experiment(that: &str, when: &str) -> Experiment {
    let text = format!("{FILE}\n[[expect]]\nthat = \"{that}\"\nwhen = \"{when}\"\n");
    tally_plan::parse(&text).unwrap()
}

fn kill(name: &str, at: u64, detected: u64) -> FaultRecord {
    let effect = |at: u64| {
        Some(Effect {
            at: at * MILLI,
            evidence: "seen".into(),
        })
    };
    FaultRecord {
        name: name.into(),
        kind: "kill".into(),
        role: "worker".into(),
        target: "add-0/worker".into(),
        planned: at * MILLI,
        duration: 1_000 * MILLI,
        requested: Some(at * MILLI),
        effective: effect(at),
        symptom: None,
        detected: effect(at + detected),
        recovered: effect(at + 2 * detected),
        healed: effect(at + 1_000),
        problem: None,
    }
}

/// 1,000 requests in the measure phase with latencies of 1 to 1,000 ms in turn; memory grows from 10 to 30 bytes while the second
/// fault is felt, unless nobody can look.
fn trial(root: &std::path::Path, looks: bool) -> TrialReader {
    let start = RunStart {
        seed: 1,
        plan: "1",
        target: "local",
        command: &[],
        experiment: b"",
    };
    let run = RunWriter::create(root, "known", start, &1, &1, Environment::observe("debug")).unwrap();
    let mut trial = run.trial(1).unwrap();
    for n in 0..1_000 {
        let due = 1_000 * MILLI + n * 20 * MILLI;
        let operation = Operation {
            sent: Some(due),
            first_byte: Some(due),
            done: Some(due + (n + 1) * MILLI),
            fate: Fate::Ok,
            status: 202,
            accepted: true,
            id: Some(RequestId(u128::from(n) + 1)),
            outcome: Some(Outcome::Value("2".into())),
            attempts: 1,
            ..Operation::planned(n, 0, "1+1", due)
        };
        trial.operation(operation).unwrap();
    }
    for (at, bytes) in [(2_000, 10), (11_200, 20), (11_400, 30), (15_000, 10)] {
        let sample = Sample {
            at: at * MILLI,
            rss: if looks { [bytes, 1, 99] } else { [0, 0, 99] },
            ..Sample::default()
        };
        trial.sample(&sample).unwrap();
    }
    for fault in [kill("first", 3_000, 500), kill("second", 11_000, 200)] {
        trial.fault(&fault).unwrap();
    }
    let reader = TrialReader::at(trial.directory());
    trial.finish().unwrap();
    reader
}

fn judged(reader: &TrialReader, that: &str, when: &str, so_far: bool) -> Judged {
    let experiment = experiment(that, when);
    let plan = Plan::expand(&experiment);
    let analysis = Analysis::read(reader, 1).unwrap();
    let summary = analysis.summary(measure(&plan));
    let facts = Facts {
        analysis: &analysis,
        summary: &summary,
        check: None,
        so_far,
    };
    facts.judge(&experiment, &plan).remove(0)
}

/// Percentiles between the stored ones, functions of faults and of memory, and windows: each is what its name says.
#[test]
fn an_expectation_is_judged_on_what_it_names() {
    let root = tempfile::tempdir().unwrap();
    let reader = trial(root.path(), true);
    for (that, when, held) in [
        (
            "p98(latency) >= 979ms && p98(latency) <= 981ms",
            "measure",
            Some(true),
        ),
        (
            "p99.5(latency) >= 994ms && p99.5(latency) <= 996ms",
            "measure",
            Some(true),
        ),
        ("p80(latency) < 799ms", "measure", Some(false)),
        ("p98(send_lag) <= 1us", "measure", Some(true)),
        ("time_to_detect < 300ms", "during:second", Some(true)),
        ("time_to_detect < 300ms", "during:first", Some(false)),
        ("time_to_recover < 600ms", "after:second", Some(true)),
        ("time_to_detect < 300ms", "measure", Some(false)),
        ("min(time_to_detect) < 300ms", "measure", Some(true)),
        ("max(rss) == 30B", "measure", Some(true)),
        ("max(rss) == 30B", "during:second", Some(true)),
        ("max(rss) == 10B", "during:first", None),
        ("min(rss) == 10B && median(rss) == 10B", "measure", Some(true)),
        ("avg(rss) == 25B", "during:second", Some(true)),
    ] {
        let judged = judged(&reader, that, when, false);
        assert_eq!(judged.held, held, "{that} ({when}): {}", judged.shown);
    }
}

/// Where nobody can look at memory there is no data: 0 bytes would hold against every bound.
#[test]
fn memory_that_nobody_saw_is_no_data() {
    let root = tempfile::tempdir().unwrap();
    let reader = trial(root.path(), false);
    let judged = judged(&reader, "max(rss) < 256MiB", "measure", false);
    assert_eq!(
        (judged.held, judged.shown.as_str()),
        (None, "max(rss) = no data < 256 MiB")
    );
}

/// While a trial goes on nobody knows what is lost, nor what the platform observed; the rest is as at its end.
#[test]
fn what_only_the_end_tells_has_no_data_before() {
    let root = tempfile::tempdir().unwrap();
    let reader = trial(root.path(), true);
    for that in [
        "lost == 0",
        "timeout == 0",
        "unexpected == 0",
        "view_changes == 0",
    ] {
        assert_eq!(judged(&reader, that, "measure", true).held, None, "{that}");
    }
    assert_eq!(
        judged(&reader, "view_changes == 0", "measure", false).held,
        Some(true)
    );
    assert_eq!(
        judged(&reader, "success_rate == 1", "measure", true).held,
        Some(true)
    );
}
