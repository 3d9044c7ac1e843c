//! Expressions that are not split.

use std::time::Duration;

use tally_model::{
    AnswerMessage, Dispatch, NodeId, Operation, PlatformConfig, QueueName, SetState, Work, WorkDistribution,
    WorkKind,
};

use super::bench::{Bench, deleted};

fn whole(config: &mut PlatformConfig) {
    config.dispatch = Dispatch::Whole;
}

/// A bench with a set for every operation.
fn bench(change: impl FnOnce(&mut PlatformConfig)) -> Bench {
    let mut bench = Bench::new(change);
    for operation in Operation::ALL {
        bench.set(operation, 0, SetState::Ready);
    }
    bench.take();
    bench
}

fn answer(change: impl FnOnce(&mut PlatformConfig), expression: &str) -> AnswerMessage {
    let mut bench = bench(change);
    bench.request(1, expression);
    serde_json::from_str(&bench.run_to_answer()).unwrap()
}

/// An expression is one task of its root's layer, with its text, and what the worker says is the answer.
#[test]
fn an_expression_is_one_task_of_its_roots_layer() {
    let mut bench = bench(whole);
    let inbound = bench.request(1, " - ((3+5) * (4 / 2)) ");
    let sent = bench.settle_sends();
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert_eq!(sent[0].0, QueueName::Layer(Operation::Mul));
    let layer = bench.deliver(sent[0].0, sent[0].1.clone());
    let (worker, task) = bench.assigned().remove(0);
    assert_eq!(worker.to_string(), "mul-0/worker");
    assert_eq!(task.job.expression.as_deref(), Some("-((3+5)*(4/2))"));
    assert_eq!(task.job.task.index, 0);
    bench.done(worker, task, "-16");
    assert_eq!(deleted(&bench.out, QueueName::Layer(Operation::Mul)), [layer]);
    let answer = bench.settle_sends().remove(0).1;
    assert!(answer.contains("\"outcome\":\"-16\""), "{answer}");
    assert_eq!(deleted(&bench.out, QueueName::Inbound), [inbound]);
}

/// Whatever an expression comes to, and whatever is wrong with its text, the answer is that of one that is split.
#[test]
fn answers_are_those_of_split_expressions() {
    for text in [
        "42",
        "--2.5",
        "-(1+2)",
        "((3+5)*(4/2))",
        "(1/0)+(2*3)",
        "(2*3)+(1/(4-4))",
        "-(1-1)",
        "9999999999*9999999999/3",
        "1+",
        "1e5",
        "",
    ] {
        let (mut split, one) = (answer(|_| {}, text), answer(whole, text));
        assert_eq!(one.tasks.len(), split.tasks.len().min(1), "{text}");
        split.tasks = one.tasks.clone();
        (split.folded, split.accepted) = (one.folded, one.accepted);
        assert_eq!(split, one, "{text}");
    }
}

/// What was in flight at a worker that broke off goes, whole, to another set of the same operation.
#[test]
fn a_whole_expression_goes_elsewhere_as_one() {
    let mut bench = bench(whole);
    bench.requested("(1+2)*3");
    let (worker, task) = bench.assigned().remove(0);
    let second = bench.set(Operation::Mul, 1, SetState::Ready);
    bench.take();
    bench.event(super::Event::PeerLost(worker));
    assert_eq!(bench.assigned(), [(NodeId::Worker(second), task)]);
}

/// An expression that takes longer than a task may, on purpose, is waited for that much longer, and the next one at the same worker
/// for its own time after that: neither is computed twice.
#[test]
fn what_takes_long_on_purpose_is_not_late() {
    let mut bench = Bench::new(|config| {
        whole(config);
        config.timing.task_timeout = Duration::from_secs(5);
        config.work[Operation::Add.index()] = Some(Work {
            kind: WorkKind::Delay,
            mean: Duration::from_secs(4),
            distribution: WorkDistribution::Fixed,
            replicas: false,
            processor: 0,
        });
    });
    let first = bench.set(Operation::Add, 0, SetState::Ready);
    for id in [1, 2] {
        bench.request(id, "1+2+3+4+5");
        for (queue, body) in bench.settle_sends() {
            bench.deliver(queue, body);
        }
    }
    assert_eq!(bench.assigned().len(), 2, "one in work, one at hand");
    let second = bench.set(Operation::Add, 1, SetState::Ready);
    bench.take();
    bench.pass(Duration::from_millis(20_990));
    assert_eq!(bench.assigned().len(), 0, "16 s of work and 5 s of patience");
    bench.pass(Duration::from_millis(20));
    let late = bench.assigned();
    assert_eq!(late.len(), 1);
    assert_eq!(late[0].0, NodeId::Worker(second));
    assert_eq!(bench.scheduler.in_flight(first), 1, "the second has until 37 s");
}
