//! Policies on the same arrivals in virtual time: what is refused, and what a comparison leaves behind.

use std::path::Path;

use serde_json::Value;

use crate::program::Desk;

/// A short step on one layer.
const STEP: &str = r#"
version = 1
name = "little-step"
seed = 5
phases = { warmup = "1s", measure = "20s", drain = "10s" }

[platform]
protocol = "none"
scaler = "kalman"
policies = ["kalman", "fixed-2", "clairvoyant"]
min = 1
max = 6
start-delay = "500ms"
work = { kind = "delay", mean = "40ms", dist = "exponential" }

[[load]]
name = "step"
pattern = "step"
from = "5/s"
to = "60/s"
at = "5s"
expr = { kind = "flat", ops = ["+"] }
"#;

/// Every bad flag is told with its remedy before anything is played.
#[test]
fn bad_policies_and_sweeps_are_refused() {
    let desk = Desk::new();
    let file = desk.write("step.toml", STEP);
    let bad = [
        "sim",
        &file,
        "--policies",
        "kalmann,hpa,fixed-0",
        "--sweep",
        "platform.max",
    ];
    let done = desk.tally(&bad).expect(2);
    for told in [
        "`kalmann`, `fixed-0`",
        "there are threshold,",
        "--sweep platform.max is not",
    ] {
        assert!(done.err.contains(told), "{told}: {}", done.err);
    }
    let wrong = desk
        .tally(&["sim", &file, "--sweep", "platform.maxx=3"])
        .expect(2);
    assert!(wrong.err.contains("maxx"), "{}", wrong.err);
    assert!(desk.files("runs").is_empty());
}

/// The policies of the file on two seeds and two points: one page, the same scores again, and regret against the clairvoyant.
#[test]
fn a_comparison_of_policies_is_one_page_and_the_same_again() {
    let desk = Desk::new();
    let file = desk.write("step.toml", STEP);
    let line = [
        "sim",
        &file,
        "--seeds",
        "2",
        "--sweep",
        "platform.start-delay=100ms,2s",
        "--json",
    ];
    let document = desk.tally(&line).expect(0).json();
    let cases = document["comparison"]["cases"].as_array().unwrap();
    let names: Vec<&str> = cases.iter().filter_map(|case| case["name"].as_str()).collect();
    assert_eq!(
        names,
        [
            "little-step platform.start-delay=100ms",
            "little-step platform.start-delay=2s"
        ]
    );
    for case in cases {
        let arms = case["arms"].as_array().unwrap();
        let policies: Vec<&str> = arms.iter().filter_map(|arm| arm["policy"].as_str()).collect();
        assert_eq!(policies, ["kalman", "fixed-2", "clairvoyant"]);
        for run in arms.iter().flat_map(|arm| arm["runs"].as_array().unwrap()) {
            assert!(
                run["scores"]["cost"].as_f64().unwrap() >= 20.0,
                "a set for 20 s: {run}"
            );
            assert_eq!(
                (&run["unanswered"], &run["wrong"]),
                (&Value::from(0), &Value::from(0))
            );
        }
        // Two sets serve 50 tasks of 40 ms per second, and 60 come.
        let worst = &arms[1]["runs"][0]["scores"]["violations"];
        assert!(worst.as_f64().unwrap() > 30.0, "{worst}");
    }
    let page = std::fs::read_to_string(desk.path(document["page"].as_str().unwrap())).unwrap();
    for part in [
        "regret V",
        "Workers against demand over time",
        "fixed-2",
        "--sweep platform.start-delay=100ms,2s",
    ] {
        assert!(page.contains(part), "{part}");
    }
    let again = desk.tally(&line).expect(0).json();
    assert_eq!(again["comparison"]["cases"], document["comparison"]["cases"]);
}

/// A recorded trace in the form of Azure Functions 2019 becomes an experiment that policies are compared on; a file that is none is
/// refused line by line.
#[test]
fn an_imported_trace_is_compared_on() {
    let desk = Desk::new();
    let traces = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../workloads/traces");
    let [invocations, durations] =
        ["invocations.csv", "durations.csv"].map(|name| traces.join(name).display().to_string());
    let line = [
        "import",
        &invocations,
        &durations,
        "--function",
        "bursty",
        "--from",
        "600",
        "--minutes",
        "12",
        "--bucket",
        "5",
        "--scale",
        "0.05",
        "--out",
        "trace.toml",
    ];
    desk.tally(&line).expect(0);
    let line = [
        "sim",
        "trace.toml",
        "--policies",
        "kalman,hpa",
        "--set",
        "platform.protocol=none",
        "--json",
    ];
    let document = desk.tally(&line).expect(0).json();
    let case = &document["comparison"]["cases"][0];
    let arms = case["arms"].as_array().unwrap();
    let costs: Vec<f64> = arms
        .iter()
        .filter_map(|arm| arm["runs"][0]["scores"]["cost"].as_f64())
        .collect();
    assert_eq!(costs.len(), 2, "{case}");
    assert!(
        costs.iter().all(|cost| *cost >= 60.0),
        "a set for a minute: {costs:?}"
    );
    let file = desk.write(
        "broken.csv",
        "HashOwner,HashApp,HashFunction,Trigger,1\no,a,f,http,many\n",
    );
    let refused = desk.tally(&["import", &file]).expect(2);
    assert!(refused.err.contains("broken.csv"), "{}", refused.err);
    let nobody = desk
        .tally(&["import", &invocations, "--function", "nobody"])
        .expect(2);
    assert!(nobody.err.contains("the first of the file are"), "{}", nobody.err);
}
