//! `tally schema`.

use crate::exit::Exit;
use crate::output::Output;

/// Prints the JSON schema of experiment files.
pub(crate) fn run(output: &Output) -> Exit {
    match serde_json::to_string_pretty(&tally_plan::schema()) {
        Ok(text) => {
            output.raw(&text);
            Exit::Pass
        }
        Err(error) => {
            output.error(&format!("the schema cannot be written: {error}"), None);
            Exit::Bug
        }
    }
}
