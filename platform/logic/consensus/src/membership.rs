//! Who may vote in one epoch of a set, under which keys, and how many votes are enough.

use std::collections::BTreeMap;

use tally_model::{Epoch, Member, NodeId, PlatformConfig, Protocol, SetId, SetRecord, Suite};

use crate::authenticator::{KeyError, PublicKey};
use crate::digest::{Digest, Domain, digest};
use crate::mutant::{self, Mutant};
use crate::statement::{ClusterId, Scope};

/// A set record that does not describe a membership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MembershipError {
    /// A member whose key cannot be read.
    Key {
        /// Which member.
        node: NodeId,
        /// What is wrong with its key.
        error: KeyError,
    },
    /// A member that is not of this set, an index that is not below the number of replicas, or a place named twice.
    Place(NodeId),
    /// The leader's index is not below the number of replicas.
    Leader(u8),
}

impl std::fmt::Display for MembershipError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Key { node, error } => write!(f, "set record: key of {node}: {error}"),
            Self::Place(node) => write!(f, "set record: {node} has no place in this set, or has it twice"),
            Self::Leader(index) => write!(f, "set record: leader {index} is not one of the replicas"),
        }
    }
}

impl std::error::Error for MembershipError {}

/// One member that is up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Which occupant of its place.
    pub incarnation: u32,
    /// Its key, parsed once.
    pub key: PublicKey,
}

/// The members of one epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    pub(crate) scope: Scope,
    leader: u8,
    size: u8,
    count_leader: bool,
    protocol: Protocol,
    founded: Option<Epoch>,
    worker: Option<Peer>,
    replicas: BTreeMap<u8, Peer>,
}

impl Membership {
    /// Reads a set record. `config` gives the suite, n and the reading of C5; members that are not up are not in the record
    /// but still count in n.
    ///
    /// # Errors
    /// [`MembershipError`] naming the member.
    pub fn from_record(
        record: &SetRecord,
        cluster: ClusterId,
        config: &PlatformConfig,
    ) -> Result<Self, MembershipError> {
        let size = config.replicas_per_set();
        // With `protocol = none` there is nobody to lead.
        if record.leader >= size.max(1) {
            return Err(MembershipError::Leader(record.leader));
        }
        let mut replicas = BTreeMap::new();
        for member in &record.replicas {
            let NodeId::Replica(set, index) = member.node else {
                return Err(MembershipError::Place(member.node));
            };
            let peer = read(member, config.suite)?;
            if set != record.id || index >= size || replicas.insert(index, peer).is_some() {
                return Err(MembershipError::Place(member.node));
            }
        }
        let worker = match &record.worker {
            Some(member) if member.node == NodeId::Worker(record.id) => Some(read(member, config.suite)?),
            Some(member) => return Err(MembershipError::Place(member.node)),
            None => None,
        };
        Ok(Self {
            scope: Scope {
                cluster,
                suite: config.suite,
                set: record.id,
                epoch: record.epoch,
                view: 0,
            },
            // In `pbft` it follows from the view, which the record lags behind; in `vote` nobody leads.
            leader: match config.protocol {
                Protocol::Pbft | Protocol::Vote => 0,
                Protocol::Collect | Protocol::None => record.leader,
            },
            size,
            count_leader: config.count_leader_vote || config.protocol != Protocol::Collect,
            protocol: config.protocol,
            founded: record.founded,
            worker,
            replicas,
        })
    }

    /// Which set.
    pub const fn set(&self) -> SetId {
        self.scope.set
    }

    /// Which epoch of it.
    pub const fn epoch(&self) -> Epoch {
        self.scope.epoch
    }

    /// Which suite its keys and digests are of.
    pub const fn suite(&self) -> Suite {
        self.scope.suite
    }

    /// Index of the leader.
    pub const fn leader(&self) -> u8 {
        self.leader
    }

    /// n: all replicas, up or not.
    pub const fn size(&self) -> u8 {
        self.size
    }

    /// f = (n-1)/3; in `vote` (n-1)/2.
    pub const fn faulty(&self) -> u8 {
        let others = self.size.saturating_sub(1);
        match self.protocol {
            Protocol::Vote => others / 2,
            Protocol::Pbft | Protocol::Collect | Protocol::None => others / 3,
        }
    }

    /// 2f+1.
    pub fn quorum(&self) -> u8 {
        if mutant::is(Mutant::SmallQuorum) {
            return self.faulty() * 2;
        }
        2 * self.faulty() + 1
    }

    /// f+1: one of so many is correct.
    pub const fn weak_quorum(&self) -> u8 {
        self.faulty() + 1
    }

    /// Which protocol its replicas run.
    pub const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The epoch in which the set was first complete; none before.
    pub(crate) const fn founded(&self) -> Option<Epoch> {
        self.founded
    }

    /// Votes a certificate needs: 2f+1 votes on a result in `collect`, f+1 signed replies in `pbft` and `vote` (design
    /// decision 6).
    pub fn certifying(&self) -> u8 {
        match self.protocol {
            Protocol::Pbft | Protocol::Vote => self.weak_quorum(),
            Protocol::Collect | Protocol::None => self.quorum(),
        }
    }

    /// Whether a vote of `member` counts (C5: the literal reading does not count the leader's).
    pub const fn counts(&self, member: u8) -> bool {
        self.count_leader || member != self.leader
    }

    /// Names the membership: who has which place and which key.
    pub(crate) fn digest(&self) -> Digest {
        let worker = self.worker.iter().map(|peer| (u8::MAX, peer));
        let members: Vec<String> = self
            .replicas()
            .chain(worker)
            .map(|(place, peer)| format!("{place} {} {}", peer.incarnation, peer.key))
            .collect();
        let epoch = self.epoch().0.to_be_bytes();
        let parts: Vec<&[u8]> = std::iter::once(&epoch[..])
            .chain(members.iter().map(String::as_bytes))
            .collect();
        digest(self.suite(), Domain::Membership, &parts)
    }

    /// Whether the replica at `index` is the same in both.
    pub(crate) fn keeps(&self, fresh: &Self, index: u8) -> bool {
        self.replica(index).is_some() && self.replica(index) == fresh.replica(index)
    }

    /// How many replicas are not the same in both.
    pub(crate) fn replaced_in(&self, fresh: &Self) -> usize {
        (0..self.size).filter(|index| !self.keeps(fresh, *index)).count()
    }

    /// The worker, once it is up.
    pub const fn worker(&self) -> Option<&Peer> {
        self.worker.as_ref()
    }

    /// The replica at `index`, if it is up.
    pub fn replica(&self, index: u8) -> Option<&Peer> {
        self.replicas.get(&index)
    }

    /// Every replica that is up, by index.
    pub fn replicas(&self) -> impl Iterator<Item = (u8, &Peer)> {
        self.replicas.iter().map(|(index, peer)| (*index, peer))
    }

    /// Every replica that is up, as nodes, the one at `except` left out.
    pub(crate) fn others(&self, except: u8) -> impl Iterator<Item = (u8, NodeId)> {
        let set = self.scope.set;
        self.replicas
            .keys()
            .copied()
            .filter(move |index| *index != except)
            .map(move |index| (index, NodeId::Replica(set, index)))
    }
}

fn read(member: &Member, suite: Suite) -> Result<Peer, MembershipError> {
    let key = PublicKey::parse(suite, &member.public_key).map_err(|error| MembershipError::Key {
        node: member.node,
        error,
    })?;
    Ok(Peer {
        incarnation: member.incarnation,
        key,
    })
}
