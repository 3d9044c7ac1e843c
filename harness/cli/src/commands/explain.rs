//! `tally explain WHAT`: an experiment file, an error code, a metric, or an expression.

use std::path::Path;

use serde_json::json;
use tally_expression::Operand;

use super::validate::load;
use crate::args::Explain;
use crate::exit::Exit;
use crate::output::Output;

/// Says it in words.
pub(crate) fn run(args: &Explain, output: &Output) -> Exit {
    if let Some(expression) = &args.expr {
        return explain_expression(expression, output);
    }
    let what = args.what.as_deref().unwrap_or_default();
    if let Some(help) = page(what) {
        output.line(&format!("{what}: {help}"));
        output.document(&json!({ "what": what, "help": help }));
        return Exit::Pass;
    }
    let path = Path::new(what);
    if !path.exists() {
        let help =
            "give an experiment file, an error code such as F0412, a metric such as latency, or --expr '1+2'";
        output.error(
            &format!("`{what}` is not a file, an error code or a metric"),
            Some(help),
        );
        return Exit::BadInput;
    }
    match load(path, &[], output) {
        Ok((_, experiment)) => {
            let text = tally_plan::explain(&experiment);
            output.line(&text);
            output.document(&json!({ "name": experiment.name, "timeline": text }));
            output.note(&format!("next: tally run {what}"));
            Exit::Pass
        }
        Err(exit) => exit,
    }
}

/// What a code or a metric means.
fn page(what: &str) -> Option<&'static str> {
    tally_plan::code_help(what)
        .or_else(|| tally_expression::code::code_help(what))
        .or_else(|| tally_plan::metric_help(what))
}

fn explain_expression(text: &str, output: &Output) -> Exit {
    let expression = match tally_expression::parse(text) {
        Ok(expression) => expression,
        Err(error) => {
            output.diagnostics("expression", text, &error.diagnostics);
            return Exit::BadInput;
        }
    };
    let remarks = tally_expression::lint(&expression);
    if !output.is_json() {
        output.diagnostics("expression", text, &remarks);
    }
    let dag = expression.dag();
    let operand = |operand: &Operand| match operand {
        Operand::Literal(value) => value.clone(),
        Operand::Task { index, negated } => format!("{}f{}", if *negated { "-" } else { "" }, index + 1),
    };
    for task in &dag.tasks {
        let (left, right) = (operand(&task.left), operand(&task.right));
        let level = task.level;
        output.line(&format!(
            "f{} = {left} {} {right}    level {level}",
            task.index + 1,
            task.operation.symbol()
        ));
    }
    let answer = expression.evaluate();
    output.line(&format!("answer = {} = {answer}", operand(&dag.root)));
    let levels = dag.tasks.iter().map(|task| task.level).max().unwrap_or(0);
    output.line(&format!("{} task(s) in {levels} level(s)", dag.tasks.len()));
    let tasks: Vec<_> = dag
        .tasks
        .iter()
        .map(|task| {
            json!({
                "index": task.index, "operation": task.operation, "left": operand(&task.left),
                "right": operand(&task.right), "level": task.level,
            })
        })
        .collect();
    output.document(&json!({ "tasks": tasks, "answer": answer, "remarks": remarks }));
    Exit::Pass
}
