//! Members that lie: at the link, so that their machines are the ones everybody runs. At most f of a set, which whoever asks for
//! lies must see to.
//!
//! A twin is a second machine with the same identity and keys (Bano et al., Twins, OPODIS 2021): one talks with some of the
//! members, the other with the rest, which is equivocation, double voting and amnesia, all properly signed.

use tally_consensus::{Body, Message, pbft};
use tally_model::{NodeId, Outcome};
use tally_roles::packet::Packet;
use tally_substrate::PodIndex;

use crate::coverage::Sometimes;
use crate::pods::{PodEvent, Tenant};
use crate::world::World;

/// How a member lies; the numbers are of the Byzantine matrix of the reliability reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// Z2, Z5, Z9: two machines with one identity; bit i of the mask: member i talks with the second one.
    Twin(u16),
    /// Z3: says again what it said before, to anybody.
    Replay,
    /// Z4: signatures that do not hold, numbers that are off by one (ByzzFuzz, OOPSLA 2023).
    Forge,
    /// Z5: says things in the name of another member.
    Impersonate,
    /// Z6: says nothing.
    Mute,
    /// Z6: says everything late, by this many milliseconds.
    Slow(u32),
    /// Z7: says nothing to some; bit i of the mask: not to member i, bit 15: not to the worker.
    Censor(u16),
    /// Z8: says everything many times.
    Flood,
    /// Type I: a worker that asks its replicas for something else than it was told to, or tells another outcome than they certified.
    Tamper,
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
}

/// Messages a replaying member remembers.
const SAID_MAX: usize = 64;
/// Copies of a flood.
const FLOOD: usize = 8;

