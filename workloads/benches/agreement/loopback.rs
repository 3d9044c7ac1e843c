//! The same machines, each in a thread of its own, over gRPC streams on loopback.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant as Wall};

use tally_consensus::pbft::{Client, Replica};
use tally_consensus::{Client as _, ClientEvent, Message, Outgoing, Replica as _};
use tally_grpc::{Identity, NodeServer, StreamEvent, Streams};
use tally_model::{Deadline, Instant, NodeId, SetRecord, Suite};
use tally_ports::{Clock as _, Transport as _};
use tally_roles::packet::Packet;
use tally_runtime::SystemClock;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::{Barrier, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::processor_time;
use crate::set::{N, SET, Spent, WORKER, item, machines, pending};

/// Packets that are taken from the inbox at once, as the driver of a process does.
const BURST: usize = 256;
/// Round trips of which the median counts.
const ROUND_TRIPS: usize = 1_000;

/// One node's transport.
struct Node {
    streams: Streams,
    events: mpsc::Receiver<StreamEvent>,
    address: SocketAddr,
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

async fn start(me: NodeId, tasks: &TaskTracker, stop: &CancellationToken) -> Node {
    let (sender, events) = mpsc::channel(8_192);
    let streams = Streams::new(me, sender, tasks.clone(), stop.clone());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let identity = Identity {
        node: me,
        incarnation: 0,
        public_key: String::new(),
        rss: || 0,
    };
    let server = tonic::transport::Server::builder()
        .add_service(NodeServer::service(identity, streams.clone()))
        .serve_with_incoming_shutdown(tally_grpc::incoming(listener), stop.clone().cancelled_owned());
    tasks.spawn(async move { drop(server.await) });
    Node {
        streams,
        events,
        address,
    }
}

async fn up(node: &mut Node, peers: usize) {
    let mut known = 0;
    while known < peers {
        if let Some(StreamEvent::Up(_)) = node.events.recv().await {
            known += 1;
        }
    }
}

/// The median round trip of a small packet between two nodes.
pub(crate) fn round_trip() -> Duration {
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let (one, two) = (NodeId::Replica(SET, 0), NodeId::Replica(SET, 1));
    let (tell, told) = std::sync::mpsc::channel();
    let answers = std::thread::spawn({
        let (tasks, stop) = (tasks.clone(), stop.clone());
        move || {
            runtime().block_on(async {
                let mut node = start(two, &tasks, &stop).await;
                tell.send(node.address).unwrap();
                up(&mut node, 1).await;
                while let Some(event) = received(&mut node, &stop).await {
                    if let StreamEvent::Packet { from, payload } = event {
                        node.streams.send(from, payload);
                    }
                }
            });
        }
    });
    let median = runtime().block_on(async {
        let mut node = start(one, &tasks, &stop).await;
        node.streams.route(two, Some(told.recv().unwrap().to_string()));
        up(&mut node, 1).await;
        let mut times = Vec::new();
        for _ in 0..ROUND_TRIPS {
            let start = Wall::now();
            node.streams.send(two, vec![1; 256]);
            while !matches!(node.events.recv().await, Some(StreamEvent::Packet { .. }) | None) {}
            times.push(start.elapsed());
        }
        stop.cancel();
        times.sort_unstable();
        times[times.len() / 2]
    });
    answers.join().unwrap();
    median
}

/// The next event; none when it is over.
async fn received(node: &mut Node, stop: &CancellationToken) -> Option<StreamEvent> {
    tokio::select! {
        () = stop.cancelled() => None,
        event = node.events.recv() => event,
    }
}

/// What the threads of all nodes have in common.
#[derive(Clone, Debug)]
struct Stage {
    record: SetRecord,
    addresses: Arc<Mutex<BTreeMap<NodeId, SocketAddr>>>,
    /// All listen; all are connected.
    barrier: Arc<Barrier>,
    messages: Arc<AtomicU64>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Stage {
    /// Joins the others: a stream to everybody.
    async fn enter(&self, me: NodeId) -> Node {
        let mut node = start(me, &self.tasks, &self.stop).await;
        self.addresses.lock().unwrap().insert(me, node.address);
        self.barrier.wait().await;
        let addresses = self.addresses.lock().unwrap().clone();
        for (other, address) in addresses.range(..me) {
            node.streams.route(*other, Some(address.to_string()));
        }
        up(&mut node, usize::from(N)).await;
        self.barrier.wait().await;
        node
    }

    fn carry(&self, streams: &Streams, sent: Outgoing) {
        self.messages.fetch_add(1, Ordering::Relaxed);
        streams.send(sent.to, tally_wire::encode(&Packet::Set(sent.message)));
    }
}

/// Certifies jobs for `length`, with requests of `batch` jobs. Every machine has a thread and a runtime of its own, as it has a
/// process of its own in the local world.
pub(crate) fn run(suite: Suite, batch: u32, length: Duration) -> Spent {
    let (record, client, replicas) = machines(suite);
    let stage = Stage {
        record,
        addresses: Arc::default(),
        barrier: Arc::new(Barrier::new(usize::from(N) + 1)),
        messages: Arc::default(),
        tasks: TaskTracker::new(),
        stop: CancellationToken::new(),
    };
    let serving: Vec<_> = (0..N)
        .zip(replicas)
        .map(|(index, replica)| {
            let stage = stage.clone();
            std::thread::spawn(move || runtime().block_on(serve(stage, NodeId::Replica(SET, index), replica)))
        })
        .collect();
    let mut spent = runtime().block_on(ask(&stage, client, batch, length));
    stage.stop.cancel();
    for replica in serving {
        let replica = replica.join().unwrap();
        spent.signed += replica.effort().signed;
        spent.verified += replica.effort().verified;
        spent.made += replica.macs().made;
        spent.checked += replica.macs().checked;
    }
    spent.messages = stage.messages.load(Ordering::Relaxed);
    spent
}

async fn serve(stage: Stage, me: NodeId, mut replica: Replica) -> Replica {
    replica
        .configure(Instant::ZERO, &stage.record, &mut Vec::new())
        .unwrap();
    let mut node = stage.enter(me).await;
    let (mut burst, mut out) = (Vec::new(), Vec::new());
    let clock = SystemClock::start();
    loop {
        tokio::select! {
            () = stage.stop.cancelled() => return replica,
            _ = node.events.recv_many(&mut burst, BURST) => {}
            () = due(clock, replica.deadline()) => replica.wake(clock.now(), &mut out),
        }
        for (from, message) in burst.drain(..).filter_map(message) {
            replica.handle(clock.now(), from, message, &mut out);
        }
        for sent in out.drain(..) {
            stage.carry(&node.streams, sent);
        }
    }
}

async fn due(clock: SystemClock, deadline: Option<Deadline>) {
    match deadline {
        Some(deadline) => clock.sleep_until(deadline.at).await,
        None => std::future::pending().await,
    }
}

fn message(event: StreamEvent) -> Option<(NodeId, Message)> {
    let StreamEvent::Packet { from, payload } = event else {
        return None;
    };
    match tally_wire::decode(&payload) {
        Ok(Packet::Set(message)) => Some((from, message)),
        _ => None,
    }
}

async fn ask(stage: &Stage, mut client: Client, batch: u32, length: Duration) -> Spent {
    let mut node = stage.enter(WORKER).await;
    let (mut burst, mut events) = (Vec::new(), Vec::new());
    client
        .configure(Instant::ZERO, &stage.record, &mut events)
        .unwrap();
    let clock = SystemClock::start();
    let (start, processor) = (Wall::now(), processor_time());
    let (mut submitted, mut certified) = (0, 0);
    loop {
        while submitted - certified < pending(batch) && start.elapsed() < length {
            submitted += 1;
            client.submit(clock.now(), item(submitted), &mut events);
        }
        for event in events.drain(..) {
            match event {
                ClientEvent::Send(sent) => stage.carry(&node.streams, sent),
                ClientEvent::Certified { .. } => certified += 1,
                _ => {}
            }
        }
        if submitted == certified && start.elapsed() < length {
            continue; // All of them came back in one burst.
        }
        if submitted == certified {
            return Spent {
                operations: certified,
                signed: client.effort().signed,
                verified: client.effort().verified,
                time: start.elapsed(),
                processor: processor_time().saturating_sub(processor),
                ..Spent::default()
            };
        }
        tokio::select! {
            _ = node.events.recv_many(&mut burst, BURST) => {}
            () = due(clock, client.deadline()) => client.wake(clock.now(), &mut events),
        }
        for (from, message) in burst.drain(..).filter_map(message) {
            client.handle(clock.now(), from, message, &mut events);
        }
    }
}
