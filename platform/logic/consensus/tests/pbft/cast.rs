//! Who takes part: keys, records, jobs and their right answers.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock};

use tally_consensus::pbft::Settings;
use tally_consensus::{Item, Keys, Seat};
use tally_model::{
    Epoch, Instant, Job, Member, NodeId, Operation, Outcome, PlatformConfig, Protocol, RequestId, SetId,
    SetRecord, SetState, Suite, TaskId,
};

pub const CLUSTER: [u8; 16] = [7; 16];
pub const SET: SetId = SetId {
    operation: Operation::Add,
    number: 3,
};
pub const WORKER: NodeId = NodeId::Worker(SET);
/// Key number of the worker; replicas have their index, plus 100 per incarnation.
const WORKER_KEY: u32 = 50;

pub fn keys(suite: Suite, number: u32) -> Keys {
    static MADE: OnceLock<Mutex<BTreeMap<(Suite, u32), Keys>>> = OnceLock::new();
    let mut made = MADE.get_or_init(Mutex::default).lock().unwrap();
    made.entry((suite, number))
        .or_insert_with(|| {
            let mut seed = [0; 32];
            seed[..4].copy_from_slice(&number.to_be_bytes());
            Keys::generate(suite, seed).unwrap()
        })
        .clone()
}

pub fn node(index: u8) -> NodeId {
    NodeId::Replica(SET, index)
}

pub fn config(suite: Suite, n: u8) -> PlatformConfig {
    PlatformConfig {
        protocol: Protocol::Pbft,
        suite,
        replicas: n,
        ..PlatformConfig::default()
    }
}

/// Small sizes, so that checkpoints and full windows are met within a few requests.
pub fn small(config: &PlatformConfig) -> Settings {
    Settings {
        interval: 4,
        window: 8,
        ..Settings::of(config)
    }
}

fn member(suite: Suite, node: NodeId, incarnation: u32) -> Member {
    Member {
        node,
        incarnation,
        address: String::new(),
        public_key: keys(suite, key_number(node, incarnation))
            .public_key()
            .to_string(),
    }
}

fn key_number(node: NodeId, incarnation: u32) -> u32 {
    let base = match node {
        NodeId::Replica(_, index) => u32::from(index),
        NodeId::Worker(_) | NodeId::Control => WORKER_KEY,
    };
    base + 100 * incarnation
}

pub fn seat(config: &PlatformConfig, node: NodeId, incarnation: u32) -> Seat {
    Seat {
        cluster: CLUSTER,
        node,
        incarnation,
        keys: keys(config.suite, key_number(node, incarnation)),
        config: config.clone(),
    }
}

pub fn first_record(config: &PlatformConfig) -> SetRecord {
    SetRecord {
        id: SET,
        epoch: Epoch(1),
        founded: Some(Epoch(1)),
        state: SetState::Ready,
        leader: 0,
        worker: Some(member(config.suite, WORKER, 0)),
        replicas: (0..config.replicas)
            .map(|index| member(config.suite, node(index), 0))
            .collect(),
        created: Instant::ZERO,
        ready: None,
    }
}

/// The next epoch, in which a place has a new occupant.
pub fn with_replaced(config: &PlatformConfig, record: &SetRecord, place: NodeId) -> SetRecord {
    let mut next = record.clone();
    next.epoch.0 += 1;
    for known in next.replicas.iter_mut().chain(&mut next.worker) {
        if known.node == place {
            *known = member(config.suite, place, known.incarnation + 1);
        }
    }
    next
}

pub fn item(number: u128) -> Item {
    Item {
        job: Job {
            task: TaskId {
                request: RequestId(number),
                index: 0,
            },
            operation: Operation::Add,
            expression: None,
            left: number.to_string(),
            right: "1/2".into(),
        },
        work_key: number as u64,
    }
}

/// The right answer, computed in another way than the platform does.
pub fn answer(number: u128) -> Outcome {
    Outcome::Value(format!("{}/2", number * 2 + 1))
}
