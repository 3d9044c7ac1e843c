//! Batches by digest, and the requests that wait to be ordered.

use std::collections::BTreeMap;
use std::sync::Arc;

use tally_model::Suite;

use super::client_table::ClientId;
use super::message::{Batch, Request};
use super::statement::Content;
use super::{BATCH_BYTES, EAGER, SLOTS, SMALL_BYTES};
use crate::digest::{Digest, Domain, digest_each};
use crate::message::{Item, MAX_BATCH};
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
        digest_each(suite, Domain::Order, |add| {
            for (content, request) in contents.iter().zip(&self.requests) {
                add(&content.digest.0);
                add(&request.signature);
            }
            if let Some(reconfig) = &reconfig {
                add(reconfig);
            }
        })
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
        if self.requests.is_empty() || self.requests.len() > MAX_BATCH || jobs > MAX_BATCH {
            return Err(Refusal::OutOfBounds);
        }
        let mut earlier = &self.requests[..];
        while let Some((last, before)) = earlier.split_last() {
            if before.iter().any(|request| request.client() == last.client()) {
                return Err(Refusal::OutOfBounds);
            }
            earlier = before;
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
        if usize::from(self.slot) >= EAGER && self.bytes() > SMALL_BYTES {
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
        self.items.iter().map(Item::bytes).sum()
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

    /// Keeps those that are named, in any order.
    pub(super) fn retain(&mut self, mut needed: Vec<Digest>) {
        needed.sort_unstable();
        self.0.retain(|name, _| needed.binary_search(name).is_ok());
    }
}

/// Requests that were verified and not executed, one per client, oldest first.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// In the order of their clients, of which a worker has few.
    waiting: Vec<Waits>,
    arrivals: u64,
}

/// One request that waits.
#[derive(Debug)]
struct Waits {
    client: ClientId,
    /// Grows with every request that comes.
    arrival: u64,
    request: Request,
    content: Content,
}

impl Pending {
    pub(super) fn get(&self, client: ClientId) -> Option<&Request> {
        self.find(client).map(|waits| &waits.request)
    }

    fn place(&self, client: ClientId) -> Result<usize, usize> {
        self.waiting.binary_search_by_key(&client, |waits| waits.client)
    }

    fn find(&self, client: ClientId) -> Option<&Waits> {
        self.place(client).ok().map(|place| &self.waiting[place])
    }

    /// What the requests of a batch ask for; of those that wait here it was computed when they came.
    pub(super) fn contents(&self, batch: &Batch, suite: Suite) -> Vec<Content> {
        let of = |request: &Request| match self.find(request.client()) {
            Some(known) if known.request == *request => known.content.clone(),
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
            let client = request.client();
            let waits = Waits {
                client,
                arrival: self.arrivals,
                request,
                content,
            };
            match self.place(client) {
                Ok(place) => self.waiting[place] = waits,
                Err(place) => self.waiting.insert(place, waits),
            }
        }
    }

    /// Drops what was executed.
    pub(super) fn done(&mut self, client: ClientId, timestamp: u64) {
        if let Ok(place) = self.place(client)
            && self.waiting[place].request.timestamp <= timestamp
        {
            self.waiting.remove(place);
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
        self.waiting.iter().map(|waits| &waits.request)
    }

    /// The request that waits longest.
    pub(super) fn oldest(&self) -> Option<(ClientId, u64)> {
        self.waiting
            .iter()
            .min_by_key(|waits| waits.arrival)
            .map(|waits| (waits.client, waits.request.timestamp))
    }

    /// The next batch, of the oldest requests that are not ordered.
    pub(super) fn next_batch(&self, is_ordered: impl Fn(&Request) -> bool) -> (Batch, Vec<Content>) {
        let waiting = self.waiting.iter();
        let mut candidates: Vec<&Waits> = waiting.filter(|waits| !is_ordered(&waits.request)).collect();
        candidates.sort_by_key(|waits| waits.arrival);
        let (mut batch, mut contents) = (Batch::default(), Vec::new());
        let (mut jobs, mut bytes) = (0, 0);
        for Waits { request, content, .. } in candidates {
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
