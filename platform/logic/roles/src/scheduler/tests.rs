//! Claims about the scheduler, against ports that are answered by hand.

mod bench;
mod blame;
mod burials;
mod large;
mod polling;
mod room;
mod whole;

use std::time::Duration;

use tally_model::{
    FaultEvent, FaultType, NodeId, Protocol, Put, Receipt, RequestId, SetState, TaskId, TaskMessage,
};

use super::*;
use crate::port::Trouble;
use bench::{Bench, deleted};

/// The two independent tasks go out first, the dependent one when both are known, and the answer is theirs folded.
#[test]
fn an_expression_is_computed_level_by_level() {
    let mut bench = Bench::new(|_| {});
    for operation in [Operation::Add, Operation::Mul, Operation::Div] {
        bench.set(operation, 0, SetState::Ready);
    }
    bench.take();
    bench.request(1, "((3+5)*(4/2))");
    let first = bench.settle_sends();
    let layers: Vec<QueueName> = first.iter().map(|(queue, _)| *queue).collect();
    assert_eq!(
        layers,
        [QueueName::Layer(Operation::Add), QueueName::Layer(Operation::Div)]
    );
    for (queue, body) in first {
        bench.deliver(queue, body);
    }
    for (worker, task) in bench.assigned() {
        let value = if task.job.operation == Operation::Add {
            "8"
        } else {
            "2"
        };
        bench.done(worker, task, value);
    }
    let answer = bench.run_to_answer();
    assert!(answer.contains("\"outcome\":\"16\""), "{answer}");
}

/// An inbound message goes only when the answer is durable, and a later delivery of it is not computed again.
#[test]
fn an_inbound_message_outlives_everything_but_its_durable_answer() {
    let mut bench = Bench::new(|_| {});
    bench.request(1, "42");
    let commands = bench.take();
    let token = commands.iter().find_map(|command| match command {
        Command::Port(PortCommand::Send {
            token,
            queue: QueueName::Outbound,
            ..
        }) => Some(*token),
        _ => None,
    });
    assert!(deleted(&commands, QueueName::Inbound).is_empty());
    let trouble = Trouble {
        transient: true,
        message: "disk".into(),
    };
    bench.port(PortEvent::Sent(token.unwrap(), Err(trouble)));
    assert!(deleted(&bench.take(), QueueName::Inbound).is_empty());
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.settle_sends().len(), 1, "the answer is sent again");
    assert_eq!(deleted(&bench.take(), QueueName::Inbound), [Receipt("r1".into())]);
    let again = bench.accepted(bench.now - Duration::from_secs(1), 1, "42");
    assert_eq!(deleted(&bench.take(), QueueName::Inbound), [again]);
}

/// A key that is used again after its retention gives the same id to another request: it is computed. What was accepted at the same time,
/// or before, is the one that is answered.
#[test]
fn an_id_that_is_accepted_anew_is_computed_anew() {
    let mut bench = Bench::new(|_| {});
    let first = bench.now;
    for answer in ["42", "43"] {
        bench.now = bench.now + Duration::from_hours(1);
        bench.request(1, answer);
        let sent = bench.settle_sends();
        assert!(
            sent[0].1.contains(&format!("\"outcome\":\"{answer}\"")),
            "{sent:?}"
        );
        assert_eq!(deleted(&bench.take(), QueueName::Inbound).len(), 1);
        for accepted in [bench.now, first] {
            let again = bench.accepted(accepted, 1, "1+1");
            assert_eq!(deleted(&bench.take(), QueueName::Inbound), [again]);
        }
    }
}

/// A layer message whose request nobody holds (left from before a restart) is deleted, not dispatched.
#[test]
fn leftovers_of_an_earlier_life_are_deleted() {
    let mut bench = Bench::new(|_| {});
    let set = bench.set(Operation::Add, 0, SetState::Ready);
    let job = tally_model::Job {
        task: TaskId {
            request: RequestId(9),
            index: 0,
        },
        operation: set.operation,
        expression: None,
        left: "1".into(),
        right: "2".into(),
    };
    let body = serde_json::to_string(&TaskMessage {
        job,
        work_key: 0,
        ready: bench.now,
    })
    .unwrap();
    let receipt = bench.deliver(QueueName::Layer(Operation::Add), body);
    let commands = bench.take();
    assert_eq!(deleted(&commands, QueueName::Layer(Operation::Add)), [receipt]);
    assert!(!commands.iter().any(|c| matches!(
        c,
        Command::Send {
            packet: Packet::Assign(_),
            ..
        }
    )));
}

