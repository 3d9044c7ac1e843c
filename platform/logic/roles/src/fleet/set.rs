//! One worker set from its creation to its end.

use tally_model::{Epoch, Instant, Member, NodeId, Observation, PodPhase, SetId, SetRecord, SetState, Step};

use super::Plan;
use super::election::draw_leader;
use super::pass::Pass;
use super::place::{Incarnations, Place};
use super::{Led, lock_holder, lock_key, next_key, places_key, record_key};

/// How a set goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Going {
    /// It stays, or waits for its last tasks since then.
    No(Instant),
    /// Its pods are being deleted.
    Pods,
    /// Its record is being deleted.
    Record,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Set {
    record: SetRecord,
    places: Vec<Place>,
    going: Going,
    /// Record or places changed since they were handed to the ledger.
    dirty: bool,
    /// The newest epoch and state that were observed in the store.
    announced: (Epoch, SetState),
}

impl Set {
    /// A new set, epoch 1, nobody in it.
    pub(super) fn new(id: SetId, now: Instant, plan: &Plan) -> Self {
        let epoch = Epoch(1);
        let incarnations = Incarnations {
            worker: 0,
            replicas: vec![0; usize::from(plan.replicas)],
        };
        Self {
            record: SetRecord {
                id,
                epoch,
                state: SetState::Starting,
                founded: None,
                leader: if plan.draws {
                    draw_leader(plan.seed, id, epoch, plan.replicas, None)
                } else {
                    0
                },
                worker: None,
                replicas: Vec::new(),
                created: now,
                ready: None,
            },
            places: incarnations.places(id),
            going: Going::No(now),
            dirty: true,
            announced: (Epoch(0), SetState::Starting),
        }
    }

    /// A set that an earlier life of the fleet left behind. A place whose pod is not to be seen gets a new incarnation,
    /// because the pod may have come and gone in between.
    pub(super) fn adopt(
        record: SetRecord,
        incarnations: Option<Incarnations>,
        now: Instant,
        plan: &Plan,
        pass: &Pass<'_>,
    ) -> Self {
        let mut all = incarnations.clone().unwrap_or_else(|| Incarnations {
            worker: 0,
            replicas: vec![0; usize::from(plan.replicas)],
        });
        if all.replicas.len() < record.replicas.len() {
            all.replicas.resize(record.replicas.len(), 0);
        }
        let mut set = Self {
            places: all.places(record.id),
            going: Going::No(now),
            dirty: false,
            announced: (record.epoch, record.state),
            record,
        };
        for index in 0..set.places.len() {
            let place = &set.places[index];
            let newest = set.member(place.node).map_or(0, |member| member.incarnation);
            let incarnation = place.incarnation.max(newest);
            set.places[index].incarnation = incarnation;
            if !set.is_up(index) && pass.pods.pod(set.places[index].node, incarnation).is_none() {
                set.places[index].vacate();
            }
        }
        set.dirty = incarnations != Some(Incarnations::of(&set.places));
        set
    }

    pub(super) const fn state(&self) -> SetState {
        self.record.state
    }

    /// True if the pod holds a place here.
    pub(super) fn keeps(&self, node: NodeId, incarnation: u32) -> bool {
        let mut places = self.places.iter();
        matches!(self.going, Going::No(_))
            && places.any(|place| place.node == node && place.incarnation == incarnation)
    }

    /// True once the record is deleted for good.
    pub(super) fn is_over(&self, pass: &Pass<'_>) -> bool {
        let id = self.record.id;
        self.going == Going::Record
            && pass.ledger.settled(&record_key(id))
            && pass.ledger.settled(&lock_key(id))
    }

    fn member(&self, node: NodeId) -> Option<&Member> {
        self.record.members().find(|member| member.node == node)
    }

    fn is_up(&self, index: usize) -> bool {
        let place = &self.places[index];
        self.member(place.node)
            .is_some_and(|member| member.incarnation == place.incarnation)
    }

