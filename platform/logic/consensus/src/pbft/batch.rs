//! Batches by digest, and the requests that wait to be ordered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tally_model::Suite;

use super::client_table::ClientId;
use super::message::{Batch, Request};
use super::statement::Content;
use super::{BATCH_BYTES, SLOTS};
use crate::digest::{Digest, Domain, digest};
use crate::message::MAX_BATCH;
use crate::replica::Refusal;
use crate::statement::Scope;

impl Batch {
    /// What its requests ask for, in their order.
    pub(super) fn contents(&self, suite: Suite) -> Vec<Content> {
        let requests = self.requests.iter();
        requests.map(|request| Content::of(suite, request)).collect()
    }

    /// The name under which it is ordered: over its requests with their signatures.
    pub(super) fn digest(&self, suite: Suite, contents: &[Content]) -> Digest {
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
            .flat_map(|(content, request)| [&content.digest.0[..], &request.signature[..]])
            .chain(reconfig.as_deref())
            .collect();
        digest(suite, Domain::Order, &parts)
    }

    /// Bytes of the operands of all its jobs.
    pub(super) fn bytes(&self) -> usize {
        self.requests.iter().map(Request::bytes).sum()
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

/// A batch that is here, with what was computed of it when it came.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) batch: Batch,
    pub(super) contents: Vec<Content>,
}

/// Batches by digest; what no order names is dropped with [`Batches::retain`].
#[derive(Debug, Default)]
pub(super) struct Batches(BTreeMap<Digest, Arc<Known>>);

impl Batches {
    pub(super) fn keep(&mut self, name: Digest, batch: Batch, contents: Vec<Content>) {
        let known = || Arc::new(Known { batch, contents });
        self.0.entry(name).or_insert_with(known);
    }

    pub(super) fn get(&self, name: Digest) -> Option<&Batch> {
        self.0.get(&name).map(|known| &known.batch)
    }

    pub(super) fn known(&self, name: Digest) -> Option<Arc<Known>> {
        self.0.get(&name).cloned()
    }

    pub(super) fn retain(&mut self, needed: &BTreeSet<Digest>) {
        self.0.retain(|name, _| needed.contains(name));
    }
}

/// Requests that were verified and not executed, one per client, oldest first.
#[derive(Debug, Default)]
pub(super) struct Pending {
    waiting: BTreeMap<ClientId, (u64, Request, Content)>,
    arrivals: u64,
}

impl Pending {
    pub(super) fn get(&self, client: ClientId) -> Option<&Request> {
        self.waiting.get(&client).map(|(_, request, _)| request)
    }

    /// What the requests of a batch ask for; of those that wait here it was computed when they came.
    pub(super) fn contents(&self, batch: &Batch, suite: Suite) -> Vec<Content> {
        let of = |request: &Request| match self.waiting.get(&request.client()) {
            Some((_, known, content)) if known == request => content.clone(),
            _ => Content::of(suite, request),
        };
        batch.requests.iter().map(of).collect()
    }

    /// Whether no request of its client waits that is as late.
    pub(super) fn is_news(&self, request: &Request) -> bool {
        self.get(request.client())
            .is_none_or(|known| known.timestamp < request.timestamp)
    }

    /// Puts a request in place of an earlier one of its client.
    pub(super) fn put(&mut self, request: Request, content: Content) {
        if self.is_news(&request) {
            self.arrivals += 1;
            self.waiting
                .insert(request.client(), (self.arrivals, request, content));
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

    /// Drops what turned out to be executed or superseded.
    pub(super) fn forget(&mut self, batch: &Batch) {
        for request in &batch.requests {
            self.done(request.client(), request.timestamp);
        }
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Request> {
        self.waiting.values().map(|(_, request, _)| request)
    }

    /// The request that waits longest.
    pub(super) fn oldest(&self) -> Option<(ClientId, u64)> {
        self.waiting
            .values()
            .min_by_key(|(arrival, ..)| *arrival)
            .map(|(_, request, _)| (request.client(), request.timestamp))
    }

    /// The next batch, of the oldest requests that are not ordered.
    pub(super) fn next_batch(&self, is_ordered: impl Fn(&Request) -> bool) -> (Batch, Vec<Content>) {
        let mut candidates: Vec<&(u64, Request, Content)> = self
            .waiting
            .values()
            .filter(|(_, request, _)| !is_ordered(request))
            .collect();
        candidates.sort_by_key(|(arrival, ..)| *arrival);
        let (mut batch, mut contents) = (Batch::default(), Vec::new());
        let (mut jobs, mut bytes) = (0, 0);
        for (_, request, content) in candidates {
            jobs += request.items.len();
            bytes += request.bytes();
            if !batch.requests.is_empty() && (jobs > MAX_BATCH || bytes > BATCH_BYTES) {
                break;
            }
            batch.requests.push(request.clone());
            contents.push(content.clone());
        }
        (batch, contents)
    }
}
