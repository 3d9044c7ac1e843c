//! Reads the times of the tasks out of a line of certificates without parsing the certificates.
//!
//! Certificates are nine tenths of the text, and are skipped by searching for the field behind them: a name in quotes with a
//! colon behind it can only be a field, because a quote inside a text is escaped. A line that does not look, byte for byte, as
//! `CertificateLine` is written is parsed in full.

use std::borrow::Cow;
use std::path::Path;
use std::sync::LazyLock;

use memchr::memmem;
use serde::Deserialize;
use tally_model::Operation as Layer;

use crate::error::Result;
use crate::frame::Frame;
use crate::history::parse_line;

/// The times of one task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TaskTimes {
    pub(crate) index: u16,
    pub(crate) layer: Layer,
    /// It was the whole expression (`dispatch = whole`).
    pub(crate) whole: bool,
    pub(crate) ready: u64,
    pub(crate) dispatched: u64,
    pub(crate) done: u64,
}

impl TaskTimes {
    /// From operands known to handed to a worker.
    pub(crate) const fn wait(&self) -> u64 {
        self.dispatched.saturating_sub(self.ready)
    }

    /// From handed to a worker to the certified answer.
    pub(crate) const fn service(&self) -> u64 {
        self.done.saturating_sub(self.dispatched)
    }
}

/// What stands before the tasks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head<'a> {
    /// When the request was due; none in files of before this was recorded.
    pub(crate) intended: Option<u64>,
    pub(crate) expression: Cow<'a, str>,
}

/// Reads one line; its tasks replace what is in `tasks`.
pub(crate) fn read_tasks<'a>(
    line: &'a [u8],
    tasks: &mut Vec<TaskTimes>,
    frame: &Frame,
    path: &Path,
) -> Result<Head<'a>> {
    tasks.clear();
    if let Some(head) = skim(line, tasks) {
        return Ok(head);
    }
    let whole: WholeLine<'_> = parse_line(line, frame, path)?;
    tasks.clear();
    tasks.extend(whole.tasks.iter().map(WholeTask::times));
    Ok(Head {
        intended: whole.intended,
        expression: whole.expression,
    })
}

fn skim<'a>(line: &'a [u8], tasks: &mut Vec<TaskTimes>) -> Option<Head<'a>> {
    static READY: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(b"\"ready\":"));
    let intended = memmem::find(line, b"\"intended\":")? + 11;
    let (intended, rest) = number(&line[intended..])?;
    let rest = rest.strip_prefix(b",\"expression\":\"")?;
    let expression = text(rest)?;
    let mut rest = rest[expression.len()..].strip_prefix(b"\",\"tasks\":[")?;
    loop {
        rest = rest.strip_prefix(b"{\"job\":{\"task\":\"")?;
        let id = text(rest)?;
        rest = rest[id.len()..].strip_prefix(b"\",\"operation\":\"")?;
        let layer = text(rest)?;
        let whole = rest[layer.len()..].starts_with(b"\",\"expression\":");
        rest = &rest[READY.find(rest)? + 8..];
        let (ready, more) = number(rest)?;
        let (dispatched, more) = number(more.strip_prefix(b",\"dispatched\":")?)?;
        let (done, more) = number(more.strip_prefix(b",\"done\":")?)?;
        let (_, index) = id.rsplit_once('.')?;
        tasks.push(TaskTimes {
            index: index.parse().ok()?,
            layer: Layer::from_name(layer)?,
            whole,
            ready,
            dispatched,
            done,
        });
        rest = more.strip_prefix(b"}")?;
        match rest.strip_prefix(b",") {
            Some(next) => rest = next,
            None => break,
        }
    }
    (rest == b"]}").then_some(Head {
        intended: Some(intended),
        expression: Cow::Borrowed(expression),
    })
}

/// The number that stands here, and what follows it.
fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let length = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = bytes.split_at(length);
    Some((std::str::from_utf8(digits).ok()?.parse().ok()?, rest))
}

/// A text up to its closing quote; none if anything in it is escaped.
fn text(bytes: &[u8]) -> Option<&str> {
    let end = memchr::memchr2(b'"', b'\\', bytes)?;
    (bytes[end] == b'"').then(|| std::str::from_utf8(&bytes[..end]).ok())?
}

#[derive(Deserialize)]
struct WholeLine<'a> {
    #[serde(default)]
    intended: Option<u64>,
    #[serde(borrow, default)]
    expression: Cow<'a, str>,
    tasks: Vec<WholeTask>,
}

#[derive(Deserialize)]
struct WholeTask {
    job: WholeJob,
    ready: u64,
    dispatched: u64,
    done: u64,
}

#[derive(Deserialize)]
struct WholeJob {
    task: tally_model::TaskId,
    operation: Layer,
    #[serde(default)]
    expression: Option<serde::de::IgnoredAny>,
}

impl WholeTask {
    fn times(&self) -> TaskTimes {
        TaskTimes {
            index: self.job.task.index,
            layer: self.job.operation,
            whole: self.job.expression.is_some(),
            ready: self.ready,
            dispatched: self.dispatched,
            done: self.done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef";

    fn task(index: u16, left: &str) -> String {
        format!(
            r#"{{"job":{{"task":"{ID}.{index}","operation":"mul","left":"{left}","right":"2"}},"outcome":"6","set":"mul-0","certificate":"00ff","ready":{index},"dispatched":20,"done":30}}"#
        )
    }

    fn whole(line: &str) -> (Option<u64>, String, Vec<TaskTimes>) {
        let whole: WholeLine<'_> = serde_json::from_str(line).unwrap();
        let tasks = whole.tasks.iter().map(WholeTask::times).collect();
        (whole.intended, whole.expression.into_owned(), tasks)
    }

    /// Skimming gives what parsing gives, also where a text looks like a field.
    #[test]
    fn skimming_agrees_with_parsing() {
        let (one, two) = (task(0, "3"), task(1, r#"\"ready\":99,\"task\":\""#));
        let all = one.replace(
            r#""left":"3","right":"2""#,
            r#""expression":"3*2","left":"","right":"""#,
        );
        for line in [
            format!(r#"{{"n":7,"intended":5,"expression":"3*2","tasks":[{one}]}}"#),
            format!(r#"{{"n":7,"intended":5,"expression":"3*2","tasks":[{all}]}}"#),
            format!(r#"{{"n":7,"intended":5,"expression":"(3*2)*2","tasks":[{one},{two}]}}"#),
        ] {
            let mut tasks = Vec::new();
            let head = skim(line.as_bytes(), &mut tasks).unwrap();
            assert_eq!((head.intended, head.expression.into_owned(), tasks), whole(&line));
        }
    }

    /// What is not written as expected is left to the parser: fields in another order, escapes, no tasks, old files.
    #[test]
    fn what_looks_different_is_not_skimmed() {
        let one = task(0, "3");
        let turned = one.replace(r#""ready":0,"dispatched":20"#, r#""dispatched":20,"ready":0"#);
        for line in [
            format!(r#"{{"n":7,"intended":5,"expression":"3*2","tasks":[{turned}]}}"#),
            format!(r#"{{"n":7,"intended":5,"expression":"3\u002a2","tasks":[{one}]}}"#),
            r#"{"n":7,"intended":5,"expression":"3","tasks":[]}"#.to_owned(),
            format!(r#"{{"n":7,"tasks":[{one}]}}"#),
        ] {
            assert_eq!(skim(line.as_bytes(), &mut Vec::new()), None, "{line}");
            whole(&line);
        }
    }
}
