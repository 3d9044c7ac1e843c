//! The promises of [`MetadataStore`]: linearizable reads and writes, watches that may skip to the newest value.

use std::collections::BTreeMap;

use futures::future::join_all;
use tally_model::{Change, Precondition, Put, Versioned};

use super::{Settings, must};
use crate::{MetadataStore, Watch};

/// The keys of one test.
struct Keys<'a, M> {
    port: &'a M,
    prefix: String,
}

impl<'a, M: MetadataStore> Keys<'a, M> {
    fn new(port: &'a M, settings: &Settings, promise: &str) -> Self {
        Self {
            port,
            prefix: format!("conformance/{}/{promise}/", settings.run),
        }
    }

    fn key(&self, name: impl std::fmt::Display) -> String {
        format!("{}{name}", self.prefix)
    }

    async fn get(&self, name: &str) -> Option<Versioned> {
        must(self.port.get(&self.key(name)).await, "get")
    }

    async fn put(&self, name: &str, value: &str, when: Precondition) -> Put {
        must(
            self.port.put(&self.key(name), value.to_owned(), when).await,
            "put",
        )
    }

    /// A put that must happen; returns the version.
    async fn write(&self, name: &str, value: &str) -> u64 {
        match self.put(name, value, Precondition::Any).await {
            Put::Written(version) => version,
            Put::Refused(current) => panic!("an unconditional put was refused: {current:?}"),
        }
    }

    async fn delete(&self, name: &str, when: Precondition) -> bool {
        must(self.port.delete(&self.key(name), when).await, "delete")
    }

    async fn list(&self, prefix: &str, limit: usize) -> Vec<(String, Versioned)> {
        must(self.port.list(&self.key(prefix), limit).await, "list")
    }

    async fn watch(&self, prefix: &str) -> View<M::Watch> {
        let watch = must(self.port.watch(&self.key(prefix)).await, "watch");
        View {
            watch,
            keys: BTreeMap::new(),
        }
    }

    async fn clear(&self) {
        for (key, _) in self.list("", usize::MAX).await {
            assert!(must(self.port.delete(&key, Precondition::Any).await, "delete"));
        }
        assert_eq!(self.list("", usize::MAX).await, vec![]);
    }
}

/// What somebody knows who only applies what a watch tells.
struct View<W> {
    watch: W,
    keys: BTreeMap<String, Versioned>,
}

impl<W: Watch> View<W> {
    async fn next(&mut self) -> Vec<Change> {
        let changes = must(self.watch.next().await, "watch");
        for change in &changes {
            match &change.value {
                Some(value) => {
                    let old = self.keys.insert(change.key.clone(), value.clone());
                    assert!(
                        old.is_none_or(|old| old.version <= value.version),
                        "{} went back",
                        change.key
                    );
                }
                None => drop(self.keys.remove(&change.key)),
            }
        }
        changes
    }

    /// Applies changes until the store's keys are what is known. Hangs if the newest value is never told.
    async fn reach(&mut self, wanted: &[(String, Versioned)]) {
        while !self
            .keys
            .iter()
            .eq(wanted.iter().map(|(key, value)| (key, value)))
        {
            assert!(
                !self.next().await.is_empty(),
                "later calls return at least one change"
            );
        }
    }
}

/// `Absent` writes a key that does not exist, and nothing else; who loses learns what is there.
pub async fn absent_writes_once<M: MetadataStore>(port: &M, settings: &Settings) {
    let keys = Keys::new(port, settings, "absent");
    assert_eq!(keys.get("key").await, None);
    let Put::Written(version) = keys.put("key", "first", Precondition::Absent).await else {
        panic!("the key did not exist");
    };
    assert!(version >= 1);
    let first = Versioned {
        value: "first".to_owned(),
        version,
    };
    let refused = Put::Refused(Some(first.clone()));
    assert_eq!(keys.put("key", "second", Precondition::Absent).await, refused);
    assert_eq!(keys.get("key").await, Some(first));
    keys.clear().await;
}

/// A version writes the key that has it; an older one, or a key that does not exist, refuses.
pub async fn a_version_writes_until_it_is_old<M: MetadataStore>(port: &M, settings: &Settings) {
    let keys = Keys::new(port, settings, "version");
    assert_eq!(
        keys.put("key", "none", Precondition::Version(1)).await,
        Put::Refused(None)
    );
    let old = keys.write("key", "first").await;
    let Put::Written(version) = keys.put("key", "second", Precondition::Version(old)).await else {
        panic!("the version was right");
    };
    assert!(version > old, "{version} after {old}");
    let second = Versioned {
        value: "second".to_owned(),
        version,
    };
    let refused = Put::Refused(Some(second.clone()));
    assert_eq!(
        keys.put("key", "third", Precondition::Version(old)).await,
        refused
    );
    assert_eq!(keys.get("key").await, Some(second));
    keys.clear().await;
}

