//! The life of a platform: up, status, calc, run, down; and what is left of a run.

use serde_json::Value;

use super::SMALL;
use super::program::{Desk, turn};

/// `calc` without a platform starts its own and leaves nothing of it.
#[test]
fn calc_answers_with_certificates_and_leaves_nothing() {
    let _turn = turn();
    let desk = Desk::new();
    let done = desk.tally(&["calc", "((3+5)*(4/2))", "--trace"]).expect(0);
    let lines: Vec<&str> = done.out.lines().collect();
    assert_eq!(lines[0], "16");
    assert_eq!(lines.len(), 4, "{}", done.out);
    for line in &lines[1..] {
        assert!(line.contains("certified by replicas "), "{line}");
    }
    desk.is_deserted();
    assert!(desk.files("temporary").is_empty() && desk.files("state").is_empty());
}

/// A platform that does not come up in time is a failed setup, and `down` removes what there is of it.
#[test]
fn a_platform_that_is_late_ends_with_6() {
    let _turn = turn();
    let desk = Desk::new();
    desk.tally(&["up", "--wait", "0"]).expect(6);
    desk.tally(&["down"]).expect(0);
    desk.is_deserted();
    assert!(desk.files("state").is_empty());
}

/// `down` minds the processes that use its own folder, nobody else's; without a state file it removes nothing from under them.
#[test]
fn down_minds_its_own_platform_only() {
    let _turn = turn();
    let (desk, other) = (Desk::new(), Desk::new());
    desk.tally(&["up", "--protocol", "none"]).expect(0);
    other.tally(&["up", "--wait", "0"]).expect(6);
    other.tally(&["down"]).expect(0);
    assert!(other.files("state").is_empty(), "{:?}", other.files("state"));

    let mut files = desk.files("state").into_iter();
    let file = files.find(|path| path.ends_with("platform.json")).unwrap();
    let known = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    let refused = desk.tally(&["down"]).expect(7);
    assert!(refused.err.contains("may still use"), "{}", refused.err);
    std::fs::write(&file, known).unwrap();
    assert_eq!(desk.tally(&["calc", "1+2"]).expect(0).out, "3\n");
    desk.tally(&["down"]).expect(0);
    desk.is_deserted();
}

/// What `up` starts is found by every command, used by `run --attach`, and removed by `down` without a trace.
#[test]
fn a_platform_lives_from_up_to_down() {
    let _turn = turn();
    let desk = Desk::new();
    let small = desk.write("small.toml", SMALL);
    let up = desk
        .tally(&["up", "--protocol", "none", "--json"])
        .expect(0)
        .json();
    assert!(up["http"].is_string(), "{up}");
    let names: Vec<String> = desk.members().into_iter().map(|member| member.name).collect();
    assert_eq!(
        names.len(),
        6,
        "supervisor, control plane and four workers: {names:?}"
    );

    let status = desk.tally(&["status", "--json"]).expect(0).json();
    assert_eq!(
        (&status["running"], &status["http"]),
        (&Value::Bool(true), &up["http"])
    );
    assert!(desk.tally(&["status"]).expect(0).out.contains("control plane"));
    desk.tally(&["up"]).expect(2);

    assert_eq!(desk.tally(&["calc", "((3+5)*(4/2))"]).expect(0).out, "16\n");
    let failed = desk.tally(&["calc", "1/(2-2)", "--json"]).expect(1).json();
    assert_eq!(failed["outcome"], "error:div_by_zero", "{failed}");
    assert_eq!(
        desk.tally(&["calc", "1/(2-2)"]).expect(1).out,
        "error:div_by_zero\n"
    );

    // Its numbers would be recorded as those of other settings, so every one that differs is named before anything is sent.
    let other = desk.tally(&["run", &small, "--attach", "--set", "platform.task-timeout=3s"]);
    let told = other.expect(2).err;
    for differs in [
        "scaler: threshold runs, the experiment asks for fixed-1",
        "task-timeout: 5s runs, the experiment asks for 3s",
        "leave out --attach",
    ] {
        assert!(told.contains(differs), "`{differs}` is not in\n{told}");
    }
    let run = desk
        .tally(&[
            "run",
            &small,
            "--attach",
            "--set",
            "platform.scaler=threshold",
            "--json",
        ])
        .expect_of_run(0);
    let experiment = &run.json()["experiments"][0];
    assert!(
        experiment["verdict"] == "PASS" || run.is_only_late(),
        "{experiment:#}"
    );
    assert_eq!(
        desk.members().len(),
        6,
        "a run that attaches leaves the platform alone"
    );

    assert!(
        desk.tally(&["down", "--dry-run"])
            .expect(0)
            .out
            .contains("would stop")
    );
    assert_eq!(desk.members().len(), 6);
    desk.tally(&["down"]).expect(0);
    desk.is_deserted();
    assert!(desk.files("state").is_empty(), "{:?}", desk.files("state"));
    assert!(desk.tally(&["status"]).expect(0).out.contains("nothing runs"));
    assert!(desk.tally(&["down"]).expect(0).out.contains("nothing runs"));
}

