//! `tally hpa-cases FILE`.

use std::path::Path;

use serde_json::json;
use tally_autoscale::hpa::cases::{Evaluated, Problem, evaluate};

use crate::args::HpaCases;
use crate::exit::Exit;
use crate::output::Output;

/// Largest file in bytes; a row is a line of some hundred.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// Evaluates every row of the file by the model of the HorizontalPodAutoscaler and tells where the two disagree.
pub(crate) fn run(args: &HpaCases, output: &Output) -> Exit {
    let text = match read(&args.file) {
        Ok(text) => text,
        Err(problem) => {
            output.error(&problem, Some("give a JSON array of rows, as in hpa_cases.json"));
            output.document(&json!({ "problems": [{ "row": "file", "field": "", "message": problem }] }));
            return Exit::BadInput;
        }
    };
    match evaluate(&text) {
        Ok(rows) => tell(&rows, output),
        Err(problems) => refuse(&args.file, &problems, output),
    }
}

fn read(file: &Path) -> Result<String, String> {
    let name = file.display();
    let length = std::fs::metadata(file)
        .map_err(|error| format!("{name} cannot be read: {error}"))?
        .len();
    if length > MAX_FILE_BYTES {
        return Err(format!("{name} is larger than 16 MiB"));
    }
    std::fs::read_to_string(file).map_err(|error| format!("{name} cannot be read: {error}"))
}

fn tell(rows: &[Evaluated], output: &Output) -> Exit {
    for row in rows {
        for name in &row.ignored {
            output.note(&format!(
                "{}: `{name}` is not a field of kind `{}` and was not looked at",
                row.row, row.kind
            ));
        }
        for difference in &row.differences {
            let (field, expected, got) = (difference.field, &difference.expected, &difference.got);
            output.line(&format!(
                "differs  {}  {field}: expected {expected}, got {got}",
                row.row
            ));
        }
    }
    let differing: Vec<&Evaluated> = rows.iter().filter(|row| !row.differences.is_empty()).collect();
    let equal = rows.len() - differing.len();
    output.line(&format!(
        "{} row(s): {equal} equal, {} differ",
        rows.len(),
        differing.len()
    ));
    let ignored = rows.iter().filter(|row| !row.ignored.is_empty());
    let ignored: Vec<_> = ignored
        .map(|row| json!({ "row": row.row, "fields": row.ignored }))
        .collect();
    output.document(&json!({
        "rows": rows.len(), "equal": equal, "differ": differing.len(), "differing": differing, "ignored": ignored,
    }));
    if differing.is_empty() {
        Exit::Pass
    } else {
        Exit::Fail
    }
}

fn refuse(file: &Path, problems: &[Problem], output: &Output) -> Exit {
    for problem in problems {
        output.error(&problem.to_string(), None);
    }
    output.note(&format!(
        "{} problem(s) in {}. No row was evaluated.",
        problems.len(),
        file.display()
    ));
    output.document(&json!({ "problems": problems }));
    Exit::BadInput
}
