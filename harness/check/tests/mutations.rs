//! Random clean histories are clean; with one random planted defect each, that defect is found.

#![allow(
    clippy::unwrap_used,
    reason = "support code of tests ends the test where it fails"
)]

#[allow(dead_code, reason = "shared with tests that use more of it")]
#[path = "support/platform.rs"]
mod platform;
#[path = "support/trial.rs"]
mod trial;

use platform::{Mint, certify, set_of, trial_keys};
use tally_capture::{Fate, HistoryLine, Operation, Read, Sight};
use tally_check::{CheckReport, Options, Safety};
use tally_expression::{Frontier, apply, parse};
use tally_model::{CertifiedTask, Failure, Instant, Job, Outcome, RequestId, TaskId};
use trial::Laboratory;

/// SplitMix64; equal seeds give equal histories everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    fn expression(&mut self, depth: u64) -> String {
        if depth == 0 {
            return match self.below(6) {
                0 => format!("{}.{}", self.below(99), self.below(99)),
                1 => format!("-{}", self.below(99)),
                _ => self.below(99).to_string(),
            };
        }
        let (left, right) = (self.expression(depth - 1), self.expression(depth - 1));
        let symbol = ["+", "-", "*", "/"][self.below(4) as usize];
        match self.below(4) {
            0 => format!("{left}{symbol}{right}"),
            1 => format!("-({left} {symbol} {right})"),
            _ => format!("({left}{symbol}{right})"),
        }
    }
}

/// The platform's way to an answer: its parser, its frontier, its arithmetic; certificates by the paper platform.
fn answer(id: RequestId, expression: &str) -> (Outcome, Vec<CertifiedTask>) {
    let parsed = match parse(expression) {
        Ok(parsed) => parsed,
        Err(error) => return (Outcome::Error(error.failure), Vec::new()),
    };
    let mut frontier = Frontier::new(parsed.dag());
    let mut tasks = Vec::new();
    while frontier.answer().is_none() {
        for ready in frontier.ready() {
            let outcome = apply(ready.operation, &ready.left, &ready.right);
            let job = Job {
                task: TaskId {
                    request: id,
                    index: ready.index,
                },
                operation: ready.operation,
                expression: None,
                left: ready.left,
                right: ready.right,
            };
            let mut task = CertifiedTask {
                set: set_of(job.operation),
                job,
                outcome: outcome.clone(),
                certificate: None,
                ready: Instant::ZERO,
                dispatched: Instant::ZERO,
                done: Instant::ZERO,
            };
            certify(&mut task, Mint::Good);
            frontier.complete(task.job.task.index, outcome);
            tasks.push(task);
        }
    }
    (frontier.answer().unwrap(), tasks)
}

/// A clean history in which everything that may happen does.
fn clean(random: &mut Random) -> Vec<HistoryLine> {
    let mut lines = Vec::new();
    for n in 0..10 {
        let depth = 1 + random.below(2);
        let expression = if n > 0 && random.below(12) == 0 {
            "1+".into()
        } else {
            random.expression(depth)
        };
        let id = RequestId(u128::from(n) << 64 | u128::from(random.below(u64::MAX)));
        let mut op = Operation {
            sent: Some(n * 1000),
            first_byte: Some(n * 1000 + 10),
            fate: Fate::Ok,
            status: 202,
            accepted: true,
            id: Some(id),
            attempts: 1 + random.below(2) as u32,
            ..Operation::planned(n, 0, expression, n * 1000)
        };
        // The first is always answered with tasks, so that every defect has a place.
        match if n == 0 { 9 } else { random.below(10) } {
            0 => {
                op = Operation {
                    fate: Fate::Fail,
                    status: 429,
                    accepted: false,
                    id: None,
                    ..op
                }
            }
            1 => {
                op = Operation {
                    fate: Fate::Info,
                    status: 0,
                    accepted: false,
                    id: None,
                    ..op
                }
            }
            2 => op = Operation::planned(n, 0, op.expression, op.intended),
            3 => op.outcome = Some(Outcome::Error(Failure::Deadline)),
            _ => {
                let (outcome, tasks) = answer(id, &op.expression);
                op = Operation {
                    outcome: Some(outcome),
                    tasks,
                    done: Some(n * 1000 + 500),
                    folded: Some(n),
                    ..op
                };
            }
        }
        if op.outcome.is_some() && random.below(3) == 0 {
            let sight = if random.below(2) == 0 {
                Sight::Read
            } else {
                Sight::Delivery
            };
            let outcome = op.outcome.clone();
            lines.push(HistoryLine::Read(Read {
                n,
                at: 20_000,
                sight,
                outcome,
                folded: op.folded,
            }));
        }
        lines.push(HistoryLine::Op(op));
    }
    lines
}

