//! Leases: keys that live as long as somebody keeps them alive.

use std::time::Duration;

use etcd_client::LeaseClient;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::{Error, Etcd};

/// A lease that keeps itself alive until it is dropped; then it ends by itself within its time to live.
#[derive(Debug)]
pub struct Lease {
    id: i64,
    store: Etcd,
    keeper: JoinHandle<()>,
    lost: watch::Receiver<bool>,
}

impl Etcd {
    /// A new lease. Times to live are whole seconds, at least 1, rounded up.
    ///
    /// # Errors
    /// Those of a call.
    pub async fn lease(&self, ttl: Duration) -> Result<Lease, Error> {
        let seconds = (ttl.as_secs() + u64::from(ttl.subsec_nanos() > 0)).max(1);
        let mut client = self.0.client.lease_client();
        let granted = self
            .within("lease grant", client.grant(seconds as i64, None))
            .await?;
        let (tell, lost) = watch::channel(false);
        let id = granted.id();
        // etcd grants no less than it takes it to elect a leader.
        let ttl = Duration::from_secs(granted.ttl().max(1) as u64);
        let keeper = tokio::spawn(async move {
            keep(client, id, ttl).await;
            // Nobody may be listening.
            let _ = tell.send(true);
        });
        Ok(Lease {
            id,
            store: self.clone(),
            keeper,
            lost,
        })
    }
}

impl Lease {
    /// Its id at etcd.
    pub const fn id(&self) -> i64 {
        self.id
    }

    /// Returns when the lease has ended, or may have: it could not be kept alive for its time to live.
    pub async fn lost(&self) {
        let mut lost = self.lost.clone();
        // An error means that the keeper is gone, and with it the lease.
        let _ = lost.wait_for(|lost| *lost).await;
    }

    /// Ends it now, and deletes its keys.
    ///
    /// # Errors
    /// Those of a call; then it ends by itself.
    pub async fn revoke(self) -> Result<(), Error> {
        self.keeper.abort();
        let mut client = self.store.0.client.lease_client();
        self.store.within("lease revoke", client.revoke(self.id)).await?;
        Ok(())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

/// Renews a lease three times in each time to live; returns when it has ended or a whole time to live passed without an answer.
async fn keep(mut client: LeaseClient, id: i64, ttl: Duration) {
    let third = ttl / 3;
    let mut end = Instant::now() + ttl;
    while Instant::now() < end {
        tokio::time::sleep(third).await;
        let asked = Instant::now();
        // The call reads its first answer itself; the stream is closed by dropping it.
        let renewal = client.keep_alive(id);
        match tokio::time::timeout_at(end, renewal).await {
            Ok(Ok(_)) => end = asked + ttl,
            Ok(Err(etcd_client::Error::LeaseKeepAliveError(_))) => return,
            Ok(Err(error)) => tracing::debug!(%error, "a lease was not renewed; trying again"),
            Err(_) => return,
        }
    }
}
