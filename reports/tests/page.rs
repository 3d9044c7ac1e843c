//! The page: whole, small, self-contained, the same every time, and deaf to what the run's strings say.

#[path = "support/markup.rs"]
mod markup;
#[path = "support/synthetic.rs"]
mod synthetic;

use tally_reports::{MOST_BYTES, RunReport, clean, html, markdown, text};

const NASTY: [&str; 5] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "]]></style><svg onload=alert(1)>",
    "\u{1b}[2J\u{1b}]0;title\u{7}",
    "{{ page.seed }}{% raw %}'",
];

/// A run whose every string is `nasty`.
fn poisoned(nasty: &str) -> RunReport {
    let mut report = synthetic::run(30);
    let RunReport {
        name,
        title,
        run_id,
        target,
        plan,
        verdict,
        sentence,
        repro,
        ..
    } = &mut report;
    for field in [name, title, run_id, target, plan, verdict, sentence, repro] {
        *field = nasty.to_owned();
    }
    for line in &mut report.expectations {
        line.text = nasty.to_owned();
        line.when = nasty.to_owned();
        line.shown = nasty.to_owned();
    }
    for warning in &mut report.warnings {
        warning.code = nasty.to_owned();
        warning.text = nasty.to_owned();
        warning.remedy = nasty.to_owned();
    }
    report.environment = vec![(nasty.to_owned(), nasty.to_owned())];
    report.next = vec![nasty.to_owned()];
    for trial in &mut report.trials {
        for fault in &mut trial.faults {
            for field in [
                &mut fault.name,
                &mut fault.kind,
                &mut fault.role,
                &mut fault.target,
            ] {
                *field = nasty.to_owned();
            }
            fault.problem = Some(nasty.to_owned());
            for effect in [&mut fault.effective, &mut fault.detected, &mut fault.healed]
                .into_iter()
                .flatten()
            {
                effect.evidence = nasty.to_owned();
            }
        }
        for memory in &mut trial.memory {
            memory.label = nasty.to_owned();
        }
        for window in &mut trial.summary.windows {
            if window.name != "always" {
                window.name = nasty.to_owned();
            }
        }
        if let Some(found) = &mut trial.correctness {
            found.flaws.insert(nasty.to_owned(), 3);
            found.gaps.push(nasty.to_owned());
            found.examples.push(nasty.to_owned());
        }
    }
    report
}

/// Every tag is closed in order, every attribute quoted, every id unique, and every label points at something.
#[test]
fn the_page_is_well_formed() {
    let mut empty = synthetic::run(30);
    empty.trials.clear();
    empty.expectations.clear();
    let mut several = synthetic::run(30);
    several.trials = (1..=8).map(|number| synthetic::trial(number, 30)).collect();
    let mut unchecked = synthetic::run(30);
    for trial in &mut unchecked.trials {
        trial.correctness = None;
        trial.samples.clear();
        trial.faults.clear();
        trial.summary.windows.clear();
        trial.summary.seconds.clear();
        trial.summary.layers.clear();
    }
    for (name, report) in [
        ("one", synthetic::run(120)),
        ("empty", empty),
        ("several", several),
        ("bare", unchecked),
    ] {
        markup::check(&html(&report).unwrap()).unwrap_or_else(|problem| panic!("{name}: {problem}"));
    }
}

/// Nothing is fetched and nothing runs: no address, no script, no handler, and a policy that would forbid them.
#[test]
fn the_page_needs_nothing_from_outside() {
    let page = html(&synthetic::run(120)).unwrap();
    assert!(page.contains("content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\""));
    for outside in [
        "http:",
        "https:",
        "//",
        "<script",
        "<link",
        "<iframe",
        "@import",
        "javascript:",
        "src=",
    ] {
        assert!(!page.contains(outside), "{outside}");
    }
    for reference in page.split("url(").skip(1) {
        assert!(reference.starts_with('#'), "{}", &reference[..20]);
    }
}

