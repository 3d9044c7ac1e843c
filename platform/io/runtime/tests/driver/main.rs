//! Claims about the driver and the port runner, over the in-memory ports.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

use std::sync::Arc;
use std::time::Duration;

use tally_embedded::{Memory, Settings};
use tally_model::{Deadline, Entry, Instant, Machine, Precondition, Put, QueueName};
use tally_ports::{Clock, MetadataStore, Queue};
use tally_roles::port::{LONG_WAIT, PortCommand, PortEvent};
use tally_runtime::{PortRunner, Ports, SystemClock, drive, inbox};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

mod large_answers;
mod no_cluster;

use no_cluster::NoCluster;

/// Echoes numbers, and says `0` at its deadline.
struct Echo {
    deadline: Option<Instant>,
}

impl Machine for Echo {
    type Event = u32;
    type Command = u32;

    fn handle(&mut self, _: Instant, event: u32, out: &mut Vec<u32>) {
        out.push(event);
    }

    fn wake(&mut self, now: Instant, out: &mut Vec<u32>) {
        assert!(self.deadline.is_some_and(|at| at <= now), "woken before its time");
        self.deadline = None;
        out.push(0);
    }

    fn deadline(&self) -> Option<Deadline> {
        self.deadline.map(|at| Deadline { at, reason: "test" })
    }
}

/// Every event is handled, in order, and the commands given before the first come first.
#[tokio::test]
async fn events_are_handled_in_order() {
    let (sender, receiver) = inbox();
    for event in 1..=1_000 {
        sender.send(event).await.unwrap();
    }
    drop(sender);
    let mut obeyed = Vec::new();
    let obey = |command| obeyed.push(command);
    drive(
        Echo { deadline: None },
        vec![77],
        receiver,
        SystemClock::start(),
        obey,
        CancellationToken::new(),
    )
    .await;
    let expected: Vec<u32> = std::iter::once(77).chain(1..=1_000).collect();
    assert_eq!(obeyed, expected);
}

/// A machine is woken at its deadline and not before, even while events keep coming.
#[tokio::test]
async fn a_deadline_is_kept_in_a_busy_inbox() {
    let clock = SystemClock::start();
    let (sender, receiver) = inbox();
    let (told, mut heard) = mpsc::channel(100_000);
    let stop = CancellationToken::new();
    let machine = Echo {
        deadline: Some(clock.now() + Duration::from_millis(30)),
    };
    let obey = move |command| {
        let _ = told.try_send(command);
    };
    let driven = tokio::spawn(drive(machine, Vec::new(), receiver, clock, obey, stop.clone()));
    loop {
        if sender.try_send(1).is_err() {
            tokio::task::yield_now().await;
        }
        if matches!(heard.try_recv(), Ok(0)) {
            break;
        }
        tokio::task::yield_now().await;
    }
    stop.cancel();
    driven.await.unwrap();
}

struct Bench {
    runner: PortRunner<Memory, Memory, NoCluster, PortEvent>,
    events: mpsc::Receiver<PortEvent>,
    memory: Arc<Memory>,
}

impl Bench {
    fn new() -> Self {
        let settings = Settings {
            visibility: Duration::from_secs(30),
            receives: 5,
        };
        let memory = Arc::new(Memory::new(settings));
        let ports = Ports {
            queue: Arc::clone(&memory),
            metadata: Arc::clone(&memory),
            joint: None,
            cluster: Arc::new(NoCluster),
        };
        let (sender, events) = inbox();
        let runner = PortRunner::new(
            ports,
            sender,
            |event| event,
            TaskTracker::new(),
            CancellationToken::new(),
        );
        Self {
            runner,
            events,
            memory,
        }
    }

    async fn next(&mut self) -> PortEvent {
        tokio::time::timeout(Duration::from_secs(30), self.events.recv())
            .await
            .unwrap()
            .unwrap()
    }
}

/// A receive that was asked for before there was anything is answered when something is sent.
#[tokio::test]
async fn a_waiting_receive_is_answered_by_a_send() {
    let mut bench = Bench::new();
    bench.runner.run(PortCommand::Receive {
        queue: QueueName::Inbound,
        limit: 10,
        wait: LONG_WAIT,
    });
    bench.runner.run(PortCommand::Send {
        token: 9,
        queue: QueueName::Inbound,
        bodies: vec!["x".into()],
    });
    let (mut sent, mut received) = (false, false);
    while !(sent && received) {
        match bench.next().await {
            PortEvent::Sent(9, Ok(())) => sent = true,
            PortEvent::Received(QueueName::Inbound, Ok(deliveries)) => {
                assert_eq!(deliveries[0].body, "x");
                received = true;
            }
            other => panic!("{other:?}"),
        }
    }
}

