//! Claims about how much a scheduler has in hand.

use tally_model::RequestMessage;

use super::bench::Bench;
use super::*;

const OUTBOUND: QueueName = QueueName::Outbound;

/// How many requests are asked for, if any are; answers of the port are for whoever looks next.
fn asked(bench: &mut Bench) -> Option<usize> {
    let commands = bench.take();
    let mut limits = commands.iter().filter_map(|command| match command {
        Command::Port(PortCommand::Receive { queue, limit, .. }) if *queue == QueueName::Inbound => {
            Some(*limit)
        }
        _ => None,
    });
    let limit = limits.next();
    assert_eq!(limits.next(), None, "one receive at a time");
    limit
}

/// The message of a request comes from the dead-letter queue, and the answer that ends it becomes durable.
fn bury(bench: &mut Bench, id: u128) {
    let message = RequestMessage {
        id: RequestId(id),
        expression: "1".into(),
        accepted: bench.now,
        work_key: 0,
        tag: None,
    };
    bench.deliver(QueueName::Dead, serde_json::to_string(&message).unwrap());
    for command in bench.take() {
        match command {
            Command::Port(PortCommand::Send { token, queue, .. }) if queue == OUTBOUND => {
                bench.port(PortEvent::Sent(token, Ok(())));
            }
            _ => {}
        }
    }
}

/// The largest requests fill the room for tasks long before that for requests. What is asked for never brings more than the bound,
/// however large it is, and more is asked for as soon as a request has gone.
#[test]
fn the_tasks_in_hand_are_bounded() {
    let largest = "1".to_owned() + &"+1".repeat(TASKS_OF_ONE - 1);
    let tasks = TASKS_OF_ONE - 1;
    let mut bench = Bench::new(|_| {});
    let mut held = 0;
    let mut limit = asked(&mut bench);
    assert_eq!(limit, Some(BATCH));
    while let Some(most) = limit {
        assert!((held + most) * tasks <= TASKS_MAX, "{held} and {most} more");
        held += 1;
        bench.request(held as u128, &largest);
        limit = asked(&mut bench);
    }
    assert_eq!(held, TASKS_MAX / TASKS_OF_ONE);
    bench.pass(Duration::from_secs(20));
    assert_eq!(asked(&mut bench), None, "no room");
    bury(&mut bench, 1);
    assert_eq!(asked(&mut bench), Some(1));
    bench.request(1_000, &largest);
    assert_eq!(asked(&mut bench), None, "no room again");
}

/// Small requests are bounded by their number, and are asked for in full batches until then.
#[test]
fn small_requests_are_bounded_by_their_number() {
    let mut bench = Bench::new(|_| {});
    for id in 0..REQUESTS_MAX {
        let room = REQUESTS_MAX - id;
        let limit = asked(&mut bench).unwrap();
        assert!(limit >= room.min(BATCH - 3) && limit <= room, "{limit} at {id}");
        bench.request(id as u128, "1+2");
    }
    assert_eq!(asked(&mut bench), None);
}
