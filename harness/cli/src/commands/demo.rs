//! `tally demo`: the whole thing in a minute, with nothing installed.

use serde_json::json;
use tally_capture::{CertificateLine, FrameDecoder, FrameReader, RunReader, parse_line, split_lines};

use crate::args::{Demo, Global};
use crate::exit::Exit;
use crate::output::Output;
use crate::run::{Interrupt, Settings, play};

/// The experiment of the catalog, so that the demo is a file like any other.
const EXPERIMENT: &str = include_str!("../../../../workloads/catalog/demo.toml");

/// Runs the demo experiment.
pub(crate) fn run(args: &Demo, global: &Global, output: &Output) -> Exit {
    let overrides: Vec<(String, String)> = args
        .seed
        .iter()
        .map(|seed| ("seed".to_owned(), seed.to_string()))
        .collect();
    let experiment = match tally_plan::parse_with(EXPERIMENT, &overrides) {
        Ok(experiment) => experiment,
        Err(problems) => {
            output.diagnostics("demo.toml", EXPERIMENT, &problems);
            return Exit::Bug;
        }
    };
    output.note("tally demo: a platform of real processes, a burst, dependent expressions, two kills, every answer checked");
    let settings = Settings::new(&global.runs_dir);
    let finished = play(EXPERIMENT, &experiment, &settings, Interrupt::listen(), output);
    if let Some(text) = finished.directory.as_deref().and_then(certified_answer) {
        output.line(&text);
    }
    super::run::show(&finished, output);
    output.document(&json!({
        "exit_code": finished.exit.code(), "verdict": finished.exit.word(),
        "directory": finished.directory, "report": finished.report,
    }));
    output.note(
        "next: tally calc --trace '((3+5)*(4/2))'    tally run workloads/catalog/burst.toml    tally --help",
    );
    finished.exit
}

/// One answer of the run with what certifies it, for people to see what is meant.
fn certified_answer(directory: &std::path::Path) -> Option<String> {
    let run = RunReader::open(directory, &directory.display().to_string()).ok()?;
    let path = run.trials().ok()?.into_iter().next()?.certificates_path();
    let frame = FrameReader::open(&path).ok()?.next_frame().ok()??;
    let mut decoder = FrameDecoder::new().ok()?;
    let first = split_lines(decoder.text(&frame, &path).ok()?).next()?;
    let answer: CertificateLine = parse_line(first, &frame, &path).ok()?;
    let task = answer.tasks.last()?;
    let bytes = super::calc::unhex(task.certificate.as_deref()?)?;
    let certificate = tally_consensus::Certificate::decode(&bytes).ok()?;
    let voters: Vec<String> = certificate
        .votes
        .iter()
        .map(|vote| vote.member.to_string())
        .collect();
    Some(format!(
        "certified: {} {} {} = {}, signed by replicas {} of set {} (epoch {})\n",
        task.job.left,
        task.job.operation.symbol(),
        task.job.right,
        task.outcome,
        voters.join(", "),
        certificate.set,
        certificate.epoch.0
    ))
}
