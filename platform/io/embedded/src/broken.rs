//! Tests of a disk that fails: whatever happens, nothing is acknowledged that is not durable.

use std::io::{Error as IoError, Result as IoResult};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redb::backends::InMemoryBackend;
use redb::{Database, StorageBackend};
use tally_model::{Precondition, QueueName};
use tally_ports::{MetadataStore, Queue, Watch};
use tally_substrate::Settings;

use crate::limits::FEED;
use crate::open::load;
use crate::{Embedded, Error};

/// A disk whose `fsync` fails while it is told to.
#[derive(Debug)]
struct Disk {
    memory: InMemoryBackend,
    failing: Arc<AtomicBool>,
}

impl StorageBackend for Disk {
    fn len(&self) -> IoResult<u64> {
        self.memory.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> IoResult<()> {
        self.memory.read(offset, out)
    }
    fn set_len(&self, len: u64) -> IoResult<()> {
        self.memory.set_len(len)
    }
    fn sync_data(&self) -> IoResult<()> {
        if self.failing.load(Ordering::SeqCst) {
            return Err(IoError::other("the disk is on fire"));
        }
        self.memory.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> IoResult<()> {
        self.memory.write(offset, data)
    }
}

fn open() -> (Embedded, Arc<AtomicBool>) {
    let failing = Arc::new(AtomicBool::new(false));
    let disk = Disk {
        memory: InMemoryBackend::new(),
        failing: Arc::clone(&failing),
    };
    let database = Database::builder().create_with_backend(disk).unwrap();
    let queues = load(&database, Settings::default()).unwrap();
    (Embedded::start(database, queues).unwrap(), failing)
}

fn is_broken<T: std::fmt::Debug>(result: Result<T, Error>) {
    let error = result.unwrap_err();
    assert!(
        matches!(&error, Error::Broken { detail } if detail.contains("on fire")),
        "{error:?}"
    );
}

/// Claim: after a failed `fsync` no write is acknowledged, everybody who waits is told, and it stays so even if the disk
/// recovers: what the failed one lost is lost.
#[tokio::test]
async fn a_failed_fsync_breaks_the_store_for_good() {
    let (store, failing) = open();
    let mut watch = store.watch("").await.unwrap();
    assert_eq!(watch.next().await, Ok(vec![]));
    store.put("before", "1".into(), Precondition::Any).await.unwrap();
    watch.next().await.unwrap();
    assert!(!store.is_broken());

    failing.store(true, Ordering::SeqCst);
    let (put, sent, received, watched, broken) = tokio::join!(
        store.put("key", "2".into(), Precondition::Any),
        store.send(QueueName::Inbound, vec!["body".into()]),
        store.receive(QueueName::Outbound, 1, Duration::from_mins(1)),
        watch.next(),
        store.broken(),
    );
    is_broken(put);
    is_broken(sent);
    is_broken(received);
    is_broken(watched);
    is_broken(Err::<(), _>(broken));

    failing.store(false, Ordering::SeqCst);
    is_broken(store.put("key", "3".into(), Precondition::Any).await);
    is_broken(store.get("before").await);
    is_broken(store.list("", 1).await);
    is_broken(store.depth(QueueName::Inbound).await);
    is_broken(store.watch("").await.map(|_| ()));
}

/// Claim: a watch that was told of more keys than it remembers lists again and ends at the newest values, deleted keys
/// included.
#[tokio::test]
async fn a_watch_that_fell_behind_lists_again() {
    let (store, _) = open();
    store.put("gone", "0".into(), Precondition::Any).await.unwrap();
    let mut watch = store.watch("").await.unwrap();
    assert_eq!(watch.next().await.unwrap().len(), 1);
    MetadataStore::delete(&store, "gone", Precondition::Any)
        .await
        .unwrap();
    let keys: Vec<String> = (0..=FEED).map(|index| format!("key/{index}")).collect();
    futures::future::join_all(
        keys.iter()
            .map(|key| store.put(key, "1".into(), Precondition::Any)),
    )
    .await;
    let changes = watch.next().await.unwrap();
    assert_eq!(changes.len(), FEED + 2);
    let gone: Vec<_> = changes.iter().filter(|change| change.value.is_none()).collect();
    assert!(gone.len() == 1 && gone[0].key == "gone");
}
