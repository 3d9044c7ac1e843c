//! Members that lie: at the link, so that their machines are the ones everybody runs. At most f of a set, which whoever asks for
//! lies must see to.
//!
//! A twin is a second machine with the same identity and keys (Bano et al., Twins, OPODIS 2021): one talks with some of the
//! members, the other with the rest, which is equivocation, double voting and amnesia, all properly signed.

use tally_consensus::{Body, pbft};
use tally_model::{NodeId, Outcome};
use tally_roles::packet::Packet;
use tally_substrate::PodIndex;

mod forge;
mod giant;

use crate::coverage::Sometimes;
use crate::pods::{PodEvent, Tenant};
use crate::world::World;
use forge::forge;
use giant::giant;

/// How a member lies; the numbers are of the Byzantine matrix of the reliability reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// Z1: signs results that are off by one; only in a platform that is `corruptible`.
    Wrong,
    /// Z2, Z5, Z9: two machines with one identity; bit i of the mask: member i talks with the second one.
    Twin(u16),
    /// Z3: says again what it said before, to anybody, members of other sets among them.
    Replay,
    /// Z4: signatures that do not hold or are not there, numbers that are off by one (ByzzFuzz, OOPSLA 2023).
    Forge,
    /// Z5: says things in the name of another member.
    Impersonate,
    /// Z6: says nothing.
    Mute,
    /// Z6: says everything late, by this many milliseconds.
    Slow(u32),
    /// Z6: is silent and speaks by turns of this many milliseconds.
    Alternate(u32),
    /// Z7: says nothing to some; bit i of the mask: not to member i, bit 15: not to the worker.
    Censor(u16),
    /// Z7: keeps its COMMITs to itself (`pbft`), or its votes (`collect`).
    Withhold,
    /// Z8: says everything many times, half of it forged.
    Flood,
    /// Z8: now and then what it says is as large as it can be, or larger.
    Giant,
    /// Type I: a worker that asks its replicas for something else than it was told to, or tells another outcome than they certified.
    Tamper,
}

impl Lie {
    /// What is counted when it is told.
    const fn counts_as(self) -> Sometimes {
        match self {
            Self::Wrong => Sometimes::LieWrong,
            Self::Twin(_) => Sometimes::LieTwin,
            Self::Replay => Sometimes::LieReplay,
            Self::Forge => Sometimes::LieForge,
            Self::Impersonate => Sometimes::LieImpersonate,
            Self::Mute => Sometimes::LieMute,
            Self::Slow(_) => Sometimes::LieSlow,
            Self::Alternate(_) => Sometimes::LieAlternate,
            Self::Censor(_) => Sometimes::LieCensor,
            Self::Withhold => Sometimes::LieWithhold,
            Self::Flood => Sometimes::LieFlood,
            Self::Giant => Sometimes::LieGiant,
            Self::Tamper => Sometimes::LieTamper,
        }
    }
}

/// What a lying pod remembers.
#[derive(Debug)]
pub(crate) struct Liar {
    pub(crate) lie: Lie,
    pub(crate) twin: Option<Tenant>,
    said: Vec<(NodeId, Packet)>,
}

impl Liar {
    pub(crate) const fn new(lie: Lie, twin: Option<Tenant>) -> Self {
        Self {
            lie,
            twin,
            said: Vec::new(),
        }
    }

    /// Remembers what is said, and now and then says something of before.
    fn replay(&mut self, to: NodeId, packet: &Packet, word: u64) -> Option<(NodeId, Packet)> {
        if self.said.len() == SAID_MAX {
            self.said.remove((word % SAID_MAX as u64) as usize);
        }
        self.said.push((to, packet.clone()));
        let place = (word >> 8) as usize % self.said.len();
        word.is_multiple_of(3).then(|| self.said[place].clone())
    }
}

/// Messages a replaying member remembers.
const SAID_MAX: usize = 64;
/// Copies of a flood.
const FLOOD: u64 = 8;
/// One message of so many is blown up.
const GIANTS: u64 = 8;

/// The bit of a member in a mask.
const fn bit(node: NodeId) -> u16 {
    match node {
        NodeId::Replica(_, index) => 1 << (index % 15),
        NodeId::Worker(_) => 1 << 15,
        NodeId::Control => 0,
    }
}

/// A packet as it leaves: in whose name, to whom, what, and how many milliseconds later than it would.
type Told = (NodeId, NodeId, Packet, u32);

