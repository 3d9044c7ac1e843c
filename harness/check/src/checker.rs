//! The whole check: certificates are sampled, the history is read once, pairs are compared, the sample is audited.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tally_capture::{CaptureError, CertificateLine, SCHEMA_VERSION, Tail, TrialKeys, TrialReader};
use tally_model::Observation;

use crate::audit::{Audited, Auditor, certifies, verifier};
use crate::entry::Entry;
use crate::history::{self, Chosen};
use crate::options::Options;
use crate::relation::relate;
use crate::report::{Audit, CheckReport, Gaps, Safety};
use crate::sample::{self, Sample};

/// What is checked.
#[derive(Clone, Debug)]
pub struct Input {
    /// A `history.jsonl.zst`.
    pub history: PathBuf,
    /// A `certificates.jsonl.zst`, if there is one.
    pub certificates: Option<PathBuf>,
    /// What certificates are checked with.
    pub keys: Option<TrialKeys>,
    /// What the platform reported.
    pub events: Vec<Observation>,
}

impl Input {
    /// The files of a trial.
    ///
    /// # Errors
    /// If keys or events cannot be read.
    pub fn of(trial: &TrialReader) -> Result<Self, CaptureError> {
        let certificates = trial.certificates_path();
        Ok(Self {
            history: trial.history_path(),
            certificates: certificates.exists().then_some(certificates),
            keys: trial.keys()?,
            events: trial.events()?.0,
        })
    }
}

/// Checks a trial.
///
/// # Errors
/// If a file is missing or damaged. A torn tail is no error; the report says so.
pub fn check_trial(trial: &TrialReader, options: &Options) -> Result<CheckReport, CaptureError> {
    check(&Input::of(trial)?, options)
}

/// Checks a history with its certificates. Equal inputs give equal reports, whatever the number of threads.
///
/// # Errors
/// If a file is missing or damaged. A torn tail is no error; the report says so.
pub fn check(input: &Input, options: &Options) -> Result<CheckReport, CaptureError> {
    let (mut sample, certificates_tail) = match &input.certificates {
        Some(path) => sample::read(path, options)?,
        None => (Sample::default(), Tail::Clean),
    };
    let (mut lines, tail) = history::read(&input.history, options, |n| sample.lines.contains_key(&n))?;
    if tail != Tail::Clean {
        // Certificates go to another file: what the torn end of the history held may have left some there.
        sample.lines.retain(|n, _| lines.chosen.contains_key(n));
    }
    let mut relations = relate(&lines.entries, &lines.seen, &input.events);
    std::mem::take(&mut lines.strays).relate(&mut relations.unexpected, &mut relations.conflicting);
    let mut audited = audit(&sample, &lines.chosen, input.keys.as_ref(), options);
    if certifies(input.keys.as_ref()) && certificates_tail == Tail::Clean {
        without_line(&lines.entries, &sample.answers, &mut audited);
    }
    lines.duplicated.merge(relations.duplicated);
    lines.unexpected.merge(relations.unexpected);
    lines.malformed.merge(relations.malformed);
    let usable = input.keys.as_ref().and_then(verifier).is_some();
    let mut report = CheckReport {
        schema_version: SCHEMA_VERSION,
        safety: Safety::Clean,
        requests: relations.requests,
        accepted: lines.accepted,
        answered: lines.answered,
        refused: lines.refused,
        unknown: lines.unknown,
        reads: lines.seen.len() as u64,
        lost: lines.lost.finish(),
        overdue: lines.overdue.finish(),
        duplicated: lines.duplicated.finish(),
        wrong: lines.wrong.finish(),
        conflicting: relations.conflicting.finish(),
        unexpected: lines.unexpected.finish(),
        non_monotonic: relations.non_monotonic.finish(),
        failed: lines.failed.finish(),
        recovered: lines.recovered.finish(),
        audit: Audit {
            answers: sample.answers.len() as u64,
            answers_audited: audited.answers,
            certificates_audited: audited.certificates,
            uncertified: audited.uncertified,
            flaws: audited
                .flaws
                .into_iter()
                .map(|(name, found)| (name.to_owned(), found.finish()))
                .collect(),
        },
        gaps: Gaps {
            torn_history: tail != Tail::Clean,
            torn_certificates: certificates_tail != Tail::Clean,
            missing_keys: !sample.answers.is_empty() && !usable,
            unrecorded: options
                .planned
                .map_or(0, |planned| planned.saturating_sub(relations.requests)),
            malformed: lines.malformed.finish(),
        },
    };
    report.safety = report.judge();
    Ok(report)
}

/// Audits the sample, split among the threads by answers.
fn audit(
    sample: &Sample,
    chosen: &BTreeMap<u64, Chosen>,
    keys: Option<&TrialKeys>,
    options: &Options,
) -> Audited {
    let lines: Vec<(&u64, &Vec<u8>)> = sample.lines.iter().collect();
    let share = lines.len().div_ceil(options.threads.max(1)).max(1);
    let work = |part: &[(&u64, &Vec<u8>)]| {
        let mut auditor = Auditor {
            verifier: keys.and_then(verifier),
            certifies: certifies(keys),
            found: Audited::default(),
        };
        for (n, line) in part {
            let line = serde_json::from_slice::<CertificateLine>(line).ok();
            auditor.answer(**n, line, chosen.get(n));
        }
        auditor.found
    };
    let parts: Vec<_> = std::thread::scope(|scope| {
        let handles: Vec<_> = lines
            .chunks(share)
            .map(|part| scope.spawn(move || work(part)))
            .collect();
        handles.into_iter().map(|handle| handle.join()).collect()
    });
    let mut all = Audited::default();
    for part in parts {
        all.merge(part.unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
    }
    all
}

/// Values of expressions with operations that came without any task, although the platform certifies.
fn without_line(entries: &[Entry], answers: &[u64], audited: &mut Audited) {
    let mut answers = answers.iter().peekable();
    for entry in entries.iter().filter(|entry| entry.value && entry.tasks) {
        // Both are sorted, so one walk finds all.
        while answers.next_if(|n| **n < entry.n).is_some() {}
        if answers.peek() != Some(&&entry.n) {
            let detail = || "a value without tasks and certificates".into();
            audited
                .flaws
                .entry("missing")
                .or_default()
                .note(entry.n, entry.id(), detail);
        }
    }
}
