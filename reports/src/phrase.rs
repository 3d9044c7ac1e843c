//! Words that all three forms of a report share.

use tally_capture::{Effect, FaultRecord, ScaleUp, Stage};

use crate::compare::{
    Calibration, CalibrationError, Difference, Number, Part, Reached, Reaction, Unit, Verdict,
};
use crate::run_report::{AgentFacts, ExpectationLine, GeneratorFacts, RunReport};
use crate::unit;

/// How a thing is shown: its symbol, its colour, and a word for readers who see neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Bad,
    Doubtful,
}

impl Tone {
    /// Of a verdict.
    pub(crate) fn of_verdict(verdict: &str) -> Self {
        match verdict {
            "PASS" => Self::Good,
            "FAIL" | "UNSAFE" | "BUG" => Self::Bad,
            _ => Self::Doubtful,
        }
    }

    /// Of an expectation.
    pub(crate) fn of(held: Option<bool>) -> Self {
        match held {
            Some(true) => Self::Good,
            Some(false) => Self::Bad,
            None => Self::Doubtful,
        }
    }

    /// A character of its own.
    pub(crate) const fn icon(self) -> &'static str {
        match self {
            Self::Good => "\u{2713}",
            Self::Bad => "\u{2717}",
            Self::Doubtful => "?",
        }
    }

    /// A class of the page.
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Doubtful => "doubtful",
        }
    }
}

/// Agents that are listed one by one.
const AGENTS: usize = 32;

/// Who sent the load, and how each did; nothing if the harness sent it itself.
pub(crate) fn agents(facts: &GeneratorFacts) -> Vec<String> {
    let count = facts.agents.len();
    if count == 0 {
        return Vec::new();
    }
    let mut lines = vec![format!(
        "sent by agents in equal shares; the lag above is that of the {count} that told theirs"
    )];
    lines.extend(facts.agents.iter().take(AGENTS).map(agent));
    lines
}

fn agent(facts: &AgentFacts) -> String {
    format!(
        "agent {}: {} sent, lag p50 {}, p99 {}, p99.9 {}, longest {}",
        facts.agent,
        unit::count(facts.sent),
        unit::nanos(facts.lag_p50),
        unit::nanos(facts.lag_p99),
        unit::nanos(facts.lag_p999),
        unit::nanos(facts.lag_max)
    )
}

/// The word for an expectation.
pub(crate) fn held(line: &ExpectationLine) -> &'static str {
    match line.held {
        Some(true) => "held",
        Some(false) => "failed",
        None => "unknown",
    }
}

/// `all 5 expectations held`, `1 of 4 expectations failed`.
pub(crate) fn expectations(report: &RunReport) -> String {
    let [held, failed, unknown] = report.tally();
    let all = held + failed + unknown;
    let s = if all == 1 { "" } else { "s" };
    // A run that proves nothing must not read as a success in its first line.
    let but = if report.verdict == "PASS" {
        ""
    } else {
        ", but see below"
    };
    match (failed, unknown) {
        _ if all == 0 => "no expectations".into(),
        (0, 0) if all == 1 => format!("the expectation held{but}"),
        (0, 0) => format!("all {all} expectations held{but}"),
        (0, _) => format!("{unknown} of {all} expectation{s} could not be told"),
        (_, 0) => format!("{failed} of {all} expectation{s} failed"),
        _ => format!("{failed} of {all} expectation{s} failed, {unknown} could not be told"),
    }
}

/// The name of a window for people.
pub(crate) fn window(name: &str) -> String {
    match name {
        "" | "always" | "measure" => "whole measurement".into(),
        "steady" => "no fault felt".into(),
        "before" => "before the faults".into(),
        "during" => "while a fault was felt".into(),
        "after" => "after the faults".into(),
        _ => name.replacen(':', " ", 1),
    }
}

/// A percentile of `count` durations, unless less than one of them would decide it.
pub(crate) fn percentile(count: u64, share: f64, nanos: u64) -> String {
    match count {
        0 => "none".into(),
        _ if decided(count, share) => unit::nanos(nanos),
        _ => "too few".into(),
    }
}

