//! The public door of a running platform, over real HTTP: names, answers that stay, streams, refusals, metrics.

#![allow(clippy::unwrap_used, reason = "a set-up that fails must fail the test")]

#[path = "support/door.rs"]
mod door;
#[path = "support/killing.rs"]
#[allow(dead_code, reason = "shared with tests that use more of it")]
mod killing;
#[path = "support/program.rs"]
#[allow(dead_code, reason = "shared with tests that use more of it")]
mod program;

use door::Door;
use killing::{Killer, Prey};
use program::{Desk, send, turn};
use rustix::process::Signal;

/// The platform with the fewest processes.
fn up() -> Desk {
    let desk = Desk::new();
    desk.tally(&["up", "--protocol", "none", "--wait", "100"])
        .expect(0);
    desk
}

/// One key is one request: sent twice it has one id and one answer; with another body it is refused.
#[test]
fn an_idempotency_key_names_one_request() {
    let _turn = turn();
    let desk = up();
    let door = Door::of(&desk);
    let first = door.submit("one", "(1+2)*3");
    assert_eq!(first.status, 202, "{}", first.text());
    let id = first.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(door.answer(&id)["value"], "9");
    let again = door.submit("one", "(1+2)*3");
    assert!(matches!(again.status, 200 | 202), "{}", again.text());
    assert_eq!(again.json()["id"], id.as_str());
    let other = door.submit("one", "(1+2)*4");
    assert_eq!(other.status, 409, "{}", other.text());
    assert!(
        other.text().contains(&id),
        "the id it belongs to is not named: {}",
        other.text()
    );
    assert_ne!(door.submit("two", "(1+2)*3").json()["id"], id.as_str());
    assert_eq!(door.answer(&id)["value"], "9");
}

/// What was answered stays answered and what was accepted is answered, whoever is killed: the control plane, or even the
/// supervisor with everything it started, once `up` is called again.
#[test]
fn accepted_requests_outlive_every_process() {
    let _turn = turn();
    let desk = up();
    let door = Door::of(&desk);
    let accept = |round: u32| -> Vec<(String, u32)> {
        let one = |n: u32| {
            let reply = door.submit(&format!("{round}-{n}"), &format!("{n}+{round}"));
            assert_eq!(reply.status, 202, "{}", reply.text());
            (reply.json()["id"].as_str().unwrap().to_owned(), n + round)
        };
        (0..30).map(one).collect()
    };
    let answered = accept(0);
    let before: Vec<_> = answered.iter().map(|(id, _)| door.answer(id)).collect();
    // Some of these have no answer yet when the control plane dies.
    let owed = accept(1);
    Killer::new(&desk, 1).kill(Prey::ControlPlane);
    for ((id, _), answer) in answered.iter().zip(&before) {
        assert_eq!(door.answer(id), *answer, "an answer changed");
    }
    for (id, value) in &owed {
        assert_eq!(door.answer(id)["value"], value.to_string());
    }

    let owed_later = accept(2);
    let supervisor = desk
        .members()
        .into_iter()
        .find(|member| member.name == "supervisor")
        .unwrap();
    send(supervisor.process, Signal::KILL);
    desk.is_deserted();
    desk.tally(&["up", "--protocol", "none", "--wait", "100"])
        .expect(0);
    let door = Door::of(&desk);
    for ((id, _), answer) in answered.iter().zip(&before) {
        assert_eq!(door.answer(id), *answer, "an answer changed");
    }
    for (id, value) in owed.iter().chain(&owed_later) {
        assert_eq!(door.answer(id)["value"], value.to_string());
    }
    desk.tally(&["down"]).expect(0);
    desk.is_deserted();
}

/// A platform that died is taken over by one of its own kind alone: another protocol or suite would find sets that are ready by their
/// records and never compute. It is refused, told how it goes on, and leaves everything as it was.
#[test]
fn a_dead_platform_is_taken_over_by_its_own_kind_alone() {
    let _turn = turn();
    let desk = up();
    let door = Door::of(&desk);
    let accepted = door.submit("before", "3*4").json();
    let id = accepted["id"].as_str().unwrap();
    assert_eq!(door.answer(id)["value"], "12");
    while let Some(member) = desk.members().first() {
        send(member.process, Signal::KILL);
    }
    let others: [&[&str]; 4] = [
        &["up"],
        &["up", "--replicas", "7"],
        &["up", "--protocol", "vote"],
        &["up", "--protocol", "none", "--suite", "report"],
    ];
    for other in others {
        let refused = desk.tally(other).expect(2);
        for told in [
            "that was made with protocol none, suite modern;",
            "`tally up --protocol none --suite modern` brings it back",
            "`tally down` removes it",
            "TALLY_STATE_DIR",
        ] {
            assert!(
                refused.err.contains(told),
                "{other:?}: {told} is not in {}",
                refused.err
            );
        }
        assert_eq!(desk.members(), [], "{other:?} started something");
    }
    desk.tally(&["up", "--protocol", "none", "--wait", "100"])
        .expect(0);
    let door = Door::of(&desk);
    assert_eq!(door.answer(id)["value"], "12");
    assert_eq!(desk.tally(&["calc", "((3+5)*(4/2))"]).expect(0).out, "16\n");

    while let Some(member) = desk.members().first() {
        send(member.process, Signal::KILL);
    }
    desk.tally(&["down"]).expect(0);
    assert!(desk.files("state").is_empty(), "{:?}", desk.files("state"));
    desk.tally(&["up", "--protocol", "none", "--suite", "report", "--wait", "100"])
        .expect(0);
    desk.tally(&["down"]).expect(0);
    desk.is_deserted();
}

