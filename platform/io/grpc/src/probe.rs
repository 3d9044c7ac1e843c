//! Asks nodes whether they are well (grpc.health.v1) and who they are.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tally_model::NodeId;
use tally_wire::services::DescribeRequest;
use tally_wire::services::node_client::NodeClient;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::Error;

/// Connections kept for probing; the oldest address goes first.
const CHANNELS_MAX: usize = 1_024;

/// Who a node says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Its place.
    pub node: NodeId,
    /// Which occupant.
    pub incarnation: u32,
    /// Its public key, hexadecimal.
    pub public_key: String,
    /// Resident bytes.
    pub rss: u64,
}

/// What a probe found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It says that it serves.
    Well,
    /// There is no connection, or it says that it does not serve.
    Refused,
    /// Nothing came back in time.
    Silent,
}

/// Probes nodes over connections that it keeps.
#[derive(Clone, Debug, Default)]
pub struct Probe {
    channels: Arc<Mutex<BTreeMap<String, Channel>>>,
}

impl Probe {
    fn channel(&self, address: &str) -> Result<Channel, Error> {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = channels.get(address) {
            return Ok(channel.clone());
        }
        let channel = Endpoint::from_shared(format!("http://{address}"))
            .map_err(|source| Error::Connect {
                address: address.into(),
                source,
            })?
            .connect_timeout(Duration::from_secs(1))
            .connect_lazy();
        if channels.len() >= CHANNELS_MAX {
            channels.pop_first();
        }
        channels.insert(address.to_owned(), channel.clone());
        Ok(channel)
    }

    /// Forgets the connection to an address that will not be asked again.
    pub fn forget(&self, address: &str) {
        self.channels
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(address);
    }

    /// Asks the node at `address` for its health and waits at most `timeout`.
    pub async fn health(&self, address: &str, timeout: Duration) -> Health {
        let ask = async {
            let mut client = HealthClient::new(self.channel(address)?);
            let reply = client
                .check(HealthCheckRequest {
                    service: String::new(),
                })
                .await
                .map_err(Error::call("Check"))?;
            Ok::<_, Error>(reply.into_inner().status() == ServingStatus::Serving)
        };
        match tokio::time::timeout(timeout, ask).await {
            Ok(Ok(true)) => Health::Well,
            Ok(Ok(false) | Err(_)) => Health::Refused,
            Err(_) => Health::Silent,
        }
    }

    /// Asks the node at `address` who it is.
    ///
    /// # Errors
    /// No connection, no answer within `timeout`, or an answer that makes no sense.
    pub async fn describe(&self, address: &str, timeout: Duration) -> Result<Description, Error> {
        let call = "Describe";
        let ask = async {
            let mut client = NodeClient::new(self.channel(address)?);
            let reply = client
                .describe(DescribeRequest {})
                .await
                .map_err(Error::call(call))?
                .into_inner();
            let node = reply.node.parse().map_err(|error| Error::Answer {
                call,
                what: format!("node `{}`: {error}", reply.node),
            })?;
            Ok(Description {
                node,
                incarnation: reply.incarnation,
                public_key: reply.public_key,
                rss: reply.rss,
            })
        };
        tokio::time::timeout(timeout, ask)
            .await
            .map_err(|_| Error::Late { call })?
    }
}
