//! Claims about answers that are larger than a message, against a queue that takes a mebibyte, as SQS does.

use tally_model::{AnswerMessage, Failure, Outcome};

use super::bench::{Bench, deleted};
use super::*;

/// Bytes of a message.
const LIMIT: usize = 1 << 20;

/// A fraction as long as one may be, and a term more for each operation: every task carries it twice.
fn long(operations: usize) -> String {
    format!("{}/1{}", "9".repeat(1_230), "0".repeat(1_229)) + &"+1".repeat(operations - 1)
}

fn bench() -> Bench {
    let mut bench = Bench::new(|_| {});
    for operation in Operation::ALL {
        bench.set(operation, 0, SetState::Ready);
    }
    bench
}

/// Answers every task, and every send for good: confirmed where the queue `takes` the bodies, refused otherwise. Returns what was
/// sent outbound, with whether it was taken, and what else was asked for.
fn run(
    bench: &mut Bench,
    takes: impl Fn(QueueName, &str) -> bool,
) -> (Vec<(AnswerMessage, bool)>, Vec<Command>) {
    let (mut answers, mut rest) = (Vec::new(), Vec::new());
    loop {
        let commands = bench.take();
        if commands.is_empty() {
            return (answers, rest);
        }
        for command in commands {
            match command {
                Command::Port(PortCommand::Send { token, queue, bodies }) => {
                    let taken = bodies.iter().all(|body| takes(queue, body));
                    let refusal = Trouble {
                        transient: false,
                        message: "not this".into(),
                    };
                    bench.port(PortEvent::Sent(token, taken.then_some(()).ok_or(refusal)));
                    for body in bodies {
                        if queue == QueueName::Outbound {
                            answers.push((serde_json::from_str(&body).unwrap(), taken));
                        } else if taken {
                            bench.deliver(queue, body);
                        }
                    }
                }
                Command::Send {
                    to,
                    packet: Packet::Assign(task),
                } => {
                    let outcome = tally_expression::compute(&task.job);
                    bench.answered(to, task, outcome);
                }
                other => rest.push(other),
            }
        }
    }
}

fn within(limit: usize) -> impl Fn(QueueName, &str) -> bool {
    move |_, body| body.len() <= limit
}

/// Without the certificates of its tasks a value is no answer: where they do not fit, the request ends in a failure that says so,
/// once, and is forgotten. What fits goes out whole, however many tasks it has.
#[test]
fn an_answer_larger_than_a_message_is_a_named_failure() {
    let many = "1".to_owned() + &"+1".repeat(2_000);
    for (expression, tasks, fits) in [
        (long(190), 190, true),
        (long(240), 240, false),
        (many, 2_000, true),
    ] {
        let mut bench = bench();
        let inbound = bench.request(1, &expression);
        let (answers, rest) = run(&mut bench, within(LIMIT));
        let taken: Vec<&AnswerMessage> = answers
            .iter()
            .filter(|(_, taken)| *taken)
            .map(|(a, _)| a)
            .collect();
        assert_eq!((taken.len(), answers.len()), (1, if fits { 1 } else { 2 }));
        let whole = matches!(taken[0].outcome, Outcome::Value(_));
        assert_eq!(
            (whole, taken[0].tasks.len()),
            (fits, if fits { tasks } else { 0 })
        );
        if !fits {
            assert_eq!(taken[0].outcome, Outcome::Error(Failure::AnswerTooLarge));
            let detail = taken[0].detail.clone().unwrap();
            assert!(
                detail.contains("its 240 tasks") && detail.contains("in parts"),
                "{detail}"
            );
        }
        assert_eq!(deleted(&rest, QueueName::Inbound), [inbound]);
        bench.pass(Duration::from_mins(1));
        assert!(run(&mut bench, within(LIMIT)).0.is_empty());
        assert_eq!(bench.scheduler.pending(), 0);
    }
}

/// A failure is proved by the task that failed, so it keeps its name and that task.
#[test]
fn a_failure_keeps_the_task_that_failed() {
    let mut bench = bench();
    bench.request(1, &format!("({})/(2-2)", long(240)));
    let (answers, _) = run(&mut bench, within(LIMIT));
    let (answer, taken) = answers.last().unwrap();
    assert!(*taken);
    assert_eq!(answer.outcome, Outcome::Error(Failure::DivByZero));
    let [task] = &answer.tasks[..] else {
        panic!("{} tasks", answer.tasks.len())
    };
    assert_eq!(
        (task.job.operation, task.job.right.as_str()),
        (Operation::Div, "0")
    );
    assert_eq!(task.outcome, answer.outcome);
}

/// A queue that takes nothing, because a permission is missing, makes no failures of values: what is refused in either form is
/// sent whole when it is tried again, and what is small enough for any queue is never made smaller.
#[test]
fn what_is_refused_in_every_size_waits_whole() {
    for (expression, attempts) in [(long(30), vec![30, 0]), ("1+2".to_owned(), vec![1])] {
        let mut bench = bench();
        bench.request(1, &expression);
        let sizes = |answers: &[(AnswerMessage, bool)]| -> Vec<usize> {
            answers.iter().map(|(answer, _)| answer.tasks.len()).collect()
        };
        let (answers, _) = run(&mut bench, |queue, _| queue != QueueName::Outbound);
        assert_eq!(sizes(&answers), attempts);
        bench.pass(RETRY);
        let (answers, _) = run(&mut bench, within(LIMIT));
        assert_eq!(sizes(&answers), attempts[..1]);
        assert!(matches!(answers[0].0.outcome, Outcome::Value(_)));
    }
}
