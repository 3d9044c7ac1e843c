//! The transport: one bidirectional stream per pair of nodes, opened by whoever has a route, used both ways.
//!
//! Packets that wait for the same peer travel in one frame, so that a burst costs one write and no trailers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::Stream;
use tally_model::NodeId;
use tally_ports::Transport;
use tally_wire::services::Frame;
use tally_wire::services::node_client::NodeClient;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::Streaming;
use tonic::transport::Endpoint;

use crate::peers::{Outgoing, Peers, line};

/// Packets in one frame at most.
const FRAME_MAX: usize = 256;
/// First pause before a broken stream is opened again; doubles up to [`REDIAL_MAX`].
const REDIAL_MIN: Duration = Duration::from_millis(20);
const REDIAL_MAX: Duration = Duration::from_millis(500);
/// Largest frame.
pub(crate) const FRAME_BYTES: usize = 8 * 1024 * 1024;

/// What the transport tells.
#[derive(Debug)]
pub enum StreamEvent {
    /// A packet arrived.
    Packet {
        /// Who sent it, by its own word.
        from: NodeId,
        /// The encoded packet.
        payload: Vec<u8>,
    },
    /// A stream to the node is up.
    Up(NodeId),
    /// The stream to the node broke, or the one that we wanted to open could not be opened.
    Lost(NodeId),
}

#[derive(Debug)]
struct Shared {
    me: NodeId,
    peers: Peers,
    events: mpsc::Sender<StreamEvent>,
    numbers: AtomicU64,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

/// The transport of one node.
#[derive(Clone, Debug)]
pub struct Streams {
    shared: Arc<Shared>,
}

impl Streams {
    /// For the node `me`; what arrives goes into `events`.
    pub fn new(
        me: NodeId,
        events: mpsc::Sender<StreamEvent>,
        tasks: TaskTracker,
        shutdown: CancellationToken,
    ) -> Self {
        let numbers = AtomicU64::new(0);
        let shared = Shared {
            me,
            peers: Peers::default(),
            events,
            numbers,
            tasks,
            shutdown,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Serves a stream that a peer opened: returns the frames for it.
    pub(crate) fn accept(
        &self,
        mut incoming: Streaming<Frame>,
    ) -> impl Stream<Item = Result<Frame, tonic::Status>> + Send + use<> {
        let (outgoing, packets) = line();
        let shared = Arc::clone(&self.shared);
        let number = shared.numbers.fetch_add(1, Ordering::Relaxed);
        let me = shared.me;
        self.shared.tasks.spawn(async move {
            let Some(node) = introduce(&mut incoming, &shared, number, outgoing).await else {
                return;
            };
            receive(&mut incoming, node, &shared).await;
            if shared.peers.ended(node, number) {
                let _ = shared.events.send(StreamEvent::Lost(node)).await;
            }
        });
        frames(me, packets)
    }

    async fn dial(self, node: NodeId, address: String, stop: CancellationToken) {
        let mut pause = REDIAL_MIN;
        loop {
            let attempt = async {
                if self.exchange(node, &address).await {
                    pause = REDIAL_MIN;
                }
                self.shared.peers.dialed(node, None);
                let _ = self.shared.events.send(StreamEvent::Lost(node)).await;
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(REDIAL_MAX);
            };
            tokio::select! {
                () = self.shared.shutdown.cancelled() => return,
                () = stop.cancelled() => return,
                () = attempt => {}
            }
        }
    }

    /// One stream from opening to end; true if it was up.
    async fn exchange(&self, node: NodeId, address: &str) -> bool {
        let Ok(endpoint) = Endpoint::from_shared(format!("http://{address}")) else {
            return false;
        };
        let endpoint = endpoint.connect_timeout(Duration::from_secs(1)).tcp_nodelay(true);
        let Ok(channel) = endpoint.connect().await else {
            return false;
        };
        let mut client = NodeClient::new(channel).max_decoding_message_size(FRAME_BYTES);
        let (outgoing, packets) = line();
        let Ok(response) = client.exchange(frames(self.shared.me, packets)).await else {
            return false;
        };
        self.shared.peers.dialed(node, Some(outgoing));
        if self.shared.events.send(StreamEvent::Up(node)).await.is_err() {
            return true;
        }
        receive(&mut response.into_inner(), node, &self.shared).await;
        true
    }
}

impl Transport for Streams {
    fn send(&self, to: NodeId, payload: Vec<u8>) {
        if !self.shared.peers.send(to, payload) {
            tracing::debug!(%to, "a packet was dropped: no stream, or its line is full");
        }
    }

    fn route(&self, to: NodeId, address: Option<String>) {
        if let Some(stop) = self.shared.peers.route(to, address.as_deref())
            && let Some(address) = address
        {
            self.shared.tasks.spawn(self.clone().dial(to, address, stop));
        }
    }
}

/// Waits for the first frame, which says who the peer is.
async fn introduce(
    incoming: &mut Streaming<Frame>,
    shared: &Shared,
    number: u64,
    outgoing: Outgoing,
) -> Option<NodeId> {
    let first = incoming.message().await.ok()??;
    let Ok(node) = first.from.parse() else {
        tracing::warn!(
            from = first.from,
            "a stream was refused: its sender has no valid name"
        );
        return None;
    };
    shared.peers.accepted(node, number, outgoing);
    shared.events.send(StreamEvent::Up(node)).await.ok()?;
    deliver(first, node, shared).await.then_some(node)
}

async fn receive(incoming: &mut Streaming<Frame>, node: NodeId, shared: &Shared) {
    loop {
        let frame = tokio::select! {
            () = shared.shutdown.cancelled() => return,
            frame = incoming.message() => frame,
        };
        match frame {
            Ok(Some(frame)) => {
                if !deliver(frame, node, shared).await {
                    return;
                }
            }
            Ok(None) | Err(_) => return,
        }
    }
}

async fn deliver(frame: Frame, from: NodeId, shared: &Shared) -> bool {
    for payload in frame.packets {
        if shared
            .events
            .send(StreamEvent::Packet { from, payload })
            .await
            .is_err()
        {
            return false;
        }
    }
    true
}

/// Frames of whatever waits; the first one introduces the sender.
fn frames<T: FromFrame>(
    me: NodeId,
    packets: mpsc::Receiver<Vec<u8>>,
) -> impl Stream<Item = T> + Send + use<T> {
    let hello = Some(me.to_string());
    futures::stream::unfold((hello, packets), |(hello, mut packets)| async move {
        if let Some(from) = hello {
            let frame = Frame {
                from,
                packets: Vec::new(),
            };
            return Some((T::from_frame(frame), (None, packets)));
        }
        let mut burst = Vec::new();
        if packets.recv_many(&mut burst, FRAME_MAX).await == 0 {
            return None;
        }
        let frame = Frame {
            from: String::new(),
            packets: burst,
        };
        Some((T::from_frame(frame), (None, packets)))
    })
}

/// The item type differs between the two ends of a tonic stream.
trait FromFrame: Send + 'static {
    fn from_frame(frame: Frame) -> Self;
}

impl FromFrame for Frame {
    fn from_frame(frame: Frame) -> Self {
        frame
    }
}

impl FromFrame for Result<Frame, tonic::Status> {
    fn from_frame(frame: Frame) -> Self {
        Ok(frame)
    }
}
