//! Commands that start nothing.

use serde_json::Value;

use super::SMALL;
use super::program::{Desk, Done};

/// Four mistakes in four places.
const BAD: &str = r#"
version = 1
name = "bad"
title = "Four mistakes"
phases = { warmup = "1s", measure = "2", drain = "1s" }

[platform]
protcol = "none"
replicas = 5

[[load]]
name = "l"
pattern = "constant"
rate = "many"
expr = { kind = "flat" }
"#;

const COMMANDS: [&str; 17] = [
    "demo",
    "up",
    "down",
    "status",
    "calc",
    "run",
    "sim",
    "replay",
    "validate",
    "explain",
    "report",
    "check",
    "compare",
    "doctor",
    "init",
    "schema",
    "completions",
];

/// Whoever reads `--help` knows every exit code and every command, and every command explains itself.
#[test]
fn help_lists_every_exit_code_and_every_command() {
    let desk = Desk::new();
    let help = desk.tally(&["--help"]).expect(0).out;
    let table = help.split("Exit codes:").nth(1).unwrap();
    for code in ["0", "1", "2", "3", "4", "5", "6", "7", "70", "130"] {
        let listed = table
            .lines()
            .any(|line| line.split_whitespace().next() == Some(code));
        assert!(listed, "{code} is not in\n{table}");
    }
    assert!(table.contains("143"));
    for command in COMMANDS {
        assert!(help.contains(&format!("  {command} ")), "{command}");
        desk.tally(&[command, "--help"]).expect(0);
    }
}

/// All mistakes of a file are told at once, each with its line, and nothing is run.
#[test]
fn a_bad_file_is_told_all_its_mistakes_at_once() {
    let desk = Desk::new();
    let file = desk.write("bad.toml", BAD);
    for command in ["validate", "run", "explain"] {
        let done = desk.tally(&[command, &file]).expect(2);
        for place in ["bad.toml:5:", "bad.toml:8:", "bad.toml:9:", "bad.toml:14:"] {
            assert!(
                done.err.contains(place),
                "{command}: {place} is not in\n{}",
                done.err
            );
        }
        assert!(done.err.contains("protocol"), "no remedy in\n{}", done.err);
    }
    let told = desk.tally(&["validate", &file, "--json"]).expect(2).json();
    assert!(told.to_string().matches("\"line\"").count() >= 4, "{told:#}");
    assert!(!desk.path("runs").exists());
}

/// Bad input of any kind ends with 2, says so on standard error and leaves standard output to results.
#[test]
fn bad_input_ends_with_2_and_a_remedy() {
    let desk = Desk::new();
    let small = desk.write("small.toml", SMALL);
    let cases: &[&[&str]] = &[
        &[],
        &["frobnicate"],
        &["run"],
        &["run", "missing.toml"],
        &["run", &small, "missing.toml"],
        &["run", &small, "--target", "moon"],
        &["run", &small, "--set", "nonsense"],
        &["run", &small, "--set", "platform.replicas=5"],
        &["validate", "missing.toml"],
        &["explain", "F9999"],
        &["explain", "--expr", "1+"],
        &["calc", "1\u{2212}1"],
        &["calc", "1+", "--reference"],
        &["calc", ""],
        &["report", "latest"],
        &["check", "nowhere/latest"],
        &["init", "--template", "nothing"],
        &["up", "--protocol", "carrier-pigeon"],
        &["up", "--suite", "none"],
        &["up", "--replicas", "5"],
        &["completions", "sinclair-basic"],
        &["-C", "nowhere", "status"],
    ];
    for case in cases {
        let done = desk.tally(case);
        assert_eq!(done.code, 2, "{case:?}\n{}", done.err);
        assert!(
            done.out.is_empty(),
            "{case:?} wrote to standard output:\n{}",
            done.out
        );
        assert!(!done.err.trim().is_empty(), "{case:?} says nothing");
    }
    assert!(desk.members().is_empty() && !desk.path("runs").exists());
}

