//! `tally calc EXPR`: one expression, for first contact and for looking closely.

use std::time::Duration;

use serde_json::{Value, json};
use tally_load::{Client, Submission};
use tally_local::{Options, Platform, State, StateFile};
use tally_model::{Outcome, PlatformConfig};

use crate::args::Calc;
use crate::exit::Exit;
use crate::output::Output;
use crate::run::{Interrupt, Local, wait_until_ready};

/// How long a platform started for one expression may take to come up.
const START: Duration = Duration::from_secs(30);
/// Longest wait of one question; the gateway allows no more.
const ASK: Duration = Duration::from_secs(20);

/// Computes it on the platform that runs, or on one started for it.
pub(crate) fn run(args: &Calc, output: &Output) -> Exit {
    let expression = match tally_expression::parse(&args.expression) {
        Ok(expression) => expression,
        Err(error) => {
            output.diagnostics("expression", &args.expression, &error.diagnostics);
            return Exit::BadInput;
        }
    };
    if args.reference {
        let outcome = expression.evaluate();
        output.line(&outcome.to_string());
        output.document(&json!({ "outcome": outcome, "certified": false }));
        return exit_of(&outcome);
    }
    let running = StateFile::locate()
        .read()
        .ok()
        .flatten()
        .filter(|state| super::up::is_alive(state.supervisor));
    let (state, own) = match running {
        Some(state) => (state, None),
        None => match start(output) {
            Ok(platform) => (platform.0.state().clone(), Some(platform)),
            Err(problem) => {
                output.error(&problem, None);
                return Exit::Setup;
            }
        },
    };
    let exit = match compute(&state, args) {
        Ok(answer) => show(&answer, args, output),
        Err(problem) => {
            output.error(&problem, None);
            Exit::Fail
        }
    };
    drop(own);
    exit
}

/// A platform for one expression, and the folder that goes with it.
struct Own(
    Platform,
    #[allow(dead_code, reason = "removes the folder when dropped")] tempfile::TempDir,
);

fn start(output: &Output) -> Result<Own, String> {
    let folder = tempfile::Builder::new()
        .prefix("tally-")
        .tempdir()
        .map_err(|error| error.to_string())?;
    Interrupt::listen().leaves_at_once().owns(folder.path());
    let options = Options {
        data: folder.path().to_owned(),
        platform: PlatformConfig::default(),
        http: None,
        daemon: false,
        timeout: START,
    };
    let mut progress = output.progress();
    let platform = Platform::start(&options).map_err(|error| error.to_string())?;
    wait_until_ready(
        &Local(platform.state().clone()),
        &options.platform,
        START,
        &mut progress,
    )?;
    Ok(Own(platform, folder))
}

fn compute(state: &State, args: &Calc) -> Result<Value, String> {
    let mut client = Client::new(state.http, Duration::from_secs(5));
    let key = format!("calc-{:032x}", rand::random::<u128>());
    let submission = Submission {
        target: state.http,
        expression: &args.expression,
        idempotency_key: &key,
        tag: None,
        work_key: None,
    };
    let within = Duration::from_secs(args.wait);
    let accepted = client
        .submit(&submission, within)
        .map_err(|error| error.to_string())?;
    let body: Value = serde_json::from_slice(&accepted.body).unwrap_or(Value::Null);
    let id = body["id"]
        .as_str()
        .ok_or_else(|| format!("not accepted ({}): {body}", accepted.status))?;
    let until = std::time::Instant::now() + within;
    loop {
        let left = until.saturating_duration_since(std::time::Instant::now());
        let path = format!(
            "/v1/expressions/{id}?certificate=true&wait={}ms",
            left.min(ASK).as_millis()
        );
        let reply = Client::new(state.http, left.min(ASK) + Duration::from_secs(5))
            .get(&path)
            .map_err(|error| error.to_string())?;
        let answer: Value = serde_json::from_slice(&reply.body).map_err(|error| error.to_string())?;
        if answer["status"] == "done" {
            return Ok(answer);
        }
        if left.is_zero() {
            return Err(format!("no answer within {within:?}; it stays accepted as {id}"));
        }
    }
}

fn show(answer: &Value, args: &Calc, output: &Output) -> Exit {
    let text = answer["outcome"].as_str().unwrap_or_default();
    output.line(text);
    if args.trace {
        trace(answer, output);
    }
    output.document(answer);
    match Outcome::try_from(text.to_owned()) {
        Ok(outcome) => exit_of(&outcome),
        Err(problem) => {
            output.error(&problem, None);
            Exit::Bug
        }
    }
}

/// A named error is an answer, but not the number that was asked for.
fn exit_of(outcome: &Outcome) -> Exit {
    match outcome {
        Outcome::Value(_) => Exit::Pass,
        Outcome::Error(_) => Exit::Fail,
    }
}

fn trace(answer: &Value, output: &Output) {
    for task in answer["tasks"].as_array().into_iter().flatten() {
        let job = &task["job"];
        let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
        let index = job["task"]
            .as_str()
            .and_then(|task| task.rsplit_once('.'))
            .map_or("?", |(_, index)| index);
        let millis = |from: &Value, to: &Value| {
            (to.as_u64()
                .unwrap_or(0)
                .saturating_sub(from.as_u64().unwrap_or(0))) as f64
                / 1e6
        };
        let votes = task["certificate"]
            .as_str()
            .and_then(unhex)
            .and_then(|bytes| tally_consensus::Certificate::decode(&bytes).ok())
            .map_or("not replicated".to_owned(), |certificate| {
                let who: Vec<String> = certificate
                    .votes
                    .iter()
                    .map(|vote| vote.member.to_string())
                    .collect();
                format!(
                    "certified by replicas {} in epoch {}",
                    who.join(", "),
                    certificate.epoch.0
                )
            });
        output.line(&format!(
            "  task {index}  {} = {:<12} {:<8} queue {:.2} ms, compute and vote {:.2} ms, {votes}",
            computed(job),
            text(&task["outcome"]),
            text(&task["set"]),
            millis(&task["ready"], &task["dispatched"]),
            millis(&task["dispatched"], &task["done"]),
        ));
    }
}

/// What a job computed: two operands, or the expression where it was not split.
fn computed(job: &Value) -> String {
    let text = |name: &str| job[name].as_str().unwrap_or("?");
    let symbol = tally_model::Operation::from_name(text("operation"));
    let symbol = symbol.map_or('?', tally_model::Operation::symbol);
    match job["expression"].as_str() {
        Some(expression) => expression.to_owned(),
        None => format!("{} {symbol} {}", text("left"), text("right")),
    }
}

pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    let pairs = digits.chunks_exact(2);
    digits
        .len()
        .is_multiple_of(2)
        .then(|| {
            pairs
                .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
                .collect()
        })
        .flatten()
}

#[cfg(test)]
mod tests {
    use tally_model::{Job, Operation, RequestId, TaskId};

    use super::computed;

    /// A trace shows the two operands of a task, or all of an expression that was not split.
    #[test]
    fn a_trace_shows_what_was_computed() {
        let mut job = Job {
            task: TaskId {
                request: RequestId(1),
                index: 0,
            },
            operation: Operation::Mul,
            expression: None,
            left: "8".into(),
            right: "-2".into(),
        };
        let shown = |job: &Job| computed(&serde_json::to_value(job).unwrap_or_default());
        assert_eq!(shown(&job), "8 * -2");
        job.expression = Some("(3+5)*-2".into());
        assert_eq!(shown(&job), "(3+5)*-2");
    }
}
