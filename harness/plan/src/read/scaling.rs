//! `[platform]` keys about scaling: the driving policy, those in its shadow, and their parameters.

use tally_model::{Drift, HpaMetric, HpaRules, HpaVersion, Scaler, Scaling};

use super::platform::update;
use crate::diagnose::{Place, Problems};
use crate::read::{Node, Reader};

/// `scaler`: `threshold`, `hpa`, `fixed-3`.
pub(super) fn driving(reader: &Reader<'_>, problems: &mut Problems) -> Option<Scaler> {
    let text = reader.text("scaler", problems)?;
    if text.starts_with("fixed-") {
        return fixed(text, &reader.place_of("scaler"), problems);
    }
    Scaler::from_name(reader.choice("scaler", problems)?)
}

fn fixed(text: &str, place: &Place, problems: &mut Problems) -> Option<Scaler> {
    let scaler = Scaler::from_name(text);
    if scaler.is_none() {
        problems
            .at(
                place,
                "F0205",
                format!("`{}` is not a number of sets", text.escape_debug()),
            )
            .label("out of bounds")
            .help(format!("write `fixed-1` to `fixed-{}`", Scaler::MOST_FIXED));
    }
    scaler
}

/// Everything else.
pub(super) fn read(scaling: &mut Scaling, reader: &Reader<'_>, problems: &mut Problems) {
    scaling.shadows = reader
        .texts("shadows", problems)
        .into_iter()
        .fold(Vec::new(), |known, named| with(known, reader, named, problems));
    update(&mut scaling.objective, reader.duration("objective", problems));
    update(&mut scaling.interval, reader.duration("scale-interval", problems));
    scaling.start_delay = reader.duration("start-delay", problems);
    scaling.drift = reader.table("drift", problems).and_then(|drift| {
        Some(Drift {
            at: drift.duration("at", problems)?,
            factor: drift.number("factor", problems)?,
        })
    });
    if let Some(hpa) = reader.table("hpa", problems) {
        scaling.hpa = read_hpa(&hpa, problems);
    }
}

/// `policies = ["all", "fixed-3"]`: each once.
pub(crate) fn policies(reader: &Reader<'_>, problems: &mut Problems) -> Vec<Scaler> {
    let named = reader.texts("policies", problems).into_iter();
    named.fold(Vec::new(), |known, (text, node)| {
        if text == "all" && known.is_empty() {
            return Scaler::ALL.to_vec();
        }
        with(known, reader, (text, node), problems)
    })
}

/// `hpa` or `fixed-3` at the end of the policies known so far.
fn with(
    mut known: Vec<Scaler>,
    reader: &Reader<'_>,
    (text, node): (&str, &Node),
    problems: &mut Problems,
) -> Vec<Scaler> {
    let scaler = if text.starts_with("fixed-") {
        fixed(text, &node.place, problems)
    } else {
        reader.choice_of("scaler", text, &node.place, problems);
        Scaler::from_name(text)
    };
    match scaler {
        Some(scaler) if known.contains(&scaler) => {
            problems
                .at(&node.place, "F0302", format!("`{scaler}` stands there twice"))
                .label("second one")
                .help("name every policy once");
        }
        Some(scaler) => known.push(scaler),
        None => {}
    }
    known
}

fn read_hpa(reader: &Reader<'_>, problems: &mut Problems) -> HpaRules {
    let mut hpa = HpaRules::default();
    update(
        &mut hpa.metric,
        reader.choice("metric", problems).and_then(HpaMetric::from_name),
    );
    hpa.target = reader.number("target", problems);
    update(&mut hpa.period, reader.duration("period", problems));
    hpa.up_window = reader.duration("up-window", problems);
    hpa.down_window = reader.duration("down-window", problems);
    update(&mut hpa.up_tolerance, reader.number("up-tolerance", problems));
    update(&mut hpa.down_tolerance, reader.number("down-tolerance", problems));
    update(
        &mut hpa.version,
        reader.choice("version", problems).and_then(HpaVersion::from_name),
    );
    hpa
}