/// `Any` writes over whatever is there.
pub async fn any_always_writes<M: MetadataStore>(port: &M, settings: &Settings) {
    let keys = Keys::new(port, settings, "any");
    let mut last = 0;
    for value in ["first", "second", "second", ""] {
        let version = keys.write("key", value).await;
        assert!(version > last, "{version} after {last}");
        assert_eq!(
            keys.get("key").await,
            Some(Versioned {
                value: value.to_owned(),
                version
            })
        );
        last = version;
    }
    keys.clear().await;
}

/// Versions grow with every write of the store, so that a key that was deleted and written again has a new one.
pub async fn versions_are_never_used_twice<M: MetadataStore>(port: &M, settings: &Settings) {
    let keys = Keys::new(port, settings, "versions");
    let first = keys.write("a", "one").await;
    let other = keys.write("b", "one").await;
    assert!(other > first, "{other} after {first}");
    assert!(keys.delete("a", Precondition::Version(first)).await);
    let again = keys.write("a", "one").await;
    assert!(again > other, "{again} after {other}");
    assert!(
        !keys.delete("a", Precondition::Version(first)).await,
        "an old version never deletes a new value"
    );
    keys.clear().await;
}

/// Of many writers who saw the same version one wins, and the others see it.
pub async fn one_of_many_writers_wins<M: MetadataStore>(port: &M, settings: &Settings) {
    let keys = Keys::new(port, settings, "writers");
    let mut when = Precondition::Absent;
    for round in 0..5 {
        let names: Vec<String> = (0..8).map(|writer| format!("{round}-{writer}")).collect();
        let puts = join_all(names.iter().map(|name| keys.put("key", name, when))).await;
        let won: Vec<usize> = (0..puts.len())
            .filter(|&index| matches!(puts[index], Put::Written(_)))
            .collect();
        let &[winner] = won.as_slice() else {
            panic!("{} writers won: {puts:?}", won.len())
        };
        let Some(current) = keys.get("key").await else {
            panic!("the key is gone")
        };
        assert_eq!(current.value, names[winner]);
        assert_eq!(puts[winner], Put::Written(current.version));
        let lost = Put::Refused(Some(current.clone()));
        assert!(
            puts.iter()
                .enumerate()
                .all(|(index, put)| index == winner || *put == lost),
            "{puts:?}"
        );
        when = Precondition::Version(current.version);
    }
    keys.clear().await;
}

/// Values are kept byte for byte: every plane of Unicode, 64 KiB.
pub async fn values_are_kept_unchanged<M: MetadataStore>(port: &M, settings: &Settings) {
    let keys = Keys::new(port, settings, "values");
    for value in [
        "\u{e9}\u{4e16}\u{1f9ee}\u{202e}",
        "{\"a\": \"\\u0000'<&>\"}\r\n",
        &"x".repeat(64 * 1024),
    ] {
        let version = keys.write("key", value).await;
        assert_eq!(
            keys.get("key").await,
            Some(Versioned {
                value: value.to_owned(),
                version
            })
        );
    }
    keys.clear().await;
}

