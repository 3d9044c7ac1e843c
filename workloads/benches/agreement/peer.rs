//! `hotstuff_rs` 0.4 beside us: four replicas in threads of this process, messages in channels, a store in memory.
//!
//! A block has `batch` jobs, like one of our requests; every replica computes them all. It does less than we do: nobody signs what is asked for, and
//! no reply is signed or checked. Its signatures are Ed25519 by `ed25519-dalek` 2, whatever our suite is.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hotstuff_rs::app::{
    App, ProduceBlockRequest, ProduceBlockResponse, ValidateBlockRequest, ValidateBlockResponse,
};
use hotstuff_rs::networking::messages::Message;
use hotstuff_rs::networking::network::Network;
use hotstuff_rs::replica::{Configuration, Replica, ReplicaSpec};
use hotstuff_rs::types::crypto_primitives::{SigningKey, VerifyingKey};
use hotstuff_rs::types::data_types::{BufferSize, ChainID, CryptoHash, Data, Datum, EpochLength, Power};
use hotstuff_rs::types::update_sets::{AppStateUpdates, ValidatorSetUpdates};
use hotstuff_rs::types::validator_set::{ValidatorSet, ValidatorSetState};
use tally_expression::apply;
use tally_model::Operation;

use crate::processor_time;
use crate::set::N;

mod store;

use store::Memory;

/// Blocks before it is measured.
const WARM: u64 = 20;
/// How long its network waits for a message before it says that there is none; its own loop would otherwise never sleep.
const PATIENCE: Duration = Duration::from_millis(1);

#[derive(Clone)]
struct Wire {
    me: VerifyingKey,
    peers: BTreeMap<[u8; 32], Sender<(VerifyingKey, Message)>>,
    inbox: Arc<Mutex<Receiver<(VerifyingKey, Message)>>>,
}

impl Network for Wire {
    fn init_validator_set(&mut self, _: ValidatorSet) {}

    fn update_validator_set(&mut self, _: ValidatorSetUpdates) {}

    fn broadcast(&mut self, message: Message) {
        for peer in self.peers.values() {
            let _ = peer.send((self.me, message.clone()));
        }
    }

    fn send(&mut self, peer: VerifyingKey, message: Message) {
        if let Some(peer) = self.peers.get(peer.as_bytes()) {
            let _ = peer.send((self.me, message));
        }
    }

    fn recv(&mut self) -> Option<(VerifyingKey, Message)> {
        let inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        inbox.recv_timeout(PATIENCE).ok()
    }
}

fn connect(keys: &[SigningKey]) -> Vec<Wire> {
    let lines: Vec<_> = keys.iter().map(|_| channel()).collect();
    let peers: BTreeMap<_, _> = keys
        .iter()
        .zip(&lines)
        .map(|(key, (sender, _))| (key.verifying_key().to_bytes(), sender.clone()))
        .collect();
    keys.iter()
        .zip(lines)
        .map(|(key, (_, inbox))| Wire {
            me: key.verifying_key(),
            peers: peers.clone(),
            inbox: Arc::new(Mutex::new(inbox)),
        })
        .collect()
}

/// The sums that our sets compute.
struct Sums {
    batch: u32,
    produced: u64,
}

fn compute(data: &Data) -> bool {
    data.vec().iter().all(|datum| {
        std::str::from_utf8(datum.bytes())
            .ok()
            .and_then(|text| text.split_once(' '))
            .is_some_and(|(left, right)| {
                std::hint::black_box(apply(Operation::Add, left, right));
                true
            })
    })
}

impl App<Memory> for Sums {
    fn produce_block(&mut self, _: ProduceBlockRequest<'_, Memory>) -> ProduceBlockResponse {
        let jobs = (0..self.batch).map(|_| {
            self.produced += 1;
            Datum::new(format!("{} 1/2", self.produced).into_bytes())
        });
        let data = Data::new(jobs.collect());
        assert!(compute(&data));
        ProduceBlockResponse {
            data_hash: hash(&data),
            data,
            app_state_updates: None,
            validator_set_updates: None,
        }
    }

