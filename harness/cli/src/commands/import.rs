//! `tally import INVOCATIONS [DURATIONS]`: a recorded trace becomes an experiment file.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::json;
use tally_workloads::{TraceProblem, TracedFunction, read_trace};

use crate::args::Import;
use crate::exit::Exit;
use crate::output::Output;

/// Largest file in bytes; a day of the published data set is some hundred MB, which is to be cut down first.
const MAX_FILE_BYTES: u64 = 256 << 20;

/// Prints or writes an experiment that plays one function of the trace, or all of them together.
pub(crate) fn run(args: &Import, output: &Output) -> Exit {
    match import(args) {
        Ok(text) => tell(args, &text, output),
        Err((exit, problems)) => {
            for problem in &problems {
                output.error(problem, None);
            }
            output.document(&json!({ "problems": problems }));
            exit
        }
    }
}

type Problems = (Exit, Vec<String>);

fn import(args: &Import) -> Result<String, Problems> {
    let invocations = read(&args.invocations)?;
    let durations = args.durations.as_deref().map(read).transpose()?;
    let name = args.invocations.display().to_string();
    let told = |problems: Vec<TraceProblem>| {
        let told = problems.iter().map(|problem| format!("{name}: {problem}"));
        (Exit::BadInput, told.collect())
    };
    let functions = read_trace(&invocations, durations.as_deref()).map_err(told)?;
    let chosen: Vec<&TracedFunction> = functions
        .iter()
        .filter(|function| {
            args.function
                .as_ref()
                .is_none_or(|wanted| function.name == *wanted)
        })
        .collect();
    if chosen.is_empty() {
        let names: Vec<&str> = functions
            .iter()
            .take(10)
            .map(|function| function.name.as_str())
            .collect();
        let problem = format!(
            "there is no such function; the first of the file are {}",
            names.join(", ")
        );
        return Err((Exit::BadInput, vec![problem]));
    }
    let counts = window(&chosen, args);
    if counts.iter().all(|count| *count == 0) {
        return Err((
            Exit::BadInput,
            vec!["nothing is invoked in these minutes".to_owned()],
        ));
    }
    Ok(experiment(args, &chosen, &counts))
}

fn read(file: &Path) -> Result<String, Problems> {
    let problem = |exit, text: String| (exit, vec![format!("{} {text}", file.display())]);
    let length = std::fs::metadata(file)
        .map_err(|error| problem(Exit::BadInput, format!("cannot be read: {error}")))?
        .len();
    if length > MAX_FILE_BYTES {
        return Err(problem(
            Exit::BadInput,
            "is larger than 256 MiB: cut it down first".to_owned(),
        ));
    }
    std::fs::read_to_string(file).map_err(|error| problem(Exit::BadInput, format!("cannot be read: {error}")))
}

/// The minutes that were asked for, of all chosen functions together, scaled.
fn window(chosen: &[&TracedFunction], args: &Import) -> Vec<u32> {
    let sum = |minute: usize| {
        let sum: u64 = chosen
            .iter()
            .filter_map(|function| function.counts.get(minute))
            .map(|count| u64::from(*count))
            .sum();
        u32::try_from((sum as f64 * args.scale).round() as u64).unwrap_or(u32::MAX)
    };
    (args.from..args.from.saturating_add(args.minutes))
        .map(sum)
        .collect()
}

/// The mean execution time over what was invoked, in milliseconds; 20 if the trace does not say.
fn mean(chosen: &[&TracedFunction]) -> f64 {
    let (mut total, mut count) = (0.0, 0.0);
    for function in chosen {
        let invocations: f64 = function.counts.iter().map(|count| f64::from(*count)).sum();
        if let Some(durations) = &function.durations {
            total += durations.average * invocations;
            count += invocations;
        }
    }
    if count > 0.0 {
        (total / count).max(0.001)
    } else {
        20.0
    }
}

fn experiment(args: &Import, chosen: &[&TracedFunction], counts: &[u32]) -> String {
    let variation = match chosen {
        [only] => only
            .durations
            .as_ref()
            .and_then(|durations| durations.variation()),
        _ => None,
    };
    let law = match variation {
        Some(variation) if variation < 0.25 => "fixed",
        Some(_) | None => "lognormal",
    };
    let what = args.function.as_deref().unwrap_or("all functions");
    let seconds = counts.len() as f64 * args.bucket;
    let list: Vec<String> = counts.iter().map(u32::to_string).collect();
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "# {what} of a trace in the form of Azure Functions 2019, minutes {} to {}; one minute is played in {} s.\n\
         version = 1\nname = \"trace\"\ntitle = \"A recorded trace\"\nseed = 1\n\
         phases = {{ warmup = \"2s\", measure = \"{seconds}s\", drain = \"20s\" }}\n\n\
         [platform]\nscaler = \"kalman\"\n\
         work = {{ kind = \"delay\", mean = \"{:.3}ms\", dist = \"{law}\" }}\n\n\
         [[load]]\nname = \"trace\"\npattern = \"trace\"\nbucket = \"{}s\"\n\
         counts = [{}]\nexpr = {{ kind = \"flat\", ops = [\"*\"] }}\n",
        args.from,
        args.from + counts.len(),
        args.bucket,
        mean(chosen),
        args.bucket,
        list.join(", ")
    );
    text
}

fn tell(args: &Import, text: &str, output: &Output) -> Exit {
    match &args.out {
        None => {
            output.line(text.trim_end());
            output.document(&json!({ "experiment": text }));
            Exit::Pass
        }
        Some(file) => match std::fs::write(file, text) {
            Ok(()) => {
                output.line(&format!("wrote {}", file.display()));
                output.document(&json!({ "written": [file] }));
                Exit::Pass
            }
            Err(error) => {
                output.error(&format!("{} cannot be written: {error}", file.display()), None);
                Exit::Environment
            }
        },
    }
}
