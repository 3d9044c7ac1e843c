//! The rules of the house that no compiler checks. Each rule is a value with its reason; a violation names its place.
//!
//! Looks at what git tracks or would track (in an unpacked archive: at every file outside `target` and `runs`), and tells
//! all violations of a rule at once. The last test plants a violation of every rule and sees that it is found.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

#[path = "tidy/arrows.rs"]
mod arrows;
#[path = "tidy/sources.rs"]
mod sources;

/// A file of the project: its path from the root, with `/`, and its text (lossy; binaries are only looked at by name).
struct File {
    path: String,
    text: String,
}

impl File {
    fn is_rust(&self) -> bool {
        has_extension(&self.path, "rs")
    }

    fn is_manifest(&self) -> bool {
        self.path == "Cargo.toml" || self.path.ends_with("/Cargo.toml")
    }
}

fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path)
        .extension()
        .is_some_and(|found| found == extension)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every file of the project, in the order of paths.
fn files() -> Vec<File> {
    let root = root();
    let paths = listed_by_git(&root).unwrap_or_else(|| {
        let mut found = BTreeSet::new();
        walk(&root, "", &mut found);
        found
    });
    let read = |path: String| {
        let bytes = std::fs::read(root.join(&path)).ok()?; // deleted and not yet committed
        Some(File {
            path,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        })
    };
    let files: Vec<File> = paths.into_iter().filter_map(read).collect();
    assert!(
        files.len() > 100,
        "only {} files found: the rules would hold of nothing",
        files.len()
    );
    files
}

/// None if this is no git checkout or git is not installed.
fn listed_by_git(root: &Path) -> Option<BTreeSet<String>> {
    if !root.join(".git").exists() {
        return None;
    }
    let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let output = std::process::Command::new("git")
        .current_dir(root)
        .args(arguments)
        .output()
        .ok()?;
    let listed = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| {
        listed
            .split('\0')
            .filter(|path| !path.is_empty())
            .map(str::to_owned)
            .collect()
    })
}

fn walk(root: &Path, folder: &str, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(root.join(folder))
        .into_iter()
        .flatten()
        .flatten()
    {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if folder.is_empty() {
            name.clone()
        } else {
            format!("{folder}/{name}")
        };
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && !["target", "runs", ".git"].contains(&name.as_str()) => {
                walk(root, &path, found);
            }
            Ok(kind) if kind.is_file() => {
                found.insert(path);
            }
            _ => {}
        }
    }
}

/// Fails with the reason and everything that offends it.
fn hold(reason: &str, violations: &[String]) {
    assert!(
        violations.is_empty(),
        "{reason}\n  {}\n({} in all)",
        violations.join("\n  "),
        violations.len()
    );
}

/// Every rule about the text of one file holds of every file.
#[test]
fn every_source_keeps_the_rules_of_the_house() {
    let files = files();
    let mut found = Vec::new();
    for rule in sources::RULES {
        let violations: Vec<String> = files.iter().flat_map(|file| (rule.violations)(file)).collect();
        if !violations.is_empty() {
            found.push(format!(
                "{}: {}\n      {}",
                rule.name,
                rule.reason,
                violations.join("\n      ")
            ));
        }
    }
    hold("the rules of the house are broken:", &found);
}

/// A crate depends on the crates its row allows and on no others, and SDKs are named only where they are fenced in.
#[test]
fn arrows_point_one_way() {
    let manifests = arrows::manifests(&files());
    hold(
        "a crate exists to enforce an arrow (ARCHITECTURE.md): move the code, or argue for another row in tests/tidy/arrows.rs",
        &arrows::violations(&manifests),
    );
}

/// Versions, lints and the licence are written once, at the root.
#[test]
fn members_inherit_from_the_workspace() {
    let manifests = arrows::manifests(&files());
    hold(
        "what is written twice is changed once: use `workspace = true`",
        &arrows::not_inherited(&manifests),
    );
}

