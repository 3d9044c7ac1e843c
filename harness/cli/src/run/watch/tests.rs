//! When a trial is stopped, without a clock.

use tally_capture::{Environment, Fate, Operation, RunStart, RunWriter};
use tally_model::{Outcome, RequestId};

use super::*;

const SECOND: u64 = 1_000_000_000;

/// A grace is one stretch of looks that fail: what holds or cannot be told in between begins it anew.
#[test]
fn a_grace_is_one_stretch() {
    let (no, yes, unknown) = (Some(false), Some(true), None);
    for (grace, looks, stopped) in [
        (0, vec![yes, unknown, no], Some((2, 0))),
        (0, vec![yes, yes, unknown], None),
        (2, vec![no, no, no, no], Some((2, 2))),
        (2, vec![no, no, yes, no, no], None),
        (2, vec![no, no, unknown, no, no, no], Some((5, 2))),
        (10, vec![no; 10], None),
        (10, vec![no; 11], Some((10, 10))),
    ] {
        let mut failing = Failing::default();
        let mut seen = looks.iter().enumerate().filter_map(|(at, held)| {
            let long = failing.see(*held, at as u64 * SECOND, Duration::from_secs(grace))?;
            Some((at, long.as_secs()))
        });
        assert_eq!(seen.next(), stopped, "{grace} s of {looks:?}");
    }
}

/// Looks that are far apart count by the time between them, not by their number.
#[test]
fn a_grace_is_time() {
    let mut failing = Failing::default();
    let grace = Duration::from_secs(10);
    assert_eq!(failing.see(Some(false), 3 * SECOND, grace), None);
    let long = failing.see(Some(false), 17 * SECOND, grace);
    assert_eq!(long, Some(Duration::from_secs(14)));
}

const FILE: &str = r#"
version = 1
name = "watched"
phases = { warmup = "0s", measure = "20s", drain = "40s" }

[platform]
protocol = "none"

[[load]]
name = "a"
pattern = "constant"
rate = "50/s"
expr = { kind = "flat" }

[[fault]]
name = "hit"
kind = "kill"
role = "worker"
at = "2s"
for = "1s"
"#;

/// Writes requests that were due every 100 ms, answered, wrongly, after 10 ms or, from `slow` on, 500 ms.
fn write(trial: &mut TrialWriter, due: std::ops::Range<u64>, slow: u64) {
    for n in due {
        let intended = n * SECOND / 10;
        let latency = if intended >= slow {
            SECOND / 2
        } else {
            SECOND / 100
        };
        let operation = Operation {
            sent: Some(intended),
            first_byte: Some(intended),
            done: Some(intended + latency),
            fate: Fate::Ok,
            status: 202,
            accepted: true,
            id: Some(RequestId(u128::from(n) + 1)),
            outcome: Some(Outcome::Value("2".into())),
            attempts: 1,
            ..Operation::planned(n, 0, "1+2", intended)
        };
        trial.operation(operation).unwrap();
    }
    trial.flush().unwrap();
}

fn run(root: &Path) -> RunWriter {
    let start = RunStart {
        seed: 1,
        plan: "1",
        target: "local",
        command: &[],
        experiment: b"",
    };
    RunWriter::create(root, "watched", start, &1, &1, Environment::observe("debug")).unwrap()
}

/// A trial that is still written is judged on what is there, and a fault is felt from when it was due until its ledger says that it
/// is over: what is slow because of it stops nothing that is asked of the steady state.
#[test]
fn a_fault_that_goes_on_is_not_the_steady_state() {
    let root = tempfile::tempdir().unwrap();
    let run = run(root.path());
    let mut trial = run.trial(1).unwrap();
    let steady = "\n[[expect]]\nthat = \"max(latency) < 100ms\"\nwhen = \"steady\"\nabort = true\n";
    let experiment = tally_plan::parse(&format!("{FILE}{steady}")).unwrap();
    let plan = Plan::expand(&experiment);
    let watch = Watch::new(&experiment, &plan, trial.directory());
    write(&mut trial, 0..50, 2 * SECOND);
    watch.look(5 * SECOND).unwrap();
    assert_eq!(
        watch.stop(),
        None,
        "slow requests were due while the fault was felt"
    );
    let effect = |at| {
        Some(tally_capture::Effect {
            at,
            evidence: "seen".into(),
        })
    };
    let over = FaultRecord {
        effective: effect(2 * SECOND),
        healed: effect(4 * SECOND),
        ..felt_since_due(&plan.faults[0])
    };
    watch.over(&over);
    watch.look(6 * SECOND).unwrap();
    let stop = watch.stop().unwrap();
    assert_eq!(
        stop.sentence(),
        "stopped at 6.0 s: `max(latency) < 100ms` (steady) did not hold for 0.0 s: max(latency) = 500 ms < 100 ms"
    );
}

/// Before the first fault is the warm-up if the fault comes first of all, and answers that are wrong count.
#[test]
fn a_platform_that_is_not_well_is_not_broken() {
    let root = tempfile::tempdir().unwrap();
    let run = run(root.path());
    let file = FILE
        .replace("warmup = \"0s\"", "warmup = \"1s\"")
        .replace("at = \"2s\"", "at = \"0s\"");
    for (number, that, shown) in [
        (1, "max(latency) < 1ms", Some("max(latency) = 10 ms < 1 ms")),
        (2, "wrong == 0", Some("wrong = 10 == 0")),
        (3, "max(latency) < 1s", None),
        (4, "lost > 0", None),
    ] {
        let mut trial = run.trial(number).unwrap();
        let text = format!("{file}\n[[expect]]\nthat = \"{that}\"\nwhen = \"before\"\n");
        let experiment = tally_plan::parse(&text).unwrap();
        let plan = Plan::expand(&experiment);
        let watch = Watch::new(&experiment, &plan, trial.directory());
        assert_eq!(watch.first_fault(), Some(SECOND));
        write(&mut trial, 0..10, u64::MAX);
        watch.before_faults(SECOND).unwrap();
        let stop = watch.stop();
        assert_eq!(stop.map(|stop| stop.shown.as_str()), shown, "{that}");
        assert!(stop.is_none_or(Stop::is_before_faults));
    }
}
