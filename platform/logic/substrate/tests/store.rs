//! What the store model promises, on random histories.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tally_model::{Change, Precondition, Put, Versioned};
use tally_substrate::{Store, holds};

#[derive(Clone, Debug)]
enum Step {
    Put(String, Precondition),
    Delete(String, Precondition),
    Poll(usize),
}

fn key() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "a/1", "a/2", "b", "\u{e9}/1"]).prop_map(str::to_owned)
}

fn when() -> impl Strategy<Value = Precondition> {
    prop_oneof![
        Just(Precondition::Any),
        Just(Precondition::Absent),
        (0..12u64).prop_map(Precondition::Version)
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (key(), when()).prop_map(|(key, when)| Step::Put(key, when)),
        (key(), when()).prop_map(|(key, when)| Step::Delete(key, when)),
        (0..3usize).prop_map(Step::Poll),
    ]
}

const PREFIXES: [&str; 3] = ["", "a", "a/"];

fn apply(view: &mut BTreeMap<String, Versioned>, changes: Vec<Change>) {
    for change in changes {
        match change.value {
            Some(value) => {
                let known = view.insert(change.key, value.clone());
                assert!(
                    known.is_none_or(|known| known.version < value.version),
                    "a watch went back"
                );
            }
            None => drop(view.remove(&change.key)),
        }
    }
}

proptest! {
    /// Claim: writes follow their preconditions, versions grow and are never used twice, and whoever applies what a watch
    /// tells has the keys of the store, however seldom it asks.
    #[test]
    fn histories_keep_every_promise(steps in prop::collection::vec(step(), 1..80)) {
        let mut store = Store::new();
        let watches = PREFIXES.map(|prefix| store.watch(prefix));
        let mut views = PREFIXES.map(|_| BTreeMap::new());
        let mut newest = 0;
        for step in steps {
            match step {
                Step::Put(key, when) => {
                    let before = store.get(&key).cloned();
                    let expected = holds(when, before.as_ref().map(|before| before.version));
                    match store.put(&key, format!("value {newest}"), when) {
                        Put::Written(version) => {
                            prop_assert!(expected && version > newest);
                            newest = version;
                        }
                        Put::Refused(current) => prop_assert!(!expected && current == before),
                    }
                }
                Step::Delete(key, when) => {
                    let before = store.get(&key).cloned();
                    let held = store.delete(&key, when);
                    prop_assert_eq!(held, holds(when, before.as_ref().map(|before| before.version)));
                    prop_assert_eq!(store.get(&key).is_none(), before.is_none() || (held && when != Precondition::Absent));
                }
                Step::Poll(index) => {
                    if let Some(changes) = store.changes(watches[index]) {
                        apply(&mut views[index], changes);
                    }
                }
            }
        }
        for (index, prefix) in PREFIXES.into_iter().enumerate() {
            if let Some(changes) = store.changes(watches[index]) {
                apply(&mut views[index], changes);
            }
            let listed: BTreeMap<_, _> = store.list(prefix, usize::MAX).into_iter().collect();
            prop_assert_eq!(&views[index], &listed);
            prop_assert!(listed.keys().all(|key| key.starts_with(prefix)));
            prop_assert_eq!(store.list(prefix, 1).len(), listed.len().min(1));
        }
    }
}

/// Claim: the first call returns what exists, even if that is nothing; later calls only changes; an ended watch is silent.
#[test]
fn a_watch_starts_with_what_exists() {
    let mut store = Store::new();
    let watch = store.watch("sets/");
    assert_eq!(store.changes(watch), Some(vec![]));
    assert_eq!(store.changes(watch), None);
    store.put("sets/add-0", "one".into(), Precondition::Absent);
    store.put("scale/add", "1".into(), Precondition::Any);
    let value = Some(Versioned {
        value: "one".into(),
        version: 1,
    });
    assert_eq!(
        store.changes(watch),
        Some(vec![Change {
            key: "sets/add-0".into(),
            value
        }])
    );
    store.delete("sets/add-0", Precondition::Version(1));
    assert_eq!(
        store.changes(watch),
        Some(vec![Change {
            key: "sets/add-0".into(),
            value: None
        }])
    );
    store.unwatch(watch);
    store.put("sets/add-0", "two".into(), Precondition::Absent);
    assert_eq!(store.changes(watch), None);
}