/// The events of one expression are `accepted`, then `done` with the answer, then the end of the stream.
#[test]
fn the_events_of_one_expression_end_with_its_answer() {
    let _turn = turn();
    let desk = up();
    let door = Door::of(&desk);
    for (expression, done) in [("((3+5)*(4/2))", "\"16\""), ("1/(2-2)", "error:div_by_zero")] {
        let id = door.submit(expression, expression).json()["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let stream = door.stream(&format!("/v1/expressions/{id}/events"));
        let events: Vec<&str> = stream
            .lines()
            .filter(|line| line.starts_with("event: "))
            .collect();
        assert_eq!(events, ["event: accepted", "event: done"], "{stream}");
        assert!(stream.contains(done), "{stream}");
    }
}

/// What is not accepted is refused with the status, the code and the place that the interface describes.
#[test]
fn bad_requests_are_refused_by_name() {
    let _turn = turn();
    let desk = up();
    let door = Door::of(&desk);
    let deep = format!("{}1{}", "(".repeat(300), ")".repeat(300));
    let long = "1+".repeat(40_000);
    let expressions = [
        ("1\u{2212}1", 400, "U+2212"),
        ("1+", 400, "\"column\":"),
        (&deep, 400, "\"error\""),
        (&long, 413, "too_large"),
    ];
    for (text, status, says) in expressions {
        let body = serde_json::json!({ "expression": text }).to_string();
        let reply = door.exchange("POST", "/v1/expressions", "application/json", &body);
        let shown: String = text.chars().take(60).collect();
        assert_eq!(reply.status, status, "{shown}: {}", reply.text());
        assert!(
            reply.text().contains(says),
            "{shown}: {says} is not in {}",
            reply.text()
        );
    }
    let unknown = "/v1/expressions/00000000000000000000000000000000";
    let others = [
        (
            "POST",
            "/v1/expressions",
            "application/json",
            "{",
            400,
            "\"error\"",
        ),
        ("POST", "/v1/expressions", "image/png", "1+1", 415, "text/plain"),
        ("DELETE", "/v1/expressions", "text/plain", "", 405, "openapi"),
        ("GET", unknown, "text/plain", "", 404, "not_found"),
        (
            "GET",
            "/v1/expressions/nonsense",
            "text/plain",
            "",
            400,
            "\"error\"",
        ),
        ("GET", "/v2", "text/plain", "", 404, "openapi"),
    ];
    for (method, path, kind, body, status, says) in others {
        let reply = door.exchange(method, path, kind, body);
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.text());
        assert!(
            reply.text().contains(says),
            "{method} {path}: {says} is not in {}",
            reply.text()
        );
    }
    let report = door.exchange("POST", "/v1/expressions", "text/plain", "\"string\": (3+5)");
    assert_eq!(
        report.status,
        202,
        "the report's own form is taken: {}",
        report.text()
    );
    let id = report.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(door.answer(&id)["value"], "8");
}

/// The pages for operators: metrics end as the format demands and count, the description is JSON, the probes say yes.
#[test]
fn operators_are_told_how_it_stands() {
    let _turn = turn();
    let desk = up();
    let door = Door::of(&desk);
    for n in 0..3 {
        let id = door.submit(&format!("{n}"), "2*3").json()["id"]
            .as_str()
            .unwrap()
            .to_owned();
        door.answer(&id);
    }
    let metrics = door.exchange("GET", "/metrics", "text/plain", "").text();
    assert!(metrics.ends_with("# EOF\n"), "{metrics}");
    let answered: f64 = metrics
        .lines()
        .filter(|line| line.starts_with("tally_answers_total"))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum();
    assert!((answered - 3.0).abs() < 0.5, "{metrics}");
    let description = door.exchange("GET", "/openapi.json", "text/plain", "").json();
    assert!(description["paths"]["/v1/expressions"].is_object());
    for probe in ["/healthz", "/readyz"] {
        assert_eq!(
            door.exchange("GET", probe, "text/plain", "").status,
            200,
            "{probe}"
        );
    }
    let status = door.exchange("GET", "/v1/status", "text/plain", "").json();
    assert_eq!(status["layers"].as_array().unwrap().len(), 4, "{status}");
}