    fn validate_block(&mut self, request: ValidateBlockRequest<'_, '_, Memory>) -> ValidateBlockResponse {
        self.validate_block_for_sync(request)
    }

    fn validate_block_for_sync(
        &mut self,
        request: ValidateBlockRequest<'_, '_, Memory>,
    ) -> ValidateBlockResponse {
        let block = request.proposed_block();
        if block.data_hash != hash(&block.data) || !compute(&block.data) {
            return ValidateBlockResponse::Invalid;
        }
        ValidateBlockResponse::Valid {
            app_state_updates: None,
            validator_set_updates: None,
        }
    }
}

fn hash(data: &Data) -> CryptoHash {
    let mut hasher = blake3::Hasher::new();
    for datum in data.vec() {
        hasher.update(datum.bytes());
    }
    CryptoHash::new(*hasher.finalize().as_bytes())
}

/// Its replicas enter their first views by a timeout, which must not be part of what is measured.
fn wait_for(committed: &AtomicU64, blocks: u64) {
    let end = Instant::now() + Duration::from_secs(30);
    while committed.load(Ordering::Relaxed) < blocks {
        assert!(Instant::now() < end, "hotstuff_rs commits nothing");
        std::thread::sleep(PATIENCE);
    }
}

fn start(keys: &[SigningKey], batch: u32, committed: &Arc<AtomicU64>) -> Vec<Replica<Memory>> {
    let mut updates = ValidatorSetUpdates::new();
    for key in keys {
        updates.insert(key.verifying_key(), Power::new(1));
    }
    let mut set = ValidatorSet::new();
    set.apply_updates(&updates);
    let state = ValidatorSetState::new(set.clone(), set, None, true);
    let replica = |(index, (key, wire)): (usize, (&SigningKey, Wire))| {
        let store = Memory::default();
        Replica::initialize(store.clone(), AppStateUpdates::new(), state.clone());
        let configuration = Configuration::builder()
            .me(key.clone())
            .chain_id(ChainID::new(0))
            .block_sync_request_limit(10)
            .block_sync_server_advertise_time(Duration::from_secs(10))
            .block_sync_response_timeout(Duration::from_secs(3))
            .block_sync_blacklist_expiry_time(Duration::from_secs(10))
            .block_sync_trigger_min_view_difference(2)
            .block_sync_trigger_timeout(Duration::from_mins(1))
            .progress_msg_buffer_capacity(BufferSize::new(1 << 20))
            .epoch_length(EpochLength::new(50))
            .max_view_time(Duration::from_secs(1))
            .log_events(false)
            .build();
        // One of them counts.
        let committed = (index == 0).then(|| Arc::clone(committed));
        ReplicaSpec::builder()
            .app(Sums { batch, produced: 0 })
            .network(wire)
            .kv_store(store)
            .configuration(configuration)
            .on_commit_block(move |_| {
                if let Some(committed) = &committed {
                    committed.fetch_add(1, Ordering::Relaxed);
                }
            })
            .build()
            .start()
    };
    keys.iter().zip(connect(keys)).enumerate().map(replica).collect()
}

/// Lets it agree for `length`, after some blocks to warm up, and prints a line of the table.
pub(crate) fn print(batch: u32, length: Duration) {
    let keys: Vec<SigningKey> = (1..=N).map(|seed| SigningKey::from_bytes(&[seed; 32])).collect();
    let committed = Arc::new(AtomicU64::new(0));
    let replicas = start(&keys, batch, &committed);
    wait_for(&committed, WARM);
    let (begin, processor) = (Instant::now(), processor_time());
    let before = committed.load(Ordering::Relaxed);
    std::thread::sleep(length);
    let blocks = committed.load(Ordering::Relaxed) - before;
    let (time, processor) = (begin.elapsed(), processor_time().saturating_sub(processor));
    let operations = (blocks * u64::from(batch)) as f64;
    println!(
        "| hotstuff_rs | Ed25519 | {batch} | {:.0} | {:.0} | | | | | | | |",
        operations / time.as_secs_f64(),
        operations / processor.as_secs_f64(),
    );
    drop(replicas);
}
