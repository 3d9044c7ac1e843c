//! Batches by digest, and the requests that wait to be ordered.

use std::collections::{BTreeMap, BTreeSet};

use super::client_table::ClientId;
use super::message::{Batch, Request};
use super::statement::request_digest;
use super::{BATCH_BYTES, SLOTS};
use crate::digest::{Digest, Domain, digest};
use crate::message::MAX_BATCH;
use crate::replica::Refusal;
use crate::statement::Scope;

impl Batch {
    /// The name under which it is ordered: over its requests with their signatures.
    pub(super) fn digest(&self, scope: &Scope) -> Digest {
        let contents: Vec<Digest> = self
            .requests
            .iter()
            .map(|request| request_digest(scope, request))
            .collect();
        let reconfig = self.reconfig.map(|reconfig| {
            [
                &reconfig.epoch.0.to_be_bytes()[..],
                &reconfig.view.to_be_bytes(),
                &reconfig.membership.0,
            ]
            .concat()
        });
        let parts: Vec<&[u8]> = contents
            .iter()
            .zip(&self.requests)
            .flat_map(|(content, request)| [&content.0[..], &request.signature[..]])
            .chain(reconfig.as_deref())
            .collect();
        digest(scope.suite, Domain::Order, &parts)
    }

    /// Whether it keeps its bounds: something to do, not too much, one request per client, or a later epoch and nothing else.
    pub(super) fn check_bounds(&self, scope: &Scope) -> Result<(), Refusal> {
        if let Some(reconfig) = self.reconfig {
            let holds = self.requests.is_empty() && reconfig.epoch > scope.epoch;
            return if holds { Ok(()) } else { Err(Refusal::OutOfBounds) };
        }
        let jobs: usize = self.requests.iter().map(|request| request.items.len()).sum();
        let clients: BTreeSet<ClientId> = self.requests.iter().map(Request::client).collect();
        if self.requests.is_empty() || jobs > MAX_BATCH || clients.len() != self.requests.len() {
            return Err(Refusal::OutOfBounds);
        }
        self.requests
            .iter()
            .try_for_each(|request| request.check_bounds(scope))
    }
}

impl Request {
    /// Whether it keeps its bounds.
    pub(crate) fn check_bounds(&self, scope: &Scope) -> Result<(), Refusal> {
        if self.slot >= SLOTS || self.items.is_empty() || self.items.len() > MAX_BATCH {
            return Err(Refusal::OutOfBounds);
        }
        if self
            .items
            .iter()
            .any(|item| item.job.operation != scope.set.operation)
        {
            return Err(Refusal::OtherOperation);
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        self.items
            .iter()
            .map(|item| item.job.left.len() + item.job.right.len())
            .sum()
    }
}

/// Batches by digest; what no order names is dropped with [`Batches::retain`].
#[derive(Debug, Default)]
pub(super) struct Batches(BTreeMap<Digest, Batch>);

impl Batches {
    pub(super) fn keep(&mut self, name: Digest, batch: Batch) {
        self.0.entry(name).or_insert(batch);
    }

    pub(super) fn get(&self, name: Digest) -> Option<&Batch> {
        self.0.get(&name)
    }

    pub(super) fn retain(&mut self, needed: &BTreeSet<Digest>) {
        self.0.retain(|name, _| needed.contains(name));
    }
}

/// Requests that were verified and not executed, one per client, oldest first.
#[derive(Debug, Default)]
pub(super) struct Pending {
    waiting: BTreeMap<ClientId, (u64, Request)>,
    arrivals: u64,
}

impl Pending {
    pub(super) fn get(&self, client: ClientId) -> Option<&Request> {
        self.waiting.get(&client).map(|(_, request)| request)
    }

    /// Puts a request in place of an earlier one of its client.
    pub(super) fn put(&mut self, request: Request) {
        if self
            .get(request.client())
            .is_none_or(|known| known.timestamp < request.timestamp)
        {
            self.arrivals += 1;
            self.waiting.insert(request.client(), (self.arrivals, request));
        }
    }

    /// Drops what was executed.
    pub(super) fn done(&mut self, client: ClientId, timestamp: u64) {
        if self
            .get(client)
            .is_some_and(|request| request.timestamp <= timestamp)
        {
            self.waiting.remove(&client);
        }
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Request> {
        self.waiting.values().map(|(_, request)| request)
    }

    /// The request that waits longest.
    pub(super) fn oldest(&self) -> Option<(ClientId, u64)> {
        self.waiting
            .values()
            .min_by_key(|(arrival, _)| *arrival)
            .map(|(_, request)| (request.client(), request.timestamp))
    }

    /// The next batch, of the oldest requests that are not in `ordered`.
    pub(super) fn next_batch(&self, ordered: &BTreeSet<(ClientId, u64)>) -> Batch {
        let mut candidates: Vec<&(u64, Request)> = self
            .waiting
            .values()
            .filter(|(_, request)| !ordered.contains(&(request.client(), request.timestamp)))
            .collect();
        candidates.sort_by_key(|(arrival, _)| *arrival);
        let mut batch = Batch::default();
        let (mut jobs, mut bytes) = (0, 0);
        for (_, request) in candidates {
            jobs += request.items.len();
            bytes += request.bytes();
            if !batch.requests.is_empty() && (jobs > MAX_BATCH || bytes > BATCH_BYTES) {
                break;
            }
            batch.requests.push(request.clone());
        }
        batch
    }
}