/// Each experiment of the catalog has a stored fingerprint, and each fingerprint an experiment.
#[test]
fn every_workload_has_a_fingerprint() {
    let files = files();
    let stems = |folder: &str, extension: &str| -> BTreeSet<String> {
        let inside = files.iter().filter_map(|file| file.path.strip_prefix(folder));
        inside
            .filter_map(|name| name.strip_suffix(extension))
            .map(str::to_owned)
            .collect()
    };
    let catalog = stems("workloads/catalog/", ".toml");
    let mut fingerprints = stems("workloads/fingerprints/", ".txt");
    fingerprints.remove("first-expressions"); // of the generator, not of an experiment
    assert!(!catalog.is_empty());
    let lone = catalog
        .symmetric_difference(&fingerprints)
        .map(|name| format!("{name}: has only one of the two"));
    hold(
        "a workload that changes unnoticed makes old runs incomparable: store workloads/fingerprints/NAME.txt",
        &lone.collect::<Vec<_>>(),
    );
}

/// A test file that no manifest names is never run.
#[test]
fn every_test_of_the_repository_is_registered() {
    let files = files();
    let command_line = files.iter().find(|file| file.path == "harness/cli/Cargo.toml");
    let manifest = command_line.map_or("", |file| file.text.as_str());
    let is_root_test = |file: &&File| {
        file.path
            .strip_prefix("tests/")
            .is_some_and(|name| file.is_rust() && !name.contains('/'))
    };
    let missing = files
        .iter()
        .filter(is_root_test)
        .filter(|file| !manifest.contains(&format!("path = \"../../{}\"", file.path)))
        .map(|file| file.path.clone());
    hold(
        "a test that is not registered never fails: add a [[test]] to harness/cli/Cargo.toml",
        &missing.collect::<Vec<_>>(),
    );
}

/// Everything locked comes from crates.io or from this tree, so that a clone builds anywhere.
#[test]
fn only_crates_io_is_locked() {
    let files = files();
    let is_lock = |file: &&File| file.path == "Cargo.lock" || file.path.ends_with("/Cargo.lock");
    let mut strange = Vec::new();
    let mut locks = 0;
    for lock in files.iter().filter(is_lock) {
        locks += 1;
        let sources = lock.text.lines().filter(|line| line.starts_with("source = "));
        let crates_io = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
        strange.extend(
            sources
                .filter(|line| *line != crates_io)
                .map(|line| format!("{}: {line}", lock.path)),
        );
    }
    assert!(locks > 0, "Cargo.lock is not tracked");
    hold("a clone must build anywhere: lock crates.io only", &strange);
}

/// A rule that cannot fail proves nothing: each finds the violation planted for it, and leaves a clean file alone.
#[test]
fn every_rule_finds_what_is_planted() {
    for rule in sources::RULES {
        let (path, text) = rule.planted;
        let planted = File {
            path: path.to_owned(),
            text: text.replace('~', ""),
        };
        assert!(
            !(rule.violations)(&planted).is_empty(),
            "`{}` finds nothing in what was planted",
            rule.name
        );
        let clean = File {
            path: "platform/logic/model/src/clean.rs".to_owned(),
            text: "//! An idea.\n\n/// A thing.\npub struct Thing;\n".to_owned(),
        };
        assert_eq!(
            (rule.violations)(&clean),
            Vec::<String>::new(),
            "`{}` accuses a clean file",
            rule.name
        );
    }
}

/// Arrows that point the wrong way, strangers, second copies of an SDK and versions of one's own are all found.
#[test]
fn planted_arrows_are_found() {
    let manifest = |text: &str| toml::from_str::<toml::Table>(text).unwrap();
    let backwards =
        "[package]\nname = \"tally-model\"\n[dependencies]\ntally-roles.workspace = true\ntokio = \"1\"";
    let stranger = "[package]\nname = \"tally-stranger\"";
    let planted: BTreeMap<String, toml::Table> = [
        ("platform/logic/model/Cargo.toml".to_owned(), manifest(backwards)),
        ("platform/stranger/Cargo.toml".to_owned(), manifest(stranger)),
    ]
    .into();
    let arrows = arrows::violations(&planted).join("\n");
    for expected in [
        "tally-model -> tally-roles",
        "tokio",
        "tally-stranger has no row",
        "tally-reports has a row",
    ] {
        assert!(arrows.contains(expected), "`{expected}` not found in:\n{arrows}");
    }
    let copies = arrows::not_inherited(&planted).join("\n");
    for expected in ["tokio", "lints", "version"] {
        assert!(copies.contains(expected), "`{expected}` not found in:\n{copies}");
    }
}
