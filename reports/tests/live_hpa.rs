//! A live autoscaler beside the model of it, on the page and on a terminal.

#[path = "support/markup.rs"]
mod markup;
#[path = "support/synthetic.rs"]
#[allow(dead_code, reason = "shared with tests that use more of it")]
mod synthetic;

use tally_model::Operation;
use tally_reports::{LiveAutoscaler, LiveLook, RunReport, hpa_text, html, text};

const NASTY: &str = "<script>alert(1)</script>";

fn look(
    seconds: i64,
    read: Option<f64>,
    live: Option<i32>,
    model: Option<i32>,
    found: Option<&[&str]>,
) -> LiveLook {
    LiveLook {
        at: seconds * 1_000_000_000,
        read,
        asked: 1,
        there: 1,
        live,
        model,
        mismatches: found.map(|all| all.iter().map(|one| (*one).to_owned()).collect()),
    }
}

fn autoscaler() -> LiveAutoscaler {
    let differs = format!("desiredReplicas: live 5, model 3{NASTY}");
    LiveAutoscaler {
        name: format!("worker-mul{NASTY}"),
        operation: Operation::Mul,
        version: "v1.20.2".into(),
        looks: vec![
            look(-20, None, None, None, None),
            look(-5, Some(0.0), Some(1), Some(1), Some(&[])),
            look(10, Some(12.0), Some(5), Some(3), Some(&[&differs])),
            look(25, Some(8.0), Some(3), Some(3), Some(&[])),
        ],
        problem: String::new(),
    }
}

fn report(autoscalers: Vec<LiveAutoscaler>) -> RunReport {
    let mut report = synthetic::run(30);
    for trial in &mut report.trials {
        trial.autoscalers = autoscalers.clone();
    }
    report
}

/// The page counts what was decided alike and otherwise, draws both, and lists every look; nothing of it is markup.
#[test]
fn the_page_shows_both() {
    let page = html(&report(vec![autoscaler()])).unwrap();
    assert!(page.contains("looked 4 times: 2 decided alike, 1 differently; of 1 nobody knows"));
    assert!(page.contains("pods wanted by the live autoscaler and by the model"));
    assert!(page.contains("desiredReplicas: live 5, model 3"));
    assert!(page.contains("no answer"));
    assert!(!page.contains(NASTY));
    markup::check(&page).unwrap();
    let without = html(&report(Vec::new())).unwrap();
    assert!(!without.contains("pods wanted by the live autoscaler"));
}

/// A terminal gets the count and what differs; the command for it gets every look.
#[test]
fn the_terminal_shows_what_differs() {
    let summary = text(&report(vec![autoscaler()]), 110, false);
    let summary = summary.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(summary.contains("1 differently"));
    assert!(summary.contains("live 5, model 3"));
    assert!(!summary.contains("no answer"), "a look that does not differ");
    let all = hpa_text(&[autoscaler()]);
    assert_eq!(all.len(), 2 + 4);
    assert!(all.iter().any(|line| line.contains("25.0 s")));
    let mut unknown = autoscaler();
    unknown.looks.clear();
    unknown.problem = "Kubernetes \"v1.24.1\" is not modelled".into();
    assert!(hpa_text(&[unknown])[0].contains("not modelled"));
}
