//! What can happen to a scheduler, and what it wants done.

use tally_model::{NodeId, Observation, Operation};

use crate::packet::Packet;
use crate::port::{PortCommand, PortEvent};

/// What can happen to a scheduler.
#[derive(Debug)]
pub enum Event {
    /// A port answered.
    Port(PortEvent),
    /// A node sent something.
    Packet {
        /// The sender.
        from: NodeId,
        /// What it sent.
        packet: Packet,
    },
    /// The stream to a node is up.
    PeerUp(NodeId),
    /// The stream to a node broke.
    PeerLost(NodeId),
    /// Somebody called TriggerParsing; answered by [`Command::Triggered`].
    Trigger {
        /// Names the call.
        call: u64,
    },
}

/// What a scheduler wants done.
#[derive(Debug)]
pub enum Command {
    /// Ask a port.
    Port(PortCommand),
    /// Tell the transport where a node is, or that it is gone.
    Route {
        /// The node.
        node: NodeId,
        /// Host and port.
        address: Option<String>,
    },
    /// Send to a node.
    Send {
        /// Receiver.
        to: NodeId,
        /// What to send.
        packet: Packet,
    },
    /// Tell the autoscaler that tasks are durable on a layer ("autoscale probe on enqueue", M92).
    Enqueued {
        /// The layer.
        operation: Operation,
        /// How many.
        count: u64,
    },
    /// Answer a TriggerParsing call with the number of requests in hand.
    Triggered {
        /// Which call.
        call: u64,
        /// Requests in hand.
        pending: u64,
    },
    /// Record something that happened.
    Observe(Observation),
}
