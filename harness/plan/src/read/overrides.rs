//! `--set key=value`: replaces a value of the tree before anything is checked, so that it is checked like the file.

use crate::diagnose::{Place, Problems, one_of};
use crate::read::document::{Document, Entry, Node, Value, override_value};

/// The longest key, in parts.
const MAX_PARTS: usize = 8;

/// Sets `key`, or reports why that is not possible. Whether the key means anything is left to the reader of its table.
pub(crate) fn apply(document: &mut Document, key: &str, value: &str, problems: &mut Problems) {
    let parts: Vec<&str> = key.split('.').map(str::trim).collect();
    let place = Place {
        span: None,
        set: Some(format!("{key}={value}")),
    };
    if parts.len() > MAX_PARTS || parts.iter().any(|part| part.is_empty()) {
        problems
            .at(&place, "F0211", "this is not a key of an experiment")
            .help("write the path of a value, such as `--set platform.scaler=fixed-2`");
        return;
    }
    let node = override_value(key, value);
    set(&mut document.entries, &parts, node, &place, problems);
}

/// Sets every value of `changes`, whose tables stand where those of the file do.
pub(crate) fn merge(document: &mut Document, changes: &Node, problems: &mut Problems) {
    let Value::Table(entries) = &changes.value else {
        let message = format!("[live] is a table, not {}", changes.value.describe());
        problems
            .at(&changes.place, "F0203", message)
            .help("write what changes as it stands in the file, such as `phases.measure = \"75s\"`");
        return;
    };
    let mut path = Vec::new();
    for entry in entries {
        merge_entry(document, &mut path, entry, problems);
    }
}

/// Recursion ends at 80 levels, the limit of the TOML parser itself.
fn merge_entry<'a>(
    document: &mut Document,
    path: &mut Vec<&'a str>,
    entry: &'a Entry,
    problems: &mut Problems,
) {
    path.push(&entry.key);
    match &entry.node.value {
        Value::Table(inner) => {
            for entry in inner {
                merge_entry(document, path, entry, problems);
            }
        }
        _ => set(
            &mut document.entries,
            path,
            entry.node.clone(),
            &entry.key_place,
            problems,
        ),
    }
    path.pop();
}

fn set(entries: &mut Vec<Entry>, parts: &[&str], node: Node, place: &Place, problems: &mut Problems) {
    let Some((first, rest)) = parts.split_first() else {
        return;
    };
    let index = entries
        .iter()
        .position(|entry| entry.key == *first)
        .unwrap_or_else(|| {
            let value = Value::Table(Vec::new());
            let empty = Node {
                place: place.clone(),
                value,
            };
            entries.push(Entry {
                key: (*first).to_owned(),
                key_place: place.clone(),
                node: empty,
            });
            entries.len() - 1
        });
    let entry = &mut entries[index];
    if rest.is_empty() {
        entry.node = node;
        return;
    }
    match &mut entry.node.value {
        Value::Table(inner) => set(inner, rest, node, place, problems),
        Value::Array(items) => set_in_list(items, first, rest, node, place, problems),
        value => {
            problems
                .at(
                    place,
                    "F0211",
                    format!("`{first}` is {} and has no keys", value.describe()),
                )
                .help(format!("write `--set {first}=VALUE`"));
        }
    }
}

/// Reaches one table of a list by its number or its name.
fn set_in_list(
    items: &mut [Node],
    list: &str,
    parts: &[&str],
    node: Node,
    place: &Place,
    problems: &mut Problems,
) {
    let Some((which, rest)) = parts.split_first() else {
        return;
    };
    let names: Vec<String> = items
        .iter()
        .map(|item| name_of(item).unwrap_or_default().to_owned())
        .collect();
    let index = which.parse().ok().filter(|index| *index < items.len());
    let found = index.or_else(|| names.iter().position(|name| name == which));
    match found.map(|index| &mut items[index].value) {
        Some(Value::Table(inner)) if !rest.is_empty() => set(inner, rest, node, place, problems),
        Some(_) => {
            problems
                .at(
                    place,
                    "F0211",
                    format!("only values inside of `{list}.{which}` can be set"),
                )
                .help(format!("write `--set {list}.{which}.KEY=VALUE`"));
        }
        None => {
            let known = names.iter().map(String::as_str).filter(|name| !name.is_empty());
            let help = if names.iter().all(String::is_empty) {
                format!("there are {} of them, numbered from 0", names.len())
            } else {
                one_of(which, known.collect::<Vec<_>>())
            };
            problems
                .at(place, "F0211", format!("there is no `{list}` called `{which}`"))
                .help(help);
        }
    }
}

fn name_of(node: &Node) -> Option<&str> {
    let Value::Table(entries) = &node.value else {
        return None;
    };
    let entry = entries.iter().find(|entry| entry.key == "name")?;
    match &entry.node.value {
        Value::Text { text, .. } => Some(text),
        _ => None,
    }
}
