//! Comparisons: words that follow from the trials, and a page that is whole and small.

#![allow(clippy::unwrap_used, reason = "a set-up that fails must fail the test")]

#[path = "support/arms.rs"]
mod arms;
#[path = "support/golden.rs"]
mod golden;
#[path = "support/markup.rs"]
mod markup;
#[path = "support/synthetic.rs"]
mod synthetic;

use arms::{arm, three};
use golden::golden;
use serde_json::json;
use tally_capture::{FaultTimes, ScaleUp, Stage};
use tally_reports::{Comparison, Contestant, MOST_BYTES, Verdict, comparison_html, comparison_text};

fn compare(contestants: &[Contestant]) -> Comparison {
    Comparison::of(contestants, true).unwrap()
}

/// What a person reads: with one trial, with eight, on a narrow terminal.
#[test]
fn a_comparison_reads_as_agreed() {
    golden(
        "comparison-one.txt",
        &comparison_text(&compare(&three(1)), 110, false),
    )
    .unwrap();
    golden(
        "comparison-eight.txt",
        &comparison_text(&compare(&three(8)), 110, false),
    )
    .unwrap();
    golden(
        "comparison-narrow.txt",
        &comparison_text(&compare(&three(8)), 72, false),
    )
    .unwrap();
}

/// How soon a fault was noticed and made up for stands beside the other numbers where there were faults, of the worst one; a fault that
/// was never made up for has no time, and so has its trial.
#[test]
fn faults_are_compared_where_there_were_any() {
    let mut arms = three(1);
    let times = |detect, recover| FaultTimes {
        name: "kill-worker".into(),
        time_to_detect: detect,
        time_to_recover: recover,
        answer_gap: Some(5),
    };
    let faults = [
        vec![times(Some(3), Some(7)), times(Some(4), Some(6))],
        vec![times(Some(1), None)],
    ];
    for (arm, faults) in arms.iter_mut().zip(faults) {
        arm.runs[0].report.trials[0].summary.faults = faults;
    }
    let compared = compare(&arms);
    let of = |key: &str| {
        let number = compared.numbers.iter().find(|number| number.key == key).unwrap();
        number.arms.iter().map(|arm| arm.median).collect::<Vec<_>>()
    };
    assert_eq!(of("time_to_detect")[..2], [Some(4.0), Some(1.0)]);
    assert_eq!(of("time_to_recover")[..2], [Some(7.0), None]);
    assert_eq!(of("answer_gap")[..2], [Some(5.0), Some(5.0)]);
    for arm in &mut arms {
        arm.runs[0].report.trials[0].summary.faults.clear();
    }
    let without = compare(&arms).numbers;
    assert!(without.iter().all(|number| number.key != "answer_gap"));
}

/// Claim: a backlog lasts from over the threshold until drained, or until the measure phase ends; all of them count together, those without one not.
#[test]
fn backlogs_count_together() {
    let second = |seconds: u64| seconds * 1_000_000_000;
    let mut arms = three(1);
    let trial = |arm: &mut Contestant| std::mem::take(&mut arm.runs[0].report.trials[0].summary.scale_ups);
    let all: Vec<Vec<ScaleUp>> = arms.iter_mut().map(trial).collect();
    let overload = |stages: [(Stage, u64); 3]| {
        let mut scale_up = all[0][0].clone();
        scale_up.stages = [None; 9];
        for (stage, at) in stages {
            scale_up.stages[stage as usize] = Some(second(at));
        }
        scale_up
    };
    let (onset, over, drained) = (Stage::Onset, Stage::OverThreshold, Stage::BacklogDrained);
    let short = overload([(onset, 10), (over, 11), (drained, 12)]);
    let long = overload([(onset, 20), (over, 21), (drained, 25)]);
    let open = overload([(onset, 50), (onset, 50), (over, 51)]);
    let quiet = overload([(onset, 30), (onset, 30), (drained, 31)]);
    arms[0].runs[0].report.trials[0].summary.scale_ups = vec![short, long, open, quiet.clone()];
    arms[1].runs[0].report.trials[0].summary.scale_ups = vec![quiet];
    let end = arms[0].runs[0].report.trials[0].summary.window("").unwrap().spans[0].to;
    let numbers = compare(&arms).numbers;
    let number = numbers.iter().find(|number| number.key == "backlog").unwrap();
    let medians: Vec<Option<f64>> = number.arms.iter().map(|arm| arm.median).collect();
    let expected = second(1 + 4) + (end - second(51));
    assert_eq!(medians, [Some(expected as f64), None, None]);
}

