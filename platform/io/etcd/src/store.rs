//! [`Etcd`] as a metadata store: compare-and-put as a transaction on the modification revision.

use etcd_client::{Compare, CompareOp, PutOptions, Txn, TxnOp, TxnOpResponse};
use tally_model::{Precondition, Put, Versioned};
use tally_ports::MetadataStore;

use crate::range::versioned;
use crate::{Error, Etcd, EtcdWatch, Lease};

impl MetadataStore for Etcd {
    type Error = Error;
    type Watch = EtcdWatch;

    async fn get(&self, key: &str) -> Result<Option<Versioned>, Error> {
        let mut kv = self.kv();
        let answer = self.within("get", kv.get(self.key(key), None)).await?;
        Ok(answer.kvs().first().and_then(versioned))
    }

    async fn list(&self, prefix: &str, limit: usize) -> Result<Vec<(String, Versioned)>, Error> {
        Ok(self.snapshot(prefix, limit).await?.keys)
    }

    async fn put(&self, key: &str, value: String, when: Precondition) -> Result<Put, Error> {
        self.write(key, value, when, None).await
    }

    async fn delete(&self, key: &str, when: Precondition) -> Result<bool, Error> {
        let mut kv = self.kv();
        match when {
            Precondition::Any => {
                self.within("delete", kv.delete(self.key(key), None)).await?;
                Ok(true)
            }
            Precondition::Absent => Ok(self.get(key).await?.is_none()),
            Precondition::Version(version) => {
                let txn = Txn::new()
                    .when([self.has(key, version)])
                    .and_then([TxnOp::delete(self.key(key), None)]);
                Ok(self.within("delete", kv.txn(txn)).await?.succeeded())
            }
        }
    }

    async fn watch(&self, prefix: &str) -> Result<EtcdWatch, Error> {
        Ok(EtcdWatch::new(self.clone(), prefix))
    }
}

impl Etcd {
    /// Like `put`; the key is deleted when the lease ends.
    ///
    /// # Errors
    /// Those of a call; not transient if the lease has ended.
    pub async fn put_leased(
        &self,
        key: &str,
        value: String,
        when: Precondition,
        lease: &Lease,
    ) -> Result<Put, Error> {
        self.write(key, value, when, Some(lease.id())).await
    }

    async fn write(
        &self,
        key: &str,
        value: String,
        when: Precondition,
        lease: Option<i64>,
    ) -> Result<Put, Error> {
        let options = lease.map(|lease| PutOptions::new().with_lease(lease));
        let mut kv = self.kv();
        let expected = match when {
            Precondition::Any => {
                let mut answer = self.within("put", kv.put(self.key(key), value, options)).await?;
                let revision = answer.take_header().map(|header| header.revision());
                return written(revision);
            }
            // A key that does not exist has the modification revision 0.
            Precondition::Absent => 0,
            Precondition::Version(version) => version,
        };
        let txn = Txn::new()
            .when([self.has(key, expected)])
            .and_then([TxnOp::put(self.key(key), value, options)])
            .or_else([TxnOp::get(self.key(key), None)]);
        let answer = self.within("put", kv.txn(txn)).await?;
        if answer.succeeded() {
            return written(answer.header().map(|header| header.revision()));
        }
        let current = answer
            .op_responses()
            .into_iter()
            .find_map(|response| match response {
                TxnOpResponse::Get(current) => Some(current.kvs().first().and_then(versioned)),
                _ => None,
            });
        Ok(Put::Refused(current.flatten()))
    }

    /// The condition that a key has a version; 0 for none.
    fn has(&self, key: &str, version: u64) -> Compare {
        // No revision is that large; a version that etcd never gave out is one that no key has.
        let revision = i64::try_from(version).unwrap_or(i64::MAX);
        Compare::mod_revision(self.key(key), CompareOp::Equal, revision)
    }
}

/// The revision of an answer is that of its own write.
fn written(revision: Option<i64>) -> Result<Put, Error> {
    match revision {
        Some(revision) => Ok(Put::Written(revision as u64)),
        None => Err(Error::odd("put", "the answer has no header")),
    }
}