/// True if at least one of `count` durations is beyond `share` of them.
pub(crate) fn decided(count: u64, share: f64) -> bool {
    count as f64 * (1.0 - share) >= 1.0 - 1e-9
}

/// What a fault did, in words.
pub(crate) fn what(fault: &FaultRecord) -> String {
    format!("{} of {} {}", fault.kind, fault.role, fault.target)
}

/// From the fault's effect to `step`, in words: `after 610 ms`.
pub(crate) fn after(fault: &FaultRecord, step: Option<&Effect>) -> String {
    match (fault.effective.as_ref(), step) {
        (Some(effect), Some(step)) if step.at >= effect.at => {
            format!("after {}", unit::nanos(step.at - effect.at))
        }
        (Some(effect), Some(step)) => format!(
            "{} before it was seen to have taken effect",
            unit::nanos(effect.at - step.at)
        ),
        (None, Some(step)) => format!("at {}", unit::moment(step.at)),
        (_, None) => "never seen".into(),
    }
}

/// A step of a fault in a sentence: `noticed after 610 ms`, `never seen to be noticed`.
pub(crate) fn step(fault: &FaultRecord, verb: &str, step: Option<&Effect>) -> String {
    match step {
        Some(_) => format!("{verb} {}", after(fault, step)),
        None => format!("never seen to be {verb}"),
    }
}

/// A value of a number: `210 ms`, `99.2 %`.
pub(crate) fn value(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Nanoseconds => unit::nanos(value.round().max(0.0) as u64),
        Unit::Share => format!("{} %", unit::digits(value * 100.0)),
        Unit::SetSeconds | Unit::Count => unit::digits(value),
    }
}

/// A difference with its interval: `-78 % [-81, -75]`, `+2 [+1, +4]`.
pub(crate) fn difference(number: &Number, found: &Difference) -> String {
    let percent = number.relative || number.unit == Unit::Share;
    let sign = |value: f64| if value > 0.0 { "+" } else { "" };
    let plain = |value: f64| {
        let value = if percent { value * 100.0 } else { value };
        format!("{}{}", sign(value), unit::digits(value))
    };
    // Beyond ten times as much a percentage is no help.
    if number.relative && found.estimate >= 9.0 {
        let times = |value: f64| unit::digits(value + 1.0);
        let interval = found
            .interval
            .map(|i| format!(" [{}, {}]", times(i.low), times(i.high)));
        return format!("{} times{}", times(found.estimate), interval.unwrap_or_default());
    }
    let mark = match (number.relative, percent) {
        (true, _) => " %",
        (false, true) => " points",
        _ => "",
    };
    let interval = found
        .interval
        .map(|i| format!(" [{}, {}]", plain(i.low), plain(i.high)));
    format!("{}{mark}{}", plain(found.estimate), interval.unwrap_or_default())
}

/// The word for a difference.
pub(crate) const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Better => "better",
        Verdict::Worse => "worse",
        Verdict::NoDifferenceShown => "no difference shown",
        Verdict::CannotTell => "cannot tell",
    }
}

/// When a stage was reached, in the middle; with the number of scale-ups that came so far if not all did, because then the median is
/// of others than that of the stage beside it.
pub(crate) fn reached(reaction: &Reaction, stage: Stage) -> String {
    some_of(reaction, reaction.at(stage))
}

fn some_of(reaction: &Reaction, reached: Option<Reached>) -> String {
    let Some(reached) = reached else {
        return "-".to_owned();
    };
    let median = unit::nanos(reached.median as u64);
    if reached.count == reaction.counted() {
        median
    } else {
        format!("{median} (n = {})", reached.count)
    }
}

/// How long a part of the delay took, in the middle; with the number of scale-ups that show it if not all do.
pub(crate) fn part(reaction: &Reaction, part: Part) -> String {
    some_of(reaction, reaction.part(part))
}