/// The minus sign of typographers is named, with what to write in its place.
#[test]
fn a_look_alike_of_an_operator_is_named() {
    let done = Desk::new().tally(&["calc", "1\u{2212}1"]).expect(2);
    assert!(done.err.contains("U+2212"), "{}", done.err);
    assert!(
        done.err.contains("use '-'") || done.err.contains("`-`"),
        "{}",
        done.err
    );
}

/// An expression may begin with a sign, before and after flags, and is no flag then.
#[test]
fn an_expression_may_begin_with_a_minus() {
    let desk = Desk::new();
    for (arguments, answer) in [
        (&["calc", "-1+2", "--reference"][..], "1\n"),
        (&["calc", "--reference", "-(1/3)+1"], "2/3\n"),
        (&["-q", "calc", "--reference", "--1"], "1\n"),
    ] {
        assert_eq!(desk.tally(arguments).expect(0).out, answer, "{arguments:?}");
    }
    let told = desk.tally(&["explain", "--expr", "-(1/3)+1"]).expect(0).out;
    assert!(told.contains("= 2/3"), "{told}");
    desk.tally(&["calc", "--reference", "--", "-1+2"]).expect(0);
    desk.tally(&["calc", "--refrence", "1+2"]).expect(2);
}

/// A name that no run could have is refused with the file, and every name that is not refused can be had.
#[test]
fn names_are_those_that_runs_can_have() {
    let desk = Desk::new();
    let long = "a".repeat(41);
    for name in [
        "latest",
        "comparisons",
        "-x",
        "x/y",
        "X",
        "",
        &long,
        "latest-1",
        "0-",
        &long[..40],
    ] {
        let text = SMALL.replace("name = \"small\"", &format!("name = \"{name}\""));
        let start = tally_capture::RunStart {
            seed: 1,
            plan: "",
            target: "local",
            command: &[],
            experiment: b"",
        };
        let environment = tally_capture::Environment::observe("test");
        let made = tally_capture::RunWriter::create(&desk.path("runs"), name, start, "", "", environment);
        let code = i32::from(made.is_err()) * 2;
        desk.tally(&["validate", &desk.write("named.toml", &text)])
            .expect(code);
    }
}

/// With `--json` there is exactly one document on standard output, however the command ends.
#[test]
fn json_is_one_document_whatever_happens() {
    let desk = Desk::new();
    let (small, bad) = (desk.write("small.toml", SMALL), desk.write("bad.toml", BAD));
    let cases: &[(&[&str], i32)] = &[
        (&["validate", &small], 0),
        (&["validate", &small, &bad, &bad], 2),
        (&["validate", "missing.toml", &bad], 2),
        (&["explain", "F0412"], 0),
        (&["explain", "latency"], 0),
        (&["explain", &small], 0),
        (&["explain", "--expr", "((3+5)*(4/2))"], 0),
        (&["explain", "nothing-of-the-kind"], 2),
        (&["init", "started"], 0),
        (&["init", "started"], 2),
        (&["init", "--list"], 0),
        (&["schema"], 0),
        (&["doctor"], 0),
        (&["status"], 0),
        (&["down"], 0),
        (&["down", "--dry-run"], 0),
        (&["calc", "1+2", "--reference"], 0),
        (&["calc", "1/0", "--reference"], 1),
        (&["calc", "1+"], 2),
        (&["run", &small, "--dry-run"], 0),
        (&["run", &small, &bad, "missing.toml"], 2),
        (&["run", &small, "--target", "moon"], 2),
        (&["run", &small, "--attach"], 6),
        (&["report", "latest/nowhere"], 2),
        (&["check", "latest/nowhere"], 2),
        (&["up", "--replicas", "5"], 2),
        (&["-C", "nowhere", "status"], 2),
    ];
    for (case, code) in cases {
        let done = desk.tally(&[&["--json"], *case].concat());
        assert_eq!(done.code, *code, "{case:?}\n{}{}", done.out, done.err);
        let document = done.json();
        let empty = document.is_null() || document == Value::Array(Vec::new());
        assert!(!empty, "{case:?}: the document says nothing");
    }
}

