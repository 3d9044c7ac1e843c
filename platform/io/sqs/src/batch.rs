//! Batch calls: cutting a list into what one call takes, and trying again what failed alone.

use std::ops::Range;

use aws_sdk_sqs::types::BatchResultErrorEntry;

use crate::Error;
use crate::error::{is_later, short};
use crate::pacing::{ROUNDS, pause};

/// Entries of one batch call.
pub(crate) const ENTRIES: usize = 10;
/// Batches of one list under way at once.
pub(crate) const ABREAST: usize = 8;

/// Consecutive ranges of at most [`ENTRIES`] items and at most `limit` bytes together. An item above the limit gets a range
/// of its own.
pub(crate) fn cut(sizes: &[usize], limit: usize) -> Vec<Range<usize>> {
    let mut ranges = Vec::with_capacity(sizes.len().div_ceil(ENTRIES));
    let (mut start, mut bytes) = (0, 0);
    for (index, &size) in sizes.iter().enumerate() {
        let full = index - start == ENTRIES || bytes + size > limit;
        if full && index > start {
            ranges.push(start..index);
            (start, bytes) = (index, 0);
        }
        bytes += size;
    }
    if start < sizes.len() {
        ranges.push(start..sizes.len());
    }
    ranges
}

/// An entry that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    /// Its position in the batch, which is its id in the call.
    pub(crate) index: usize,
    pub(crate) code: String,
    pub(crate) detail: String,
    /// Whether the same may succeed later.
    pub(crate) later: bool,
}

/// What failed of the entries that were asked for. An entry that the service says nothing about failed too.
pub(crate) fn failures<'a>(
    asked: &[usize],
    succeeded: impl IntoIterator<Item = &'a str>,
    failed: &[BatchResultErrorEntry],
) -> Vec<Failed> {
    let succeeded: Vec<usize> = succeeded.into_iter().filter_map(|id| id.parse().ok()).collect();
    let missing = asked.iter().filter(|index| !succeeded.contains(index));
    let told = |index: usize| failed.iter().find(|entry| entry.id().parse() == Ok(index));
    let describe = |&index: &usize| match told(index) {
        Some(entry) => Failed {
            index,
            code: short(entry.code()).to_owned(),
            detail: entry.message().unwrap_or_default().to_owned(),
            later: !entry.sender_fault() || is_later(entry.code()),
        },
        None => Failed {
            index,
            code: "Unanswered".to_owned(),
            detail: "the answer does not mention it".to_owned(),
            later: true,
        },
    };
    missing.map(describe).collect()
}

/// Calls with the entries that are left until none may succeed later; returns those that never can. `attempt` is told which
/// entries, and returns what failed.
pub(crate) async fn persist<F>(
    call: &'static str,
    queue: &str,
    count: usize,
    mut attempt: impl FnMut(Vec<usize>) -> F,
) -> Result<Vec<Failed>, Error>
where
    F: Future<Output = Result<Vec<Failed>, Error>>,
{
    let mut left: Vec<usize> = (0..count).collect();
    let mut refused = Vec::new();
    for round in 0..ROUNDS {
        let failed = attempt(left).await?;
        let (later, never): (Vec<_>, Vec<_>) = failed.into_iter().partition(|entry| entry.later);
        refused.extend(never);
        let Some(first) = later.first() else {
            return Ok(refused);
        };
        tracing::debug!(
            call,
            queue,
            count = later.len(),
            code = first.code,
            "entries are tried again"
        );
        if round + 1 == ROUNDS {
            return Err(entries(call, queue, &later, true));
        }
        tokio::time::sleep(pause(round)).await;
        left = later.into_iter().map(|entry| entry.index).collect();
    }
    Ok(refused)
}

/// The error of entries that failed for good, or too often; there is at least one.
pub(crate) fn entries(call: &'static str, queue: &str, failed: &[Failed], transient: bool) -> Error {
    let (code, detail) = failed
        .first()
        .map(|first| (first.code.clone(), first.detail.clone()))
        .unwrap_or_default();
    Error::Entries {
        call,
        queue: queue.to_owned(),
        count: failed.len(),
        code,
        detail,
        transient,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(index: usize, later: bool) -> Failed {
        Failed {
            index,
            code: if later {
                "InternalError"
            } else {
                "InvalidMessageContents"
            }
            .to_owned(),
            detail: String::new(),
            later,
        }
    }

    /// Claim: only the entries that may succeed later are tried again, and those that cannot are told.
    #[tokio::test]
    async fn failed_entries_are_tried_again_alone() {
        let mut asked = Vec::new();
        let refused = persist("SendMessageBatch", "q", 4, |left| {
            asked.push(left);
            std::future::ready(Ok(match asked.len() {
                1 => vec![failed(1, true), failed(2, false), failed(3, true)],
                2 => vec![failed(3, true)],
                _ => vec![],
            }))
        });
        assert_eq!(refused.await, Ok(vec![failed(2, false)]));
        assert_eq!(asked, [vec![0, 1, 2, 3], vec![1, 3], vec![3]]);
    }

    /// Claim: entries that go on failing end as a transient error after a bounded number of rounds.
    #[tokio::test]
    async fn rounds_are_bounded() {
        let mut rounds = 0;
        let result = persist("SendMessageBatch", "q", 1, |_| {
            rounds += 1;
            std::future::ready(Ok(vec![failed(0, true)]))
        });
        let error = result.await.expect_err("it never succeeded");
        assert!(tally_ports::Failure::is_transient(&error), "{error}");
        assert_eq!(rounds, ROUNDS);
    }

    /// Claim: what the service does not mention has failed and may succeed later; its own fault too; the sender's not.
    #[test]
    fn failures_are_what_did_not_succeed() {
        let entry = |id: &str, code: &str, sender: bool| {
            let built = BatchResultErrorEntry::builder()
                .id(id)
                .code(code)
                .sender_fault(sender);
            built.build().expect("all of it is set")
        };
        let told = [
            entry("1", "AWS.SimpleQueueService.InternalError", false),
            entry("2", "InvalidMessageContents", true),
        ];
        let found = failures(&[0, 1, 2, 3], ["0"], &told);
        let summary: Vec<_> = found
            .iter()
            .map(|one| (one.index, one.code.as_str(), one.later))
            .collect();
        assert_eq!(
            summary,
            [
                (1, "InternalError", true),
                (2, "InvalidMessageContents", false),
                (3, "Unanswered", true)
            ]
        );
    }

    /// Claim: the table; no batch has more than ten entries or more than the limit, unless one entry alone has.
    #[test]
    fn batches_follow_both_limits() {
        for (sizes, limit, expected) in [
            (&[][..], 100, vec![]),
            (&[1], 100, vec![(0, 1)]),
            (&[1; 10], 100, vec![(0, 10)]),
            (&[1; 11], 100, vec![(0, 10), (10, 11)]),
            (&[60, 40, 1], 100, vec![(0, 2), (2, 3)]),
            (&[60, 41, 60], 100, vec![(0, 1), (1, 2), (2, 3)]),
            (&[1, 101, 1], 100, vec![(0, 1), (1, 2), (2, 3)]),
            (&[101], 100, vec![(0, 1)]),
        ] {
            let found: Vec<_> = cut(sizes, limit)
                .into_iter()
                .map(|range| (range.start, range.end))
                .collect();
            assert_eq!(found, expected, "{sizes:?}");
        }
    }
}
