//! Looks at a trial while it runs: whether it is well enough to be broken, and whether it has to be stopped.
//!
//! A look reads the record written so far and judges it as the end does. What is still open is in no look: a request counts once it
//! is over. Faults are told of as they end; one that has begun is felt until then.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tally_capture::{Analysis, FaultRecord, Result, TrialReader, TrialWriter};
use tally_check::AuditLimit;
use tally_plan::{Expectation, Experiment, Plan, PlannedFault, When};

use super::facts::{Facts, measure};
use super::judge::Judged;
use super::recorder::Recorder;

/// Between two looks at whether a trial has to be stopped.
const PERIOD: Duration = Duration::from_secs(1);
/// A look is followed by a pause this many times as long, so that looking takes at most a twentieth of one processor.
const REST: u32 = 20;
/// The state before the first fault is judged this long before it is due, so that judging does not make it late.
const AHEAD: Duration = Duration::from_millis(200);
/// Between two looks at whether a wait is called off.
const LOOK: Duration = Duration::from_millis(20);

/// Why a trial was stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stop {
    /// When, in nanoseconds since the trial began.
    pub(crate) at: u64,
    /// Which expectation of the experiment.
    pub(super) index: usize,
    that: String,
    when: String,
    /// With the values of that moment.
    pub(super) shown: String,
    /// How long it had not held; none if the platform was to be well before it is broken.
    failed_for: Option<Duration>,
}

impl Stop {
    /// True if nothing was injected because the platform was not well.
    pub(super) const fn is_before_faults(&self) -> bool {
        self.failed_for.is_none()
    }

    /// When, by which expectation, by how much.
    pub(super) fn sentence(&self) -> String {
        let (that, when, shown) = (&self.that, &self.when, &self.shown);
        let at = self.at as f64 / 1e9;
        match self.failed_for {
            None => format!(
                "stopped at {at:.1} s, nothing was injected: `{that}` ({when}) does not hold before the first fault: {shown}"
            ),
            Some(long) => format!(
                "stopped at {at:.1} s: `{that}` ({when}) did not hold for {:.1} s: {shown}",
                long.as_secs_f64()
            ),
        }
    }

    /// What to do about it.
    pub(super) const fn remedy(&self) -> &'static str {
        if self.is_before_faults() {
            "the platform was not well before it was broken: look at its logs, lower the rate, or lengthen the warm-up"
        } else {
            "to see the rest of the trial all the same, leave out `abort` or give it a longer `grace`"
        }
    }
}

/// Since when an expectation is seen not to hold.
#[derive(Clone, Copy, Debug, Default)]
struct Failing {
    since: Option<u64>,
}

impl Failing {
    /// Takes in a look at `now`; for how long it has not held if that is `grace` or more. What cannot be told is not a failure, and
    /// what holds once is well again.
    fn see(&mut self, held: Option<bool>, now: u64, grace: Duration) -> Option<Duration> {
        if held != Some(false) {
            self.since = None;
            return None;
        }
        let since = *self.since.get_or_insert(now);
        let long = Duration::from_nanos(now.saturating_sub(since));
        (long >= grace).then_some(long)
    }
}

/// Watches one trial.
#[derive(Debug)]
pub(crate) struct Watch<'a> {
    experiment: &'a Experiment,
    plan: &'a Plan,
    directory: PathBuf,
    failing: Mutex<Vec<Failing>>,
    /// Of faults that are over.
    ledgers: Mutex<Vec<FaultRecord>>,
    stop: OnceLock<Stop>,
}

impl<'a> Watch<'a> {
    /// Of the trial that is recorded in `directory`.
    pub(crate) fn new(experiment: &'a Experiment, plan: &'a Plan, directory: &Path) -> Self {
        Self {
            experiment,
            plan,
            directory: directory.to_owned(),
            failing: Mutex::new(vec![Failing::default(); experiment.expectations.len()]),
            ledgers: Mutex::default(),
            stop: OnceLock::new(),
        }
    }

    /// Why the trial was stopped, if it was.
    pub(crate) fn stop(&self) -> Option<&Stop> {
        self.stop.get()
    }

    /// A fault is over; told again it changes nothing.
    pub(crate) fn over(&self, ledger: &FaultRecord) {
        let mut ledgers = self.ledgers.lock().unwrap_or_else(PoisonError::into_inner);
        if ledgers.iter().all(|known| known.name != ledger.name) {
            ledgers.push(ledger.clone());
        }
    }

    /// Whether some expectation stops the trial when it does not hold.
    pub(crate) fn may_abort(&self) -> bool {
        self.experiment.expectations.iter().any(|one| one.abort)
    }

    /// When the first fault is due, if the platform has to be well before it; nanoseconds since the trial began.
    pub(crate) fn first_fault(&self) -> Option<u64> {
        let expectations = &self.experiment.expectations;
        let wanted = expectations.iter().any(is_before);
        let first = self.plan.faults.iter().map(|fault| fault.start).min();
        first.filter(|_| wanted)
    }

