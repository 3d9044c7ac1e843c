//! The file as a whole.

use std::time::Duration;

use tally_model::{PlatformConfig, Span};

use crate::diagnose::{Place, Problems, did_you_mean};
use crate::meaning::{self, FaultPlaces, LoadPlaces, Places};
use crate::read::{Document, Node, Reader, Value, faults, loads, platform, scaling};
use crate::{
    Compare, CompareOrder, Expectation, Experiment, Fault, FaultKind, Load, Phases, Safety, When,
    parse_condition,
};

/// Reads everything; `None` where something that everything else needs is missing (it has been reported then).
pub(crate) fn read(document: &Document, problems: &mut Problems) -> Option<Experiment> {
    let top = Reader::new(&crate::key::TOP, &document.entries, Place::top(), problems);
    top.integer("version", problems);
    let name = top.folder("name", problems).unwrap_or_default();
    let title = top.text("title", problems).unwrap_or(name);
    let seed = top.integer("seed", problems).map_or(1, |seed| seed as u64);
    let trials = top.integer("trials", problems).unwrap_or(1) as u32;
    let phase_table = top.table("phases", problems);
    let phases = phase_table.as_ref().and_then(|table| phases(table, problems));
    let (mut platform, policies) = match top.table("platform", problems) {
        Some(table) => (
            platform::read(&table, problems),
            scaling::policies(&table, problems),
        ),
        None => (PlatformConfig::default(), Vec::new()),
    };
    platform.seed = seed;
    let mut places = Places {
        drain: phase_table
            .map(|table| table.place_of("drain"))
            .unwrap_or_default(),
        trials: top.place_of("trials"),
        loads: Vec::new(),
        faults: Vec::new(),
        expectations: Vec::new(),
    };
    let loads = read_loads(&top, &mut places, problems);
    let faults = read_faults(&top, &mut places, problems);
    platform.corruptible = faults.iter().any(|fault| fault.kind == FaultKind::Corrupt);
    let expectations = read_expectations(&top, &mut places, problems);
    let compare = top
        .table("compare", problems)
        .map(|table| compare(&table, problems));
    let safety = top
        .table("safety", problems)
        .map_or_else(Safety::default, |table| safety(&table, problems));
    let experiment = Experiment {
        name: name.to_owned(),
        title: title.to_owned(),
        seed,
        phases: phases?,
        trials,
        platform,
        policies,
        loads,
        faults,
        expectations,
        compare,
        safety,
    };
    meaning::check(&experiment, &places, problems);
    Some(experiment)
}

fn read_loads(top: &Reader<'_>, places: &mut Places, problems: &mut Problems) -> Vec<Load> {
    let tables = top.tables("load", problems);
    if matches!(top.node("load"), Some(Node { value: Value::Array(items), .. }) if items.is_empty()) {
        problems
            .at(&top.place_of("load"), "F0202", "there is no load")
            .label("empty")
            .help("add a `[[load]]` table");
    }
    let mut loads = Vec::new();
    for table in &tables {
        if let Some(load) = loads::read(table, problems) {
            places.loads.push(LoadPlaces {
                name: table.place_of("name"),
                at: table.place_of("at"),
                length: table.place_of("for"),
            });
            loads.push(load);
        }
    }
    loads
}

fn read_faults(top: &Reader<'_>, places: &mut Places, problems: &mut Problems) -> Vec<Fault> {
    let mut faults = Vec::new();
    for table in &top.tables("fault", problems) {
        if let Some(fault) = faults::read(table, problems) {
            places.faults.push(FaultPlaces {
                name: table.place_of("name"),
                role: table.place_of("role"),
                at: table.place_of("at"),
                length: table.place_of("for"),
            });
            faults.push(fault);
        }
    }
    faults
}

fn read_expectations(top: &Reader<'_>, places: &mut Places, problems: &mut Problems) -> Vec<Expectation> {
    // Names of faults that are wrong otherwise count too: one mistake is reported once.
    let mut reported = Problems::default();
    let fault_tables = top.tables("fault", &mut reported);
    let faults: Vec<&str> = fault_tables
        .iter()
        .filter_map(|table| table.text("name", &mut reported))
        .collect();
    let mut expectations = Vec::new();
    for table in &top.tables("expect", problems) {
        if let Some(expectation) = expectation(table, &faults, problems) {
            places.expectations.push(table.place_of("that"));
            expectations.push(expectation);
        }
    }
    expectations
}

fn phases(table: &Reader<'_>, problems: &mut Problems) -> Option<Phases> {
    let warmup = table.duration("warmup", problems);
    let measure = table.duration("measure", problems);
    let drain = table.duration("drain", problems);
    Some(Phases {
        warmup: warmup.unwrap_or_default(),
        measure: measure?,
        drain: drain.unwrap_or(Duration::from_secs(10)),
    })
}

