//! One place of a set and how it is filled: pod created, running, described, member.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tally_consensus::mutant::{self, Mutant};
use tally_model::{Instant, NodeId, Observation, PodPhase, PodSpec, SetId, Step};

use super::Command;
use super::backoff::Backoff;
use super::pass::Pass;

/// How often the places of a set were filled: the value of `fleet/places/<set>`, JSON. Durable before the pod is asked for, so
/// that no incarnation is used twice whatever dies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Incarnations {
    pub(super) worker: u32,
    pub(super) replicas: Vec<u32>,
}

impl Incarnations {
    /// Every place with its incarnation.
    pub(super) fn places(&self, set: SetId) -> Vec<Place> {
        let worker = std::iter::once((NodeId::Worker(set), self.worker));
        let replicas = self.replicas.iter().zip(0..=u8::MAX);
        worker
            .chain(replicas.map(|(&incarnation, index)| (NodeId::Replica(set, index), incarnation)))
            .map(|(node, incarnation)| Place::new(node, incarnation))
            .collect()
    }

    /// The reverse of [`Incarnations::places`].
    pub(super) fn of(places: &[Place]) -> Self {
        let mut all = Self::default();
        for place in places {
            match place.node {
                NodeId::Replica(..) => all.replicas.push(place.incarnation),
                NodeId::Worker(_) | NodeId::Control => all.worker = place.incarnation,
            }
        }
        all
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) node: NodeId,
    pub(super) incarnation: u32,
    /// Since when its pod is known to exist.
    since: Option<Instant>,
    /// The pod was seen running.
    running: bool,
    /// It is being asked who it is.
    describing: bool,
    describe: Backoff,
    /// Grows with every occupant that never came up.
    refill: Backoff,
}

impl Place {
    pub(super) fn new(node: NodeId, incarnation: u32) -> Self {
        Self {
            node,
            incarnation,
            since: None,
            running: false,
            describing: false,
            describe: Backoff::default(),
            refill: Backoff::default(),
        }
    }

    /// Makes room for the next occupant.
    pub(super) fn vacate(&mut self) {
        if !mutant::is(Mutant::SameIncarnation) {
            self.incarnation = self.incarnation.saturating_add(1);
        }
        self.since = None;
        self.running = false;
        self.describing = false;
        self.describe = Backoff::default();
    }

    /// The same, after an occupant that never came up: the next one has to wait.
    fn vacate_failed(&mut self, now: Instant) {
        self.refill.fail(now);
        self.vacate();
    }

    /// The occupant has answered: true if it is the one that was asked.
    pub(super) fn described(&mut self, now: Instant, incarnation: u32, known: bool) -> bool {
        if incarnation != self.incarnation || !self.describing {
            return false;
        }
        self.describing = false;
        if known {
            self.refill = Backoff::default();
        } else {
            self.describe.fail(now);
        }
        known
    }

    /// Brings the place one step nearer to a member; true if it has a new incarnation, which must become durable first.
    pub(super) fn fill(
        &mut self,
        may_create: bool,
        config: &str,
        timeout: Duration,
        pass: &mut Pass<'_>,
    ) -> bool {
        let now = pass.now;
        let Some(pod) = pass.pods.pod(self.node, self.incarnation) else {
            if may_create && pass.alarm.due(now, self.refill.until(), "refill a place") {
                let spec = PodSpec {
                    node: self.node,
                    incarnation: self.incarnation,
                    config: config.to_owned(),
                };
                let command = pass.pods.create(now, spec, pass.alarm);
                pass.out.extend(command.map(Command::Port));
            }
            return false;
        };
        let late = *self.since.get_or_insert(now) + timeout;
        if pod.phase == PodPhase::Gone || pass.alarm.due(now, late, "start timeout") {
            self.vacate_failed(now);
            return true;
        }
        let address = pod.address.clone().filter(|_| pod.phase == PodPhase::Running);
        if let Some(address) = address {
            self.ask(address, pass);
        }
        false
    }

    fn ask(&mut self, address: String, pass: &mut Pass<'_>) {
        if !std::mem::replace(&mut self.running, true) {
            pass.observe(Observation::new(pass.now, Step::PodStarted).with_node(self.node));
        }
        if self.describing || !pass.alarm.due(pass.now, self.describe.until(), "describe again") {
            return;
        }
        self.describing = true;
        pass.out.push(Command::Describe {
            node: self.node,
            incarnation: self.incarnation,
            address,
        });
    }
}
