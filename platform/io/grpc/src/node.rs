//! What every worker and replica serves: its identity, its health, its streams.

use std::pin::Pin;

use futures::Stream;
use tally_model::NodeId;
use tally_wire::services::node_server::{Node, NodeServer as Wire};
use tally_wire::services::{DescribeReply, DescribeRequest, Frame};
use tonic::{Request, Response, Status, Streaming};

use crate::Streams;
use crate::streams::FRAME_BYTES;

/// Who this node is.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Its place.
    pub node: NodeId,
    /// Which occupant.
    pub incarnation: u32,
    /// Its public key, hexadecimal.
    pub public_key: String,
    /// Reads this process's resident bytes.
    pub rss: fn() -> u64,
}

/// The node service.
#[derive(Debug)]
pub struct NodeServer {
    identity: Identity,
    streams: Streams,
}

impl NodeServer {
    /// A tonic service for this node.
    pub fn service(identity: Identity, streams: Streams) -> Wire<Self> {
        Wire::new(Self { identity, streams }).max_decoding_message_size(FRAME_BYTES)
    }
}

#[tonic::async_trait]
impl Node for NodeServer {
    async fn describe(&self, _: Request<DescribeRequest>) -> Result<Response<DescribeReply>, Status> {
        Ok(Response::new(DescribeReply {
            node: self.identity.node.to_string(),
            incarnation: self.identity.incarnation,
            public_key: self.identity.public_key.clone(),
            process: std::process::id(),
            rss: (self.identity.rss)(),
        }))
    }

    type ExchangeStream = Pin<Box<dyn Stream<Item = Result<Frame, Status>> + Send>>;

    async fn exchange(
        &self,
        request: Request<Streaming<Frame>>,
    ) -> Result<Response<Self::ExchangeStream>, Status> {
        Ok(Response::new(Box::pin(self.streams.accept(request.into_inner()))))
    }
}
