//! A small checker of markup: tags nest and close, attributes are quoted, ids are unique, references find their target.

use std::collections::BTreeSet;

/// Checks a page in XML syntax.
pub(crate) fn check(page: &str) -> Result<(), String> {
    let mut rest = page
        .trim_start()
        .strip_prefix("<!DOCTYPE html>")
        .ok_or("no doctype")?;
    let (mut open, mut ids, mut wanted) = (Vec::<&str>::new(), BTreeSet::new(), Vec::new());
    while let Some(at) = rest.find('<') {
        if rest[..at].contains('>') {
            return Err(format!("a bare > near {:?}", near(rest)));
        }
        rest = &rest[at + 1..];
        let end = rest.find('>').ok_or("a tag without an end")?;
        let tag = &rest[..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name) {
                return Err(format!("</{name}> closes nothing, near {:?}", near(rest)));
            }
            continue;
        }
        let (body, closed) = tag.strip_suffix('/').map_or((tag, false), |body| (body, true));
        let name = body.split_whitespace().next().ok_or("a tag without a name")?;
        for (key, value) in
            attributes(&body[name.len()..]).map_err(|problem| format!("<{tag}>: {problem}"))?
        {
            match key {
                "id" if !ids.insert(value) => return Err(format!("two ids {value}")),
                "aria-labelledby" => wanted.extend(value.split(' ')),
                _ if key.starts_with("on") => return Err(format!("a handler {key}")),
                _ => {}
            }
        }
        if name == "style" {
            rest = rest.split_once("</style>").ok_or("an open style")?.1;
        } else if !closed {
            open.push(name);
        }
    }
    if let Some(name) = open.last() {
        return Err(format!("<{name}> is never closed"));
    }
    match wanted.into_iter().find(|id| !ids.contains(id)) {
        Some(id) => Err(format!("nothing has the id {id}")),
        None => Ok(()),
    }
}

fn near(text: &str) -> String {
    text.chars().take(60).collect()
}

fn attributes(text: &str) -> Result<Vec<(&str, &str)>, &'static str> {
    let (mut rest, mut found) = (text.trim(), Vec::new());
    while !rest.is_empty() {
        let (key, after) = rest
            .split_once("=\"")
            .ok_or("an attribute without a quoted value")?;
        let (value, after) = after.split_once('"').ok_or("an open quote")?;
        if key.contains(char::is_whitespace) || value.contains('<') {
            return Err("a broken attribute");
        }
        found.push((key, value));
        rest = after.trim_start();
    }
    Ok(found)
}
