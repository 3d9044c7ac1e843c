//! The pass over the certificates: which answers have any, and a sample of them in full.
//!
//! Bottom-k sampling: every answer has a hash of the seed and its number, and the smallest hashes are kept. So the sample does
//! not depend on threads or on the order of lines, one pass is enough, and lines outside it are never parsed.

use std::collections::BTreeMap;
use std::path::Path;

use tally_capture::{CaptureError, CertificateLine, Frame, Tail, fold_frames, parse_line};

use crate::options::{AuditLimit, Options};

/// Answers with certificates, and the sampled ones.
#[derive(Debug, Default)]
pub(crate) struct Sample {
    /// Numbers of all answers that have a line, sorted.
    pub(crate) answers: Vec<u64>,
    /// The sampled ones, as text: parsed again by the audit, several times smaller until then.
    pub(crate) lines: BTreeMap<u64, Vec<u8>>,
}

/// One thread's part.
struct Part {
    answers: Vec<u64>,
    /// Hash and number; the text and how many tasks are in it.
    kept: BTreeMap<(u64, u64), (Vec<u8>, u64)>,
    tasks: u64,
    limit: u64,
}

impl Part {
    /// Drops the largest hashes as long as what remains still has enough tasks.
    fn trim(&mut self) {
        while let Some(last) = self.kept.last_entry() {
            let tasks = last.get().1;
            if self.tasks - tasks < self.limit {
                break;
            }
            last.remove();
            self.tasks -= tasks;
        }
    }

    fn offer(&mut self, key: (u64, u64), line: &[u8]) {
        let full = self.tasks >= self.limit;
        if full && self.kept.last_key_value().is_some_and(|(last, _)| key > *last) {
            return;
        }
        let tasks = count(line, b"\"dispatched\":");
        self.kept.insert(key, (line.to_vec(), tasks));
        self.tasks += tasks;
        self.trim();
    }
}

/// Reads a file of certificates.
pub(crate) fn read(path: &Path, options: &Options) -> Result<(Sample, Tail), CaptureError> {
    let limit = match options.audit {
        AuditLimit::All => u64::MAX,
        AuditLimit::Sample(limit) => limit.max(1),
    };
    let part = || Part {
        answers: Vec::new(),
        kept: BTreeMap::new(),
        tasks: 0,
        limit,
    };
    let (parts, tail) = fold_frames(path, options.threads, part, |part, line, frame| {
        let n = number(line, frame, path)?;
        part.answers.push(n);
        part.offer((spread(options.seed, n), n), line);
        Ok(())
    })?;
    let mut all = part();
    for part in parts {
        all.answers.extend(part.answers);
        all.tasks += part.tasks;
        all.kept.extend(part.kept);
    }
    all.trim();
    all.answers.sort_unstable();
    let lines = all
        .kept
        .into_iter()
        .map(|((_, n), (line, _))| (n, line))
        .collect();
    Ok((
        Sample {
            answers: all.answers,
            lines,
        },
        tail,
    ))
}

/// The number of a line, which stands first; a line that has it elsewhere is parsed.
fn number(line: &[u8], frame: &Frame, path: &Path) -> Result<u64, CaptureError> {
    let digits = line
        .strip_prefix(b"{\"n\":")
        .and_then(|rest| rest.split(|b| *b == b',').next());
    match digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok()) {
        Some(n) => Ok(n),
        None => parse_line::<CertificateLine>(line, frame, path).map(|line| line.n),
    }
}

fn count(text: &[u8], what: &[u8]) -> u64 {
    memchr::memmem::find_iter(text, what).count() as u64
}

/// SplitMix64's finalizer (Steele, Lea and Flood 2014): neighbouring numbers get unrelated hashes.
fn spread(seed: u64, n: u64) -> u64 {
    let mut z = seed.wrapping_add((n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