/// The bit of a member in a mask.
const fn bit(node: NodeId) -> u16 {
    match node {
        NodeId::Replica(_, index) => 1 << (index % 15),
        NodeId::Worker(_) => 1 << 15,
        NodeId::Control => 0,
    }
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
        Ok(())
    }

    /// A second machine with the identity of the first, fresh: it has forgotten everything but who it is.
    fn twin_of(&mut self, index: PodIndex) -> Option<Tenant> {
        let life = &self.pods[index.0 as usize];
        let (node, incarnation, keys) = (life.node, life.incarnation, life.keys.clone()?);
        let mut twin = Tenant::new(&self.config, self.cluster_id, node, incarnation, keys).ok()?;
        let set = node.set()?;
        if let Some(record) = self.records.get(&set).cloned() {
            let event = PodEvent::Packet(NodeId::Control, Packet::Configure(record));
            let mut unsaid = Vec::new();
            twin.turn(self.now, event, &mut self.pod_out, &mut unsaid);
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

    /// What a lying pod makes of a packet that it sends: what leaves, and how much later.
    pub(crate) fn distort(
        &mut self,
        pod: PodIndex,
        to: NodeId,
        packet: Packet,
        of_twin: bool,
    ) -> Vec<(NodeId, NodeId, Packet, u32)> {
        let word = self.draw();
        let life = &mut self.pods[pod.0 as usize];
        let (from, set) = (life.node, life.set);
        let Some(liar) = life.liar.as_deref_mut() else {
            return vec![(from, to, packet, 0)];
        };
        let lie = liar.lie;
        if matches!(lie, Lie::Replay) {
            if liar.said.len() == SAID_MAX {
                liar.said.remove((word % SAID_MAX as u64) as usize);
            }
            liar.said.push((to, packet.clone()));
        }
        let said: Vec<(NodeId, Packet)> = match lie {
            Lie::Replay if word.is_multiple_of(3) => {
                let place = (word >> 8) as usize % liar.said.len();
                vec![liar.said[place].clone()]
            }
            _ => Vec::new(),
        };
        if to != NodeId::Control {
            self.hit(Sometimes::Lie);
        }
        let others = self.places[set].replicas.len() as u64;
        let other = |word: u64| match from.set() {
            Some(set) if others > 0 => NodeId::Replica(set, (word % others) as u8),
            _ => from,
        };
        let mut out = Vec::new();
        match lie {
            Lie::Mute => {}
            Lie::Censor(mask) if mask & bit(to) != 0 => {}
            Lie::Twin(mask) => {
                let side = to == NodeId::Control || (mask & bit(to) != 0) == of_twin;
                if side {
                    out.push((from, to, packet, 0));
                }
            }
            Lie::Slow(millis) => out.push((from, to, packet, millis)),
            Lie::Flood => out.extend(std::iter::repeat_n((from, to, packet, 0), FLOOD)),
            Lie::Impersonate => {
                out.push((from, to, packet.clone(), 0));
                out.push((other(word), to, packet, 0));
            }
            Lie::Forge => {
                let mut forged = packet.clone();
                forge(&mut forged, word);
                out.push((from, to, packet, 0));
                out.push((from, to, forged, 0));
            }
            Lie::Replay => {
                out.push((from, to, packet, 0));
                // To whom it was said, or to somebody else.
                let again = said.into_iter().map(|(first, packet)| {
                    let to = if word & 64 == 0 { first } else { other(word >> 16) };
                    (from, to, packet, 1)
                });
                out.extend(again);
            }
            Lie::Tamper => {
                let mut packet = packet;
                if let (Packet::Done(done), 0) = (&mut packet, word & 1) {
                    done.outcome = Outcome::Value("666".to_owned());
                }
                out.push((from, to, packet, 0));
            }
            Lie::Censor(_) => out.push((from, to, packet, 0)),
        }
        out
    }

    /// What a lying worker makes of a task it is told to compute.
    pub(crate) fn tamper(&self, pod: PodIndex, packet: &mut Packet) {
        let tampers = self.pods[pod.0 as usize]
            .liar
            .as_deref()
            .is_some_and(|liar| liar.lie == Lie::Tamper);
        if let (true, Packet::Assign(task)) = (tampers, packet) {
            task.job.left = "666".to_owned();
        }
    }
}

/// Breaks a signature, or moves a number by one under a signature that was made for another.
fn forge(packet: &mut Packet, word: u64) {
    let Packet::Set(message) = packet else {
        return;
    };
    match word % 4 {
        0 => message.view = message.view.wrapping_add(1),
        1 => message.epoch.0 = message.epoch.0.wrapping_add(1),
        _ => forge_body(message, word >> 8),
    }
}

fn forge_body(message: &mut Message, word: u64) {
    let flip = |bytes: &mut Vec<u8>| {
        let length = bytes.len().max(1) as u64;
        if let Some(byte) = bytes.get_mut((word / 2 % length) as usize) {
            *byte ^= 1 << (word >> 32 & 7);
        }
    };
    let number = word & 1 == 0;
    match &mut message.body {
        Body::Propose(m) if number => m.timestamp += 1,
        Body::Propose(m) => flip(&mut m.signature),
        Body::PrePrepare(m) if number => m.sequence += 1,
        Body::PrePrepare(m) => flip(&mut m.signature),
        Body::Commit(m) if number => m.sequence += 1,
        Body::Commit(m) => flip(&mut m.signature),
        Body::Reply(m) if number => m.timestamp += 1,
        Body::Reply(m) => flip(&mut m.signature),
        Body::NoQuorum(m) => flip(&mut m.signature),
        Body::Health(m) => flip(&mut m.signature),
        Body::Pbft(body) => match &mut **body {
            pbft::Body::Request(m) if number => m.timestamp += 1,
            pbft::Body::Request(m) => flip(&mut m.signature),
            pbft::Body::PrePrepare(m) if number => m.sequence += 1,
            pbft::Body::PrePrepare(m) => flip(&mut m.signature),
            pbft::Body::Prepare(m) if number => m.sequence += 1,
            pbft::Body::Prepare(m) => flip(&mut m.signature),
            pbft::Body::Commit(m) if number => m.sequence += 1,
            pbft::Body::Commit(m) => flip(&mut m.tag),
            pbft::Body::Reply(m) if number => m.timestamp += 1,
            pbft::Body::Reply(m) => flip(&mut m.signature),
            pbft::Body::Checkpoint(m) if number => m.sequence += 1,
            pbft::Body::Checkpoint(m) => flip(&mut m.signature),
            pbft::Body::ViewChange(m) => flip(&mut m.signature),
            pbft::Body::NewView(m) => flip(&mut m.signature),
            pbft::Body::Status(m) => flip(&mut m.tag),
            pbft::Body::State(m) => flip(&mut m.snapshot),
            pbft::Body::Batches(batches) => batches.clear(),
        },
    }
}