/// Codes, metrics, files and expressions are explained in words.
#[test]
fn explain_knows_codes_metrics_files_and_expressions() {
    let desk = Desk::new();
    let small = desk.write("small.toml", SMALL);
    let says = |arguments: &[&str], words: &[&str]| {
        let Done { out, .. } = desk.tally(arguments).expect(0);
        for word in words {
            assert!(out.contains(word), "`{word}` is not in\n{out}");
        }
    };
    says(&["explain", "F0412"], &["F0412: "]);
    says(&["explain", "latency"], &["latency: ", "due"]);
    says(&["explain", "success_rate"], &["over requests sent"]);
    says(&["explain", &small], &["listed", "20"]);
    says(
        &["explain", "--expr", "((3+5)*(4/2))"],
        &[
            "f1 = 3 + 5",
            "f2 = 4 / 2",
            "f3 = f1 * f2",
            "answer = f3 = 16",
            "3 task(s) in 2 level(s)",
        ],
    );
}

/// What `init` writes is valid, and is not overwritten unasked.
#[test]
fn what_init_writes_is_valid() {
    let desk = Desk::new();
    desk.tally(&["init", "new"]).expect(0);
    let files = desk.files("new");
    let experiments: Vec<String> = files
        .iter()
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .map(|path| path.display().to_string())
        .collect();
    assert!(experiments.len() >= 4, "{files:?}");
    let arguments: Vec<&str> = std::iter::once("validate")
        .chain(experiments.iter().map(String::as_str))
        .collect();
    desk.tally(&arguments).expect(0);
    let written = std::fs::read_to_string(desk.path("new/tally.schema.json")).unwrap();
    assert_eq!(written, desk.tally(&["schema"]).expect(0).out);
    desk.tally(&["init", "new"]).expect(2);
    desk.tally(&["init", "new", "--force"]).expect(0);
}

/// The schema is JSON and knows the sections of an experiment; the completions are a script.
#[test]
fn schema_and_completions_are_what_they_say() {
    let desk = Desk::new();
    let schema = desk.tally(&["schema"]).expect(0).json();
    for section in ["platform", "load", "fault", "expect", "phases"] {
        assert!(schema["properties"][section].is_object(), "{section}");
    }
    let script = desk.tally(&["completions", "bash"]).expect(0).out;
    assert!(
        script.contains("complete -F") && script.contains("validate"),
        "{script}"
    );
}

/// A dry run tells the timeline and leaves no file, folder or process.
#[test]
fn a_dry_run_touches_nothing() {
    let desk = Desk::new();
    let small = desk.write("small.toml", SMALL);
    let out = desk.tally(&["run", &small, "--dry-run"]).expect(0).out;
    assert!(out.contains("listed"), "{out}");
    assert!(!desk.path("runs").exists());
    assert!(desk.files("state").is_empty() && desk.files("temporary").is_empty());
    assert!(desk.members().is_empty());
}

/// A place where nothing can be recorded, and a state file that is none, are troubles of the environment.
#[test]
fn a_broken_environment_ends_with_5() {
    let desk = Desk::new();
    let small = desk.write("small.toml", SMALL);
    let in_the_way = desk.write("occupied", "a file where a folder should be\n");
    desk.tally(&["run", &small, "--runs-dir", &in_the_way]).expect(5);
    desk.write("state/platform.json", "no JSON");
    for command in ["status", "up", "down"] {
        let done = desk.tally(&[command]).expect(5);
        assert!(!done.err.is_empty(), "{command}");
    }
    assert!(desk.members().is_empty());
}
