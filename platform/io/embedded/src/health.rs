//! Whether writes can still be trusted. Once they cannot, they never can again.

use std::sync::OnceLock;

use tokio::sync::Notify;

use crate::Error;

/// Broken or not.
#[derive(Debug, Default)]
pub(crate) struct Health {
    detail: OnceLock<String>,
    changed: Notify,
}

impl Health {
    /// Records the first failure.
    pub(crate) fn fail(&self, detail: String) {
        if self.detail.set(detail).is_ok() {
            self.changed.notify_waiters();
        }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        match self.detail.get() {
            Some(detail) => Err(Error::Broken {
                detail: detail.clone(),
            }),
            None => Ok(()),
        }
    }

    /// Returns when the store is broken.
    pub(crate) async fn broken(&self) -> Error {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Err(error) = self.check() {
                return error;
            }
            changed.await;
        }
    }
}