/// Whether it says what came out of jobs.
fn has_outcomes(packet: &Packet) -> bool {
    match packet {
        Packet::Set(message) => match &message.body {
            Body::PrePrepare(it) => !it.outcomes.is_empty(),
            Body::Commit(it) => !it.outcomes.is_empty(),
            Body::Reply(it) => !it.outcomes.is_empty(),
            Body::Pbft(body) => matches!(**body, pbft::Body::Reply(_)),
            Body::Propose(_) | Body::NoQuorum(_) | Body::Health(_) => false,
        },
        _ => false,
    }
}

/// Whether it is what the set waits for to decide.
fn is_vote(packet: &Packet) -> bool {
    match packet {
        Packet::Set(message) => match &message.body {
            Body::Commit(_) => true,
            Body::Pbft(body) => matches!(**body, pbft::Body::Commit(_)),
            _ => false,
        },
        _ => false,
    }
}

/// Copies of a packet, every second of them forged.
fn flood(from: NodeId, to: NodeId, packet: Packet, word: u64) -> Vec<Told> {
    let copy = |number: u64| {
        let mut copy = packet.clone();
        if number % 2 == 1 {
            forge(&mut copy, word.rotate_left(number as u32 * 7));
        }
        (from, to, copy, 0)
    };
    (0..FLOOD).map(copy).collect()
}

impl World {
    /// Makes a pod lie from now on, until it is gone.
    ///
    /// # Errors
    /// [`crate::Missed`] if there is no such pod, or it does not run yet.
    pub fn corrupt(&mut self, pod: &str, lie: Lie) -> Result<(), crate::Missed> {
        let index = self.find(pod)?;
        let twin = match lie {
            Lie::Twin(_) => self.twin_of(index),
            _ => None,
        };
        self.pods[index.0 as usize].liar = Some(Box::new(Liar::new(lie, twin)));
        if lie == Lie::Wrong {
            self.turn(index, PodEvent::Corrupt(true));
        }
        Ok(())
    }

    /// A second machine with the identity of the first, fresh: it has forgotten everything but who it is.
    fn twin_of(&mut self, index: PodIndex) -> Option<Tenant> {
        let life = &self.pods[index.0 as usize];
        let now = self.now + life.ahead;
        let (node, incarnation, keys) = (life.node, life.incarnation, life.keys.clone()?);
        let mut twin = Tenant::new(&self.config, self.cluster_id, node, incarnation, keys).ok()?;
        let set = node.set()?;
        if let Some(record) = self.records.get(&set).cloned() {
            let event = PodEvent::Packet(NodeId::Control, Packet::Configure(record));
            let mut unsaid = Vec::new();
            twin.turn(now, event, &mut self.pod_out, &mut unsaid);
        }
        Some(twin)
    }

    /// Whether a pod keeps to its protocol.
    pub(crate) fn is_honest(&self, pod: PodIndex) -> bool {
        self.pods[pod.0 as usize].liar.is_none()
    }

    /// Whether what its machine says is held against the invariants. That of a tampering worker is sound; what it hears is not.
    pub(crate) fn is_heard(&self, pod: PodIndex) -> bool {
        let liar = self.pods[pod.0 as usize].liar.as_deref();
        liar.is_none_or(|liar| liar.lie == Lie::Tamper)
    }

    /// Which machine of a pod gets a packet; both get what the control plane says.
    pub(crate) fn is_for_twin(&self, pod: PodIndex, from: NodeId) -> (bool, bool) {
        match self.pods[pod.0 as usize].liar.as_deref() {
            Some(Liar {
                lie: Lie::Twin(mask),
                twin: Some(_),
                ..
            }) => match from {
                NodeId::Control => (true, true),
                from => {
                    let twin = mask & bit(from) != 0;
                    (!twin, twin)
                }
            },
            _ => (true, false),
        }
    }

