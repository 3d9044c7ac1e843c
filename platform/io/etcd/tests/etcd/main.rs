//! The conformance suite and what it cannot ask for, on a real etcd that each test starts for itself.
//!
//! Where `etcd` is not installed (Debian: etcd-server) the tests say so and pass, because nothing was claimed.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its stage must fail")]
#![allow(clippy::print_stderr, reason = "what is skipped must be seen")]

mod server;

use std::collections::BTreeMap;
use std::time::Duration;

use server::Server;
use tally_etcd::{Etcd, EtcdConfig, EtcdWatch};
use tally_model::{Precondition, Put};
use tally_ports::{Failure, MetadataStore, Watch, conformance};

async fn connect(server: &Server) -> Etcd {
    Etcd::connect(EtcdConfig {
        endpoints: vec![server.endpoint()],
        ..EtcdConfig::default()
    })
    .await
    .unwrap()
}

async fn write(store: &Etcd, key: &str, value: &str) {
    // Sent again while etcd is away; written twice is written.
    loop {
        match store.put(key, value.to_owned(), Precondition::Any).await {
            Ok(Put::Written(_)) => return,
            Ok(other) => panic!("{other:?}"),
            Err(error) => assert!(error.is_transient(), "{error}"),
        }
    }
}

/// Follows a watch until the keys are these.
async fn reach(watch: &mut EtcdWatch, known: &mut BTreeMap<String, String>, wanted: &[(&str, &str)]) {
    while !known
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .eq(wanted.iter().copied())
    {
        for change in watch.next().await.unwrap() {
            match change.value {
                Some(value) => drop(known.insert(change.key, value.value)),
                None => drop(known.remove(&change.key)),
            }
        }
    }
}

/// Claim: etcd keeps every promise of the suite, twice in a row on one server.
#[tokio::test]
async fn etcd_passes_the_suite() {
    let Some(server) = Server::start().await else {
        return;
    };
    let store = connect(&server).await;
    let mut settings = conformance::Settings::new("first", Duration::ZERO, 1);
    conformance::metadata::all(&store, &settings).await;
    settings.run = "second".to_owned();
    conformance::metadata::all(&store, &settings).await;
}

/// Claim: a list of more keys than one answer holds is whole, ordered, and limited.
#[tokio::test]
async fn long_lists_come_in_pages() {
    let Some(server) = Server::start().await else {
        return;
    };
    let store = connect(&server).await;
    let keys: Vec<String> = (0..1200).map(|index| format!("k/{index:04}")).collect();
    for key in &keys {
        write(&store, key, "v").await;
    }
    for limit in [0, 1, 500, 501, 1000, usize::MAX] {
        let listed = store.list("k/", limit).await.unwrap();
        let names: Vec<String> = listed.into_iter().map(|(key, _)| key).collect();
        assert_eq!(names, keys[..limit.min(keys.len())], "limit {limit}");
    }
}

/// Claim: `kill -9` of etcd in the middle of a watch loses no change: the watch resumes by itself, and never fails.
#[tokio::test]
async fn a_watch_survives_kill_9() {
    let Some(mut server) = Server::start().await else {
        return;
    };
    let store = connect(&server).await;
    write(&store, "w/a", "1").await;
    write(&store, "w/b", "1").await;
    let mut watch = store.watch("w/").await.unwrap();
    let mut known = BTreeMap::new();
    reach(&mut watch, &mut known, &[("w/a", "1"), ("w/b", "1")]).await;
    for round in ["2", "3"] {
        write(&store, "w/a", round).await;
        reach(&mut watch, &mut known, &[("w/a", round), ("w/b", "1")]).await;
        server.kill();
        let listening = tokio::spawn(async move {
            let changes = watch.next().await.unwrap();
            (watch, changes)
        });
        server.restart().await;
        write(&store, "w/b", round).await;
        let (again, changes) = listening.await.unwrap();
        watch = again;
        let told: Vec<_> = changes.iter().map(|change| change.key.as_str()).collect();
        assert_eq!(
            told,
            ["w/b"],
            "only what changed is told: it resumed and did not list"
        );
        write(&store, "w/b", "1").await;
        known.insert("w/b".to_owned(), round.to_owned());
        reach(&mut watch, &mut known, &[("w/a", round), ("w/b", "1")]).await;
    }
}