/// A list has the keys with the prefix, no others, in byte order, and not more than asked for.
pub async fn lists_are_ordered_and_limited<M: MetadataStore>(port: &M, settings: &Settings) {
    let keys = Keys::new(port, settings, "list");
    for name in ["b/10", "b/2", "b/\u{e9}", "a", "b", "c/1", "b0"] {
        keys.write(name, name).await;
    }
    let names = async |prefix: &str, limit| {
        let listed = keys.list(prefix, limit).await;
        listed
            .into_iter()
            .map(|(key, value)| {
                assert_eq!(key, keys.key(&value.value));
                value.value
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(names("b/", usize::MAX).await, ["b/10", "b/2", "b/\u{e9}"]);
    assert_eq!(names("b", 3).await, ["b", "b/10", "b/2"]);
    assert_eq!(
        names("", 100).await,
        ["a", "b", "b/10", "b/2", "b/\u{e9}", "b0", "c/1"]
    );
    assert!(names("d", 100).await.is_empty());
    keys.clear().await;
}

/// A delete happens if its precondition holds; deleting nothing is success; `Absent` never deletes.
pub async fn deletes_follow_their_precondition<M: MetadataStore>(port: &M, settings: &Settings) {
    let keys = Keys::new(port, settings, "delete");
    assert!(
        keys.delete("key", Precondition::Any).await,
        "deleting nothing is success"
    );
    assert!(keys.delete("key", Precondition::Absent).await, "it is absent");
    assert!(
        !keys.delete("key", Precondition::Version(1)).await,
        "it has no version"
    );
    let old = keys.write("key", "first").await;
    let version = keys.write("key", "second").await;
    assert!(!keys.delete("key", Precondition::Absent).await);
    assert!(!keys.delete("key", Precondition::Version(old)).await);
    assert!(keys.get("key").await.is_some(), "no precondition held so far");
    assert!(keys.delete("key", Precondition::Version(version)).await);
    assert_eq!(keys.get("key").await, None);
    keys.write("key", "third").await;
    assert!(keys.delete("key", Precondition::Any).await);
    assert_eq!(keys.get("key").await, None);
}

/// The first call of a watch returns every existing key at once, even if that is none.
pub async fn a_watch_starts_with_what_exists<M: MetadataStore>(port: &M, settings: &Settings) {
    let keys = Keys::new(port, settings, "watch-start");
    assert_eq!(keys.watch("").await.next().await, vec![], "nothing exists");
    keys.write("in/a", "1").await;
    keys.write("in/b", "2").await;
    keys.write("out", "3").await;
    let mut view = keys.watch("in/").await;
    view.next().await;
    assert!(
        view.keys.into_iter().eq(keys.list("in/", 10).await),
        "all of the prefix, nothing else"
    );
    keys.clear().await;
}

/// After that a watch tells writes and deletes of its prefix.
pub async fn a_watch_tells_changes<M: MetadataStore>(port: &M, settings: &Settings) {
    let keys = Keys::new(port, settings, "watch-changes");
    keys.write("in/a", "1").await;
    let mut view = keys.watch("in/").await;
    view.next().await;
    keys.write("out", "0").await;
    keys.write("in/b", "2").await;
    view.reach(&keys.list("in/", 10).await).await;
    keys.write("in/a", "3").await;
    view.reach(&keys.list("in/", 10).await).await;
    keys.delete("in/a", Precondition::Any).await;
    keys.delete("in/b", Precondition::Any).await;
    view.reach(&[]).await;
    keys.clear().await;
}

/// After a burst nobody listened to, a watch may have skipped values, but ends at the newest.
pub async fn a_watch_ends_at_the_newest_value<M: MetadataStore>(port: &M, settings: &Settings) {
    let keys = Keys::new(port, settings, "watch-burst");
    keys.write("gone", "0").await;
    let mut view = keys.watch("").await;
    view.next().await;
    for round in 0..200 {
        keys.write(&format!("key-{}", round % 3), &round.to_string())
            .await;
    }
    keys.delete("gone", Precondition::Any).await;
    keys.delete("key-1", Precondition::Any).await;
    let wanted = keys.list("", 10).await;
    assert_eq!(wanted.len(), 2);
    view.reach(&wanted).await;
    keys.clear().await;
}

/// Two watches each tell everything, and one that is dropped does not stop the other.
pub async fn watches_are_independent<M: MetadataStore>(port: &M, settings: &Settings) {
    let keys = Keys::new(port, settings, "watch-two");
    let mut all = keys.watch("").await;
    let mut some = keys.watch("a/").await;
    all.next().await;
    some.next().await;
    keys.write("a/1", "1").await;
    keys.write("b/1", "1").await;
    all.reach(&keys.list("", 10).await).await;
    some.reach(&keys.list("a/", 10).await).await;
    drop(some);
    keys.write("a/1", "2").await;
    all.reach(&keys.list("", 10).await).await;
    keys.clear().await;
}

/// Every promise in a row.
pub async fn all<M: MetadataStore>(port: &M, settings: &Settings) {
    absent_writes_once(port, settings).await;
    a_version_writes_until_it_is_old(port, settings).await;
    any_always_writes(port, settings).await;
    versions_are_never_used_twice(port, settings).await;
    one_of_many_writers_wins(port, settings).await;
    values_are_kept_unchanged(port, settings).await;
    lists_are_ordered_and_limited(port, settings).await;
    deletes_follow_their_precondition(port, settings).await;
    a_watch_starts_with_what_exists(port, settings).await;
    a_watch_tells_changes(port, settings).await;
    a_watch_ends_at_the_newest_value(port, settings).await;
    watches_are_independent(port, settings).await;
}
