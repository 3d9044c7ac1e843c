//! Reading all keys with a prefix at one revision, page by page.

use etcd_client::{GetOptions, KeyValue, SortOrder, SortTarget};
use tally_model::Versioned;

use crate::{Error, Etcd};

/// Keys of one answer; values are small, so an answer is too.
const PAGE: usize = 500;

/// What was there at a revision.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) revision: i64,
    pub(crate) keys: Vec<(String, Versioned)>,
}

impl Etcd {
    /// The first `limit` keys with a prefix, in order, all of one revision.
    pub(crate) async fn snapshot(&self, prefix: &str, limit: usize) -> Result<Snapshot, Error> {
        let prefix = self.key(prefix);
        let end = after_prefix(prefix.as_bytes());
        let mut from = prefix.into_bytes();
        let mut snapshot = Snapshot {
            revision: 0,
            keys: Vec::new(),
        };
        loop {
            let page = PAGE.min(limit - snapshot.keys.len());
            if page == 0 {
                return Ok(snapshot);
            }
            // The first page chooses the revision.
            let options = GetOptions::new()
                .with_range(end.clone())
                .with_limit(page as i64)
                .with_revision(snapshot.revision)
                .with_sort(SortTarget::Key, SortOrder::Ascend);
            let mut kv = self.kv();
            let mut answer = self.within("range", kv.get(from, Some(options))).await?;
            if snapshot.revision == 0 {
                snapshot.revision = answer.header().map_or(0, |header| header.revision());
            }
            let kvs = answer.take_kvs();
            let Some(last) = kvs.last().filter(|_| answer.more()) else {
                snapshot.keys.extend(kvs.iter().filter_map(|kv| self.entry(kv)));
                return Ok(snapshot);
            };
            from = last.key().to_vec();
            from.push(0);
            snapshot.keys.extend(kvs.iter().filter_map(|kv| self.entry(kv)));
        }
    }

    /// A key of ours and its value; what is no text was not written by us.
    pub(crate) fn entry(&self, kv: &KeyValue) -> Option<(String, Versioned)> {
        Some((self.own(kv.key())?.to_owned(), versioned(kv)?))
    }
}

/// A value and its version; `None` for one that is not text.
pub(crate) fn versioned(kv: &KeyValue) -> Option<Versioned> {
    Some(Versioned {
        value: kv.value_str().ok()?.to_owned(),
        version: kv.mod_revision() as u64,
    })
}

/// The first key that does not begin with a prefix; `[0]`, which means "no end", where there is none.
fn after_prefix(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    vec![0]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Claim: the table; the end is above every key with the prefix and at most the next other one.
    #[test]
    fn ends_follow_their_prefix() {
        for (prefix, end) in [
            (&b"a/"[..], &b"a0"[..]),
            (b"a\xff", b"b"),
            (b"\xff\xff", b"\0"),
            (b"", b"\0"),
        ] {
            assert_eq!(after_prefix(prefix), end, "{}", prefix.escape_ascii());
        }
    }
}
