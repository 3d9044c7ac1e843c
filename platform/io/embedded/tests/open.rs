//! Opening: what is there, what is damaged, what is taken.

use std::fs;
use std::time::Duration;

use tally_embedded::{BODY_LIMIT, Embedded, Error, KEY_LIMIT, Settings};
use tally_model::{Precondition, Put, QueueName};
use tally_ports::{MetadataStore, Queue};

const SETTINGS: Settings = Settings {
    visibility: Duration::from_hours(1),
    receives: 3,
};

/// Claim: a reopened store has what it had: undeleted messages visible with the number of their receives, values with
/// their versions; deleted ones are gone, and versions go on growing.
#[tokio::test]
async fn a_reopened_store_has_what_it_had() {
    let directory = tempfile::tempdir().unwrap();
    let open = || Embedded::open(directory.path(), SETTINGS).unwrap();
    let embedded = open();
    embedded
        .send(QueueName::Faults, vec!["kept".into()])
        .await
        .unwrap();
    let kept = embedded
        .receive(QueueName::Faults, 1, Duration::ZERO)
        .await
        .unwrap()
        .remove(0);
    embedded
        .send(QueueName::Inbound, vec!["gone".into()])
        .await
        .unwrap();
    let gone = embedded
        .receive(QueueName::Inbound, 1, Duration::ZERO)
        .await
        .unwrap()
        .remove(0);
    assert_eq!(
        Queue::delete(&embedded, QueueName::Inbound, vec![gone.receipt]).await,
        Ok(0)
    );
    let Put::Written(first) = embedded.put("a", "1".into(), Precondition::Absent).await.unwrap() else {
        panic!("it was absent");
    };
    drop(embedded);

    let embedded = open();
    assert_eq!(
        Queue::delete(&embedded, QueueName::Faults, vec![kept.receipt]).await,
        Ok(1),
        "a receipt ends with its lease"
    );
    let again = embedded
        .receive(QueueName::Faults, 9, Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(
        (again.len(), again[0].body.as_str(), again[0].received),
        (1, "kept", 2)
    );
    assert_eq!(
        embedded.receive(QueueName::Inbound, 9, Duration::ZERO).await,
        Ok(vec![])
    );
    assert_eq!(embedded.get("a").await.unwrap().unwrap().version, first);
    let Put::Written(second) = embedded.put("b", "2".into(), Precondition::Absent).await.unwrap() else {
        panic!("it was absent");
    };
    assert!(second > first);
}

/// Claim: a message can be received and deleted while its sender still waits for the disk, and then it is gone for good,
/// whatever order the sender's commit and the delete reach the disk in.
#[tokio::test]
async fn what_is_deleted_before_its_commit_stays_deleted() {
    let directory = tempfile::tempdir().unwrap();
    let embedded = Embedded::open(directory.path(), SETTINGS).unwrap();
    for round in 0..100 {
        let consume = async {
            let received = embedded
                .receive(QueueName::Inbound, 1, Duration::from_mins(1))
                .await
                .unwrap();
            assert_eq!(received.len(), 1, "round {round}");
            let receipts = received.into_iter().map(|delivery| delivery.receipt).collect();
            assert_eq!(
                Queue::delete(&embedded, QueueName::Inbound, receipts).await,
                Ok(0)
            );
        };
        let (sent, ()) = tokio::join!(embedded.send(QueueName::Inbound, vec!["brief".into()]), consume);
        sent.unwrap();
    }
    drop(embedded);
    let embedded = Embedded::open(directory.path(), SETTINGS).unwrap();
    assert_eq!(
        embedded.receive(QueueName::Inbound, 9, Duration::ZERO).await,
        Ok(vec![])
    );
}

/// Claim: receives count across restarts, so that a message which kills its receiver every time is dead-lettered.
#[tokio::test]
async fn a_message_that_kills_its_receivers_is_dead_lettered() {
    let directory = tempfile::tempdir().unwrap();
    let open = || Embedded::open(directory.path(), SETTINGS).unwrap();
    open()
        .send(QueueName::Inbound, vec!["poison".into()])
        .await
        .unwrap();
    for received in 1..=SETTINGS.receives {
        let deliveries = open()
            .receive(QueueName::Inbound, 1, Duration::ZERO)
            .await
            .unwrap();
        assert_eq!(deliveries[0].received, received);
    }
    let embedded = open();
    assert_eq!(
        embedded.receive(QueueName::Inbound, 1, Duration::ZERO).await,
        Ok(vec![])
    );
    assert_eq!(
        embedded
            .receive(QueueName::Dead, 1, Duration::ZERO)
            .await
            .unwrap()[0]
            .body,
        "poison"
    );
    drop(embedded);
    assert_eq!(
        open().receive(QueueName::Dead, 1, Duration::ZERO).await.unwrap()[0].body,
        "poison"
    );
}

/// Claim: a file is open once; the second opener learns which file and what to do. (redb locks the file, so that it makes
/// no difference whether the second opener is another process.)
#[test]
fn a_second_opener_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let first = Embedded::open(directory.path(), SETTINGS).unwrap();
    let error = Embedded::open(directory.path().join("tally.redb"), SETTINGS).unwrap_err();
    assert_eq!(
        error,
        Error::InUse {
            path: directory.path().join("tally.redb")
        }
    );
    assert!(error.to_string().contains("stop that process"), "{error}");
    drop(first);
    Embedded::open(directory.path(), SETTINGS).unwrap();
}

