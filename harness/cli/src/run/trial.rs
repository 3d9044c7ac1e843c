//! One trial: a platform, the load and the faults against it, and everything that was seen.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tally_capture::{FaultRecord, TrialWriter};
use tally_chaos::{Order, Planned};
use tally_load::{AnswerStream, Report, StreamEvent};
use tally_model::PlatformConfig;
use tally_plan::{Pick, Plan};

use super::events::in_trial_time;
use super::interrupt::Interrupt;
use super::loads::{self, Address, Lanes};
use super::patience::{Over, Patience};
use super::recorder::Recorder;
use super::rereads::Rereader;
use super::sampler::{Memory, Sampler};
use super::world::World;
use crate::output::Progress;

/// Events of the answer stream that may wait.
const STREAM: usize = 4_096;
/// Between preparation and the first request.
const LEAD: Duration = Duration::from_millis(150);
/// How long the answer stream is tried to be opened.
const OPEN: Duration = Duration::from_secs(30);
/// Between two looks during the drain.
const LOOK: Duration = Duration::from_millis(20);
/// How long answers are waited for after an interrupt.
const INTERRUPTED: Duration = Duration::from_secs(2);
/// How often outstanding answers are asked for while the stream is quiet.
const REREAD: Duration = Duration::from_secs(1);

/// What a trial is made of.
pub(super) struct Setup<'a> {
    pub(super) number: u32,
    pub(super) plan: Arc<Plan>,
    pub(super) platform: &'a PlatformConfig,
    pub(super) world: &'a dyn World,
    pub(super) tag: String,
    pub(super) interrupt: Interrupt,
}

/// What a trial gave, beside its files.
pub(super) struct Trial {
    pub(super) faults: Vec<FaultRecord>,
    pub(super) reports: Vec<Sent>,
    pub(super) memory: Memory,
}

/// What one lane of the generator reports.
pub(super) struct Sent {
    /// Whether its requests had fixed due times.
    pub(super) open: bool,
    pub(super) report: Report,
}

/// Plays the trial and writes its files.
///
/// `tend` is called again and again on this thread; what it returns is told.
pub(super) fn play(
    setup: &Setup<'_>,
    writer: TrialWriter,
    progress: &mut Progress,
    tend: &mut dyn FnMut() -> Option<String>,
) -> Result<Trial, String> {
    let address = Address {
        target: setup.world.http(),
        tag: setup.tag.clone(),
        trial: setup.number,
    };
    let lanes = Lanes::new(&setup.plan, &address).map_err(|error| error.to_string())?;
    let lookup = lanes.lookup();
    let recorder = Recorder::new(writer, lookup, !setup.plan.faults.is_empty());
    let Opening {
        start,
        zero,
        stream,
        answers,
    } = open(&address)?;
    let stage = Stage {
        setup,
        address: &address,
        lanes: &lanes,
        recorder: &recorder,
        start,
    };
    let (reports, memory, mut faults) = stage.run(answers, progress, tend)?;
    drop(stream);
    let observations = in_trial_time(setup.world.observations(), zero);
    tally_chaos::explain(&mut faults, &observations, &recorder.answered());
    for observation in &observations {
        recorder.write(|writer| writer.event(observation));
    }
    for fault in &faults {
        recorder.write(|writer| writer.fault(fault));
    }
    let autoscalers = setup.world.autoscalers(zero);
    if !autoscalers.is_empty() {
        recorder.write(|writer| writer.autoscalers(&autoscalers));
    }
    let writer = recorder.finish().map_err(|error| error.to_string())?;
    writer.finish().map_err(|error| error.to_string())?;
    Ok(Trial {
        faults,
        reports,
        memory,
    })
}

/// An open stream of answers and the zero of a trial's times, by both clocks.
struct Opening {
    start: Instant,
    zero: u64,
    stream: AnswerStream,
    answers: Receiver<StreamEvent>,
}

