//! Claims about what was received too often.

use tally_model::{AnswerMessage, Outcome, QueueName, RequestId, RequestMessage, SetState};

use super::bench::{Bench, deleted};
use super::*;
use crate::port::Trouble;

fn request() -> String {
    let message = RequestMessage {
        id: RequestId(5),
        expression: "1+2".into(),
        accepted: Instant::ZERO,
        work_key: 0,
        tag: None,
    };
    serde_json::to_string(&message).unwrap()
}

/// The tokens of what was sent outbound, and what it was.
fn outbound(commands: &[Command]) -> Vec<(u64, String)> {
    let sent = |command: &Command| match command {
        Command::Port(PortCommand::Send { token, queue, bodies }) if *queue == QueueName::Outbound => {
            Some((*token, bodies[0].clone()))
        }
        _ => None,
    };
    commands.iter().filter_map(sent).collect()
}

/// A request received too often is answered with that, so that its client hears of it. Its message, which is all that is left of
/// it, goes when the answer is durable and not before; that it comes again meanwhile changes nothing.
#[test]
fn a_dead_request_outlives_everything_but_its_durable_answer() {
    let mut bench = Bench::new(|_| {});
    bench.deliver(QueueName::Dead, request());
    let commands = bench.take();
    let answers = outbound(&commands);
    assert_eq!(answers.len(), 1);
    assert!(answers[0].1.contains("error:dead_lettered"), "{}", answers[0].1);
    let again = bench.deliver(QueueName::Dead, request());
    let trouble = Trouble {
        transient: true,
        message: "disk".into(),
    };
    bench.port(PortEvent::Sent(answers[0].0, Err(trouble)));
    let mut later = bench.take();
    assert!(outbound(&later).is_empty(), "one answer is on its way");
    bench.pass(Duration::from_secs(1));
    later.extend(bench.take());
    assert!(deleted(&commands, QueueName::Dead).is_empty());
    assert!(deleted(&later, QueueName::Dead).is_empty());
    let (token, _) = outbound(&later)[0];
    bench.port(PortEvent::Sent(token, Ok(())));
    assert_eq!(deleted(&bench.take(), QueueName::Dead), [again]);
    let late = bench.deliver(QueueName::Dead, request());
    let commands = bench.take();
    assert!(outbound(&commands).is_empty(), "answered once");
    assert_eq!(deleted(&commands, QueueName::Dead), [late]);
}

/// A copy that died ends the request that another copy brought, and its durable answer settles both.
#[test]
fn a_dead_copy_and_a_living_one_are_one_request() {
    let mut bench = Bench::new(|_| {});
    let living = bench.request(5, "1+2");
    bench.settle_sends();
    bench.take();
    let dead = bench.deliver(QueueName::Dead, request());
    assert_eq!(bench.settle_sends().len(), 1);
    let commands = bench.take();
    assert_eq!(deleted(&commands, QueueName::Inbound), [living]);
    assert_eq!(deleted(&commands, QueueName::Dead), [dead]);
}

/// An answer whose collector was unlucky gets another round; its dead message goes when it is durable there.
#[test]
fn a_dead_answer_is_kept_until_it_is_sent_again() {
    let mut bench = Bench::new(|_| {});
    let answer = AnswerMessage {
        id: RequestId(5),
        outcome: Outcome::Value("3".into()),
        tasks: Vec::new(),
        accepted: Instant::ZERO,
        folded: Instant::ZERO,
        tag: None,
        detail: None,
    };
    let body = serde_json::to_string(&answer).unwrap();
    let dead = bench.deliver(QueueName::Dead, body.clone());
    let commands = bench.take();
    let (token, sent) = outbound(&commands).remove(0);
    assert_eq!(sent, body);
    assert!(deleted(&commands, QueueName::Dead).is_empty());
    bench.port(PortEvent::Sent(token, Ok(())));
    assert_eq!(deleted(&bench.take(), QueueName::Dead), [dead]);
}

/// A late task whose request has ended meanwhile is thrown away, and its room goes to the next one of its layer.
#[test]
fn a_late_task_that_nobody_wants_makes_room() {
    let mut bench = Bench::new(|config| config.limits.in_flight = 1);
    bench.set(Operation::Add, 0, SetState::Ready);
    bench.request(5, "1+2");
    for (queue, body) in bench.settle_sends() {
        bench.deliver(queue, body);
    }
    bench.deliver(QueueName::Dead, request());
    bench.settle_sends();
    bench.take();
    bench.pass(Duration::from_secs(6));
    let commands = bench.take();
    let layer = QueueName::Layer(Operation::Add);
    assert_eq!(deleted(&commands, layer).len(), 1);
    let asks = |command: &Command| matches!(command, Command::Port(PortCommand::Receive { queue, .. }) if *queue == layer);
    assert!(commands.iter().any(asks), "{commands:?}");
}
