//! Reads the times of the tasks out of a line of certificates without parsing the certificates.
//!
//! Certificates are nine tenths of the text. The names of the fields are searched for instead: a name in quotes with a colon
//! behind it can only be a field, because a quote inside a text is escaped. A line that does not look as `CertificateLine` is
//! written is parsed in full.

use std::borrow::Cow;
use std::path::Path;

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
    let list = memmem::find(line, b"\"tasks\":[")?;
    let (head, mut rest) = line.split_at(list);
    while let Some(start) = memmem::find(rest, b"\"task\":\"") {
        rest = &rest[start + 8..];
        let id = text(rest)?;
        let (_, index) = id.rsplit_once('.')?;
        // Each field in its turn, and none of the next task's.
        let end = memmem::find(rest, b"\"task\":\"").unwrap_or(rest.len());
        let mut fields = Fields(&rest[..end]);
        tasks.push(TaskTimes {
            index: index.parse().ok()?,
            layer: Layer::from_name(text(fields.behind(b"\"operation\":\"")?)?)?,
            ready: fields.number(b"\"ready\":")?,
            dispatched: fields.number(b"\"dispatched\":")?,
            done: fields.number(b"\"done\":")?,
        });
        rest = &rest[end..];
    }
    let mut fields = Fields(head);
    if tasks.is_empty() || fields.behind(b"\"expression\":\"").is_none() {
        return None;
    }
    let expression = text(fields.0)?;
    Some(Head {
        intended: Fields(head).number(b"\"intended\":"),
        expression: Cow::Borrowed(expression),
    })
}

/// Fields in the order in which they are written.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn behind(&mut self, name: &[u8]) -> Option<&'a [u8]> {
        let at = memmem::find(self.0, name)?;
        self.0 = &self.0[at + name.len()..];
        Some(self.0)
    }

    fn number(&mut self, name: &[u8]) -> Option<u64> {
        let digits = self.behind(name)?;
        let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
        std::str::from_utf8(&digits[..length]).ok()?.parse().ok()
    }
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
}

impl WholeTask {
    fn times(&self) -> TaskTimes {
        TaskTimes {
            index: self.job.task.index,
            layer: self.job.operation,
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
        for line in [
            format!(r#"{{"n":7,"intended":5,"expression":"3*2","tasks":[{one}]}}"#),
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
