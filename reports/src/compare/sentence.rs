//! What was found, in sentences for somebody who reads nothing else.

use super::input::Contestant;
use super::{Comparison, Difference, METRICS, NOISE, Number, Pairing, Verdict, missing};
use crate::unit;

/// Arms up to which each gets a sentence.
const FEW: usize = 4;

/// What of Kubernetes a policy stands for, if it is a model: `hpa`, also with values in its name (`hpa-1s`).
fn model(scaler: &str) -> Option<&'static str> {
    match scaler {
        _ if is_live(scaler) => None,
        "keda" => Some("KEDA's ScaledObject"),
        "kpa" => Some("Knative's KPA"),
        "hpa" => Some("the HorizontalPodAutoscaler (autoscaling/v2)"),
        _ if scaler.starts_with("hpa-") => Some("the HorizontalPodAutoscaler (autoscaling/v2)"),
        _ => None,
    }
}

/// True of a policy or an arm that a live object of a cluster drives, not a model; the platform's own scaler only looks on there.
fn is_live(name: &str) -> bool {
    matches!(name, "hpa-cpu" | "hpa-queue")
}

/// The experiment and its arms; a model is called one.
pub(super) fn title(title: &str, name: &str, contestants: &[Contestant]) -> String {
    let what = if title.is_empty() { name } else { title };
    // A title may be a question.
    let stop = if what.ends_with('?') { "" } else { ":" };
    let scaler = |arm: &Contestant| {
        arm.runs
            .first()
            .map(super::ComparedRun::scaler)
            .unwrap_or_default()
    };
    let called = |arm: &Contestant| {
        let scaler = scaler(arm);
        match model(&scaler) {
            Some(_) => format!("{} (a model)", arm.label),
            None if is_live(&arm.label) => format!("{} (live)", arm.label),
            None if arm.is_simulated() => format!("{} (virtual time)", arm.label),
            None => arm.label.clone(),
        }
    };
    if contestants.len() <= FEW {
        return format!(
            "{what}{stop} {}",
            list(&contestants.iter().map(called).collect::<Vec<_>>())
        );
    }
    let modelled = contestants.iter().any(|arm| model(&scaler(arm)).is_some());
    let but = if modelled {
        ", those of Kubernetes as models"
    } else {
        ""
    };
    format!("{what}{stop} {} arms{but}", contestants.len())
}

/// `a, b and c`.
fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// What to know before believing the numbers.
pub(super) fn notes(comparison: &Comparison, interleaved: bool) -> Vec<String> {
    let mut notes = Vec::new();
    for arm in &comparison.arms {
        if let Some(what) = model(&arm.scaler) {
            notes.push(format!(
                "{} is Tally's model of {what}, not a live object.",
                arm.label
            ));
        }
        let void = arm.trials.iter().filter(|trial| !trial.valid).count();
        if void > 0 {
            notes.push(format!(
                "In {void} of {} trials of {} the load generator was late: they are void, but shown.",
                arm.trials.len(),
                arm.label
            ));
        }
        let bad: Vec<String> = arm
            .trials
            .iter()
            .filter(|trial| trial.verdict != "PASS")
            .map(|t| t.verdict.clone())
            .collect();
        if !bad.is_empty() {
            let mut words = bad.clone();
            words.sort();
            words.dedup();
            notes.push(format!(
                "{} of {} trials of {} did not pass: {}.",
                bad.len(),
                arm.trials.len(),
                arm.label,
                words.join(", ")
            ));
        }
    }
    notes.extend(certainty(comparison));
    if comparison.pairing == Pairing::Unpaired {
        notes.push("Trials do not belong together, so a machine that changed between the arms shows as a difference.".into());
    } else if !interleaved && comparison.environment.iter().all(|fact| fact.name != "target") {
        notes.push("The runs were not played in turns; they belong together by their plans.".into());
    }
    if !comparison.environment.is_empty() {
        let names: Vec<String> = comparison
            .environment
            .iter()
            .map(|fact| fact.name.clone())
            .collect();
        notes.push(format!("The arms' environments differ in {}.", list(&names)));
    }
    notes
}

fn certainty(comparison: &Comparison) -> Option<String> {
    let fewest = comparison
        .arms
        .iter()
        .map(|arm| arm.trials.len())
        .min()
        .unwrap_or(0);
    let told = || {
        let mut differences = comparison
            .numbers
            .iter()
            .flat_map(|number| &number.differences)
            .flatten();
        differences.any(|difference| difference.interval.is_some())
    };
    match (fewest, missing(fewest)) {
        (1, _) => Some("One trial, no interval: this is what happened once.".into()),
        (_, more) if more > 0 && !told() => Some(format!(
            "{fewest} trials, no interval: 95 % need {}; {more} more would do.",
            fewest + more
        )),
        _ => None,
    }
}

/// The verdict.
pub(super) fn sentences(comparison: &Comparison) -> Vec<String> {
    let mut sentences = Vec::new();
    if comparison.arms.len() <= FEW {
        for arm in 1..comparison.arms.len() {
            sentences.extend(latency(comparison, arm));
            sentences.extend(cost(comparison, arm));
        }
    } else {
        sentences.extend(best(comparison));
    }
    sentences.push(safety(comparison));
    sentences
}