/// The answered operations with tasks, by position.
fn answered(lines: &[HistoryLine]) -> Vec<usize> {
    let has_tasks = |line: &HistoryLine| matches!(line, HistoryLine::Op(op) if !op.tasks.is_empty());
    (0..lines.len()).filter(|at| has_tasks(&lines[*at])).collect()
}

fn other(outcome: Option<&Outcome>) -> Outcome {
    Outcome::Value(
        if outcome == Some(&Outcome::Value("4711".into())) {
            "4712"
        } else {
            "4711"
        }
        .into(),
    )
}

type Found = fn(&CheckReport) -> u64;

fn flaw(report: &CheckReport, name: &str) -> u64 {
    report.audit.flaws.get(name).map_or(0, |finding| finding.count)
}

/// Plants one defect in one operation and says where it must show.
fn plant(random: &mut Random, op: &mut Operation, extra: &mut Vec<HistoryLine>) -> (&'static str, Found) {
    let which = random.below(15);
    if which < 8 {
        return plant_in_history(which, op, extra);
    }
    let at = random.below(op.tasks.len() as u64) as usize;
    let digit = random.below(100) as usize;
    plant_in_task(which, &mut op.tasks[at], digit)
}

fn plant_in_history(which: u64, op: &mut Operation, extra: &mut Vec<HistoryLine>) -> (&'static str, Found) {
    let n = op.n;
    let later = |outcome, sight, folded| {
        HistoryLine::Read(Read {
            n,
            at: 30_000,
            sight,
            outcome,
            folded,
        })
    };
    match which {
        0 => {
            *op = Operation {
                outcome: None,
                tasks: Vec::new(),
                fate: Fate::Info,
                ..op.clone()
            };
            ("lost", |r| r.lost.count)
        }
        1 => {
            op.outcome = Some(other(op.outcome.as_ref()));
            ("wrong", |r| r.wrong.count)
        }
        2 => {
            op.outcome = Some(Outcome::Error(Failure::TooDeep));
            ("wrong error", |r| r.wrong.count)
        }
        3 => {
            extra.push(later(Some(other(op.outcome.as_ref())), Sight::Delivery, None));
            ("conflicting", |r| r.conflicting.count)
        }
        4 => {
            extra.push(later(op.outcome.clone(), Sight::Delivery, Some(999)));
            ("second record", |r| r.duplicated.count)
        }
        5 => {
            op.other_ids = vec![RequestId(1)];
            ("two ids", |r| r.duplicated.count)
        }
        6 => {
            op.fate = Fate::Fail;
            ("unexpected", |r| r.unexpected.count)
        }
        _ => {
            extra.push(later(None, Sight::Read, None));
            ("vanished", |r| r.non_monotonic.count)
        }
    }
}

fn plant_in_task(which: u64, task: &mut CertifiedTask, digit: usize) -> (&'static str, Found) {
    match which {
        8 => {
            certify(task, Mint::Forged);
            ("forged", |r| flaw(r, "signature"))
        }
        9 => {
            certify(task, Mint::TooFew);
            ("too few", |r| flaw(r, "too_few_votes"))
        }
        10 => {
            certify(task, Mint::OtherJob);
            ("other job", |r| flaw(r, "other_job"))
        }
        11 => {
            certify(task, Mint::None);
            ("uncertified", |r| flaw(r, "missing"))
        }
        12 => {
            task.job.left.push('1');
            certify(task, Mint::Good);
            ("other task", |r| flaw(r, "other_task"))
        }
        13 => {
            task.outcome = other(Some(&task.outcome));
            certify(task, Mint::Good);
            ("other result", |r| flaw(r, "other_result"))
        }
        _ => {
            let text = task.certificate.clone().unwrap();
            let at = text.len() * digit / 100;
            let changed = if &text[at..=at] == "0" { "1" } else { "0" };
            task.certificate = Some(format!("{}{changed}{}", &text[..at], &text[at + 1..]));
            ("a changed digit", |r| {
                r.audit.flaws.values().map(|f| f.count).sum()
            })
        }
    }
}