/// A platform that no state file knows is a leak: exit 7, with the process named.
#[test]
fn a_platform_that_nobody_owns_is_a_leak() {
    let _turn = turn();
    let desk = Desk::new();
    desk.tally(&["up", "--protocol", "none"]).expect(0);
    let supervisor = desk
        .members()
        .into_iter()
        .find(|member| member.name == "supervisor")
        .unwrap();
    let parent = std::fs::read_to_string(format!("/proc/{}/status", supervisor.process)).unwrap();
    if !parent
        .lines()
        .any(|line| line.split_whitespace().eq(["PPid:", "1"]))
    {
        println!("orphans are adopted by another process than 1 here, so a leak cannot be told from a child");
        return;
    }
    let elsewhere = desk.path("temporary");
    let done = desk
        .start_with(
            &["status", "--leaks", "--json"],
            &[("TALLY_STATE_DIR", &elsewhere)],
        )
        .wait()
        .expect(7);
    let named = done.json()["leaks"]
        .as_array()
        .unwrap()
        .iter()
        .any(|leak| leak["process"] == supervisor.process);
    assert!(named, "{}", done.out);
    let owned = desk.tally(&["status", "--leaks", "--json"]).json();
    let named = owned["leaks"]
        .as_array()
        .unwrap()
        .iter()
        .any(|leak| leak["process"] == supervisor.process);
    assert!(!named, "{owned}");
    desk.tally(&["down"]).expect(0);
}

/// A run is a record: report and check give the same bytes as often as they are asked, and agree with the run itself.
#[test]
fn a_stored_run_gives_the_same_bytes_again() {
    let _turn = turn();
    let desk = Desk::new();
    let small = desk.write("small.toml", SMALL);
    let run = desk.tally(&["run", &small]).expect_of_run(0);
    desk.is_deserted();
    let text = std::fs::read_to_string(desk.path("runs/small/latest/summary.txt")).unwrap();
    assert!(run.out.contains(text.trim()), "{}\n{text}", run.out);

    let read = |name: &str| std::fs::read(desk.path(&format!("runs/small/latest/{name}"))).unwrap();
    let made = (read("report.html"), read("check.json"));
    let mut outputs = Vec::new();
    for _ in 0..2 {
        let report = desk.tally(&["report", "small/latest"]).expect(0).out;
        let check = desk.tally(&["check", "small/latest"]).expect(0).out;
        assert!(check.contains("lost 0"), "{check}");
        outputs.push((report, check, desk.tally(&["check", "--json"]).expect(0).out));
        assert!(
            made == (read("report.html"), read("check.json")),
            "the files differ from those of the run"
        );
    }
    assert_eq!(outputs[0], outputs[1]);
    let page = desk.path("page.html").display().to_string();
    desk.tally(&["report", "latest", "--html", &page, "--json"])
        .expect(0)
        .json();
    assert_eq!(std::fs::read(page).unwrap(), made.0);
}
