//! The verdict of a trial: judged expectations, what the checker found, faults and generator together.

use std::collections::BTreeSet;
use std::time::Duration;

use hdrhistogram::Histogram;
use tally_capture::FaultRecord;
use tally_check::{CheckReport, Safety};
use tally_load::{is_valid, lag_bound, sent_beyond};
use tally_plan::MAX_CLOSED;
use tally_reports::AgentFacts;

use super::station::Sent;
use crate::exit::Exit;

/// One expectation, judged.
pub(super) struct Judged {
    pub(super) that: String,
    pub(super) when: String,
    pub(super) held: Option<bool>,
    pub(super) shown: String,
}

/// True if nothing is wrong with the answers that came. In a run that ended early the others are owed, not lost.
pub(crate) fn is_only_owed(check: &CheckReport) -> bool {
    [&check.wrong, &check.duplicated, &check.conflicting]
        .iter()
        .all(|finding| finding.count == 0)
        && check.audit.flaws.is_empty()
}

/// What a trial comes to. Warnings say why, in words and with a remedy.
pub(super) fn verdict(
    judged: &[Judged],
    check: &CheckReport,
    faults: &[FaultRecord],
    planned_faults: usize,
    generator: &Generator,
    interrupted: bool,
    warnings: &mut Vec<(String, String)>,
) -> Exit {
    let mut exit = match check.safety {
        Safety::Clean => Exit::Pass,
        Safety::Incomplete => {
            warnings.push((
                "the record has gaps, so the answers cannot all be vouched for".into(),
                "look at check.json, and at the disk".into(),
            ));
            Exit::Inconclusive
        }
        Safety::Broken => {
            if check.overdue.count > 0 {
                warnings.push((
                    format!("{} accepted request(s) were still worked on when the wait ended", check.overdue.count),
                    "late beyond all waiting, not known to be lost: lower the rate or the bounds of scaling, or take a larger machine".into(),
                ));
            }
            Exit::Fail
        }
        Safety::Unsafe if interrupted && is_only_owed(check) => {
            warnings.push((
                format!("{} accepted request(s) were not waited for", check.lost.count),
                "let the run come to its end".into(),
            ));
            Exit::Inconclusive
        }
        Safety::Unsafe => Exit::Unsafe,
    };
    if judged.iter().any(|one| one.held == Some(false)) {
        exit = exit.worse(Exit::Fail);
    }
    for one in judged.iter().filter(|one| one.held.is_none()) {
        warnings.push((
            format!("`{}` ({}) has no data", one.that, one.when),
            "lengthen the phase, raise the rate, or drop the expectation".into(),
        ));
        exit = exit.worse(Exit::Inconclusive);
    }
    if faults.len() < planned_faults {
        let missing = planned_faults - faults.len();
        warnings.push((
            format!("{missing} fault(s) were not begun"),
            "let the run come to its end".into(),
        ));
        exit = exit.worse(Exit::Inconclusive);
    }
    for fault in faults.iter().filter(|fault| !is_confirmed(fault)) {
        let problem = fault.problem.as_deref().unwrap_or("a step was not confirmed");
        warnings.push((
            format!("fault `{}` is not confirmed: {problem}", fault.name),
            "a run whose faults had no proven effect proves nothing; look at faults.jsonl".into(),
        ));
        exit = exit.worse(Exit::Inconclusive);
    }
    // A generator that was stopped did not send everything, and that is not its fault.
    if !generator.valid && !interrupted {
        warnings.push((
            format!(
                "the generator was late: {} request(s) sent more than {:.2} ms after they were due, or never",
                generator.beyond,
                generator.bound as f64 / 1e6
            ),
            "close other programs, lower the rate, or allow real-time scheduling".into(),
        ));
        exit = exit.worse(Exit::Inconclusive);
    }
    exit
}

/// What a trial comes to if agents were lost: what they sent and heard is not on record, so nothing that the record shows of the
/// platform's speed or success is all of it. What is wrong in it is wrong all the same.
pub(super) fn without(lost: &[String], exit: Exit, warnings: &mut Vec<(String, String)>) -> Exit {
    for agent in lost {
        warnings.push((
            format!("{agent}; its record is not complete"),
            "look at what ended it (its machine, `kubectl get events -A`), or take fewer agents".into(),
        ));
    }
    match exit {
        exit if lost.is_empty() => exit,
        Exit::Fail => Exit::Inconclusive,
        exit => exit.worse(Exit::Inconclusive),
    }
}

/// What was seen of the platform may be later than it came: says so.
pub(super) fn heard_late(dropped: u64, sent: &[Sent], warnings: &mut Vec<(String, String)>) {
    let unanswered: u64 = sent.iter().map(|lane| lane.report.unanswered).sum();
    if dropped > 0 {
        warnings.push((
            format!("{dropped} answer(s) did not fit in the gateway's stream and were asked for later, so their latencies are too long"),
            "close other programs, or lower the rate: the harness did not keep up".into(),
        ));
    }
    if unanswered > 0 {
        warnings.push((
            format!("{unanswered} time(s) a user of a closed load gave up waiting for an answer and went on"),
            "look for slow answers, or lengthen the drain phase, which is how long a user waits".into(),
        ));
    }
}