/// What was in flight at a worker that broke off goes to another set of the same operation.
#[test]
fn tasks_of_a_lost_worker_go_elsewhere() {
    let mut bench = Bench::new(|_| {});
    let first = bench.set(Operation::Add, 0, SetState::Ready);
    bench.requested("1+2");
    assert_eq!(bench.assigned().len(), 1);
    let second = bench.set(Operation::Add, 1, SetState::Ready);
    bench.take();
    bench.event(Event::PeerLost(NodeId::Worker(first)));
    let assigned = bench.assigned();
    assert_eq!(assigned.len(), 1);
    assert_eq!(assigned[0].0, NodeId::Worker(second));
}

/// A task that stays out too long is sent again, and one answer settles it whoever gives it.
#[test]
fn a_late_task_is_sent_again_and_answered_once() {
    let mut bench = Bench::new(|_| {});
    bench.set(Operation::Add, 0, SetState::Ready);
    bench.requested("1+2");
    let (worker, task) = bench.assigned().remove(0);
    bench.pass(Duration::from_secs(6));
    assert_eq!(bench.assigned().len(), 1, "sent again");
    bench.done(worker, task.clone(), "3");
    bench.done(worker, task, "3");
    let answers: Vec<_> = bench
        .settle_sends()
        .into_iter()
        .filter(|(queue, _)| *queue == QueueName::Outbound)
        .collect();
    assert_eq!(answers.len(), 1);
}

/// What a worker was blamed for may be lost on the fault bus: while it goes on it is blamed again, not with every answer.
#[test]
fn a_worker_that_goes_on_lying_is_blamed_again() {
    let mut bench = Bench::new(|config| config.protocol = Protocol::Collect);
    bench.set(Operation::Add, 0, SetState::Ready);
    bench.requested("1+2");
    let (worker, task) = bench.assigned().remove(0);
    let mut blamed = |seconds| {
        bench.pass(Duration::from_secs(seconds));
        bench.take();
        bench.done(worker, task.clone(), "4");
        let faults = bench.take().into_iter().filter(|c| {
            matches!(
                c,
                Command::Port(PortCommand::Send {
                    queue: QueueName::Faults,
                    ..
                })
            )
        });
        faults.count()
    };
    assert_eq!([blamed(0), blamed(4), blamed(7), blamed(1)], [1, 0, 1, 0]);
}

/// A draining set takes nothing new and is reported empty once its last task is answered.
#[test]
fn a_set_is_drained_before_it_goes() {
    let mut bench = Bench::new(|_| {});
    let set = bench.set(Operation::Add, 0, SetState::Ready);
    bench.requested("1+2");
    let (worker, task) = bench.assigned().remove(0);
    bench.set(Operation::Add, 0, SetState::Draining);
    let drained = |bench: &mut Bench| {
        let key = format!("drained/{set}");
        bench
            .take()
            .iter()
            .any(|c| matches!(c, Command::Port(PortCommand::Put { key: k, .. }) if *k == key))
    };
    assert!(!drained(&mut bench), "a task is still there");
    bench.done(worker, task, "3");
    assert!(drained(&mut bench));
}

/// A fault becomes a wanted repair, and its message goes only when that is durable.
#[test]
fn a_fault_is_kept_until_its_repair_is_written() {
    let mut bench = Bench::new(|_| {});
    let node = NodeId::Worker(SetId {
        operation: Operation::Add,
        number: 0,
    });
    let event = FaultEvent {
        kind: FaultType::Worker,
        node,
        incarnation: 3,
        source: "admin".into(),
        noticed: bench.now,
    };
    let receipt = bench.deliver(QueueName::Faults, serde_json::to_string(&event).unwrap());
    let commands = bench.take();
    let put = commands.iter().find_map(|command| match command {
        Command::Port(PortCommand::Put {
            token, key, value, ..
        }) => Some((*token, key.clone(), value.clone())),
        _ => None,
    });
    let (token, key, value) = put.unwrap();
    assert_eq!(key, "repair/add-0/worker");
    assert!(value.contains("\"incarnation\":3"), "{value}");
    assert!(deleted(&commands, QueueName::Faults).is_empty());
    bench.port(PortEvent::PutDone(token, Ok(Put::Written(1))));
    assert_eq!(deleted(&bench.take(), QueueName::Faults), [receipt]);
}