/// One trial has no interval and no verdict; eight of a clear difference have both; an arm against itself has no difference.
#[test]
fn words_need_trials() {
    let verdicts = |comparison: &Comparison| -> Vec<Option<Verdict>> {
        let latency = &comparison.numbers[0];
        latency
            .differences
            .iter()
            .map(|found| found.as_ref().map(|found| found.verdict))
            .collect()
    };
    let one = compare(&three(1));
    assert_eq!(
        verdicts(&one),
        [None, Some(Verdict::CannotTell), Some(Verdict::CannotTell)]
    );
    assert!(
        one.notes
            .iter()
            .any(|note| note.starts_with("One trial, no interval")),
        "{:?}",
        one.notes
    );
    assert!(
        one.numbers
            .iter()
            .flat_map(|number| &number.arms)
            .all(|arm| arm.interval.is_none())
    );
    let eight = compare(&three(8));
    assert_eq!(verdicts(&eight)[1], Some(Verdict::Better));
    assert!(eight.numbers[0].arms[0].interval.is_some());
    assert!(
        eight.sentences[0].contains("times sooner ["),
        "{:?}",
        eight.sentences
    );
    let mut same = vec![arm("hpa", 1.0, 8), arm("hpa", 1.0, 8)];
    same[1].label = "again".into();
    let same = compare(&same);
    assert_eq!(verdicts(&same)[1], Some(Verdict::NoDifferenceShown));
    assert!(same.settings.is_empty());
}

/// The arms follow the title of the experiment, after a colon unless it is a question.
#[test]
fn a_title_that_asks_is_followed_by_no_colon() {
    let entitled = |title: &str| {
        let mut arms = [arm("kalman", 1.0, 1), arm("threshold", 1.0, 1)];
        for run in arms.iter_mut().flat_map(|arm| &mut arm.runs) {
            run.report.title = title.into();
        }
        compare(&arms).title
    };
    assert_eq!(entitled("Which"), "Which: kalman and threshold");
    assert_eq!(entitled("Which?"), "Which? kalman and threshold");
}

/// A model of a Kubernetes autoscaler is called one in the title and in the notes; ours is not.
#[test]
fn a_model_is_called_a_model() {
    let with = compare(&three(1));
    assert!(
        with.title.contains("hpa (a model)") && !with.title.contains("kalman (a model)"),
        "{}",
        with.title
    );
    assert!(with.notes.iter().any(|note| note.contains("not a live object")));
    let without = compare(&[arm("kalman", 1.0, 1), arm("threshold", 1.0, 1)]);
    assert!(!without.title.contains("model"));
    // On a cluster the platform's own scaler stands still while a live object drives: the arm says which.
    let mut live = [arm("fixed-1", 1.0, 1), arm("kalman", 1.0, 1)];
    live[0].label = "hpa-cpu".into();
    let live = compare(&live);
    assert!(live.title.contains("hpa-cpu (live)"), "{}", live.title);
    let many: Vec<Contestant> = ["hpa", "a", "b", "c", "d"].map(|name| arm(name, 1.0, 1)).to_vec();
    assert!(compare(&many).title.contains("models"));
}

