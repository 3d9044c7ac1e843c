//! What the pages for people say is so: places exist, links lead somewhere, experiments shown are valid, and the two
//! commands of the README stand where CI finds them.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every page: those at the root and in `docs/`.
fn pages() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for folder in ["", "docs/"] {
        for entry in std::fs::read_dir(root().join(folder))
            .into_iter()
            .flatten()
            .flatten()
        {
            let path = format!("{folder}{}", entry.file_name().to_string_lossy());
            if Path::new(&path)
                .extension()
                .is_some_and(|extension| extension == "md")
                && let Ok(text) = std::fs::read_to_string(entry.path())
            {
                found.push((path, text));
            }
        }
    }
    assert!(
        found.iter().any(|(path, _)| path == "README.md"),
        "README.md is missing"
    );
    found.sort();
    found
}

/// Words that are meant as places in this repository; those with a placeholder in them are not.
fn places(text: &str) -> impl Iterator<Item = &str> {
    let rooms = [
        "platform/",
        "harness/",
        "workloads/",
        "reports/",
        "tests/",
        "docs/",
        "fuzz/",
        ".ci/",
    ];
    let is_blank = |c: char| c.is_whitespace() || "`()[]'\"|,;".contains(c);
    let words = text.split(is_blank).map(|word| word.trim_end_matches(['.', ':']));
    let words = words.map(|word| word.split("::").next().unwrap_or(word));
    words.filter(move |word| {
        rooms.iter().any(|room| word.starts_with(room)) && !word.contains(['*', '<', '{'])
    })
}

/// The targets of `[text](target)` that lie in this repository.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://") && !target.starts_with('#'))
}

/// Fenced blocks of a language.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    let bodies = text.split(fence.as_str()).skip(1);
    bodies.filter_map(|rest| rest.split("```").next()).collect()
}

/// The lines between `<!-- name -->` and `<!-- /name -->` that are commands: what `.ci/run` takes out of the README.
fn commands<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let (from, to) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
    let inside = text
        .lines()
        .skip_while(|line| *line != from)
        .skip(1)
        .take_while(|line| *line != to);
    inside
        .filter(|line| !line.trim().is_empty() && !line.starts_with("```"))
        .collect()
}

/// Every place and every link that a page names exists.
#[test]
fn what_pages_point_at_exists() {
    let mut missing = Vec::new();
    for (page, text) in pages() {
        let folder = root().join(&page);
        let folder = folder.parent().unwrap_or(Path::new("."));
        let lost = places(&text).filter(|place| !root().join(place).exists());
        missing.extend(lost.map(|place| format!("{page}: {place}")));
        let lost = links(&text).filter(|link| !folder.join(link.split('#').next().unwrap_or(link)).exists());
        missing.extend(lost.map(|link| format!("{page}: link to {link}")));
    }
    assert!(
        missing.is_empty(),
        "pages point at what is not there:\n  {}",
        missing.join("\n  ")
    );
}

/// Every experiment that a page shows can be run as it stands.
#[test]
fn experiments_on_pages_are_valid() {
    let mut seen = 0;
    for (page, text) in pages() {
        for block in blocks(&text, "toml")
            .into_iter()
            .filter(|block| block.contains("version = 1"))
        {
            seen += 1;
            if let Err(problems) = tally_plan::parse(block) {
                panic!("an experiment in {page} is not valid: {problems:#?}\n{block}");
            }
        }
    }
    assert!(seen > 0, "the README shows no experiment");
}

/// The README has one command that shows the whole and one that tests it, and `.ci/run` runs both.
#[test]
fn the_two_commands_of_the_readme_are_what_ci_runs() {
    let pages = pages();
    let readme = pages
        .iter()
        .find(|(page, _)| page == "README.md")
        .map_or("", |(_, text)| text);
    let script = std::fs::read_to_string(root().join(".ci/run")).unwrap();
    for (name, begins) in [("run", "cargo run "), ("test", "cargo test ")] {
        let found = commands(readme, name);
        assert_eq!(
            found.len(),
            1,
            "between <!-- {name} --> and <!-- /{name} -->: {found:?}"
        );
        assert!(
            found[0].starts_with(begins),
            "{found:?} does not begin with `{begins}`"
        );
        assert!(
            script.contains(&format!("readme {name}")),
            ".ci/run does not run the README's {name} command"
        );
    }
}

/// The reading above finds what is there, and only that.
#[test]
fn pages_are_read_as_they_are_meant() {
    let text = "see `platform/nowhere.rs::x`, [a](b.md#c) and [d](https://e), runs/x, `tests/*.rs`.\n<!-- run -->\n```sh\ncargo run\n```\n<!-- /run -->\n```toml\nx = 1\n```\n";
    assert_eq!(places(text).collect::<Vec<_>>(), ["platform/nowhere.rs"]);
    assert_eq!(links(text).collect::<Vec<_>>(), ["b.md#c"]);
    assert_eq!(commands(text, "run"), ["cargo run"]);
    assert_eq!(blocks(text, "toml"), ["x = 1\n"]);
}
