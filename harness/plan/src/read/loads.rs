//! `[[load]]`: each pattern needs its own keys and refuses those of the others.

use std::time::Duration;

use tally_workloads::{Pattern, Rate};

use crate::Load;
use crate::diagnose::Problems;
use crate::read::{Reader, expressions};
use crate::section::Kind;

/// Keys of each pattern; the second list may be left out.
const KEYS: [(&str, &[&str], &[&str]); 10] = [
    ("constant", &["rate"], &[]),
    ("ramp", &["from", "to"], &[]),
    ("burst", &["base", "peak", "at", "for"], &[]),
    ("poisson", &["rate"], &[]),
    ("step", &["from", "to", "at"], &[]),
    ("hill", &["base", "peak"], &[]),
    ("square", &["base", "peak", "period"], &[]),
    ("mmpp", &["base", "peak", "calm", "storm"], &[]),
    ("trace", &["counts", "bucket"], &[]),
    ("closed", &["users"], &["think"]),
];

/// Reads one load.
pub(crate) fn read(reader: &Reader<'_>, problems: &mut Problems) -> Option<Load> {
    let name = reader.name("name", problems);
    let pattern = pattern(reader, problems);
    let shape = crate::key::LOAD.key("expr").and_then(|key| match &key.kind {
        kind @ Kind::Expressions { .. } => expressions::read(reader, kind, problems),
        _ => None,
    });
    Some(Load {
        name: name?.to_owned(),
        pattern: pattern?,
        shape: shape?,
    })
}

fn pattern(reader: &Reader<'_>, problems: &mut Problems) -> Option<Pattern> {
    let before = problems.count();
    let name = reader.choice("pattern", problems);
    let pattern = values(reader, name.unwrap_or_default(), problems);
    let name = name?;
    keys_of(reader, name, problems);
    if problems.count() == before && is_silent(&pattern) {
        let key = KEYS
            .iter()
            .find(|(owner, ..)| *owner == name)
            .map_or("rate", |(_, keys, _)| keys[keys.len().min(2) - 1]);
        problems
            .at(&reader.place_of(key), "F0205", "this load never sends anything")
            .label("no requests")
            .help("write a rate above 0");
    }
    (problems.count() == before).then_some(pattern)
}

/// Reads all keys, so that what is wrong with any of them is told, and makes the pattern of those that are its own.
fn values(reader: &Reader<'_>, name: &str, problems: &mut Problems) -> Pattern {
    let rate = |key, problems: &mut Problems| reader.rate(key, problems).unwrap_or_default();
    let wait = |key, problems: &mut Problems| reader.duration(key, problems).unwrap_or_default();
    let (even, from, to) = (
        rate("rate", problems),
        rate("from", problems),
        rate("to", problems),
    );
    let (base, peak) = (rate("base", problems), rate("peak", problems));
    let (at, length, think) = (
        wait("at", problems),
        wait("for", problems),
        wait("think", problems),
    );
    let (period, bucket) = (wait("period", problems), wait("bucket", problems));
    let (calm, storm) = (wait("calm", problems), wait("storm", problems));
    let counts = reader.counts("counts", problems).unwrap_or_default();
    let users = reader.integer("users", problems).unwrap_or_default() as u32;
    match name {
        "constant" => Pattern::Constant { rate: even },
        "poisson" => Pattern::Poisson { rate: even },
        "ramp" => Pattern::Ramp { from, to },
        "burst" => Pattern::Burst {
            base,
            peak,
            at,
            length,
        },
        "step" => Pattern::Step { from, to, at },
        "hill" => Pattern::Hill { base, peak },
        "square" => Pattern::Square { base, peak, period },
        "mmpp" => Pattern::Mmpp {
            base,
            peak,
            calm,
            storm,
        },
        "trace" => Pattern::Trace { counts, bucket },
        _ => Pattern::Closed { users, think },
    }
}

fn is_silent(pattern: &Pattern) -> bool {
    let none = Rate::default();
    match *pattern {
        Pattern::Constant { rate } | Pattern::Poisson { rate } => rate == none,
        Pattern::Ramp { from, to } | Pattern::Step { from, to, .. } => from.max(to) == none,
        Pattern::Hill { base, peak }
        | Pattern::Square { base, peak, .. }
        | Pattern::Mmpp { base, peak, .. } => base.max(peak) == none,
        Pattern::Trace { ref counts, .. } => counts.iter().all(|count| *count == 0),
        Pattern::Burst {
            base, peak, length, ..
        } => base == none && (peak == none || length == Duration::ZERO),
        Pattern::Closed { users, .. } => users == 0,
    }
}

fn keys_of(reader: &Reader<'_>, name: &str, problems: &mut Problems) {
    let Some((_, needed, allowed)) = KEYS.iter().find(|(owner, ..)| *owner == name) else {
        return;
    };
    for key in needed.iter().filter(|key| !reader.has(key)) {
        let example = crate::key::LOAD
            .key(key)
            .map_or_else(String::new, |key| key.kind.example());
        problems
            .at(
                &reader.place,
                "F0202",
                format!("`{key}` is missing for `pattern = \"{name}\"`"),
            )
            .label("in this table")
            .help(format!("add `{key} = {example}`"));
    }
    let mut foreign: Vec<&str> = KEYS
        .iter()
        .flat_map(|(_, keys, more)| keys.iter().chain(*more).copied())
        .collect();
    foreign.sort_unstable();
    foreign.dedup();
    for key in foreign
        .into_iter()
        .filter(|key| reader.has(key) && !needed.contains(key) && !allowed.contains(key))
    {
        let owners: Vec<String> = KEYS
            .iter()
            .filter(|(_, keys, more)| keys.contains(&key) || more.contains(&key))
            .map(|(owner, ..)| format!("`{owner}`"))
            .collect();
        problems
            .at(
                &reader.key_place(key),
                "F0210",
                format!("`{key}` means nothing for `pattern = \"{name}\"`"),
            )
            .label("without effect")
            .help(format!("leave it out; it belongs to {}", owners.join(" and ")));
    }
}
