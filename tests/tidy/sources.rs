//! Rules about one file at a time.

use super::File;

/// A rule, why it is one, and a file that breaks it.
pub(crate) struct Rule {
    /// What is demanded.
    pub(crate) name: &'static str,
    /// Why.
    pub(crate) reason: &'static str,
    /// Every place where a file breaks it.
    pub(crate) violations: fn(&File) -> Vec<String>,
    /// Path and text that break it; `~` is taken out first, so that this file does not break it itself.
    pub(crate) planted: (&'static str, &'static str),
}

/// Every rule.
pub(crate) const RULES: &[Rule] = &[
    Rule {
        name: "a source begins with its idea",
        reason: "who opens a file should know after one line whether to read on: begin with `//!`",
        violations: without_idea,
        planted: ("platform/logic/model/src/x.rs", "use std::fmt;\n"),
    },
    Rule {
        name: "a file is short",
        reason: "more than 400 lines hold more than one idea: split along the ideas",
        violations: too_long,
        planted: ("platform/logic/model/src/x.rs", LONG),
    },
    Rule {
        name: "nothing is left for later",
        reason: "what is not done is an issue, not a comment; what is debugged is not shipped",
        violations: left_for_later,
        planted: ("platform/logic/model/src/x.rs", "//! x\n// TO~DO: more\n"),
    },
    Rule {
        name: "every test runs",
        reason: "a test that is switched off rots: choose by what is there, and say so, instead",
        violations: switched_off,
        planted: ("platform/logic/model/src/x.rs", "//! x\n#[ig~nore]\nfn f() {}\n"),
    },
    Rule {
        name: "a test states a claim",
        reason: "the attribute already says that it is a test: name what holds, without `test_`",
        violations: prefixed_tests,
        planted: ("platform/logic/model/src/x.rs", "//! x\nfn te~st_it() {}\n"),
    },
    Rule {
        name: "names say what is inside",
        reason: "a drawer called utils, helpers, common or misc fills up; mod.rs hides its name",
        violations: vague_names,
        planted: ("platform/logic/model/src/utils.rs", "//! x\n"),
    },
    Rule {
        name: "source is ASCII",
        reason: "what looks alike must be alike: write \\u{...} for the rest",
        violations: not_ascii,
        planted: ("platform/logic/model/src/x.rs", "//! x\u{2212}y\n"),
    },
    Rule {
        name: "logic is pure",
        reason: "logic takes `now` and randomness as arguments and iterates in order, so that it can be simulated",
        violations: impure,
        planted: (
            "platform/logic/model/src/x.rs",
            "//! x\nuse std::collections::HashMap;\n",
        ),
    },
    Rule {
        name: "nothing names this machine",
        reason: "a clone must work elsewhere: no absolute homes, no hosts of registries",
        violations: machine_names,
        planted: ("docs/x.md", "see /ho~me/somebody/x\n"),
    },
    Rule {
        name: "text ends its lines plainly",
        reason: "diffs should show changes only: no trailing blanks, no carriage returns, a newline at the end",
        violations: untidy_lines,
        planted: ("docs/x.md", "two blanks  \n"),
    },
];

/// 401 lines.
const LONG: &str = {
    const LINE: &[u8; 802] = &{
        let mut lines = [b'\n'; 802];
        let mut at = 0;
        while at < 802 {
            lines[at] = b'/';
            at += 2;
        }
        lines
    };
    match std::str::from_utf8(LINE) {
        Ok(text) => text,
        Err(_) => "",
    }
};

fn without_idea(file: &File) -> Vec<String> {
    let begins = file.text.starts_with("//!");
    if file.is_rust() && !begins {
        vec![format!("{}:1", file.path)]
    } else {
        Vec::new()
    }
}

fn too_long(file: &File) -> Vec<String> {
    let lines = file.text.lines().count();
    if file.is_rust() && lines > 400 {
        vec![format!("{}: {lines} lines", file.path)]
    } else {
        Vec::new()
    }
}

fn left_for_later(file: &File) -> Vec<String> {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:")];
    let calls = [
        concat!("db", "g!("),
        concat!("to", "do!("),
        concat!("unimplem", "ented!("),
    ];
    let mut found = if is_prose_or_code(file) {
        places(file, &marks, |_| true)
    } else {
        Vec::new()
    };
    if file.is_rust() {
        found.extend(places(file, &calls, |_| true));
    }
    found
}

