//! Who sends a trial's requests: this process, or a crew of agents. The recorder is told the same by both.

use std::sync::atomic::AtomicBool;
use std::sync::mpsc::Receiver;
use std::sync::{Mutex, PoisonError};

use tally_load::{AnswerStream, StreamEvent};

use super::broken::Broken;
use super::station::{Sent, Station, Told, Zero};

/// Those who send, once it is decided when they begin. The calls run beside each other.
pub(crate) trait Senders: Sync {
    /// When the trial begins, a little ahead.
    fn zero(&self) -> Zero;
    /// Has everything sent at its time; returns when the last request is resolved.
    fn send(&self, told: &dyn Told) -> Result<Vec<Sent>, Broken>;
    /// Passes on what is heard until `over` is set.
    fn hear(&self, told: &dyn Told, over: &AtomicBool);
    /// Ends sending early once `interrupted`; returns when there is nothing left to end.
    fn end(&self, interrupted: &dyn Fn() -> bool, over: &AtomicBool);
    /// Who did not tell everything, and why.
    fn lost(&self) -> Vec<String>;
}

/// This process.
pub(super) struct Here {
    station: Station,
    zero: Zero,
    /// Closed when this is dropped.
    _stream: AnswerStream,
    answers: Mutex<Receiver<StreamEvent>>,
}

impl Here {
    /// Subscribes to the answers.
    pub(super) fn begin(station: Station) -> Result<Self, String> {
        let (zero, stream, answers) = station.begin()?;
        Ok(Self {
            station,
            zero,
            _stream: stream,
            answers: Mutex::new(answers),
        })
    }
}

impl Senders for Here {
    fn zero(&self) -> Zero {
        self.zero
    }

    fn send(&self, told: &dyn Told) -> Result<Vec<Sent>, Broken> {
        self.station.send(self.zero, told)
    }

    fn hear(&self, told: &dyn Told, over: &AtomicBool) {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        self.station.hear(&answers, over, told);
    }

    fn end(&self, interrupted: &dyn Fn() -> bool, over: &AtomicBool) {
        self.station.end_lanes(self.zero, interrupted, over);
    }

    fn lost(&self) -> Vec<String> {
        Vec::new()
    }
}