/// Subscribes to the trial's answers. A cluster's door answered a moment ago, but the rules of its proxies follow its pods with a
/// delay, so one connection that fails says nothing yet.
fn open(address: &Address) -> Result<Opening, String> {
    let until = Instant::now() + OPEN;
    loop {
        let start = Instant::now() + LEAD;
        let zero = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |now| (now + LEAD).as_nanos() as u64);
        match AnswerStream::open(address.target, &address.tag, start, STREAM) {
            // One that took longer than the lead would have the first requests late.
            Ok((stream, answers)) if Instant::now() < start || Instant::now() >= until => {
                return Ok(Opening {
                    start,
                    zero,
                    stream,
                    answers,
                });
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

struct Stage<'a> {
    setup: &'a Setup<'a>,
    address: &'a Address,
    lanes: &'a Lanes,
    recorder: &'a Recorder,
    start: Instant,
}

type Played = (Vec<Sent>, Memory, Vec<FaultRecord>);

impl Stage<'_> {
    fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    /// Load, faults, answers and samples at once, then the drain.
    fn run(
        &self,
        answers: Receiver<StreamEvent>,
        progress: &mut Progress,
        tend: &mut dyn FnMut() -> Option<String>,
    ) -> Result<Played, String> {
        let over = AtomicBool::new(false);
        let is_over = || over.load(Ordering::Acquire);
        std::thread::scope(|scope| {
            let sampler = Sampler::new(self.setup.world, self.setup.platform, self.recorder, self.start);
            let sampling = scope.spawn(move || sampler.run(&is_over));
            let ended = &over;
            let hearing = scope.spawn(move || self.hear(answers, ended));
            let breaking = scope.spawn(|| self.break_things());
            let ending = scope.spawn(|| self.end_closed_lanes(&over));
            let sending: Vec<_> = self
                .lanes
                .lanes
                .iter()
                .map(|lane| scope.spawn(move || self.send(lane)))
                .collect();
            while !sending.iter().all(std::thread::ScopedJoinHandle::is_finished) {
                self.tell(progress, "load");
                if let Some(text) = tend() {
                    progress.event(&text);
                }
                std::thread::sleep(LOOK);
            }
            let reports: Result<Vec<Sent>, String> = sending
                .into_iter()
                .map(|thread| {
                    thread
                        .join()
                        .unwrap_or_else(|_| Err("a sending thread panicked".into()))
                })
                .collect();
            progress.step("load sent");
            let faults = breaking
                .join()
                .map_err(|_| "the chaos thread panicked".to_owned());
            self.drain(progress, tend);
            over.store(true, Ordering::Release);
            let _ = hearing.join();
            let _ = ending.join();
            let memory = sampling
                .join()
                .map_err(|_| "the sampling thread panicked".to_owned())?;
            Ok((reports?, memory, faults?))
        })
    }

    fn send(&self, lane: &loads::Lane) -> Result<Sent, String> {
        let deadline = self.setup.plan.phases.drain.max(Duration::from_secs(5));
        let closed_from = self.lanes.closed_from;
        let told = |sent: &tally_load::Sent| {
            // A closed load has more requests than its time allows; those that were never sent were never planned.
            if sent.n < closed_from || sent.sent_ns.is_some() {
                self.recorder.sent(sent);
            }
        };
        let report = loads::run(
            lane,
            self.address,
            self.start,
            self.setup.plan.seed,
            deadline,
            &told,
        )
        .map_err(|error| error.to_string())?;
        Ok(Sent {
            open: lane.is_open(),
            report,
        })
    }

    /// Closed loads end with the measure phase, open ones by themselves; an interrupt ends all.
    fn end_closed_lanes(&self, over: &AtomicBool) {
        let end = Duration::from_nanos(self.setup.plan.measure_end());
        loop {
            let interrupted = self.setup.interrupt.is_set();
            if interrupted || self.start.elapsed() >= end {
                for lane in self
                    .lanes
                    .lanes
                    .iter()
                    .filter(|lane| interrupted || !lane.is_open())
                {
                    lane.control.stop();
                }
                if interrupted || over.load(Ordering::Acquire) {
                    return;
                }
            }
            if over.load(Ordering::Acquire) {
                return;
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Takes answers off the stream; asks by id after it was lost.
    fn hear(&self, answers: Receiver<StreamEvent>, over: &AtomicBool) {
        loop {
            match answers.recv_timeout(LOOK) {
                Ok(StreamEvent::Answer(answer)) => {
                    self.recorder.answer(&answer);
                    for lane in &self.lanes.lanes {
                        lane.control.answered(answer.id);
                    }
                }
                Ok(StreamEvent::Lost { .. }) => {
                    Rereader::new(self.address.target, self.recorder, self.start).outstanding();
                }
                Ok(StreamEvent::Unreadable(data)) => {
                    tracing::warn!(
                        bytes = data.len(),
                        "an event of the answer stream has no readable id"
                    );
                }
                Err(RecvTimeoutError::Timeout) if over.load(Ordering::Acquire) => return,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn break_things(&self) -> Vec<FaultRecord> {
        let planned: Vec<Planned> = self
            .setup
            .plan
            .faults
            .iter()
            .map(|fault| order(self.setup.platform, fault))
            .collect();
        let now = || self.now();
        let world = self.setup.world;
        let make = |order: Order| world.fault(order, &now);
        let tell = |record: &FaultRecord| {
            if let Some(problem) = &record.problem {
                tracing::warn!(fault = record.name, problem, "a fault was not confirmed");
            }
        };
        tally_chaos::run(
            &planned,
            self.start,
            self.setup.interrupt.flag(),
            &now,
            &make,
            &tell,
        )
    }

    /// Waits until nothing is owed any more, or for as long as [`Patience`] has.
    fn drain(&self, progress: &mut Progress, tend: &mut dyn FnMut() -> Option<String>) {
        let drain = self.setup.plan.phases.drain;
        let mut patience = Patience::new(Instant::now(), drain, &self.setup.platform.timing);
        let mut end = None;
        let mut rereader = Rereader::new(self.address.target, self.recorder, self.start);
        if !self.setup.interrupt.is_set() {
            rereader.unresolved(self.address);
        }
        let mut next = Instant::now() + REREAD;
        while !self.recorder.outstanding().is_empty() {
            if self.setup.interrupt.is_set() {
                patience.shorten(Instant::now(), INTERRUPTED.min(drain));
            }
            end = patience.over(Instant::now(), self.recorder.counts().answered);
            if end.is_some() {
                break;
            }
            if Instant::now() >= next {
                rereader.outstanding();
                next = Instant::now() + REREAD;
            }
            self.tell(progress, "drain");
            if let Some(text) = tend() {
                progress.event(&text);
            }
            std::thread::sleep(LOOK);
        }
        let pending = rereader.outstanding();
        if end == Some(Over::StillAnswering) {
            self.recorder.overdue(&pending);
        }
        rereader.sample();
        let counts = self.recorder.counts();
        progress.step(&format!(
            "drained: {} of {} accepted answered",
            counts.answered, counts.accepted
        ));
    }

    fn tell(&self, progress: &mut Progress, phase: &str) {
        let counts = self.recorder.counts();
        progress.tick(&format!(
            "{phase} {:.0} s  sent {}  accepted {}  answered {}  refused {}",
            self.start.elapsed().as_secs_f64(),
            counts.sent,
            counts.accepted,
            counts.answered,
            counts.refused
        ));
    }
}

/// A fault of a plan as it is ordered, within what the platform must bear.
pub(crate) fn order(platform: &PlatformConfig, fault: &tally_plan::PlannedFault) -> Planned {
    let sets = platform.bounds.max as usize * 4;
    let faulty = usize::from(platform.faulty()).max(1);
    let count = match fault.pick {
        Pick::One => 1,
        Pick::Minority => faulty.min(sets),
    };
    Planned {
        order: Order {
            name: fault.name.clone(),
            kind: fault.kind.name().to_owned(),
            role: fault.role,
            count,
            operation: fault.operation,
            part: fault.part.clone(),
            duration: Duration::from_nanos(fault.end - fault.start),
            seed: fault.choice,
        },
        at: fault.start,
    }
}