    /// What a lying pod makes of a packet that it sends: what leaves. It is counted as a lie if it is one.
    pub(crate) fn distort(&mut self, pod: PodIndex, to: NodeId, packet: Packet, of_twin: bool) -> Vec<Told> {
        let life = &self.pods[pod.0 as usize];
        let from = life.node;
        let Some(lie) = life.liar.as_deref().map(|liar| liar.lie) else {
            return vec![(from, to, packet, 0)];
        };
        let truth = (from, to, packet, 0);
        let told = self.told(pod, lie, truth.clone(), of_twin);
        let lies = match lie {
            Lie::Wrong => has_outcomes(&truth.2),
            Lie::Twin(_) => of_twin && !told.is_empty(),
            Lie::Impersonate => told.iter().any(|told| told.0 != from),
            Lie::Forge | Lie::Flood => told.iter().any(|told| told.2 != truth.2),
            Lie::Replay
            | Lie::Mute
            | Lie::Slow(_)
            | Lie::Alternate(_)
            | Lie::Censor(_)
            | Lie::Withhold
            | Lie::Giant
            | Lie::Tamper => told != [truth],
        };
        if lies && (to != NodeId::Control || lie == Lie::Tamper) {
            self.hit(lie.counts_as());
        }
        told
    }

    /// What leaves in place of the truth.
    fn told(&mut self, pod: PodIndex, lie: Lie, (from, to, packet, _): Told, of_twin: bool) -> Vec<Told> {
        let word = self.draw();
        let life = &mut self.pods[pod.0 as usize];
        let set = life.set;
        let again = match (lie, life.liar.as_deref_mut()) {
            (Lie::Replay, Some(liar)) => liar.replay(to, &packet, word),
            _ => None,
        };
        match lie {
            Lie::Mute => Vec::new(),
            Lie::Censor(mask) if mask & bit(to) != 0 => Vec::new(),
            Lie::Twin(mask) if to != NodeId::Control && (mask & bit(to) != 0) != of_twin => Vec::new(),
            Lie::Alternate(millis)
                if self.now.as_nanos() / (u64::from(millis.max(1)) * 1_000_000) % 2 == 1 =>
            {
                Vec::new()
            }
            Lie::Withhold if is_vote(&packet) => Vec::new(),
            Lie::Slow(millis) => vec![(from, to, packet, millis)],
            Lie::Flood => flood(from, to, packet, word),
            Lie::Impersonate => {
                let other = self.another(from, set, word);
                vec![(from, to, packet.clone(), 0), (other, to, packet, 0)]
            }
            Lie::Forge => {
                let mut forged = packet.clone();
                forge(&mut forged, word);
                vec![(from, to, packet, 0), (from, to, forged, 0)]
            }
            Lie::Giant => {
                let mut packet = packet;
                if word.is_multiple_of(GIANTS) {
                    giant(&mut packet, word / GIANTS);
                }
                vec![(from, to, packet, 0)]
            }
            Lie::Replay => {
                // To whom it was said, to somebody else of the set, or to a member of another.
                let again = again.map(|(first, packet)| {
                    let to = match word >> 6 & 3 {
                        0 | 1 => first,
                        2 => self.another(from, set, word >> 16),
                        _ => self.stranger(set, word >> 16).unwrap_or(first),
                    };
                    (from, to, packet, 1)
                });
                std::iter::once((from, to, packet, 0)).chain(again).collect()
            }
            Lie::Tamper => {
                let mut packet = packet;
                if let (Packet::Done(done), 0) = (&mut packet, word & 1) {
                    done.outcome = Outcome::Value("666".to_owned());
                }
                vec![(from, to, packet, 0)]
            }
            Lie::Wrong | Lie::Twin(_) | Lie::Alternate(_) | Lie::Censor(_) | Lie::Withhold => {
                vec![(from, to, packet, 0)]
            }
        }
    }

    /// A replica of the same set, by word.
    fn another(&self, from: NodeId, set: usize, word: u64) -> NodeId {
        let others = self.places[set].replicas.len() as u64;
        match from.set() {
            Some(set) if others > 0 => NodeId::Replica(set, (word % others) as u8),
            _ => from,
        }
    }

    /// A member of another set, by word, if there is one.
    fn stranger(&self, set: usize, word: u64) -> Option<NodeId> {
        let sets = self.places.len();
        let other = (set + 1 + word as usize % sets.saturating_sub(1).max(1)) % sets;
        let member = self.places[other].all().nth((word >> 32) as usize % 4)?;
        (other != set).then(|| self.pods[member.0 as usize].node)
    }

    /// What a lying worker makes of a task it is told to compute.
    pub(crate) fn tamper(&mut self, pod: PodIndex, packet: &mut Packet) {
        let liar = self.pods[pod.0 as usize].liar.as_deref();
        let tampers = liar.is_some_and(|liar| liar.lie == Lie::Tamper);
        if let (true, Packet::Assign(task)) = (tampers, packet) {
            task.job.left = "666".to_owned();
            self.hit(Sometimes::LieTamper);
        }
    }
}
