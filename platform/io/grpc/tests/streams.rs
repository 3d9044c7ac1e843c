//! Claims about the transport, over real sockets.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tally_grpc::{Health, Identity, NodeServer, Probe, StreamEvent, Streams};
use tally_model::{NodeId, Operation, SetId};
use tally_ports::Transport;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const SET: SetId = SetId {
    operation: Operation::Add,
    number: 1,
};
const WORKER: NodeId = NodeId::Worker(SET);

/// One node: its transport, what it hears, and how to end it.
struct Node {
    streams: Streams,
    events: mpsc::Receiver<StreamEvent>,
    address: SocketAddr,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Node {
    async fn start(me: NodeId, address: SocketAddr) -> Self {
        let (sender, events) = mpsc::channel(1_024);
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let streams = Streams::new(me, sender, tasks.clone(), stop.clone());
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let identity = Identity {
            node: me,
            incarnation: 3,
            public_key: "ab".into(),
            rss: || 7,
        };
        let (_, health) = tonic_health::server::health_reporter();
        let server = tonic::transport::Server::builder()
            .add_service(health)
            .add_service(NodeServer::service(identity, streams.clone()))
            .serve_with_incoming_shutdown(TcpListenerStream::new(listener), stop.clone().cancelled_owned());
        tasks.spawn(async move { server.await.unwrap() });
        Self {
            streams,
            events,
            address,
            tasks,
            stop,
        }
    }

    async fn end(self) {
        self.stop.cancel();
        drop(self.events);
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn next(&mut self) -> StreamEvent {
        tokio::time::timeout(Duration::from_secs(30), self.events.recv())
            .await
            .unwrap()
            .unwrap()
    }

    async fn packet(&mut self) -> (NodeId, Vec<u8>) {
        loop {
            if let StreamEvent::Packet { from, payload } = self.next().await {
                return (from, payload);
            }
        }
    }

    async fn until(&mut self, wanted: impl Fn(&StreamEvent) -> bool) {
        while !wanted(&self.next().await) {}
    }
}

fn anywhere() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

async fn connected() -> (Node, Node) {
    let mut control = Node::start(NodeId::Control, anywhere()).await;
    let worker = Node::start(WORKER, anywhere()).await;
    control.streams.route(WORKER, Some(worker.address.to_string()));
    control
        .until(|event| matches!(event, StreamEvent::Up(WORKER)))
        .await;
    (control, worker)
}

/// Whoever has a route opens the stream; both ends use it, and packets keep their order.
#[tokio::test]
async fn one_stream_carries_both_ways() {
    let (mut control, mut worker) = connected().await;
    for n in 0..100_u8 {
        control.streams.send(WORKER, vec![n]);
    }
    for n in 0..100_u8 {
        assert_eq!(worker.packet().await, (NodeId::Control, vec![n]));
    }
    worker.streams.send(NodeId::Control, b"back".to_vec());
    assert_eq!(control.packet().await, (WORKER, b"back".to_vec()));
}

/// A peer that went away is reported, and one that comes back at the same address is found again without being asked for.
#[tokio::test]
async fn a_lost_peer_is_reported_and_found_again() {
    let (mut control, worker) = connected().await;
    let address = worker.address;
    worker.end().await;
    control
        .until(|event| matches!(event, StreamEvent::Lost(WORKER)))
        .await;
    let mut worker = Node::start(WORKER, address).await;
    control
        .until(|event| matches!(event, StreamEvent::Up(WORKER)))
        .await;
    control.streams.send(WORKER, b"again".to_vec());
    assert_eq!(worker.packet().await.1, b"again");
}

/// Sending where there is no route drops the packet, as the port allows, and does nothing else.
#[tokio::test]
async fn a_packet_without_a_route_is_dropped() {
    let (control, mut worker) = connected().await;
    control.streams.send(NodeId::Replica(SET, 2), b"nobody".to_vec());
    control.streams.send(WORKER, b"somebody".to_vec());
    assert_eq!(worker.packet().await.1, b"somebody");
}

/// A node that serves is healthy and says who it is; one that ended is not.
#[tokio::test]
async fn health_and_identity_are_asked_of_the_node_itself() {
    let worker = Node::start(WORKER, anywhere()).await;
    let (probe, address) = (Probe::default(), worker.address.to_string());
    let patience = Duration::from_secs(10);
    assert_eq!(probe.health(&address, patience).await, Health::Well);
    let who = probe.describe(&address, patience).await.unwrap();
    assert_eq!(
        (who.node, who.incarnation, who.public_key.as_str(), who.rss),
        (WORKER, 3, "ab", 7)
    );
    worker.end().await;
    assert_ne!(probe.health(&address, Duration::from_secs(2)).await, Health::Well);
    assert!(probe.describe(&address, Duration::from_secs(2)).await.is_err());
}
