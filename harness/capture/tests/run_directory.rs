//! A run directory from the first document to the checksums, and what is left of one after a crash.

#![allow(
    clippy::unwrap_used,
    reason = "support code of tests ends the test where it fails"
)]

use std::fs;
use std::path::Path;

use tally_capture::{
    Analysis, CaptureError, CertificateLine, Document, Environment, Fate, FrameWriter, HistoryLine,
    Operation, Read, RunReader, RunStart, RunStatus, RunWriter, Sight, Stray, Tail, TrialReader, Window,
    fold_frames, parse_line, read_lines, verify_seal,
};
use tally_model::{Outcome, RequestId};

const MILLI: u64 = 1_000_000;

fn start(root: &Path, name: &str) -> Result<RunWriter, CaptureError> {
    let command: Vec<String> = ["tally", "run", "a b.toml"].map(String::from).to_vec();
    let start = RunStart {
        seed: 42,
        plan: "7c1e",
        target: "local",
        command: &command,
        experiment: b"version = 1\n",
    };
    RunWriter::create(
        root,
        name,
        start,
        &"resolved",
        &[1, 2, 3],
        Environment::observe("debug"),
    )
}

/// Request `n`, due at `n` milliseconds, answered after `latency` milliseconds.
fn answered(n: u64, latency: u64) -> Operation {
    let due = n * MILLI;
    Operation {
        sent: Some(due + 10_000),
        first_byte: Some(due + 500_000),
        done: Some(due + latency * MILLI),
        fate: Fate::Ok,
        status: 202,
        accepted: true,
        id: Some(RequestId(u128::from(n) + 1)),
        outcome: Some(Outcome::Value("16".into())),
        attempts: 1,
        ..Operation::planned(n, 0, "(3+5)*(4/2)", due)
    }
}

/// What was written is read back the same, by every name the run has, and the checksums notice a changed byte.
#[test]
fn a_run_is_found_by_every_name_and_sealed() {
    let root = tempfile::tempdir().unwrap();
    let run = start(root.path(), "burst").unwrap();
    let mut trial = run.trial(1).unwrap();
    let lines: Vec<HistoryLine> = (0..1000)
        .map(|n| HistoryLine::Op(answered(n, 5)))
        .chain([HistoryLine::Read(Read {
            n: 3,
            at: 9,
            sight: Sight::Delivery,
            outcome: None,
            folded: None,
        })])
        .chain([HistoryLine::Stray(Stray {
            id: RequestId(9),
            at: 9,
            outcome: Outcome::Value("16".into()),
        })])
        .collect();
    for line in &lines {
        match line.clone() {
            HistoryLine::Op(operation) => trial.operation(operation).unwrap(),
            HistoryLine::Read(read) => trial.read(read).unwrap(),
            HistoryLine::Stray(stray) => trial.stray(stray).unwrap(),
        }
    }
    trial.finish().unwrap();
    run.write_text(Document::Summary, "PASS\n").unwrap();
    let id = run.id();
    let directory = run.finish(RunStatus::Complete, "pass", 0).unwrap();

    let stamp = id.strip_prefix("burst/").unwrap();
    for wanted in [
        "latest",
        "burst",
        "burst/latest",
        &id,
        stamp,
        directory.to_str().unwrap(),
    ] {
        let reader = RunReader::open(root.path(), wanted).unwrap();
        assert_eq!(reader.id(), id, "{wanted}");
        assert_eq!(reader.record().verdict.as_deref(), Some("pass"));
        let trials = reader.trials().unwrap();
        let mut history = trials[0].history().unwrap();
        let read: Vec<_> = history.by_ref().map(Result::unwrap).collect();
        assert_eq!(read, lines);
        assert_eq!(history.tail(), Tail::Clean);
    }
    assert!(verify_seal(&directory).unwrap().is_empty());
    fs::write(directory.join("summary.txt"), "FAIL\n").unwrap();
    assert_eq!(verify_seal(&directory).unwrap(), [Path::new("summary.txt")]);
}

