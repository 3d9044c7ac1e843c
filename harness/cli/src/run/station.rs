//! A process that sends requests and hears their answers: this one, or an agent with its share of a plan.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tally_load::{Answer, AnswerStream, StreamEvent};
use tally_plan::{Plan, Share};

use super::broken::Broken;
use super::loads::{self, Address, Lane, Lanes};
use super::recorder::Lookup;

#[cfg(test)]
mod tests;

/// Events of the answer stream that may wait.
const STREAM: usize = 4_096;
/// Between two looks at what cannot be waited for.
const LOOK: Duration = Duration::from_millis(20);
/// Between preparation and the first request.
const LEAD: Duration = Duration::from_millis(150);
/// How long the answer stream is tried to be opened.
const OPEN: Duration = Duration::from_secs(30);

/// What one lane of the generator reports.
pub(crate) struct Sent {
    /// Which agent sent it, if agents do.
    pub(crate) agent: Option<u32>,
    /// Whether its requests had fixed due times.
    pub(crate) open: bool,
    pub(crate) report: tally_load::Report,
}

/// Who hears of everything a station sends and hears, as it happens.
pub(crate) trait Told: Sync {
    /// The generator is done with a request.
    fn sent(&self, sent: &tally_load::Sent);
    /// An answer arrived.
    fn answer(&self, answer: &Answer);
    /// Answers may have been missed: the stream was lost for a while, or the gateway dropped so many. Returns at once.
    fn missed(&self, dropped: u64);
}

/// The zero of a trial's times, by both clocks of this machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Zero {
    pub(crate) start: Instant,
    /// Nanoseconds since 1970.
    pub(crate) wall: u64,
}

impl Zero {
    /// `ahead` from now.
    pub(crate) fn after(ahead: Duration) -> Self {
        Self {
            start: Instant::now() + ahead,
            wall: wall() + ahead.as_nanos() as u64,
        }
    }

    /// The moment that this machine's wall clock calls `wall`; none if that has passed.
    pub(crate) fn at(wall_at: u64) -> Option<Self> {
        let ahead = wall_at.checked_sub(wall())?;
        Some(Self {
            start: Instant::now() + Duration::from_nanos(ahead),
            wall: wall_at,
        })
    }
}

/// This machine's wall clock, in nanoseconds since 1970.
pub(crate) fn wall() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos() as u64)
}

/// See the module.
pub(crate) struct Station {
    address: Address,
    lanes: Lanes,
    plan: Arc<Plan>,
}

impl Station {
    /// For a share of a plan.
    pub(crate) fn new(plan: &Arc<Plan>, address: &Address, share: Share) -> std::io::Result<Self> {
        Ok(Self {
            address: address.clone(),
            lanes: Lanes::new(plan, address, share)?,
            plan: Arc::clone(plan),
        })
    }

    /// Tells what a number stands for.
    pub(crate) fn lookup(&self) -> Lookup {
        self.lanes.lookup()
    }

    /// Everything that would be sent, with its number and due time.
    #[cfg(test)]
    pub(crate) fn requests(&self) -> Vec<(u64, u64, String)> {
        self.lanes.lanes.iter().flat_map(Lane::requests).collect()
    }

    /// Subscribes to the answers of this process and decides when the trial begins. A cluster's door answered a moment ago, but the rules of
    /// its proxies follow its pods with a delay, so one connection that fails says nothing yet.
    pub(super) fn begin(&self) -> Result<(Zero, AnswerStream, Receiver<StreamEvent>), String> {
        let until = Instant::now() + OPEN;
        loop {
            let zero = Zero::after(LEAD);
            match self.subscribe(zero, 0) {
                // One that took longer than the lead would have the first requests late.
                Ok((stream, answers)) if Instant::now() < zero.start || Instant::now() >= until => {
                    return Ok((zero, stream, answers));
                }
                Err(error) if Instant::now() >= until => {
                    return Err(format!(
                        "the answer stream cannot be opened for {OPEN:?}: {error}"
                    ));
                }
                Ok(_) | Err(_) => std::thread::sleep(LOOK),
            }
        }
    }

    /// Subscribes to the answers of `agent`, or of this process.
    pub(crate) fn subscribe(
        &self,
        zero: Zero,
        agent: u32,
    ) -> std::io::Result<(AnswerStream, Receiver<StreamEvent>)> {
        AnswerStream::open(
            self.address.target,
            &self.address.stream(agent),
            zero.start,
            STREAM,
        )
    }

    /// Sends everything at its time; returns when the last request is resolved.
    pub(crate) fn send(&self, zero: Zero, told: &dyn Told) -> Result<Vec<Sent>, Broken> {
        std::thread::scope(|scope| {
            let lanes = self.lanes.lanes.iter();
            let sending: Vec<_> = lanes
                .map(|lane| scope.spawn(move || self.send_lane(lane, zero, told)))
                .collect();
            let joined = sending.into_iter().map(|thread| {
                let crashed = |_| Err(Broken::Panicked("a sending thread"));
                thread.join().unwrap_or_else(crashed)
            });
            joined.collect()
        })
    }

    fn send_lane(&self, lane: &Lane, zero: Zero, told: &dyn Told) -> Result<Sent, Broken> {
        let deadline = self.plan.phases.drain.max(Duration::from_secs(5));
        let closed_from = self.lanes.closed_from;
        let tell = |sent: &tally_load::Sent| {
            // A closed load has more requests than its time allows; those that were never sent were never planned.
            if sent.n < closed_from || sent.sent_ns.is_some() {
                told.sent(sent);
            }
        };
        let report = loads::run(lane, &self.address, zero.start, self.plan.seed, deadline, &tell)?;
        Ok(Sent {
            agent: None,
            open: lane.is_open(),
            report,
        })
    }

    /// Closed loads end with the measure phase, open ones by themselves; who is interrupted ends all.
    pub(crate) fn end_lanes(&self, zero: Zero, interrupted: &dyn Fn() -> bool, over: &AtomicBool) {
        let end = Duration::from_nanos(self.plan.measure_end());
        loop {
            let stopped = interrupted();
            if stopped || zero.start.elapsed() >= end {
                let lanes = self.lanes.lanes.iter();
                for lane in lanes.filter(|lane| stopped || !lane.is_open()) {
                    lane.control.stop();
                }
            }
            if stopped || over.load(Ordering::Acquire) {
                return;
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Takes answers off the stream until `over` is set, and then what was waiting by then.
    pub(crate) fn hear(&self, answers: &Receiver<StreamEvent>, over: &AtomicBool, told: &dyn Told) {
        loop {
            match answers.recv_timeout(LOOK) {
                Ok(event) => self.heard(event, told),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if over.load(Ordering::Acquire) {
                // A platform that answers on and on is not heard for ever.
                answers
                    .try_iter()
                    .take(STREAM)
                    .for_each(|event| self.heard(event, told));
                return;
            }
        }
    }

    fn heard(&self, event: StreamEvent, told: &dyn Told) {
        match event {
            StreamEvent::Answer(answer) => {
                told.answer(&answer);
                // An open loop waits for no answer.
                for lane in self.lanes.lanes.iter().filter(|lane| !lane.is_open()) {
                    if !lane.control.answered(answer.id) {
                        tracing::warn!(
                            "the generator is too busy to notice answers: a user may wait in vain"
                        );
                    }
                }
            }
            StreamEvent::Lost { .. } => told.missed(0),
            StreamEvent::Dropped(count) => told.missed(count),
            StreamEvent::Unreadable(data) => {
                tracing::warn!(
                    bytes = data.len(),
                    "an event of the answer stream has no readable id"
                );
            }
        }
    }
}