/// Claim: no damage to the file is a panic; opening gives an error that names it, or the store works.
#[tokio::test]
async fn a_damaged_file_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("tally.redb");
    let embedded = Embedded::open(&file, SETTINGS).unwrap();
    for index in 0..200 {
        embedded
            .send(QueueName::Inbound, vec!["x".repeat(500)])
            .await
            .unwrap();
        embedded
            .put(&format!("k{index}"), "y".repeat(500), Precondition::Any)
            .await
            .unwrap();
    }
    drop(embedded);
    let good = fs::read(&file).unwrap();
    let mut damaged: Vec<(String, Vec<u8>)> = vec![
        ("text".into(), b"this was never a store\n".repeat(1000)),
        ("zeroes".into(), vec![0; good.len()]),
        ("one byte".into(), vec![b'r']),
    ];
    for part in 0..8 {
        damaged.push((
            format!("cut at {part}/8"),
            good[..(good.len() * part / 8).max(100)].to_vec(),
        ));
    }
    for page in (0..good.len()).step_by(4096) {
        let mut bytes = good.clone();
        bytes[page..(page + 4096).min(good.len())].fill(0xa5);
        damaged.push((format!("page at {page}"), bytes));
    }
    let mut refused = 0;
    for (what, bytes) in damaged {
        fs::write(&file, bytes).unwrap();
        match Embedded::open(&file, SETTINGS) {
            Err(Error::Corrupt { path, detail }) => {
                assert_eq!(path, file);
                assert!(!detail.is_empty(), "{what}");
                refused += 1;
            }
            Err(other) => panic!("{what}: {other}"),
            // The page was not in use.
            Ok(embedded) => drop(embedded.put("k0", "new".into(), Precondition::Any).await.unwrap()),
        }
    }
    assert!(refused >= 10, "{refused}");
}

/// Claim: a path that cannot be a file is an error about the file system, not about the store.
#[test]
fn an_impossible_place_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("plain"), "").unwrap();
    let error = Embedded::open(directory.path().join("plain/tally.redb"), SETTINGS).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error:?}");
}

/// Claim: what is too large is refused with its limit, and what is as large as allowed is kept.
#[tokio::test]
async fn sizes_are_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let embedded = Embedded::open(directory.path(), SETTINGS).unwrap();
    let error = embedded
        .send(QueueName::Inbound, vec!["x".repeat(BODY_LIMIT + 1)])
        .await
        .unwrap_err();
    assert!(error.to_string().contains("16777216"), "{error}");
    assert!(
        embedded
            .put(&"k".repeat(KEY_LIMIT + 1), String::new(), Precondition::Any)
            .await
            .is_err()
    );
    embedded
        .put(&"k".repeat(KEY_LIMIT), String::new(), Precondition::Any)
        .await
        .unwrap();
    // More than may wait at once.
    embedded
        .send(QueueName::Inbound, vec!["x".repeat(BODY_LIMIT); 5])
        .await
        .unwrap();
    assert_eq!(embedded.depth(QueueName::Inbound).await.unwrap().visible, 5);
}
