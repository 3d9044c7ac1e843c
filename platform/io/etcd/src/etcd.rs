//! The client as its users hold it.

use std::sync::Arc;
use std::time::Duration;

use etcd_client::{Client, ConnectOptions, KvClient};

use crate::{Error, EtcdConfig};

/// How often a silent connection is asked whether it still is one, and how long the answer may take.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// The metadata of one platform in etcd. Clones share the connection, which reconnects by itself.
#[derive(Clone)]
pub struct Etcd(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) client: Client,
    pub(crate) config: EtcdConfig,
}

impl std::fmt::Debug for Etcd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Etcd").field(&self.0.config).finish()
    }
}

impl Etcd {
    /// Connects, and asks once whether somebody is there.
    ///
    /// # Errors
    /// [`Error::Config`], or transient while etcd does not answer.
    pub async fn connect(config: EtcdConfig) -> Result<Self, Error> {
        if config.endpoints.is_empty() || config.prefix.is_empty() || config.timeout.is_zero() {
            let message = "name at least one endpoint, a prefix, and a timeout of more than 0";
            return Err(Error::Config(message.to_owned()));
        }
        // No time-out for the connection as a whole: it would also cut calls that wait.
        let options = ConnectOptions::new()
            .with_connect_timeout(config.timeout)
            .with_keep_alive(KEEP_ALIVE, KEEP_ALIVE)
            .with_keep_alive_while_idle(true);
        let connected = Client::connect(&config.endpoints, Some(options)).await;
        let client = connected.map_err(|error| match error {
            etcd_client::Error::InvalidUri(_) | etcd_client::Error::InvalidArgs(_) => {
                Error::Config(format!("endpoints {:?}: {error}", config.endpoints))
            }
            other => Error::call("connect", &other),
        })?;
        let etcd = Self(Arc::new(Inner { client, config }));
        let mut kv = etcd.kv();
        etcd.within("get", kv.get(etcd.key(""), None)).await?;
        Ok(etcd)
    }

    /// Lists may be long; what etcd takes it also gives back.
    pub(crate) fn kv(&self) -> KvClient {
        self.0
            .client
            .kv_client()
            .max_decoding_message_size(usize::MAX)
            .max_encoding_message_size(usize::MAX)
    }

    /// A key at the service.
    pub(crate) fn key(&self, key: &str) -> String {
        format!("{}{key}", self.0.config.prefix)
    }

    /// A key here, from a key at the service; `None` for one that is not ours or not text.
    pub(crate) fn own<'k>(&self, key: &'k [u8]) -> Option<&'k str> {
        std::str::from_utf8(key).ok()?.strip_prefix(&self.0.config.prefix)
    }

    /// A call that must answer within the configured time.
    pub(crate) async fn within<T>(
        &self,
        name: &'static str,
        call: impl Future<Output = Result<T, etcd_client::Error>>,
    ) -> Result<T, Error> {
        match tokio::time::timeout(self.0.config.timeout, call).await {
            Ok(result) => result.map_err(|error| Error::call(name, &error)),
            Err(_) => Err(Error::Timeout { call: name }),
        }
    }
}