/// A simulated arm is held against the arm with the same settings that really ran, and against no other.
#[test]
fn virtual_time_is_held_against_what_was_measured() {
    let simulated = |factor: f64| {
        let mut arm = arm("threshold", factor, 3);
        for run in &mut arm.runs {
            run.target = "sim".into();
        }
        Contestant {
            label: "sim".into(),
            ..arm
        }
    };
    for (factor, error, word) in [(1.05, 0.05, "within 10 %"), (1.3, 0.3, "beyond 10 %")] {
        let both = compare(&[simulated(factor), arm("threshold", 1.0, 3), arm("hpa", 1.0, 3)]);
        let [found] = both.calibrations.as_slice() else {
            panic!("{:?}", both.calibrations)
        };
        assert!(both.title.contains("sim (virtual time)"), "{}", both.title);
        assert_eq!(
            (found.simulated.as_str(), found.measured.as_str()),
            ("sim", "threshold")
        );
        let p50 = found.errors.iter().find(|one| one.name == "p50 latency").unwrap();
        assert!((p50.error - error).abs() < 0.01, "{p50:?}");
        assert_eq!(p50.is_within(), Some(factor < 1.1));
        let text = comparison_text(&both, 110, false);
        assert!(
            text.contains("virtual time against what was measured") && text.contains(word),
            "{text}"
        );
        assert!(
            comparison_html(
                &both,
                &[simulated(factor), arm("threshold", 1.0, 3), arm("hpa", 1.0, 3)]
            )
            .unwrap()
            .contains(word)
        );
    }
    assert_eq!(compare(&three(3)).calibrations, []);
}

/// An answer that was lost is said in the first sentences, whatever the latency.
#[test]
fn unsafe_answers_are_said() {
    let mut arms = three(2);
    if let Some(found) = &mut arms[1].runs[0].report.trials[0].correctness {
        found.lost = 3;
    }
    let comparison = compare(&arms);
    assert_eq!(comparison.arms[1].unsafe_answers, Some(3));
    assert!(
        comparison
            .sentences
            .iter()
            .any(|sentence| sentence.contains("3 on kalman"))
    );
}

/// The page nests, fetches nothing, is the same every time, and fits also with twenty arms of an hour.
#[test]
fn the_page_is_whole_and_small() {
    let twenty: Vec<Contestant> = (0..20)
        .map(|n| {
            let mut arm = arm(&format!("policy-{n}"), 1.0 + f64::from(n) / 10.0, 3);
            let hour = synthetic::run(3_600).trials;
            for run in &mut arm.runs {
                run.report.trials.clone_from(&hour);
            }
            arm
        })
        .collect();
    let mut bare = three(1);
    for arm in &mut bare {
        for trial in &mut arm.runs[0].report.trials {
            trial.samples.clear();
            trial.events.clear();
            trial.summary.windows.clear();
            trial.summary.seconds.clear();
            trial.summary.layers.clear();
            trial.summary.scale_ups.clear();
            trial.correctness = None;
        }
    }
    for (name, arms) in [
        ("one", three(1)),
        ("eight", three(8)),
        ("twenty", twenty),
        ("bare", bare),
    ] {
        let comparison = compare(&arms);
        let page = comparison_html(&comparison, &arms).unwrap();
        markup::check(&page).unwrap_or_else(|problem| panic!("{name}: {problem}"));
        assert!(page.len() < MOST_BYTES, "{name}: {}", page.len());
        assert_eq!(
            page,
            comparison_html(&compare(&arms.clone()), &arms).unwrap(),
            "{name}"
        );
        for outside in [
            "http:",
            "https:",
            "<script",
            "<link",
            "javascript:",
            "src=",
            "fill=\"#",
            "stroke=\"#",
        ] {
            assert!(!page.contains(outside), "{name}: {outside}");
        }
        let stored: Comparison = serde_json::from_value(serde_json::to_value(&comparison).unwrap()).unwrap();
        assert_eq!(stored, comparison, "{name}");
    }
}

/// Labels and settings of a run are only text, in both forms.
#[test]
fn strings_of_a_run_are_only_text() {
    let nasty = "\"><script>alert(1)</script>\u{1b}[2J{{ page.title }}";
    let mut arms = three(1);
    arms[1].label = nasty.into();
    arms[1].runs[0].id = nasty.into();
    arms[1].runs[0].settings["platform"]["scaler"] = json!(nasty);
    let comparison = compare(&arms);
    let page = comparison_html(&comparison, &arms).unwrap();
    markup::check(&page).unwrap();
    assert!(!page.contains("<script") && !page.contains('\u{1b}'));
    assert!(!comparison_text(&comparison, 80, false).contains('\u{1b}'));
}
