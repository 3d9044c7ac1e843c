//! Tells what the layers did (see [`crate::load`]).

use tally_model::{Instant, Precondition};

use super::{Command, Scheduler};
use crate::load::{LOAD_KEY, LoadReport, TaskTimes};
use crate::packet::TaskDone;
use crate::port::PortCommand;

use super::flight::Landed;

impl Scheduler {
    pub(super) fn begin_reports(&mut self, now: Instant) {
        self.load = LoadReport::begin(now);
        self.next_report = now + self.config.scaling.interval;
    }

    /// Counts an answered task. It waited until it was sent, and again at its worker.
    pub(super) fn count(&mut self, now: Instant, done: &TaskDone, landed: &Landed) {
        let times = TaskTimes {
            worked: done.worked,
            waiting: landed.departed.since(landed.ready).saturating_add(done.waited),
            response: now.since(landed.ready),
        };
        self.load.answered(done.job.operation, times);
    }

    /// Stores the counters, unless the last report is still on its way: they are sums, so the next one has it all.
    pub(super) fn report(&mut self, now: Instant, out: &mut Vec<Command>) {
        self.next_report = now + self.config.scaling.interval;
        if self.reporting.is_some() {
            return;
        }
        self.load.at = now;
        let Ok(value) = serde_json::to_string(&self.load) else {
            return;
        };
        let token = self.token();
        self.reporting = Some(token);
        out.push(Command::Port(PortCommand::Put {
            token,
            key: LOAD_KEY.to_owned(),
            value,
            when: Precondition::Any,
        }));
    }
}