/// The report's mode: a fault stops all dispatch for its ten seconds, after which the waiting task goes out.
#[test]
fn the_reports_dispatcher_sleeps_while_a_fault_is_on_the_bus() {
    let mut bench = Bench::new(|config| config.dispatch = Dispatch::Report);
    let set = bench.set(Operation::Add, 0, SetState::Ready);
    let event = FaultEvent {
        kind: FaultType::Follower,
        node: NodeId::Replica(set, 1),
        incarnation: 0,
        source: "admin".into(),
        noticed: bench.now,
    };
    bench.deliver(QueueName::Faults, serde_json::to_string(&event).unwrap());
    bench.request(1, "1+2");
    let sent = bench.settle_sends();
    for (queue, body) in sent {
        bench.deliver(queue, body);
    }
    bench.pass(Duration::from_millis(9_900));
    assert!(bench.assigned().is_empty(), "asleep");
    bench.pass(Duration::from_millis(300));
    assert_eq!(bench.assigned().len(), 1, "awake");
}

/// What is in hand stays invisible to others for as long as it is in hand.
#[test]
fn leases_are_extended_before_they_end() {
    let mut bench = Bench::new(|_| {});
    let receipt = bench.request(1, "1+2");
    bench.take();
    bench.pass(Duration::from_secs(25));
    let extended = bench.take().into_iter().any(|command| {
        matches!(command, Command::Port(PortCommand::Extend { queue: QueueName::Inbound, receipts, .. })
            if receipts.contains(&receipt))
    });
    assert!(extended);
}

/// A queue that duplicates gives two messages that say the same: both are kept invisible, and both go in the end. One that was
/// not would be received again and again until it counts as dead.
#[test]
fn a_duplicate_message_is_held_like_the_first() {
    let mut bench = Bench::new(|_| {});
    let body = |bench: &mut Bench| bench.settle_sends().remove(0).1;
    let inbound = [bench.request(1, "1+2"), bench.request(1, "1+2")];
    let body = body(&mut bench);
    let layer = QueueName::Layer(Operation::Add);
    let waiting = [
        bench.deliver(layer, body.clone()),
        bench.deliver(layer, body.clone()),
    ];
    bench.set(Operation::Add, 0, SetState::Ready);
    let (worker, task) = bench.assigned().remove(0);
    let flying = bench.deliver(layer, body);
    bench.pass(Duration::from_millis(4_900));
    bench.take();
    bench.pass(Duration::from_secs(25));
    let extended: Vec<Receipt> = bench
        .take()
        .into_iter()
        .filter_map(|command| match command {
            Command::Port(PortCommand::Extend { receipts, .. }) => Some(receipts),
            _ => None,
        })
        .flatten()
        .collect();
    let all = inbound.iter().chain(&waiting).chain([&flying]);
    assert!(
        all.clone().all(|receipt| extended.contains(receipt)),
        "{extended:?}"
    );
    bench.done(worker, task, "3");
    bench.settle_sends();
    let commands = bench.take();
    let gone = [deleted(&commands, layer), deleted(&commands, QueueName::Inbound)].concat();
    assert!(all.clone().all(|receipt| gone.contains(receipt)), "{gone:?}");
}

/// TriggerParsing makes the scheduler ask its queues at once, and tells how many requests it holds (M35, M51, M94).
#[test]
fn a_trigger_is_answered_with_the_requests_in_hand() {
    let mut bench = Bench::new(|config| config.dispatch = Dispatch::Report);
    bench.request(1, "1+2");
    // In the report's mode layers are asked on a period only; the trigger does not wait for it.
    bench.set(Operation::Add, 0, SetState::Ready);
    bench.scheduler.receiving = [false; QueueName::ALL.len()];
    bench.take();
    bench.event(Event::Trigger { call: 5 });
    let commands = bench.take();
    let asked = |queue| {
        commands
            .iter()
            .any(|c| matches!(c, Command::Port(PortCommand::Receive { queue: of, .. }) if *of == queue))
    };
    assert!(asked(QueueName::Inbound) && asked(QueueName::Layer(Operation::Add)));
    assert!(
        commands
            .iter()
            .any(|c| matches!(c, Command::Triggered { call: 5, pending: 1 }))
    );
}