/// Claim: a watch that lost its place to a compaction lists again, and tells what was deleted meanwhile.
#[tokio::test]
async fn a_watch_survives_a_compaction() {
    let Some(mut server) = Server::start().await else {
        return;
    };
    let store = connect(&server).await;
    write(&store, "w/gone", "1").await;
    write(&store, "w/kept", "1").await;
    let mut watch = store.watch("w/").await.unwrap();
    let mut known = BTreeMap::new();
    reach(&mut watch, &mut known, &[("w/gone", "1"), ("w/kept", "1")]).await;
    write(&store, "w/kept", "2").await;
    reach(&mut watch, &mut known, &[("w/gone", "1"), ("w/kept", "2")]).await;
    // Its stream is open; it is lost, and before it is opened again the history is compacted.
    server.kill();
    server.restart().await;
    // Tried again while the connection is not back.
    while let Err(error) = store.delete("w/gone", Precondition::Any).await {
        assert!(error.is_transient(), "{error}");
    }
    write(&store, "w/new", "3").await;
    server.compact().await;
    reach(&mut watch, &mut known, &[("w/kept", "2"), ("w/new", "3")]).await;
}

/// Claim: an etcd that came back empty is noticed: what is gone is told as deleted.
#[tokio::test]
async fn a_watch_notices_that_history_was_lost() {
    let Some(mut server) = Server::start().await else {
        return;
    };
    let store = connect(&server).await;
    for value in ["1", "2", "3", "4"] {
        write(&store, "w/old", value).await;
    }
    let mut watch = store.watch("w/").await.unwrap();
    let mut known = BTreeMap::new();
    reach(&mut watch, &mut known, &[("w/old", "4")]).await;
    server.kill();
    server.forget();
    server.restart().await;
    write(&store, "w/new", "1").await;
    reach(&mut watch, &mut known, &[("w/new", "1")]).await;
}

/// Claim: a leased key lives beyond its time to live while its lease is held, and goes with it.
#[tokio::test]
async fn a_leased_key_lives_with_its_lease() {
    let Some(mut server) = Server::start().await else {
        return;
    };
    let store = connect(&server).await;
    let ttl = Duration::from_secs(1);
    let lease = store.lease(ttl).await.unwrap();
    let put = store
        .put_leased("leader", "me".into(), Precondition::Absent, &lease)
        .await
        .unwrap();
    assert!(matches!(put, Put::Written(_)), "{put:?}");
    assert!(
        tokio::time::timeout(ttl * 4, lease.lost()).await.is_err(),
        "it is kept alive"
    );
    assert!(store.get("leader").await.unwrap().is_some());
    let mut watch = store.watch("leader").await.unwrap();
    watch.next().await.unwrap();
    lease.revoke().await.unwrap();
    assert_eq!(
        watch.next().await.unwrap()[0].value,
        None,
        "the end of the lease deletes it"
    );

    let dropped = store.lease(ttl).await.unwrap();
    store
        .put_leased("leader", "other".into(), Precondition::Absent, &dropped)
        .await
        .unwrap();
    assert!(watch.next().await.unwrap()[0].value.is_some());
    drop(dropped);
    assert_eq!(
        watch.next().await.unwrap()[0].value,
        None,
        "nobody keeps it alive"
    );

    let lease = store.lease(ttl).await.unwrap();
    server.kill();
    lease.lost().await;
}

/// Claim: an etcd that is not there is transient.
#[tokio::test]
async fn absence_is_transient() {
    let Some(mut server) = Server::start().await else {
        return;
    };
    let store = connect(&server).await;
    server.kill();
    let error = store.get("key").await.unwrap_err();
    assert!(error.is_transient(), "{error}");
}
