//! The same machines, each in a task of its own, over gRPC streams on loopback.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant as Wall};

use tally_consensus::pbft::{Client, Replica};
use tally_consensus::{Client as _, ClientEvent, Outgoing, Replica as _};
use tally_grpc::{Identity, NodeServer, StreamEvent, Streams};
use tally_model::{Instant, NodeId, SetRecord, Suite};
use tally_ports::Transport as _;
use tally_roles::packet::Packet;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::set::{N, SET, Spent, WORKER, item, machines, pending};

/// One node's transport.
struct Node {
    streams: Streams,
    events: mpsc::Receiver<StreamEvent>,
    address: SocketAddr,
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
        .tcp_nodelay(true)
        .add_service(NodeServer::service(identity, streams.clone()))
        .serve_with_incoming_shutdown(TcpListenerStream::new(listener), stop.clone().cancelled_owned());
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
pub(crate) async fn round_trip() -> Duration {
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let (one, two) = (NodeId::Replica(SET, 0), NodeId::Replica(SET, 1));
    let mut caller = start(one, &tasks, &stop).await;
    let mut answerer = start(two, &tasks, &stop).await;
    caller.streams.route(two, Some(answerer.address.to_string()));
    up(&mut caller, 1).await;
    up(&mut answerer, 1).await;
    tasks.spawn(async move {
        while let Some(event) = answerer.events.recv().await {
            if let StreamEvent::Packet { from, payload } = event {
                answerer.streams.send(from, payload);
            }
        }
    });
    let mut times = Vec::new();
    for _ in 0..300 {
        let start = Wall::now();
        caller.streams.send(two, vec![1; 256]);
        while !matches!(
            caller.events.recv().await,
            Some(StreamEvent::Packet { .. }) | None
        ) {}
        times.push(start.elapsed());
    }
    stop.cancel();
    times.sort_unstable();
    times[times.len() / 2]
}

/// What all tasks count together.
#[derive(Debug, Default)]
struct Counters {
    messages: AtomicU64,
    certified: AtomicU64,
}

/// Certifies jobs for `length`, with requests of `batch` jobs.
pub(crate) async fn run(suite: Suite, batch: u32, length: Duration) -> Spent {
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let mut nodes = BTreeMap::new();
    for me in (0..N).map(|index| NodeId::Replica(SET, index)).chain([WORKER]) {
        nodes.insert(me, start(me, &tasks, &stop).await);
    }
    let addresses: BTreeMap<NodeId, String> = nodes
        .iter()
        .map(|(node, it)| (*node, it.address.to_string()))
        .collect();
    for (me, node) in &nodes {
        for (other, address) in addresses.iter().filter(|(other, _)| *other < me) {
            node.streams.route(*other, Some(address.clone()));
        }
    }
    for node in nodes.values_mut() {
        up(node, usize::from(N)).await;
    }
    let (record, client, replicas) = machines(suite, |node| addresses[&node].clone());
    let counters = Arc::new(Counters::default());
    let mut ended = Vec::new();
    for (index, replica) in (0..N).zip(replicas) {
        let node = nodes.remove(&NodeId::Replica(SET, index)).unwrap();
        let (record, counters, stop) = (record.clone(), counters.clone(), stop.clone());
        ended.push(tokio::spawn(serve(replica, node, record, counters, stop)));
    }
    let node = nodes.remove(&WORKER).unwrap();
    let (client, time) = ask(client, node, &record, batch, length, &counters).await;
    stop.cancel();
    let mut spent = Spent {
        operations: counters.certified.load(Ordering::Relaxed),
        signed: client.effort().signed,
        verified: client.effort().verified,
        messages: counters.messages.load(Ordering::Relaxed),
        time,
        ..Spent::default()
    };
    for replica in ended {
        let replica = replica.await.unwrap();
        spent.signed += replica.effort().signed;
        spent.verified += replica.effort().verified;
        spent.made += replica.macs().made;
        spent.checked += replica.macs().checked;
    }
    spent
}

fn carry(streams: &Streams, sent: Outgoing, counters: &Counters) {
    counters.messages.fetch_add(1, Ordering::Relaxed);
    streams.send(sent.to, tally_wire::encode(&Packet::Set(sent.message)));
}

async fn serve(
    mut replica: Replica,
    mut node: Node,
    record: SetRecord,
    counters: Arc<Counters>,
    stop: CancellationToken,
) -> Replica {
    replica
        .configure(Instant::ZERO, &record, &mut Vec::new())
        .unwrap();
    loop {
        let event = tokio::select! {
            () = stop.cancelled() => return replica,
            event = node.events.recv() => event,
        };
        if let Some(StreamEvent::Packet { from, payload }) = event
            && let Ok(Packet::Set(message)) = tally_wire::decode(&payload)
        {
            let mut out = Vec::new();
            replica.handle(Instant::ZERO, from, message, &mut out);
            for sent in out {
                carry(&node.streams, sent, &counters);
            }
        }
    }
}

async fn ask(
    mut client: Client,
    mut node: Node,
    record: &SetRecord,
    batch: u32,
    length: Duration,
    counters: &Counters,
) -> (Client, Duration) {
    let mut events = Vec::new();
    client.configure(Instant::ZERO, record, &mut events).unwrap();
    let start = Wall::now();
    let (mut submitted, mut certified) = (0, 0);
    loop {
        while submitted - certified < pending(batch) && start.elapsed() < length {
            submitted += 1;
            client.submit(Instant::ZERO, item(submitted), &mut events);
        }
        for event in events.drain(..) {
            match event {
                ClientEvent::Send(sent) => carry(&node.streams, sent, counters),
                ClientEvent::Certified { .. } => certified += 1,
                _ => {}
            }
        }
        if submitted == certified {
            counters.certified.store(certified, Ordering::Relaxed);
            return (client, start.elapsed());
        }
        if let Some(StreamEvent::Packet { from, payload }) = node.events.recv().await
            && let Ok(Packet::Set(message)) = tally_wire::decode(&payload)
        {
            client.handle(Instant::ZERO, from, message, &mut events);
        }
    }
}