    /// Asks for a replacement of one occupant. True when the request is settled or void, false while it is under way.
    pub(super) fn repair(&mut self, node: NodeId, incarnation: u32, masked: usize) -> bool {
        let Some(index) = self.places.iter().position(|place| place.node == node) else {
            return true;
        };
        if self.record.state == SetState::Draining || self.places[index].incarnation < incarnation {
            return true;
        }
        if self.places[index].incarnation > incarnation {
            return self.is_up(index);
        }
        self.places[index].vacate();
        if self.record.state == SetState::Ready && !self.serves(masked) {
            self.record.state = SetState::Fenced;
        }
        self.dirty = true;
        false
    }

    /// Replicas that are not up.
    fn missing(&self) -> usize {
        (0..self.places.len())
            .filter(|&index| matches!(self.places[index].node, NodeId::Replica(..)) && !self.is_up(index))
            .count()
    }

    /// Whether it takes tasks: everybody is up, or it was founded and only so many replicas are missing as their protocol masks.
    fn serves(&self, masked: usize) -> bool {
        let all = (0..self.places.len()).all(|index| self.is_up(index));
        let worker = self
            .places
            .iter()
            .position(|place| matches!(place.node, NodeId::Worker(_)));
        let masks = self.record.founded.is_some()
            && worker.is_some_and(|index| self.is_up(index))
            && self.missing() <= masked;
        all || masks
    }

    /// Takes the word of the replicas for who leads them.
    pub(super) fn led_by(&mut self, led: Led) {
        let known = usize::from(led.leader) < self.places.len().saturating_sub(1);
        if known && led.epoch == self.record.epoch && led.leader != self.record.leader {
            self.record.leader = led.leader;
            self.dirty = true;
        }
    }

    /// Takes no new tasks from now on and goes when it has none.
    pub(super) fn drain(&mut self, pass: &mut Pass<'_>) {
        self.record.state = SetState::Draining;
        self.going = Going::No(pass.now);
        self.dirty = true;
        pass.observe(Observation::new(pass.now, Step::DrainStarted).with_set(self.record.id));
    }

    /// Takes the answer of a pod that was asked who it is.
    pub(super) fn described(
        &mut self,
        node: NodeId,
        incarnation: u32,
        who: Option<(String, String)>,
        plan: &Plan,
        pass: &mut Pass<'_>,
    ) {
        let Some(index) = self.places.iter().position(|place| place.node == node) else {
            return;
        };
        let alive = pass
            .pods
            .pod(node, incarnation)
            .is_some_and(|pod| pod.phase == PodPhase::Running);
        let known = self.places[index].described(pass.now, incarnation, alive && who.is_some());
        let Some((address, public_key)) = who.filter(|_| known && self.record.state != SetState::Draining)
        else {
            return;
        };
        self.record.epoch = Epoch(self.record.epoch.0.saturating_add(1));
        let led = plan.redraws && matches!(node, NodeId::Replica(_, index) if index == self.record.leader);
        if led && self.member(node).is_some() {
            let (id, epoch, failed) = (self.record.id, self.record.epoch, self.record.leader);
            let replicas = (self.places.len() - 1) as u8;
            self.record.leader = draw_leader(plan.seed, id, epoch, replicas, Some(failed));
        }
        self.join(Member {
            node,
            incarnation,
            address,
            public_key,
        });
        self.dirty = true;
        pass.observe(Observation::new(pass.now, Step::PodReady).with_node(node));
    }

    fn join(&mut self, member: Member) {
        if matches!(member.node, NodeId::Worker(_)) {
            self.record.worker = Some(member);
            return;
        }
        let replicas = &mut self.record.replicas;
        match replicas.binary_search_by_key(&member.node, |member| member.node) {
            Ok(index) => replicas[index] = member,
            Err(index) => replicas.insert(index, member),
        }
    }

    /// One step towards what it should be.
    pub(super) fn drive(&mut self, drained: bool, plan: &Plan, pass: &mut Pass<'_>) {
        if self.record.state == SetState::Draining {
            self.leave(drained, plan, pass);
        } else {
            self.fill(plan, pass);
        }
        if self.is_locked(plan, pass) {
            self.persist(pass);
            self.announce(pass);
        }
    }