/// Strings of the run appear as text and never as markup, style, template or terminal command, in all three forms.
#[test]
fn strings_of_the_run_are_only_text() {
    for nasty in NASTY {
        let report = poisoned(nasty);
        let page = html(&report).unwrap();
        markup::check(&page).unwrap_or_else(|problem| panic!("{nasty:?}: {problem}"));
        for harm in [
            "<script",
            "<img",
            "onload=alert",
            "onerror=alert(1)>",
            "]]>",
            "\u{1b}",
            "\u{7}",
        ] {
            assert!(
                !page.contains(harm) || harm == "onload=alert" && page.contains("&lt;svg onload=alert"),
                "{harm:?}"
            );
        }
        assert_eq!(page.matches("<style>").count(), 1);
        let plain = text(&report, 80, false);
        assert!(!plain.contains('\u{1b}') && !plain.contains('\u{7}'));
        assert!(plain.contains(&clean(nasty)), "{nasty:?}");
        let marked = markdown(&report);
        assert!(!marked.contains('<') && !marked.contains('\u{1b}'), "{nasty:?}");
    }
}

/// The same report gives the same bytes, also when it was stored and read again.
#[test]
fn the_same_report_gives_the_same_bytes() {
    let report = synthetic::run(120);
    let page = html(&report).unwrap();
    assert_eq!(page, html(&report.clone()).unwrap());
    let mut stored: RunReport = serde_json::from_slice(&serde_json::to_vec(&report).unwrap()).unwrap();
    assert_eq!(text(&stored, 80, false).replace("tasks waiting", ""), {
        let mut without = report.clone();
        without.trials[0].samples.clear();
        text(&without, 80, false).replace("tasks waiting", "")
    });
    stored.trials[0].samples.clone_from(&report.trials[0].samples);
    stored.trials[0].events.clone_from(&report.trials[0].events);
    assert_eq!(page, html(&stored).unwrap());
}

/// An hour of one trial, and an hour of each of many, with faults and findings without number, fit into a page.
#[test]
fn the_page_stays_small() {
    let hour = synthetic::run(3_600);
    assert!(html(&hour).unwrap().len() < MOST_BYTES / 2);
    let mut many = hour;
    let mut crowded = synthetic::trial(1, 3_600);
    let fault = crowded.faults[0].clone();
    crowded.faults = vec![fault; 5_000];
    crowded.events = (0..20_000).flat_map(|_| crowded.events[..2].to_vec()).collect();
    if let Some(found) = &mut crowded.correctness {
        found.examples = vec!["x".repeat(10_000); 10_000];
    }
    many.trials = (1..=40)
        .map(|number| {
            let mut trial = crowded.clone();
            trial.number = number;
            trial
        })
        .collect();
    let page = html(&many).unwrap();
    assert!(page.len() < MOST_BYTES, "{}", page.len());
    assert!(page.contains("more are in <code>faults.jsonl</code>"));
}

/// Every chart can be read without seeing it: a title, a description, and its numbers in a table.
#[test]
fn every_chart_has_words_and_numbers() {
    let page = html(&synthetic::run(120)).unwrap();
    let figures: Vec<&str> = page.split("<figure ").skip(1).collect();
    assert_eq!(figures.len(), 6, "latency, percentiles, rates, depth, sets, lag");
    for figure in figures {
        let figure = figure.split("</figure>").next().unwrap();
        assert!(figure.contains("<title ") && figure.contains("<desc ") && figure.contains("role=\"img\""));
        assert!(figure.contains("<details>") && figure.contains("<tbody>"));
        assert!(figure.contains("class=\"wide\"") && figure.contains("class=\"narrow\""));
        assert!(figure.contains("<polyline"), "an empty chart: {}", &figure[..60]);
    }
}

/// No colour of plotters' own is left, so the dark page has no black letters on black.
#[test]
fn every_colour_comes_from_the_style_sheet() {
    let page = html(&synthetic::run(120)).unwrap();
    assert!(!page.contains("fill=\"#") && !page.contains("stroke=\"#"));
}