/// Cut anywhere, a history is a readable prefix that says that it is torn; changed anywhere, it is an error and never other data.
#[test]
fn a_crash_leaves_a_readable_prefix_and_damage_is_noticed() {
    let root = tempfile::tempdir().unwrap();
    let run = start(root.path(), "crash").unwrap();
    let mut trial = run.trial(1).unwrap();
    for n in 0..20_000 {
        trial.operation(answered(n, 5)).unwrap();
    }
    trial.finish().unwrap();
    let reader = RunReader::open(root.path(), "latest").unwrap();
    assert_eq!(reader.record().status, RunStatus::Running);
    let trial = reader.trials().unwrap().remove(0);
    let bytes = fs::read(trial.history_path()).unwrap();
    let mut lengths = Vec::new();
    for cut in (0..bytes.len()).step_by(bytes.len() / 50) {
        fs::write(trial.history_path(), &bytes[..cut]).unwrap();
        let mut history = trial.history().unwrap();
        let mut count = 0;
        for (n, line) in history.by_ref().enumerate() {
            assert_eq!(line.unwrap(), HistoryLine::Op(answered(n as u64, 5)));
            count += 1;
        }
        assert!(cut == 0 || matches!(history.tail(), Tail::Torn { .. }) || count > 0);
        lengths.push(count);
    }
    assert!(lengths.is_sorted() && lengths[49] > 0, "{lengths:?}");
    for at in (0..bytes.len()).step_by(bytes.len() / 50) {
        let mut changed = bytes.clone();
        changed[at] ^= 0x10;
        fs::write(trial.history_path(), &changed).unwrap();
        let mut history = trial.history().unwrap();
        let fine = history.by_ref().all(|line| line.is_ok());
        assert!(!fine || history.tail() != Tail::Clean, "byte {at}");
    }
}

/// Tasks go to the certificates, with the number in front, and the history keeps none.
#[test]
fn tasks_are_kept_apart_from_the_history() {
    let root = tempfile::tempdir().unwrap();
    let run = start(root.path(), "tasks").unwrap();
    let mut trial = run.trial(1).unwrap();
    let task = r#"{"job":{"task":"00000000000000000000000000000001.0","operation":"add","left":"3","right":"5"},
        "outcome":"8","set":"add-0","certificate":"00ff","ready":100,"dispatched":200,"done":500}"#;
    let operation = Operation {
        tasks: vec![serde_json::from_str(task).unwrap()],
        ..answered(7, 5)
    };
    trial.operation(operation.clone()).unwrap();
    trial.finish().unwrap();
    let trial = RunReader::open(root.path(), "latest")
        .unwrap()
        .trials()
        .unwrap()
        .remove(0);
    let history: Vec<_> = trial.history().unwrap().map(Result::unwrap).collect();
    assert_eq!(history, [HistoryLine::Op(answered(7, 5))]);
    let path = trial.certificates_path();
    let (lines, _) = fold_frames(&path, 2, Vec::new, |lines, line, frame| {
        assert!(line.starts_with(b"{\"n\":7,"));
        lines.push(parse_line::<CertificateLine>(line, frame, &path)?);
        Ok(())
    })
    .unwrap();
    assert_eq!(
        lines.concat(),
        [CertificateLine {
            n: 7,
            intended: Some(operation.intended),
            expression: operation.expression,
            tasks: operation.tasks
        }]
    );
    let summary = Analysis::read(&trial, 2).unwrap().summary(Window::ALWAYS);
    assert_eq!(summary.metric("max", "queue_wait", "add", ""), Some(100.0));
    assert_eq!(summary.metric("p50", "compute", "add", ""), Some(300.0));
    assert_eq!(summary.metric("p50", "compute", "mul", ""), None);
}