fn number<'a>(comparison: &'a Comparison, key: &str) -> Option<&'a Number> {
    comparison.numbers.iter().find(|number| number.key == key)
}

fn latency(comparison: &Comparison, arm: usize) -> Option<String> {
    let number = number(comparison, METRICS[0].key)?;
    let (base, label) = (&comparison.arms.first()?.label, &comparison.arms[arm].label);
    let shown = |arm: usize| Some(unit::nanos(number.arms[arm].median? as u64));
    let Some(mine) = shown(arm) else {
        return Some(format!("{label} answered nothing."));
    };
    let Some((other, difference)) = shown(0).zip(number.differences[arm].as_ref()) else {
        return Some(format!(
            "{label} answered 99 % of its requests within {mine}, {base} answered nothing."
        ));
    };
    Some(format!(
        "{label} answered 99 % of its requests within {mine}, {base} within {other}: {}.",
        compared(difference, ["sooner", "later"])
    ))
}

fn cost(comparison: &Comparison, arm: usize) -> Option<String> {
    let number = number(comparison, "set_seconds")?;
    let difference = number.differences[arm].as_ref()?;
    let (mine, other) = (number.arms[arm].median?, number.arms[0].median?);
    Some(format!(
        "It used {} worker-set seconds against {}: {}.",
        unit::digits(mine),
        unit::digits(other),
        compared(difference, ["less", "more"])
    ))
}

/// `4.6 times sooner [4 to 5.3]`, `6 % more in the one trial there is`, `no difference shown`.
fn compared(difference: &Difference, words: [&str; 2]) -> String {
    if difference.verdict == Verdict::NoDifferenceShown {
        return "no difference shown".into();
    }
    let [low, high] = words;
    let down = difference.estimate < 0.0;
    let word = if down { low } else { high };
    // Both ways as a factor above one: half the time is twice as soon.
    let factor = |ratio: f64| if down { 1.0 / (1.0 + ratio) } else { 1.0 + ratio };
    let size = factor(difference.estimate);
    let large = size >= 1.5 && words[0] == "sooner";
    let show = |ratio: f64| {
        if large {
            unit::digits(factor(ratio))
        } else {
            format!("{} %", unit::digits((ratio * 100.0).abs()))
        }
    };
    let what = if large {
        format!("{} times {word}", show(difference.estimate))
    } else {
        format!("{} {word}", show(difference.estimate))
    };
    let what = match difference.interval {
        None if difference.estimate.abs() <= NOISE => "the same, within 2 %,".to_owned(),
        _ => what,
    };
    match (difference.interval, difference.trials) {
        (Some(interval), _) => {
            let (near, far) = if down {
                (interval.high, interval.low)
            } else {
                (interval.low, interval.high)
            };
            format!("{what} [{} to {}]", show(near), show(far))
        }
        (None, 1) => format!("{what} in the one trial there is"),
        (None, trials) => format!("{what} in the {trials} trials there are"),
    }
}

/// Of many arms, the best of the first number and of the cost.
fn best(comparison: &Comparison) -> Option<String> {
    let least = |key: &str| {
        let number = number(comparison, key)?;
        let medians = number
            .arms
            .iter()
            .enumerate()
            .filter_map(|(arm, found)| Some((arm, found.median?)));
        medians.min_by(|a, b| a.1.total_cmp(&b.1))
    };
    let (soonest, latency) = least(METRICS[0].key)?;
    let label = |arm: usize| &comparison.arms[arm].label;
    let mut sentence = format!(
        "Of {} arms {} answered 99 % of its requests soonest, within {}",
        comparison.arms.len(),
        label(soonest),
        unit::nanos(latency as u64)
    );
    if let Some((cheapest, cost)) = least("set_seconds") {
        sentence.push_str(&format!(
            "; {} used the fewest worker-set seconds, {}",
            label(cheapest),
            unit::digits(cost)
        ));
    }
    sentence.push_str(&format!(". Differences are against {}.", label(0)));
    Some(sentence)
}

fn safety(comparison: &Comparison) -> String {
    let trials: usize = comparison.arms.iter().map(|arm| arm.trials.len()).sum();
    let accepted: u64 = comparison.arms.iter().map(|arm| arm.accepted).sum();
    let broken: Vec<String> = comparison
        .arms
        .iter()
        .filter_map(|arm| Some((arm, arm.unsafe_answers.filter(|count| *count > 0)?)))
        .map(|(arm, count)| format!("{} on {}", unit::count(count), arm.label))
        .collect();
    let unchecked = comparison.arms.iter().any(|arm| arm.unsafe_answers.is_none());
    match (broken.is_empty(), unchecked) {
        (false, _) => format!(
            "Answers were lost, wrong, doubled or in conflict: {}.",
            list(&broken)
        ),
        (true, true) => "Not every trial's answers were checked.".into(),
        (true, false) if trials == comparison.arms.len() => format!(
            "Nothing was lost, wrong, doubled or in conflict among {} accepted requests.",
            unit::count(accepted)
        ),
        (true, false) => format!(
            "Nothing was lost, wrong, doubled or in conflict among {} accepted requests of {trials} trials.",
            unit::count(accepted)
        ),
    }
}