/// Heads of the table of scale-ups: the layer, its sets, when it began, and the later stages from there.
pub(crate) fn stages() -> Vec<String> {
    let later = Stage::ALL.iter().skip(1).map(|stage| stage.label().to_owned());
    let fixed = ["layer", "sets", "onset at"].map(str::to_owned);
    fixed.into_iter().chain(later).collect()
}

/// A row of the table of scale-ups.
pub(crate) fn scale_up(scale_up: &ScaleUp) -> Vec<String> {
    let sets = match (scale_up.from, scale_up.to) {
        (Some(from), Some(to)) => format!("{from} to {to}"),
        _ => "no reaction".into(),
    };
    let onset = scale_up.at(Stage::Onset);
    let mut cells = vec![
        scale_up.operation.to_string(),
        sets,
        onset.map_or_else(|| "not seen".into(), unit::moment),
    ];
    cells.extend(Stage::ALL.iter().skip(1).map(|stage| {
        match scale_up.since_onset(*stage) {
            Some(nanos) => unit::nanos(nanos),
            None => scale_up
                .at(*stage)
                .map_or_else(|| "-".into(), |at| format!("at {}", unit::moment(at))),
        }
    }));
    cells
}

/// Why a fault is not a clean one; none if every step was seen.
pub(crate) fn problem(fault: &FaultRecord) -> Option<String> {
    if let Some(problem) = &fault.problem {
        return Some(problem.clone());
    }
    let missing = match (&fault.effective, &fault.healed) {
        (None, _) => "was not seen to take effect",
        (_, None) => "was not seen to be healed",
        _ => return None,
    };
    Some(missing.into())
}

/// The columns of [`calibration`].
pub(crate) const CALIBRATION: [&str; 6] = ["", "of", "measured", "simulated", "off by", "aim"];

/// One row per duration of a simulated arm and of the one that it stands for.
pub(crate) fn calibration(found: &Calibration) -> Vec<Vec<String>> {
    let row = |one: &CalibrationError| {
        let aim = match (one.aim, one.is_within()) {
            (Some(aim), Some(true)) => format!("within {:.0} %", aim * 100.0),
            (Some(aim), _) => format!("beyond {:.0} %", aim * 100.0),
            (None, _) => "-".to_owned(),
        };
        vec![
            one.name.clone(),
            format!("{} by {}", found.measured, found.simulated),
            unit::nanos(one.measured as u64),
            unit::nanos(one.simulated as u64),
            format!("{:+.1} %", one.error * 100.0),
            aim,
        ]
    };
    found.errors.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(held: &[Option<bool>]) -> RunReport {
        let line = |held: &Option<bool>| ExpectationLine {
            text: String::new(),
            when: String::new(),
            held: *held,
            shown: String::new(),
        };
        RunReport {
            schema_version: 1,
            name: String::new(),
            title: String::new(),
            run_id: String::new(),
            seed: 0,
            target: String::new(),
            plan: String::new(),
            verdict: "PASS".into(),
            exit_code: 0,
            sentence: String::new(),
            expectations: held.iter().map(line).collect(),
            trials: Vec::new(),
            warnings: Vec::new(),
            environment: Vec::new(),
            next: Vec::new(),
            repro: String::new(),
        }
    }

    /// The count of expectations reads as a sentence in every case, and an unknown one is never called held.
    #[test]
    fn expectations_are_counted_in_words() {
        for (held, expected) in [
            (&[][..], "no expectations"),
            (&[Some(true)], "the expectation held"),
            (&[Some(true), Some(true)], "all 2 expectations held"),
            (&[Some(true), Some(false)], "1 of 2 expectations failed"),
            (&[Some(true), None], "1 of 2 expectations could not be told"),
            (
                &[None, Some(false)],
                "1 of 2 expectations failed, 1 could not be told",
            ),
        ] {
            assert_eq!(expectations(&report(held)), expected);
        }
        let mut doubtful = report(&[Some(true)]);
        doubtful.verdict = "INCONCLUSIVE".into();
        assert_eq!(expectations(&doubtful), "the expectation held, but see below");
    }
}