    /// Whether the record may be written: whoever leads must hold the lock of the set, if there is one, before anybody is told.
    fn is_locked(&self, plan: &Plan, pass: &mut Pass<'_>) -> bool {
        let id = self.record.id;
        let leads = self.member(NodeId::Replica(id, self.record.leader));
        match leads.filter(|_| plan.locks && self.dirty && self.going != Going::Record) {
            Some(leader) => {
                let (key, holder) = (lock_key(id), lock_holder(leader));
                // What is on its way to the record still names the holder of now.
                let may_change = pass.ledger.settled(&record_key(id));
                (may_change || pass.ledger.wants(&key, &holder)) && pass.ledger.lock(key, holder)
            }
            None => true,
        }
    }

    fn fill(&mut self, plan: &Plan, pass: &mut Pass<'_>) {
        let id = self.record.id;
        let lacks = (0..self.places.len()).any(|index| !self.is_up(index));
        // A pod may be created when a restarted fleet would know of it: number, record and incarnation are durable.
        let may_create = lacks
            && !self.dirty
            && pass.ledger.exists(&record_key(id))
            && pass.ledger.settled(&places_key(id))
            && pass.ledger.settled(&next_key(id.operation));
        for index in 0..self.places.len() {
            let (up, place) = (self.is_up(index), &mut self.places[index]);
            if !up {
                self.dirty |= place.fill(may_create, &plan.pod_config, plan.start_timeout, pass);
            } else if self.record.state == SetState::Starting {
                let pod = pass.pods.pod(place.node, place.incarnation);
                // Nobody probes a set that is starting, so a death in it is ours to notice.
                if pod.is_none_or(|pod| pod.phase == PodPhase::Gone) {
                    place.vacate();
                    self.dirty = true;
                }
            }
        }
        if plan.masked > 0 && self.record.founded.is_some() && self.missing() > plan.masked {
            // More are gone than the protocol masks, and with them what they had agreed on: another set takes over its tasks.
            self.drain(pass);
            return;
        }
        let state = if self.serves(plan.masked) {
            SetState::Ready
        } else if self.record.state == SetState::Ready {
            SetState::Fenced
        } else {
            self.record.state
        };
        if state != self.record.state {
            self.record.state = state;
            self.dirty = true;
            if state == SetState::Ready {
                self.record.ready.get_or_insert(pass.now);
                self.record.founded.get_or_insert(self.record.epoch);
            }
        }
    }

    fn leave(&mut self, drained: bool, plan: &Plan, pass: &mut Pass<'_>) {
        let id = self.record.id;
        if let Going::No(since) = self.going {
            // A set that never was ready never had a task.
            let late = since + plan.drain_timeout;
            if drained || self.record.ready.is_none() || pass.alarm.due(pass.now, late, "drain timeout") {
                self.going = Going::Pods;
            }
        }
        // The number outlives the record, or it would be given again.
        let may_forget = !pass.pods.any_of(id) && pass.ledger.settled(&next_key(id.operation));
        if self.going == Going::Pods && may_forget {
            self.going = Going::Record;
            pass.ledger.write(record_key(id), None);
            pass.ledger.write(lock_key(id), None);
        }
    }

    fn persist(&mut self, pass: &mut Pass<'_>) {
        if self.going == Going::Record || !std::mem::take(&mut self.dirty) {
            return;
        }
        let (record, places) = (
            serde_json::to_string(&self.record),
            serde_json::to_string(&Incarnations::of(&self.places)),
        );
        if let (Ok(record), Ok(places)) = (record, places) {
            pass.ledger.write(record_key(self.record.id), Some(record));
            pass.ledger.write(places_key(self.record.id), Some(places));
        }
    }

    /// Observes what has become true for everybody, that is, durable.
    fn announce(&mut self, pass: &mut Pass<'_>) {
        let current = (self.record.epoch, self.record.state);
        if self.going == Going::Record
            || self.announced == current
            || !pass.ledger.settled(&record_key(self.record.id))
        {
            return;
        }
        let (epoch, state) = std::mem::replace(&mut self.announced, current);
        let id = self.record.id;
        if self.record.epoch > epoch {
            let value = f64::from(self.record.epoch.0);
            pass.observe(
                Observation::new(pass.now, Step::EpochChanged)
                    .with_set(id)
                    .with_value(value),
            );
        }
        if self.record.state == SetState::Ready && state != SetState::Ready {
            pass.observe(Observation::new(pass.now, Step::SetReady).with_set(id));
        }
    }
}
