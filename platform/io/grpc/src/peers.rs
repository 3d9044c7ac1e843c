//! Who can be reached over which stream.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use tally_model::NodeId;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Packets that may wait for one peer; more are dropped, as the port allows.
const BACKLOG: usize = 8_192;

/// Where packets for one stream are put.
pub(crate) type Outgoing = mpsc::Sender<Vec<u8>>;

#[derive(Debug, Default)]
struct Peer {
    /// The stream we opened.
    dialed: Option<Outgoing>,
    /// The stream the peer opened, by number, newest last.
    accepted: Option<(u64, Outgoing)>,
    /// Ends our attempts to reach it.
    route: Option<(String, CancellationToken)>,
}

/// The table of peers.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    table: Mutex<BTreeMap<NodeId, Peer>>,
}

/// A bounded line of packets.
pub(crate) fn line() -> (Outgoing, mpsc::Receiver<Vec<u8>>) {
    mpsc::channel(BACKLOG)
}

impl Peers {
    fn with<T>(&self, node: NodeId, act: impl FnOnce(&mut Peer) -> T) -> T {
        act(self
            .table
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(node)
            .or_default())
    }

    /// Notes a new address. Returns a token to stop with if a new dialer is needed.
    pub(crate) fn route(&self, node: NodeId, address: Option<&str>) -> Option<CancellationToken> {
        self.with(node, |peer| {
            if let Some((old, token)) = &peer.route {
                if Some(old.as_str()) == address {
                    return None;
                }
                token.cancel();
                peer.dialed = None;
            }
            peer.route = address.map(|address| (address.to_owned(), CancellationToken::new()));
            peer.route.as_ref().map(|(_, token)| token.clone())
        })
    }

    pub(crate) fn dialed(&self, node: NodeId, outgoing: Option<Outgoing>) {
        self.with(node, |peer| peer.dialed = outgoing);
    }

    pub(crate) fn accepted(&self, node: NodeId, number: u64, outgoing: Outgoing) {
        self.with(node, |peer| peer.accepted = Some((number, outgoing)));
    }

    /// Forgets an accepted stream unless a newer one took its place; true if it was the current one.
    pub(crate) fn ended(&self, node: NodeId, number: u64) -> bool {
        self.with(node, |peer| {
            let current = peer
                .accepted
                .as_ref()
                .is_some_and(|(newest, _)| *newest == number);
            if current {
                peer.accepted = None;
            }
            current
        })
    }

    /// Puts a packet on the stream to a node; false if it was dropped.
    pub(crate) fn send(&self, node: NodeId, payload: Vec<u8>) -> bool {
        let outgoing = {
            let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
            table.get(&node).and_then(|peer| {
                peer.dialed
                    .clone()
                    .or_else(|| peer.accepted.as_ref().map(|(_, out)| out.clone()))
            })
        };
        outgoing.is_some_and(|outgoing| outgoing.try_send(payload).is_ok())
    }
}