/// Whether a closed load sent every request it had: one that its time was too short for leaves some.
pub(super) fn ran_dry(reports: &[Sent]) -> bool {
    reports
        .iter()
        .any(|sent| !sent.open && sent.report.dropped == 0 && sent.report.sent > 0)
}

/// What a trial comes to if a closed load `ran_dry`: for a part of its time nobody asked anything, so that no number is one of the load
/// that was meant. What is wrong is wrong all the same.
pub(super) fn without_requests(ran_dry: bool, exit: Exit, warnings: &mut Vec<(String, String)>) -> Exit {
    if !ran_dry {
        return exit;
    }
    warnings.push((
        format!(
            "a closed load had no more requests before the measure phase ended: it has {MAX_CLOSED} at most"
        ),
        "shorten the measure phase, give the users time to think, or write an open load of that rate".into(),
    ));
    match exit {
        Exit::Fail => Exit::Inconclusive,
        exit => exit.worse(Exit::Inconclusive),
    }
}

/// Took effect, was noticed or made up for, and is over.
fn is_confirmed(fault: &FaultRecord) -> bool {
    fault.problem.is_none() && fault.effective.is_some() && fault.healed.is_some()
}

/// How the generator did.
#[derive(Clone, Debug)]
pub(super) struct Generator {
    /// p50, p99, p99.9 and maximum in nanoseconds.
    pub(super) lag: [u64; 4],
    pub(super) bound: u64,
    /// Requests that were sent later than that, or never.
    pub(super) beyond: u64,
    pub(super) valid: bool,
    pub(super) realtime: bool,
    /// Requests that a thread on another core sent, because the first was late for them.
    pub(super) relieved: u64,
    pub(super) cpu_seconds: f64,
    /// Of each agent that told its lag.
    pub(super) agents: Vec<AgentFacts>,
}

impl Generator {
    /// From the reports of all lanes, and the latency that its lag is held against.
    pub(super) fn of(reports: &[Sent], latency_p99: u64) -> Self {
        let lag = added(reports);
        let at = |quantile: f64| lag.value_at_quantile(quantile);
        let latency_p99 = Duration::from_nanos(latency_p99);
        let bound = lag_bound(latency_p99);
        // A closed load has more requests than its time allows; what it did not send was not due.
        let dropped: u64 = reports
            .iter()
            .filter(|sent| sent.open)
            .map(|sent| sent.report.dropped)
            .sum();
        Self {
            lag: [at(0.5), at(0.99), at(0.999), at(1.0)],
            bound: bound.as_nanos() as u64,
            beyond: sent_beyond(&lag, bound) + dropped,
            valid: dropped == 0 && is_valid(&lag, latency_p99),
            realtime: !reports.is_empty() && reports.iter().all(|sent| sent.report.realtime),
            relieved: reports.iter().map(|sent| sent.report.relieved).sum(),
            cpu_seconds: reports.iter().map(|sent| sent.report.cpu_seconds).sum(),
            agents: agents(reports),
        }
    }
}

/// The lags of every agent, in their order.
fn agents(reports: &[Sent]) -> Vec<AgentFacts> {
    let numbers: BTreeSet<u32> = reports.iter().filter_map(|sent| sent.agent).collect();
    let facts = |agent: u32| {
        let own = || reports.iter().filter(move |sent| sent.agent == Some(agent));
        let lag = added(own());
        AgentFacts {
            agent,
            sent: own().map(|sent| sent.report.sent).sum(),
            lag_p50: lag.value_at_quantile(0.5),
            lag_p99: lag.value_at_quantile(0.99),
            lag_p999: lag.value_at_quantile(0.999),
            lag_max: lag.value_at_quantile(1.0),
        }
    };
    numbers.into_iter().map(facts).collect()
}

/// The lags of all lanes.
fn added<'a>(reports: impl IntoIterator<Item = &'a Sent>) -> Histogram<u64> {
    let mut all = tally_load::nanos_histogram();
    for Sent { report, .. } in reports {
        // Of equal bounds, so that adding cannot fail.
        let _ = all.add(&report.lag);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(open: bool, sent: u64, dropped: u64) -> Sent {
        let mut report = crate::agents::empty_report();
        (report.sent, report.dropped) = (sent, dropped);
        Sent {
            agent: None,
            open,
            report,
        }
    }

    /// A closed load that its time ended has requests left. One that has none is told, and makes a trial inconclusive that would
    /// have passed or failed, but no better one that was unsafe.
    #[test]
    fn a_closed_load_without_requests_is_no_verdict() {
        assert!(!ran_dry(&[lane(true, 9, 0), lane(false, 7, 2)]));
        assert!(ran_dry(&[lane(true, 9, 0), lane(false, 7, 2), lane(false, 9, 0)]));
        for (exit, expected) in [
            (Exit::Pass, Exit::Inconclusive),
            (Exit::Fail, Exit::Inconclusive),
            (Exit::Unsafe, Exit::Unsafe),
        ] {
            let mut warnings = Vec::new();
            assert_eq!(without_requests(false, exit, &mut warnings), exit);
            assert!(warnings.is_empty());
            assert_eq!(without_requests(true, exit, &mut warnings), expected);
            assert!(warnings[0].0.contains("100000 at most"), "{warnings:?}");
        }
    }
}
