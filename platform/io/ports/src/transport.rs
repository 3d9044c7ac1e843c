//! Messages between nodes.

use tally_model::NodeId;

/// One message between two nodes. The payload is encoded by `tally-wire`; what must be believed in it is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Who says it sent it.
    pub from: NodeId,
    /// Encoded message.
    pub payload: Vec<u8>,
}

/// Carries envelopes. Promises nothing but effort: may drop, delay, duplicate, reorder.
pub trait Transport: Send + Sync + 'static {
    /// Sends without waiting; drops when the peer's bounded buffer is full or the peer is unknown.
    fn send(&self, to: NodeId, payload: Vec<u8>);
    /// Tells where a node is (host and port), or that it is gone.
    fn route(&self, to: NodeId, address: Option<String>);
}