fn expectation(table: &Reader<'_>, faults: &[&str], problems: &mut Problems) -> Option<Expectation> {
    let that = table.text("that", problems);
    let when = match table.text("when", problems) {
        Some(text) => when(text, table, faults, problems),
        None => Some(When::default()),
    };
    let name = table.name("name", problems);
    let abort = table.flag("abort", problems).unwrap_or(false);
    let grace = table.duration("grace", problems).unwrap_or_default();
    if table.has("grace") && !abort {
        problems
            .at(
                &table.key_place("grace"),
                "F0210",
                "`grace` means nothing without `abort = true`",
            )
            .label("without effect")
            .help("leave it out, or add `abort = true`");
    }
    let that = that?;
    let condition = match parse_condition(that) {
        Ok(condition) => condition,
        Err(diagnostics) => {
            let node = table.node("that")?;
            for diagnostic in diagnostics {
                let Span { start, end } = diagnostic.span.unwrap_or(Span::new(0, that.len()));
                let mut draft = problems.at(&node.inside(start, end), &diagnostic.code, diagnostic.message);
                if let Some(label) = diagnostic.label {
                    draft = draft.label(label);
                }
                if let Some(help) = diagnostic.help {
                    draft.help(help);
                }
            }
            return None;
        }
    };
    let name = name.map_or_else(|| that.to_owned(), str::to_owned);
    let when = when?;
    let of_faults = condition
        .metrics()
        .into_iter()
        .find(|metric| metric.is_per_fault());
    if let (When::Before | When::Steady, Some(metric)) = (&when, of_faults) {
        problems
            .at(
                &table.place_of("when"),
                "F0507",
                format!("`{metric}` is a time of faults, and `{when}` has none"),
            )
            .label("no fault is here")
            .help("leave `when` out, or write `during` or `after`");
    }
    Some(Expectation {
        name,
        that: that.to_owned(),
        condition,
        when,
        abort,
        grace,
    })
}

fn when(text: &str, table: &Reader<'_>, faults: &[&str], problems: &mut Problems) -> Option<When> {
    let place = table.place_of("when");
    let (word, fault) = text
        .split_once(':')
        .map_or((text, None), |(word, fault)| (word, Some(fault)));
    let words = ["before", "during", "after", "steady", "measure", "always"];
    let when = match (word, fault) {
        ("measure", None) => When::Measure,
        ("before", None) => When::Before,
        ("steady", None) => When::Steady,
        ("always", None) => When::Always,
        ("during", fault) => When::During(fault.map(str::to_owned)),
        ("after", fault) => When::After(fault.map(str::to_owned)),
        _ => {
            let help = match did_you_mean(word, words) {
                Some(near) if near != word => format!("did you mean `{near}`?"),
                _ => format!("one of {}, during:FAULT, after:FAULT", words.join(", ")),
            };
            problems
                .at(
                    &place,
                    "F0206",
                    format!("`{}` is not a time of a trial", text.escape_debug()),
                )
                .label("unknown")
                .help(help);
            return None;
        }
    };
    let (When::During(name) | When::After(name)) = &when else {
        return Some(when);
    };
    let help = match name {
        None if faults.is_empty() => "add a `[[fault]]`, or leave `when` out".to_owned(),
        Some(name) if !faults.contains(&name.as_str()) => match did_you_mean(name, faults.iter().copied()) {
            Some(near) => format!("did you mean `{word}:{near}`?"),
            None if faults.is_empty() => "this file has no faults".to_owned(),
            None => format!("the faults are {}", faults.join(", ")),
        },
        _ => return Some(when),
    };
    let message = name.as_ref().map_or_else(
        || "there is no fault".to_owned(),
        |name| format!("there is no fault `{}`", name.escape_debug()),
    );
    problems
        .at(&place, "F0507", message)
        .label("refers to nothing")
        .help(help);
    None
}

fn compare(table: &Reader<'_>, problems: &mut Problems) -> Compare {
    let arms: Vec<String> = table
        .texts("arms", problems)
        .into_iter()
        .map(|(arm, _)| arm.to_owned())
        .collect();
    if table.has("arms") && arms.len() < 2 {
        problems
            .at(
                &table.place_of("arms"),
                "F0205",
                "a comparison has at least two arms",
            )
            .label("nothing to compare")
            .help("write `arms = [\"threshold\", \"fixed-4\"]`");
    }
    let order = match table.choice("order", problems) {
        Some("blocked") => CompareOrder::Blocked,
        _ => CompareOrder::Interleaved,
    };
    Compare { arms, order }
}

fn safety(table: &Reader<'_>, problems: &mut Problems) -> Safety {
    let base = Safety::default();
    Safety {
        max_fault: table.duration("max_fault", problems).unwrap_or(base.max_fault),
    }
}