    /// Judges what has to hold before the first fault. If it does not the trial is stopped.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub(crate) fn before_faults(&self, now: u64) -> Result<()> {
        let judged = self.judge(now, is_before)?;
        if let Some((index, one)) = judged.into_iter().find(|(_, one)| one.held == Some(false)) {
            self.stop_by(index, one, now, None);
        }
        Ok(())
    }

    /// Judges what stops the trial.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub(crate) fn look(&self, now: u64) -> Result<()> {
        for (index, one) in self.judge(now, |one| one.abort)? {
            let grace = self.experiment.expectations[index].grace;
            let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(long) = failing[index].see(one.held, now, grace) {
                self.stop_by(index, one, now, Some(long));
            }
        }
        Ok(())
    }

    /// The first reason counts.
    fn stop_by(&self, index: usize, judged: Judged, at: u64, failed_for: Option<Duration>) {
        let Judged {
            that, when, shown, ..
        } = judged;
        self.stop.get_or_init(|| Stop {
            at,
            index,
            that,
            when,
            shown,
            failed_for,
        });
    }

    /// The chosen expectations with their places, by the record so far.
    fn judge(&self, now: u64, chosen: fn(&Expectation) -> bool) -> Result<Vec<(usize, Judged)>> {
        let expectations = self.experiment.expectations.iter().enumerate();
        let chosen: Vec<_> = expectations.filter(|(_, one)| chosen(one)).collect();
        let reader = TrialReader::at(&self.directory);
        let analysis = Analysis::with_faults(&reader, 1, self.ledgers_at(now))?;
        let mut metrics = chosen.iter().flat_map(|(_, one)| one.metrics());
        let check = if metrics.any(|metric| metric.is_safety()) {
            let options = tally_check::Options {
                threads: 1,
                audit: AuditLimit::Sample(0),
                expected: self.plan.expected(),
                ..tally_check::Options::default()
            };
            Some(tally_check::check_trial(&reader, &options)?)
        } else {
            None
        };
        let facts = Facts {
            analysis: &analysis,
            summary: &analysis.summary(measure(self.plan)),
            check: check.as_ref(),
            so_far: true,
        };
        let judge = |(index, one)| (index, facts.judge_one(one, self.plan));
        Ok(chosen.into_iter().map(judge).collect())
    }

    /// Of every fault that has begun: as told, or felt since it was due.
    fn ledgers_at(&self, now: u64) -> Vec<FaultRecord> {
        let mut ledgers = self
            .ledgers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let begun = self.plan.faults.iter().filter(|fault| fault.start <= now);
        let going_on: Vec<_> = begun
            .filter(|fault| ledgers.iter().all(|ledger| ledger.name != fault.name))
            .map(felt_since_due)
            .collect();
        ledgers.extend(going_on);
        ledgers
    }

    /// Waits until the first fault is nearly due and judges what has to hold before it; `recorder` writes the record. Returns at once if
    /// nothing has to hold, and as soon as the trial has `ended` otherwise.
    pub(super) fn wait_for_faults(
        &self,
        recorder: &Recorder,
        now: &dyn Fn() -> u64,
        ended: &dyn Fn() -> bool,
    ) {
        let Some(first) = self.first_fault() else { return };
        let due = first.saturating_sub(AHEAD.as_nanos() as u64);
        while now() < due {
            if ended() {
                return;
            }
            std::thread::sleep(LOOK.min(Duration::from_nanos(due.saturating_sub(now()))));
        }
        recorder.write(TrialWriter::flush);
        report(self.before_faults(now()));
    }

    /// Looks until the other end of `load` is gone or the trial is stopped.
    pub(super) fn run(&self, recorder: &Recorder, now: &dyn Fn() -> u64, load: &Receiver<()>) {
        if !self.may_abort() {
            return;
        }
        let mut pause = PERIOD;
        while self.stop().is_none() && load.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
            let began = Instant::now();
            recorder.write(TrialWriter::flush);
            report(self.look(now()));
            pause = PERIOD.max(began.elapsed() * REST);
        }
    }
}

fn is_before(expectation: &Expectation) -> bool {
    expectation.when == When::Before
}

/// A record that cannot be read while it is written fails the trial at its end, where everything is read again.
fn report(looked: Result<()>) {
    if let Err(error) = looked {
        tracing::warn!(%error, "the record so far could not be judged");
    }
}

/// The ledger of a fault that is not over: nobody knows when it ends.
fn felt_since_due(fault: &PlannedFault) -> FaultRecord {
    let (kind, role) = (fault.kind.name(), tally_plan::role_name(fault.role));
    FaultRecord {
        requested: Some(fault.start),
        ..FaultRecord::planned(&fault.name, kind, role, fault.start, u64::MAX - fault.start)
    }
}

#[cfg(test)]
mod tests;
