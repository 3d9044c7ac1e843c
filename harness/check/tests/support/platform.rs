//! A platform on paper: sets with keys, and certificates made from the protocol's description, not by its code.
//!
//! What is signed is written out here again, so that the audit is also a test of what a third party would have to implement.

use tally_capture::{SCHEMA_VERSION, TrialKeys};
use tally_consensus::{Certificate, Keys, Path, Vote, hexadecimal, job_digest};
use tally_model::{
    CertifiedTask, Epoch, Instant, Job, Member, NodeId, Operation, Outcome, PlatformConfig, SetId, SetRecord,
    SetState, Suite,
};

const CLUSTER: [u8; 16] = [7; 16];
/// The epoch in which certificates are made unless told otherwise.
const EPOCH: u32 = 2;
/// Replicas per set.
const SIZE: u8 = 4;

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mint {
    /// Nothing.
    Good,
    /// Nothing: made before the last change of members.
    Earlier,
    /// A vote signed with a key of nobody.
    Forged,
    /// Two votes.
    TooFew,
    /// Three votes, two of one member.
    Doubled,
    /// A vote of a member that does not exist.
    Stranger,
    /// Of an epoch that never was.
    OtherEpoch,
    /// Of the same computation for another request.
    OtherJob,
    /// Of another result.
    OtherOutcome,
    /// Of another set.
    OtherSet,
    /// Names another leader.
    OtherLeader,
    /// Half of it.
    Cut,
    /// None.
    None,
}

impl Mint {
    /// As written in the hand-made histories.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "good" => Self::Good,
            "earlier" => Self::Earlier,
            "forged" => Self::Forged,
            "too-few" => Self::TooFew,
            "doubled" => Self::Doubled,
            "stranger" => Self::Stranger,
            "other-epoch" => Self::OtherEpoch,
            "other-job" => Self::OtherJob,
            "other-outcome" => Self::OtherOutcome,
            "other-set" => Self::OtherSet,
            "other-leader" => Self::OtherLeader,
            "cut" => Self::Cut,
            _ => return None,
        })
    }
}

/// The set that computes `operation`.
pub(crate) fn set_of(operation: Operation) -> SetId {
    SetId { operation, number: 0 }
}

fn keys(set: SetId, index: u8) -> Keys {
    let mut seed = [index; 32];
    seed[0] = set.operation.index() as u8;
    seed[1] = set.number as u8;
    Keys::generate(Suite::Modern, seed).unwrap()
}

/// The leader of an epoch.
fn leader(epoch: u32) -> u8 {
    (epoch % u32::from(SIZE)) as u8
}

fn record(set: SetId, epoch: u32) -> SetRecord {
    let replicas = (0..SIZE).map(|index| Member {
        node: NodeId::Replica(set, index),
        incarnation: 0,
        address: "127.0.0.1:1".into(),
        public_key: keys(set, index).public_key().to_string(),
    });
    SetRecord {
        id: set,
        epoch: Epoch(epoch),
        founded: None,
        state: SetState::Ready,
        leader: leader(epoch),
        worker: None,
        replicas: replicas.collect(),
        created: Instant::ZERO,
        ready: None,
    }
}

/// Keys of every set in epochs 1 and 2.
pub(crate) fn trial_keys() -> TrialKeys {
    let sets = Operation::ALL.map(set_of);
    TrialKeys {
        schema_version: SCHEMA_VERSION,
        cluster: hexadecimal::encode(&CLUSTER),
        config: PlatformConfig {
            protocol: tally_model::Protocol::Collect,
            ..PlatformConfig::default()
        },
        sets: (1..=EPOCH)
            .flat_map(|epoch| sets.map(|set| record(set, epoch)))
            .collect(),
    }
}

/// Fills in the certificate of a task.
pub(crate) fn certify(task: &mut CertifiedTask, mint: Mint) {
    task.certificate = match mint {
        Mint::None => None,
        Mint::Cut => Some(certificate(task, Mint::Good)).map(|text| text[..text.len() / 2].to_owned()),
        _ => Some(certificate(task, mint)),
    };
}

fn certificate(task: &CertifiedTask, mint: Mint) -> String {
    let mut set = task.set;
    let mut epoch = EPOCH;
    let mut job: Job = task.job.clone();
    let mut outcome: Outcome = task.outcome.clone();
    let mut voters = vec![0, 1, 3];
    match mint {
        Mint::Earlier => epoch = 1,
        Mint::OtherEpoch => epoch = 9,
        Mint::OtherJob => job.task.request.0 += 1,
        Mint::OtherOutcome => outcome = Outcome::Value("4711".into()),
        Mint::OtherSet => set.number += 1,
        Mint::TooFew => voters = vec![0, 1],
        Mint::Doubled => voters = vec![0, 1, 1],
        Mint::Stranger => voters = vec![0, 1, 7],
        Mint::Good | Mint::Forged | Mint::OtherLeader | Mint::Cut | Mint::None => {}
    }
    let digest = job_digest(Suite::Modern, &job);
    let root = leaf(&digest.0, &outcome);
    let votes = voters.iter().enumerate().map(|(at, member)| {
        let signer = if mint == Mint::Forged && at == 2 {
            99
        } else {
            *member
        };
        let signature = keys(set, signer).sign(&statement(set, epoch, *member, &root));
        Vote {
            member: *member,
            signature,
        }
    });
    let certificate = Certificate {
        set,
        epoch: Epoch(epoch),
        view: 0,
        sequence: 1,
        leader: if mint == Mint::OtherLeader {
            leader(epoch) ^ 1
        } else {
            leader(epoch)
        },
        job: digest,
        outcome,
        path: Path {
            index: 0,
            leaves: 1,
            siblings: Vec::new(),
        },
        votes: votes.collect(),
    };
    hexadecimal::encode(&certificate.encode())
}

/// What a member signs: kind 2 (vote), protocol version 1, cluster, set, epoch, view 0, sequence 1, sender, leaves, root.
fn statement(set: SetId, epoch: u32, member: u8, root: &[u8; 32]) -> Vec<u8> {
    let mut bytes = b"tally consensus statement".to_vec();
    bytes.push(2);
    bytes.extend_from_slice(&1_u16.to_be_bytes());
    bytes.extend_from_slice(&CLUSTER);
    bytes.push(set.operation.index() as u8);
    bytes.extend_from_slice(&set.number.to_be_bytes());
    bytes.extend_from_slice(&epoch.to_be_bytes());
    bytes.extend_from_slice(&0_u32.to_be_bytes());
    bytes.extend_from_slice(&1_u64.to_be_bytes());
    bytes.extend_from_slice(&[2, member]);
    bytes.extend_from_slice(&1_u16.to_be_bytes());
    bytes.extend_from_slice(root);
    bytes
}

fn leaf(job: &[u8; 32], outcome: &Outcome) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("tally consensus v1 leaf");
    for part in [&job[..], &outcome.canonical()] {
        hasher.update(&(part.len() as u32).to_be_bytes());
        hasher.update(part);
    }
    *hasher.finalize().as_bytes()
}