/// 200 seeds: no false alarm without a defect, and no defect missed.
#[test]
fn planted_defects_are_found_and_clean_histories_are_clean() {
    let keys = trial_keys();
    let laboratory = Laboratory::new();
    for seed in 0..200 {
        let mut random = Random(seed);
        let lines = clean(&mut random);
        let report = laboratory.check(&lines, &keys, &Options::default());
        assert_eq!(report.safety, Safety::Clean, "seed {seed}: {report:#?}");

        let mut lines = lines;
        let candidates = answered(&lines);
        let at = candidates[random.below(candidates.len() as u64) as usize];
        let mut extra = Vec::new();
        let HistoryLine::Op(op) = &mut lines[at] else {
            unreachable!()
        };
        let n = op.n;
        let (name, found) = plant(&mut random, op, &mut extra);
        lines.extend(extra);
        let report = laboratory.check(&lines, &keys, &Options::default());
        assert!(
            found(&report) > 0,
            "seed {seed}: {name} in request {n} was missed: {report:#?}"
        );
        assert!(report.safety >= Safety::Broken, "seed {seed}: {name}");
    }
}

/// Of whole expressions there is one task, which is held against the expression, its last operation and its answer.
#[test]
fn the_task_of_a_whole_expression_is_checked() {
    let laboratory = Laboratory::new();
    let id = RequestId(5);
    let (outcome, tasks) = answer(id, "(1 + 2) / (4 - 4)");
    let mut whole = tasks[0].clone();
    whole.job = Job {
        task: TaskId {
            request: id,
            index: 0,
        },
        operation: tally_model::Operation::Div,
        expression: Some("(1+2)/(4-4)".into()),
        left: String::new(),
        right: String::new(),
    };
    whole.set = set_of(whole.job.operation);
    whole.outcome = outcome.clone();
    let op = Operation {
        sent: Some(1),
        fate: Fate::Ok,
        status: 202,
        accepted: true,
        id: Some(id),
        attempts: 1,
        outcome: Some(outcome),
        ..Operation::planned(0, 0, "(1 + 2) / (4 - 4)".to_owned(), 0)
    };
    let with = |change: &dyn Fn(&mut Vec<CertifiedTask>)| {
        let mut op = op.clone();
        op.tasks = vec![whole.clone()];
        change(&mut op.tasks);
        op.tasks.iter_mut().for_each(|task| certify(task, Mint::Good));
        laboratory.check(&[HistoryLine::Op(op)], &trial_keys(), &Options::default())
    };
    let clean = with(&|_| {});
    assert_eq!(clean.safety, Safety::Clean, "{clean:#?}");
    assert_eq!(clean.audit.certificates_audited, 1);
    let text = |text: &'static str| {
        move |tasks: &mut Vec<CertifiedTask>| tasks[0].job.expression = Some(text.into())
    };
    let defects: [(&str, &dyn Fn(&mut Vec<CertifiedTask>)); 6] = [
        ("other_task", &text("(1+2)/(5-5)")),
        ("other_task", &text("1+2/(4-4)")),
        ("other_task", &|tasks| tasks[0].job.task.request = RequestId(6)),
        ("other_task", &|tasks| {
            tasks[0].job.operation = tally_model::Operation::Add;
        }),
        ("other_result", &|tasks| tasks[0].outcome = other(None)),
        ("repeated_task", &|tasks| tasks.push(tasks[0].clone())),
    ];
    for (name, defect) in defects {
        let report = with(defect);
        assert_eq!(flaw(&report, name), 1, "{name}: {report:#?}");
        assert!(report.safety >= Safety::Broken, "{name}");
    }
}

/// A line that never reached the history is noticed when the length of the plan is known.
#[test]
fn a_missing_line_is_noticed() {
    let of_five = |line: &HistoryLine| match line {
        HistoryLine::Op(op) => op.n == 5,
        HistoryLine::Read(read) => read.n == 5,
        HistoryLine::Stray(_) => false,
    };
    let mut lines = clean(&mut Random(1));
    lines.retain(|line| !of_five(line));
    let options = Options {
        planned: Some(10),
        ..Options::default()
    };
    let report = Laboratory::new().check(&lines, &trial_keys(), &options);
    assert_eq!(report.gaps.unrecorded, 1);
    assert_eq!(report.safety, Safety::Incomplete);
}