fn switched_off(file: &File) -> Vec<String> {
    if !file.is_rust() {
        return Vec::new();
    }
    places(file, &[concat!("#[", "ignore")], |_| true)
}

fn prefixed_tests(file: &File) -> Vec<String> {
    if !file.is_rust() {
        return Vec::new();
    }
    places(file, &[concat!("fn te", "st_")], |_| true)
}

fn vague_names(file: &File) -> Vec<String> {
    let vague = ["util", "utils", "helper", "helpers", "common", "misc", "stuff"];
    let names = file
        .path
        .split('/')
        .map(|part| part.split('.').next().unwrap_or(part));
    let is_vague = names.into_iter().any(|name| vague.contains(&name)) || file.path.ends_with("/mod.rs");
    if is_vague {
        vec![file.path.clone()]
    } else {
        Vec::new()
    }
}

fn not_ascii(file: &File) -> Vec<String> {
    if !file.is_rust() {
        return Vec::new();
    }
    let lines = file.text.lines().enumerate().filter(|(_, line)| !line.is_ascii());
    lines
        .map(|(index, line)| format!("{}:{}: {}", file.path, index + 1, line.trim()))
        .collect()
}

/// Clocks, threads, files, sockets and unordered maps in the shipped part of the logic.
fn impure(file: &File) -> Vec<String> {
    let inside = ["platform/logic/", "harness/plan/src/", "workloads/src/"];
    let is_test = file.path.contains("/tests") || file.path.ends_with("small_stack.rs");
    if !file.is_rust() || is_test || !inside.iter().any(|room| file.path.starts_with(room)) {
        return Vec::new();
    }
    let outside = [
        "tokio",
        "std::time::Instant",
        "SystemTime",
        "HashMap",
        "HashSet",
        "std::thread",
        "std::net",
        "std::fs",
        "std::env",
        "std::process",
    ];
    let shipped = file
        .text
        .lines()
        .position(|line| line.trim() == "#[cfg(test)]")
        .unwrap_or(usize::MAX);
    let is_code = |(index, line): (usize, &str)| index < shipped && !line.trim_start().starts_with("//");
    places(file, &outside, is_code)
}

fn machine_names(file: &File) -> Vec<String> {
    let names = [
        concat!("/ho", "me/"),
        concat!("/ro", "ot/"),
        concat!("/Us", "ers/"),
        concat!("/wo", "rk/"),
        concat!("gh", "cr.io"),
        concat!("docker", ".io/"),
        concat!("regis", "try.k8s"),
        concat!("static.", "crates.io"),
        concat!("index.", "crates.io"),
    ];
    places(file, &names, |_| true)
}

fn untidy_lines(file: &File) -> Vec<String> {
    if !is_prose_or_code(file) {
        return Vec::new();
    }
    let untidy = |line: &str| line.ends_with([' ', '\t', '\r']);
    let lines = file.text.split('\n').enumerate().filter(|(_, line)| untidy(line));
    let mut found: Vec<String> = lines
        .map(|(index, _)| format!("{}:{}", file.path, index + 1))
        .collect();
    if !file.text.is_empty() && !file.text.ends_with('\n') {
        found.push(format!("{}: no newline at the end", file.path));
    }
    found
}

/// What people write, as opposed to what programs store.
fn is_prose_or_code(file: &File) -> bool {
    let written = ["rs", "toml", "md", "proto", "sh", "yml", "yaml"];
    let stored =
        file.path.contains("/golden/") || file.path.contains("corpus/") || file.path.contains("/fixtures/");
    !stored
        && written
            .iter()
            .any(|extension| super::has_extension(&file.path, extension))
}

/// `path:line: text` for every line that holds one of `needles` and that `counts` accepts.
fn places(file: &File, needles: &[&str], counts: impl Fn((usize, &str)) -> bool) -> Vec<String> {
    let lines = file.text.lines().enumerate();
    let hits = lines
        .filter(|(index, line)| needles.iter().any(|needle| line.contains(needle)) && counts((*index, line)));
    hits.map(|(index, line)| format!("{}:{}: {}", file.path, index + 1, line.trim()))
        .collect()
}
