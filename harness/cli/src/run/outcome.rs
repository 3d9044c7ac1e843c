//! What was found, in the words and forms of reports.

use tally_capture::Environment;
use tally_check::{CheckReport, Finding};
use tally_reports::{Correctness, ExpectationLine, GeneratorFacts, Memory, TrialReport};

use super::judge::{Generator, Judged};
use super::sampler::Memory as Sizes;
use crate::exit::Exit;

/// Lost, wrong and the rest, zeros included: what is not said could be anything.
pub(crate) fn check_line(report: &CheckReport) -> String {
    let names = [
        "lost",
        "overdue",
        "duplicated",
        "wrong",
        "conflicting",
        "unexpected",
        "non_monotonic",
        "uncertified",
    ];
    let counts: Vec<String> = names
        .iter()
        .map(|name| format!("{name} {}", report.count(name).unwrap_or(0)))
        .collect();
    format!(
        "{} of {} accepted answered; {}; {} certificate(s) audited in {} of {} answers",
        report.answered,
        report.accepted,
        counts.join(", "),
        report.audit.certificates_audited,
        report.audit.answers_audited,
        report.audit.answers
    )
}

/// The checker's findings as a report shows them.
pub(super) fn report_correctness(check: &CheckReport) -> Correctness {
    let named = [
        ("lost", &check.lost),
        ("overdue", &check.overdue),
        ("duplicated", &check.duplicated),
        ("wrong", &check.wrong),
        ("conflicting", &check.conflicting),
        ("unexpected", &check.unexpected),
        ("non-monotonic", &check.non_monotonic),
    ];
    let flaws = check
        .audit
        .flaws
        .iter()
        .map(|(name, finding)| (name.as_str(), finding));
    let examples = named
        .into_iter()
        .chain(flaws)
        .flat_map(|(name, finding)| finding.examples.iter().map(move |example| (name, example)))
        .take(20)
        .map(|(name, example)| match example.n {
            // Of an answer to nobody no number is known.
            u64::MAX => format!("{name}: {}", example.detail),
            n => format!("{name}: request {n}: {}", example.detail),
        })
        .collect();
    let mut gaps = Vec::new();
    let mut gap = |on: bool, words: &str| {
        if on {
            gaps.push(words.to_owned());
        }
    };
    gap(check.gaps.torn_history, "the history ends in a torn frame");
    gap(
        check.gaps.torn_certificates,
        "the certificates end in a torn frame",
    );
    gap(
        check.gaps.missing_keys,
        "there are no keys to check certificates with",
    );
    gap(
        check.gaps.unrecorded > 0,
        &format!("{} planned request(s) have no line", check.gaps.unrecorded),
    );
    gap(
        check.gaps.malformed.count > 0,
        &format!("{} line(s) contradict others", check.gaps.malformed.count),
    );
    let count = |finding: &Finding| finding.count;
    Correctness {
        accepted: check.accepted,
        answered: check.answered,
        lost: count(&check.lost),
        overdue: count(&check.overdue),
        duplicated: count(&check.duplicated),
        wrong: count(&check.wrong),
        conflicting: count(&check.conflicting),
        unexpected: count(&check.unexpected),
        non_monotonic: count(&check.non_monotonic),
        certificates_audited: check.audit.certificates_audited,
        certificates_total: certificates_in_all(check),
        flaws: check
            .audit
            .flaws
            .iter()
            .map(|(name, finding)| (name.clone(), finding.count))
            .collect(),
        gaps,
        examples,
    }
}

/// How many certificates there are: counted if all were audited, scaled up from the sample otherwise.
fn certificates_in_all(check: &CheckReport) -> u64 {
    let audit = &check.audit;
    if audit.answers_audited == 0 {
        return 0;
    }
    audit.certificates_audited * audit.answers / audit.answers_audited
}

pub(super) fn generator_facts(generator: &Generator) -> GeneratorFacts {
    let [lag_p50, lag_p99, lag_p999, lag_max] = generator.lag;
    GeneratorFacts {
        lag_p50,
        lag_p99,
        lag_p999,
        lag_max,
        bound: generator.bound,
        valid: generator.valid,
        realtime: generator.realtime,
        relieved: generator.relieved,
        cpu_seconds: generator.cpu_seconds,
        agents: generator.agents.clone(),
    }
}

