//! A claim about answers that no queue takes, over the queues of the `local` world.

use std::sync::Arc;
use std::time::Duration;

use tally_embedded::{BODY_LIMIT, Embedded, Settings};
use tally_model::{
    AnswerMessage, Epoch, Failure, Instant, Member, NodeId, Operation, Outcome, PlatformConfig, Precondition,
    Protocol, QueueName, RequestId, RequestMessage, SetId, SetRecord, SetState,
};
use tally_ports::{Clock, MetadataStore, Queue};
use tally_roles::packet::{Packet, TaskDone};
use tally_roles::port::PortCommand;
use tally_roles::scheduler::{Command, Event, Scheduler};
use tally_runtime::{PortRunner, Ports, SystemClock, drive, inbox};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::no_cluster::NoCluster;

const SET: SetId = SetId {
    operation: Operation::Add,
    number: 0,
};

fn record() -> SetRecord {
    let worker = Member {
        node: NodeId::Worker(SET),
        incarnation: 0,
        address: "nowhere:1".into(),
        public_key: String::new(),
    };
    SetRecord {
        id: SET,
        epoch: Epoch(1),
        founded: Some(Epoch(1)),
        state: SetState::Ready,
        leader: 0,
        worker: Some(worker),
        replicas: Vec::new(),
        created: Instant::ZERO,
        ready: Some(Instant::ZERO),
    }
}

/// A store that knows the set.
async fn store(directory: &std::path::Path) -> Embedded {
    let store = Embedded::open(directory, Settings::default()).unwrap();
    let text = serde_json::to_string(&record()).unwrap();
    MetadataStore::put(&store, &format!("sets/{SET}"), text, Precondition::Any)
        .await
        .unwrap();
    store
}

/// A balanced sum of so many ones.
fn sum(terms: usize) -> String {
    if terms == 1 {
        return "1".into();
    }
    format!("({}+{})", sum(terms / 2), sum(terms - terms / 2))
}

/// What a worker says whose values are all as long as values may be: 4,096 bits above and below.
fn longest(packet: Packet) -> Option<Event> {
    let Packet::Assign(task) = packet else {
        return None;
    };
    let digits = "7".repeat(1_233);
    let done = TaskDone {
        job: task.job,
        outcome: Outcome::Value(format!("{digits}/1{digits}")),
        certificate: None,
        votes: 0,
        members: 0,
        worked: Duration::ZERO,
        waited: Duration::ZERO,
    };
    Some(Event::Packet {
        from: NodeId::Worker(SET),
        packet: Packet::Done(Box::new(done)),
    })
}

/// A scheduler over `store` and a set whose worker answers at once. Tells when it lets go of its first request.
fn schedule(store: &Embedded, stop: CancellationToken) -> oneshot::Receiver<()> {
    let clock = SystemClock::start();
    let (inbox, events) = inbox();
    let ports = Ports {
        queue: Arc::new(store.clone()),
        metadata: Arc::new(store.clone()),
        joint: None,
        cluster: Arc::new(NoCluster),
    };
    let runner = PortRunner::new(
        ports,
        inbox.clone(),
        Event::Port,
        TaskTracker::new(),
        stop.clone(),
    );
    let config = PlatformConfig {
        protocol: Protocol::None,
        ..PlatformConfig::default()
    };
    let mut scheduler = Scheduler::new(config, [7; 16]);
    let mut start = Vec::new();
    scheduler.start(clock.now(), &mut start);
    let (settled, deleted) = oneshot::channel();
    let mut settled = Some(settled);
    let obey = move |command| match command {
        Command::Port(command) => {
            let inbound = QueueName::Inbound;
            if matches!(command, PortCommand::Delete { queue, .. } if queue == inbound) {
                settled.take().map(|settled| settled.send(()));
            }
            runner.run(command);
        }
        Command::Send { packet, .. } => {
            if let Some(event) = longest(packet) {
                inbox.try_send(event).unwrap();
            }
        }
        Command::Route { node, .. } => inbox.try_send(Event::PeerUp(node)).unwrap(),
        _ => {}
    };
    tokio::spawn(drive(scheduler, start, events, clock, obey, stop));
    deleted
}

/// The largest legal expression whose numbers are as long as numbers may be: its answer is more than the queue takes. Its client
/// gets an outcome all the same, and its message is deleted instead of being kept invisible for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_whose_answer_no_queue_takes_ends() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(directory.path()).await;
    let stop = CancellationToken::new();
    let deleted = schedule(&store, stop.clone());
    let request = RequestMessage {
        id: RequestId(1),
        expression: sum(4_096),
        accepted: Instant::ZERO,
        work_key: 0,
        tag: None,
    };
    let body = serde_json::to_string(&request).unwrap();
    store.send(QueueName::Inbound, vec![body]).await.unwrap();
    let minute = Duration::from_mins(1);
    let answers = store.receive(QueueName::Outbound, 10, minute).await.unwrap();
    assert_eq!(answers.len(), 1, "an outcome");
    let answer: AnswerMessage = serde_json::from_str(&answers[0].body).unwrap();
    assert_eq!(answer.outcome, Outcome::Error(Failure::AnswerTooLarge));
    assert!(answer.tasks.is_empty());
    let detail = answer.detail.unwrap();
    assert!(detail.contains("its 4095 tasks"), "{detail}");
    let bytes: usize = detail.split(' ').find_map(|word| word.parse().ok()).unwrap();
    assert!(bytes > BODY_LIMIT, "{detail}");
    tokio::time::timeout(minute, deleted).await.unwrap().unwrap();
    stop.cancel();
}