/// What the tasks of a request waited for is told per request, in the window in which it was due, and divided request by request.
#[test]
fn waits_are_told_per_request() {
    let root = tempfile::tempdir().unwrap();
    let trial = TrialReader::at(root.path());
    let task = |index: u16, ready: u64, dispatched: u64, done: u64| {
        format!(
            r#"{{"job":{{"task":"00000000000000000000000000000001.{index}","operation":"add","left":"1","right":"2"}},"outcome":"3","set":"add-0","ready":{ready},"dispatched":{dispatched},"done":{done}}}"#
        )
    };
    let mut certificates = FrameWriter::create(&trial.certificates_path()).unwrap();
    for (n, slower) in [(1_u64, 0_u64), (2, 100)] {
        let tasks = [task(0, 10, 20, 60), task(1, 60, 80 + slower, 140 + slower)];
        let tasks = tasks.map(|task| serde_json::from_str(&task).unwrap()).to_vec();
        let line = CertificateLine {
            n,
            intended: Some(n * 1_000),
            expression: "1+2+3".into(),
            tasks,
        };
        certificates.line(&line).unwrap();
    }
    certificates.finish().unwrap();
    let mut history = FrameWriter::create(&trial.history_path()).unwrap();
    history.line(&HistoryLine::Op(answered(1, 5))).unwrap();
    history.finish().unwrap();
    for empty in ["faults.jsonl", "events.jsonl"] {
        fs::write(root.path().join(empty), "").unwrap();
    }
    let analysis = Analysis::read(&trial, 2).unwrap();
    let all = analysis.summary(Window::ALWAYS);
    for (function, name, expected) in [
        ("max", "queue_wait", 130.0),
        ("min", "queue_wait", 30.0),
        ("max", "dag_wait", 230.0),
        ("max", "critical_path", 100.0),
        ("count", "critical_path", 2.0),
    ] {
        assert_eq!(
            all.metric(function, name, "", ""),
            Some(expected),
            "{function}({name})"
        );
    }
    let late = Window {
        from: 2_000,
        to: 3_000,
    };
    assert_eq!(
        analysis.summary(late).metric("min", "queue_wait", "", ""),
        Some(130.0)
    );
    let ratio = analysis
        .ratio("min", "dag_wait", "critical_path", &[late])
        .unwrap();
    assert!((ratio - 2.3).abs() < 0.01, "{ratio}");
    assert_eq!(analysis.ratio("min", "latency", "critical_path", &[late]), None);
}

/// A line that a crash cut off is left out and reported; a broken line in the middle is damage.
#[test]
fn torn_lines_are_told_from_broken_ones() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("numbers.jsonl");
    fs::write(&path, "1\n2\n3").unwrap();
    assert_eq!(
        read_lines::<u32>(&path).unwrap(),
        (vec![1, 2], Tail::Torn { offset: 4 })
    );
    fs::write(&path, "1\nx\n3\n").unwrap();
    assert!(matches!(
        read_lines::<u32>(&path),
        Err(CaptureError::Damaged { offset: 2, .. })
    ));
}

/// Neither a name nor a link leads out of the run root.
#[test]
fn links_and_names_do_not_lead_astray() {
    let root = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), root.path().join("burst")).unwrap();
    assert!(matches!(
        start(root.path(), "burst"),
        Err(CaptureError::Link { .. })
    ));
    assert!(matches!(
        start(root.path(), "../burst"),
        Err(CaptureError::Name { .. })
    ));
    std::os::unix::fs::symlink("/etc", root.path().join("latest")).unwrap();
    assert!(RunReader::open(root.path(), "latest").is_err());
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

/// Compressed, a plausible operation stays within its budget of 120 bytes.
#[test]
fn an_operation_takes_at_most_120_bytes() {
    let root = tempfile::tempdir().unwrap();
    let run = start(root.path(), "size").unwrap();
    let mut trial = run.trial(1).unwrap();
    let mut random = 1_u64;
    let mut next = |below: u64| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    for n in 0..50_000 {
        let due = n * MILLI + next(MILLI);
        let sent = due + next(80_000);
        let (a, b) = (next(999), next(999));
        let mut op = answered(n, 1);
        op.expression = format!("({a}+{b})*({}-{})", next(999), next(999));
        op.intended = due;
        op.sent = Some(sent);
        op.first_byte = Some(sent + 400_000 + next(200_000));
        op.done = Some(sent + 2_000_000 + next(9_000_000));
        op.folded = Some(1_767_262_500_000_000_000 + sent + next(5_000_000));
        let high = u128::from(next(u64::MAX)) << 96 | u128::from(next(u64::MAX)) << 64;
        op.id = Some(RequestId(
            high | u128::from(next(u64::MAX)) << 32 | u128::from(next(u64::MAX)),
        ));
        op.outcome = Some(Outcome::Value((a * b * next(99)).to_string()));
        trial.operation(op).unwrap();
    }
    let size = trial.finish().unwrap();
    assert!(
        size.history / size.operations <= 120,
        "{} bytes",
        size.history / size.operations
    );
    println!("{} bytes an operation", size.history / size.operations);
}
