//! What the template is given about one trial.

use serde::Serialize;

use super::page::Badge;
use super::tables::{self, Fault, Finding, Phase};
use crate::chart::{self, Band, Chart, Timeline};
use crate::error::Error;
use crate::live_hpa::LiveAutoscaler;
use crate::phrase::{self, Tone};
use crate::run_report::{GeneratorFacts, TrialReport};
use crate::unit;

/// Most faults in a ledger, scale-ups in their table, and lines of memory.
const FAULTS: usize = 100;
/// Most faults drawn behind a chart; more would hide it.
const BANDS: usize = 24;
/// Most live autoscalers: one per layer.
const LAYERS: usize = 4;

#[derive(Debug, Serialize)]
pub(super) struct TrialPage {
    number: u32,
    torn: bool,
    latency: Chart,
    curve: Option<Chart>,
    rates: Chart,
    depth: Option<Chart>,
    sets: Option<Chart>,
    stages: Vec<String>,
    scale_ups: Vec<Vec<String>>,
    more_scale_ups: usize,
    autoscalers: Vec<Autoscaler>,
    lag: Option<Chart>,
    generator: Generator,
    windows: Vec<Vec<String>>,
    faults: Vec<Fault>,
    more_faults: usize,
    findings: Vec<Finding>,
    checked: bool,
    examples: Vec<String>,
    phases: Vec<Phase>,
    memory: Vec<(String, String)>,
}

/// A live autoscaler beside the model of it.
#[derive(Debug, Serialize)]
struct Autoscaler {
    badge: Badge,
    sentence: String,
    chart: Option<Chart>,
}

#[derive(Debug, Serialize)]
struct Generator {
    badge: Badge,
    sentence: String,
    agents: Vec<String>,
}

/// One trial.
pub(super) fn trial(trial: &TrialReport) -> Result<TrialPage, Error> {
    let time = timeline(trial);
    let summary = &trial.summary;
    Ok(TrialPage {
        number: trial.number,
        torn: summary.torn,
        latency: chart::latency(&time, &summary.seconds)?,
        curve: chart::percentiles(&time, summary)?,
        rates: chart::rates(&time, &summary.seconds)?,
        depth: chart::depth(&time, &trial.samples)?,
        sets: chart::sets(&time, &trial.samples, &trial.events)?,
        stages: phrase::stages(),
        scale_ups: summary
            .scale_ups
            .iter()
            .take(FAULTS)
            .map(phrase::scale_up)
            .collect(),
        more_scale_ups: summary.scale_ups.len().saturating_sub(FAULTS),
        autoscalers: trial
            .autoscalers
            .iter()
            .take(LAYERS)
            .map(|one| autoscaler(&time, one))
            .collect::<Result<_, _>>()?,
        lag: chart::lag(&time, summary, &trial.generator)?,
        generator: generator(&trial.generator),
        windows: tables::windows(summary),
        faults: trial
            .faults
            .iter()
            .take(FAULTS)
            .enumerate()
            .map(tables::fault)
            .collect(),
        more_faults: trial.faults.len().saturating_sub(FAULTS),
        findings: trial
            .correctness
            .as_ref()
            .map(tables::findings)
            .unwrap_or_default(),
        checked: trial.correctness.is_some(),
        examples: trial
            .correctness
            .as_ref()
            .map(tables::examples)
            .unwrap_or_default(),
        phases: tables::phases(&summary.layers),
        memory: trial
            .memory
            .iter()
            .take(FAULTS)
            .map(|memory| (memory.label.clone(), unit::bytes(memory.bytes)))
            .collect(),
    })
}

fn autoscaler(time: &Timeline, one: &LiveAutoscaler) -> Result<Autoscaler, Error> {
    let agreement = one.agreement();
    let badge = match (agreement.alike, agreement.differently) {
        (0, 0) => Badge::new(Tone::Doubtful, "not compared"),
        (_, 0) => Badge::new(Tone::Good, "the same decisions"),
        (_, differently) => Badge::new(Tone::Doubtful, &format!("{differently} decided differently")),
    };
    Ok(Autoscaler {
        badge,
        sentence: one.sentence(),
        chart: chart::live_hpa(time, one)?,
    })
}

fn timeline(trial: &TrialReport) -> Timeline {
    let seconds = trial.summary.seconds.len() as f64;
    let sampled = trial.samples.last().map_or(0.0, |sample| sample.at as f64 / 1e9);
    let end = seconds.max(sampled).clamp(1.0, 86_400.0);
    // What was measured is one span; before it is warm-up, after it is drain.
    let measured = trial
        .summary
        .window("always")
        .and_then(|window| window.spans.first());
    let outside = measured.map_or_else(Vec::new, |span| {
        let (from, to) = (span.from as f64 / 1e9, span.to as f64 / 1e9);
        [(0.0, from.min(end)), (to.min(end), end)]
            .into_iter()
            .filter(|(from, to)| to - from > 0.001)
            .collect()
    });
    Timeline {
        trial: trial.number,
        end,
        outside,
        bands: trial
            .faults
            .iter()
            .take(BANDS)
            .enumerate()
            .map(|(index, fault)| Band::of(index, fault, end))
            .collect(),
    }
}

/// What sending took; nothing in a simulation, where nobody sends.
fn effort(facts: &GeneratorFacts) -> String {
    if facts.cpu_seconds <= 0.0 {
        return String::new();
    }
    let class = if facts.realtime { "with" } else { "without" };
    let relieved = match facts.relieved {
        0 => String::new(),
        1 => ", and one request was sent by its thread on another core because the first was held up"
            .to_owned(),
        more => format!(
            ", and {} requests were sent by its thread on another core because the first was held up",
            unit::count(more)
        ),
    };
    format!(
        " The generator used {} s of processor time {class} realtime priority{relieved}.",
        unit::digits(facts.cpu_seconds)
    )
}

fn generator(facts: &GeneratorFacts) -> Generator {
    let (tone, word) = if facts.valid {
        (Tone::Good, "on time")
    } else {
        (Tone::Doubtful, "late: this trial is void")
    };
    Generator {
        badge: Badge::new(tone, word),
        sentence: format!(
            "Half of the requests were sent within {} of being due, 99 % within {}, 99.9 % within {} (bound {}), the latest after {}.{}",
            unit::nanos(facts.lag_p50),
            unit::nanos(facts.lag_p99),
            unit::nanos(facts.lag_p999),
            unit::nanos(facts.bound),
            unit::nanos(facts.lag_max),
            effort(facts),
        ),
        agents: phrase::agents(facts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What sending took is said where somebody sent, with what the second thread did if it did something.
    #[test]
    fn the_page_says_what_sending_took() {
        let facts = |cpu_seconds, realtime, relieved| GeneratorFacts {
            realtime,
            relieved,
            cpu_seconds,
            ..GeneratorFacts::default()
        };
        assert_eq!(effort(&facts(-0.0, false, 0)), "");
        assert_eq!(
            effort(&facts(0.5, true, 0)),
            " The generator used 0.5 s of processor time with realtime priority."
        );
        let one = effort(&facts(0.5, false, 1));
        assert!(
            one.contains("without realtime priority, and one request was sent"),
            "{one}"
        );
        let more = effort(&facts(0.5, false, 1_200));
        assert!(more.contains(", and 1,200 requests were sent"), "{more}");
    }
}
