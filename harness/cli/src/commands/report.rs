//! `tally report RUN...`: renders stored runs again, with the renderer of today.

use serde_json::json;
use tally_capture::{Document, RunReader};
use tally_reports::RunReport;

use crate::args::{Global, Report};
use crate::exit::Exit;
use crate::output::Output;

/// Renders every run; results must have been stored.
pub(crate) fn run(args: &Report, global: &Global, output: &Output) -> Exit {
    if args.html.is_some() && args.runs.len() != 1 {
        output.error(
            "--html takes one run",
            Some("leave it out; each page goes into its run"),
        );
        return Exit::BadInput;
    }
    let mut pages = Vec::new();
    for wanted in &args.runs {
        match one(wanted, args, global, output) {
            Ok(page) => pages.push(page),
            Err(problem) => {
                let help = "runs are named `latest`, `burst/latest`, or by their path; a crashed run can be checked only";
                output.error(&problem, Some(help));
                return Exit::BadInput;
            }
        }
    }
    output.document(&json!({ "pages": pages }));
    Exit::Pass
}

fn one(wanted: &str, args: &Report, global: &Global, output: &Output) -> Result<String, String> {
    let run = RunReader::open(&global.runs_dir, wanted).map_err(|error| error.to_string())?;
    let mut report: RunReport = run
        .document(Document::Results)
        .map_err(|error| error.to_string())?;
    report.attach(&run).map_err(|error| error.to_string())?;
    output.line(&tally_reports::text(&report, 110, output.is_colored()));
    let page = tally_reports::html(&report).map_err(|error| error.to_string())?;
    let place = match &args.html {
        Some(file) => {
            std::fs::write(file, page).map_err(|error| format!("{}: {error}", file.display()))?;
            file.display().to_string()
        }
        None => {
            run.write_text(Document::Report, &page)
                .map_err(|error| error.to_string())?;
            run.directory().join("report.html").display().to_string()
        }
    };
    output.line(&format!("report: {place}"));
    Ok(place)
}