/// A receive that does not wait is answered with what is there, and takes nothing that comes later.
#[tokio::test]
async fn a_receive_without_a_wait_is_answered_at_once() {
    let mut bench = Bench::new();
    bench.runner.run(PortCommand::Receive {
        queue: QueueName::Inbound,
        limit: 10,
        wait: Duration::ZERO,
    });
    bench.runner.run(PortCommand::Send {
        token: 9,
        queue: QueueName::Inbound,
        bodies: vec!["late".into()],
    });
    let nothing = PortEvent::Received(QueueName::Inbound, Ok(Vec::new()));
    assert_eq!(bench.next().await, nothing);
    assert_eq!(bench.next().await, PortEvent::Sent(9, Ok(())));
    assert_eq!(bench.memory.depth(QueueName::Inbound).await.unwrap().visible, 1);
}

/// Where store and queue are two, the key is written first and decides whether the message is sent.
#[tokio::test]
async fn an_entry_is_sent_if_its_key_is_new() {
    let mut bench = Bench::new();
    for (token, value) in [(1, "first"), (2, "second")] {
        let entry = Entry {
            key: "request/1".into(),
            value: value.into(),
            queue: QueueName::Inbound,
            body: format!("body of {value}"),
        };
        bench.runner.run(PortCommand::PutAndSend { token, entry });
        let PortEvent::PutDone(of, Ok(put)) = bench.next().await else {
            panic!("no answer")
        };
        assert_eq!((of, matches!(put, Put::Written(_))), (token, token == 1));
    }
    let received = bench.memory.receive(QueueName::Inbound, 10, Duration::ZERO).await;
    let received = received.unwrap();
    let bodies: Vec<&str> = received.iter().map(|delivery| delivery.body.as_str()).collect();
    assert_eq!(bodies, ["body of first"]);
}

/// A list is the first keys with its prefix, in order.
#[tokio::test]
async fn a_list_is_a_page_of_keys() {
    let mut bench = Bench::new();
    for key in ["answer/b", "answer/a", "answer/c", "b"] {
        let put = MetadataStore::put(bench.memory.as_ref(), key, key.into(), Precondition::Any);
        put.await.unwrap();
    }
    bench.runner.run(PortCommand::List {
        token: 3,
        prefix: "answer/".into(),
        limit: 2,
    });
    let PortEvent::Listed(3, Ok(listed)) = bench.next().await else {
        panic!("no list")
    };
    let listed: Vec<(&str, &str)> = listed
        .iter()
        .map(|(key, stored)| (key.as_str(), stored.value.as_str()))
        .collect();
    assert_eq!(listed, [("answer/a", "answer/a"), ("answer/b", "answer/b")]);
}

/// A watch tells what exists first and what changes later, deletions included.
#[tokio::test]
async fn a_watch_goes_on_telling() {
    let mut bench = Bench::new();
    let memory = Arc::clone(&bench.memory);
    MetadataStore::put(memory.as_ref(), "sets/a", "1".into(), Precondition::Any)
        .await
        .unwrap();
    bench.runner.run(PortCommand::Watch {
        prefix: "sets/".into(),
    });
    let PortEvent::Changed(prefix, first) = bench.next().await else {
        panic!("no snapshot")
    };
    assert_eq!(
        (prefix.as_str(), first.len(), first[0].key.as_str()),
        ("sets/", 1, "sets/a")
    );
    MetadataStore::delete(memory.as_ref(), "sets/a", Precondition::Any)
        .await
        .unwrap();
    let PortEvent::Changed(_, later) = bench.next().await else {
        panic!("no change")
    };
    assert_eq!(
        (later[0].key.as_str(), later[0].value.is_none()),
        ("sets/a", true)
    );
}

/// A port that fails is an event with the one thing to know about it.
#[tokio::test]
async fn a_failed_port_is_an_event() {
    let mut bench = Bench::new();
    bench.runner.run(PortCommand::DeletePod("add-1-worker-0".into()));
    let PortEvent::PodDeleted(name, Err(trouble)) = bench.next().await else {
        panic!("no failure")
    };
    assert_eq!((name.as_str(), trouble.transient), ("add-1-worker-0", false));
}