/// What nobody could look at is left out: 0 bytes would be a lie.
pub(super) fn memory_lines(sizes: Sizes) -> Vec<Memory> {
    let line = |label: &str, bytes| Memory {
        label: label.to_owned(),
        bytes,
    };
    let mut lines = vec![
        line("control plane", sizes.control_plane),
        line("largest worker or replica", sizes.member),
        line("harness", sizes.harness),
    ];
    lines.retain(|line| line.bytes > 0);
    lines
}

pub(super) fn expectation_line(judged: Judged) -> ExpectationLine {
    ExpectationLine {
        text: judged.that,
        when: judged.when,
        held: judged.held,
        shown: judged.shown,
    }
}

/// An expectation of several trials holds if it held in all; the first trial that says otherwise is shown.
pub(super) fn merge(line: &mut ExpectationLine, judged: &Judged) {
    let worse = match (line.held, judged.held) {
        (Some(false), _) => false,
        (_, Some(false)) => true,
        (None, _) => false,
        (Some(true), held) => held.is_none(),
    };
    if worse {
        line.held = judged.held;
        line.shown.clone_from(&judged.shown);
    }
}

/// What happened, for somebody who reads one sentence.
pub(super) fn describe(exit: Exit, trials: &[TrialReport]) -> String {
    let sum = |of: fn(&Correctness) -> u64| -> u64 {
        trials
            .iter()
            .filter_map(|trial| trial.correctness.as_ref())
            .map(of)
            .sum()
    };
    let (accepted, answered) = (sum(|c| c.accepted), sum(|c| c.answered));
    let faults: usize = trials.iter().map(|trial| trial.faults.len()).sum();
    let p99 = trials
        .iter()
        .filter_map(|trial| trial.summary.window("always"))
        .map(|window| window.latency.p99)
        .max()
        .unwrap_or(0);
    let mut text = format!("{answered} of {accepted} accepted requests were answered");
    if faults > 0 {
        text.push_str(&match faults {
            1 => " while a fault was injected".to_owned(),
            faults => format!(" while {faults} faults were injected"),
        });
    }
    text.push_str(&match exit {
        Exit::Unsafe => ", and some answers were lost, wrong, doubled or in conflict.".to_owned(),
        _ => format!(
            "; {} lost, {} wrong, {} in conflict. The slowest 1 % took longer than {:.1} ms.",
            sum(|c| c.lost),
            sum(|c| c.wrong),
            sum(|c| c.conflicting),
            p99 as f64 / 1e6
        ),
    });
    text
}

pub(super) fn environment_lines(environment: &Environment) -> Vec<(String, String)> {
    let load = |load: Option<[f64; 3]>| load.map(|load| format!("{:.2}", load[0]));
    let lines = [
        ("tally", Some(environment.tally.clone())),
        ("build", Some(environment.profile.clone())),
        ("commit", environment.commit.clone()),
        ("rustc", environment.rustc.clone()),
        ("kernel", environment.kernel.clone()),
        ("processor", environment.cpu.clone()),
        ("processors", Some(environment.cores.to_string())),
        (
            "memory",
            environment.memory.map(|bytes| format!("{} MiB", bytes >> 20)),
        ),
        ("load before", load(environment.load_before)),
    ];
    lines
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}

/// A command line that a shell takes back.
pub(super) fn shell_line(command: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    let quote = |word: &String| {
        if !word.is_empty() && word.chars().all(plain) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    };
    command.iter().map(quote).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a shell would take apart is quoted, and a quote in it does not end the quoting.
    #[test]
    fn a_command_line_survives_a_shell() {
        let words = ["tally", "calc", "(1+2)*3", "it's", ""].map(str::to_owned);
        assert_eq!(shell_line(&words), "tally calc '(1+2)*3' 'it'\\''s' ''");
    }

    /// One trial in which it did not hold is enough, whatever the others say and in whatever order.
    #[test]
    fn an_expectation_must_hold_in_every_trial() {
        let judged = |held| Judged {
            that: "x".into(),
            when: "always".into(),
            held,
            shown: format!("{held:?}"),
        };
        let orders = [
            [Some(true), None, Some(false)],
            [Some(false), Some(true), None],
            [None, Some(false), Some(true)],
        ];
        for order in orders {
            let mut line = expectation_line(judged(order[0]));
            merge(&mut line, &judged(order[1]));
            merge(&mut line, &judged(order[2]));
            assert_eq!(line.held, Some(false), "{order:?}");
        }
    }
}
