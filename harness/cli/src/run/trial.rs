//! One trial: a platform, the load and the faults against it, and everything that was seen.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tally_capture::{FaultRecord, TrialWriter};
use tally_chaos::{Order, Planned};
use tally_load::{Answer, LoadError};
use tally_model::PlatformConfig;
use tally_plan::{Pick, Plan, Share};

use super::broken::Broken;
use super::events::in_trial_time;
use super::interrupt::Interrupt;
use super::judge::ran_dry;
use super::loads::Address;
use super::missed::{Missed, Wakeups};
use super::patience::{Over, Patience};
use super::recorder::Recorder;
use super::rereads::Rereader;
use super::sampler::{Memory, Sampler};
use super::senders::{Here, Senders};
use super::station::{Sent, Station, Told, Zero};
use super::watch::{Stop, Watch};
use super::world::World;
use crate::agents::Crew;
use crate::output::Progress;

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
    pub(super) watch: &'a Watch<'a>,
    /// Who sends; none if this process does.
    pub(super) crew: Option<Crew>,
}

/// What a trial gave, beside its files.
#[derive(Default)]
pub(super) struct Trial {
    pub(super) faults: Vec<FaultRecord>,
    pub(super) reports: Vec<Sent>,
    pub(super) memory: Memory,
    /// Why it was stopped before its end, if it was.
    pub(super) stop: Option<Stop>,
    /// A closed load had no more requests before its time was over.
    pub(super) ran_dry: bool,
    /// Agents whose record is not complete: who, and why.
    pub(super) lost: Vec<String>,
    /// Answers that the gateway dropped because they were not taken off the stream in time.
    pub(super) dropped: u64,
}

/// Plays the trial and writes its files.
///
/// `tend` is called again and again on this thread; what it returns is told.
pub(super) fn play(
    setup: &Setup<'_>,
    writer: TrialWriter,
    progress: &mut Progress,
    tend: &mut dyn FnMut() -> Option<String>,
) -> Result<Trial, Broken> {
    let address = Address {
        target: setup.world.http(),
        tag: setup.tag.clone(),
        trial: setup.number,
        agents: setup.crew.as_ref().map_or(0, Crew::len),
    };
    let station = Station::new(&setup.plan, &address, Share::ALL).map_err(LoadError::from)?;
    let recorder = Recorder::new(writer, station.lookup(), !setup.plan.faults.is_empty());
    let senders: Box<dyn Senders + '_> = match &setup.crew {
        Some(crew) => Box::new(crew.begin()?),
        None => Box::new(Here::begin(station)?),
    };
    let zero = senders.zero();
    let (missed, wakeups) = Missed::new();
    let stage = Stage {
        setup,
        address: &address,
        recorder: &recorder,
        senders: senders.as_ref(),
        zero,
        missed,
        hurried: OnceLock::new(),
    };
    let (reports, memory, mut faults) = match stage.run(wakeups, progress, tend) {
        Ok(seen) => seen,
        Err(broken) => {
            // What was seen until then can be judged; why there is no more of it is known.
            let _ = recorder.finish().and_then(TrialWriter::finish);
            return Err(broken);
        }
    };
    let dropped = stage.missed.dropped();
    let lost = senders.lost();
    let observations = in_trial_time(setup.world.observations(), zero.wall);
    tally_chaos::explain(&mut faults, &observations, &recorder.answered());
    for observation in &observations {
        recorder.write(|writer| writer.event(observation));
    }
    for fault in &faults {
        recorder.write(|writer| writer.fault(fault));
    }
    let autoscalers = setup.world.autoscalers(zero.wall);
    if !autoscalers.is_empty() {
        recorder.write(|writer| writer.autoscalers(&autoscalers));
    }
    recorder.finish()?.finish()?;
    Ok(Trial {
        faults,
        ran_dry: ran_dry(&reports),
        reports,
        memory,
        stop: setup.watch.stop().cloned(),
        lost,
        dropped,
    })
}

struct Stage<'a> {
    setup: &'a Setup<'a>,
    address: &'a Address,
    recorder: &'a Recorder,
    senders: &'a dyn Senders,
    zero: Zero,
    missed: Missed,
    /// When the interrupt was first seen.
    hurried: OnceLock<Instant>,
}

impl Told for Stage<'_> {
    fn sent(&self, sent: &tally_load::Sent) {
        self.recorder.sent(sent);
    }

    fn answer(&self, answer: &Answer) {
        self.recorder.answer(answer);
    }

    fn missed(&self, dropped: u64) {
        self.missed.tell(dropped);
    }
}

type Played = (Vec<Sent>, Memory, Vec<FaultRecord>);

impl Stage<'_> {
    fn now(&self) -> u64 {
        self.zero.start.elapsed().as_nanos() as u64
    }

    /// Nothing more is sent or broken.
    fn is_ended(&self) -> bool {
        self.setup.interrupt.is_set() || self.setup.watch.stop().is_some()
    }

    /// Whether the end is so old that nothing more is asked for.
    fn is_hurried(&self) -> bool {
        self.is_ended() && self.hurried.get_or_init(Instant::now).elapsed() >= 2 * INTERRUPTED
    }

    fn ask_for_missed(&self, wakeups: Wakeups) {
        let hurried = || self.is_hurried();
        let mut rereader = Rereader::new(self.address.target, self.recorder, self.zero.start, &hurried);
        wakeups.each(|| drop(rereader.outstanding()));
    }

    /// Load, faults, answers and samples at once, then the drain.
    fn run(
        &self,
        wakeups: Wakeups,
        progress: &mut Progress,
        tend: &mut dyn FnMut() -> Option<String>,
    ) -> Result<Played, Broken> {
        let over = AtomicBool::new(false);
        let is_over = || over.load(Ordering::Acquire);
        std::thread::scope(|scope| {
            let start = self.zero.start;
            let sampler = Sampler::new(self.setup.world, self.setup.platform, self.recorder, start);
            let sampling = scope.spawn(move || sampler.run(&is_over));
            let ended = &over;
            let asking = scope.spawn(move || self.ask_for_missed(wakeups));
            let hearing = scope.spawn(move || self.senders.hear(self, ended));
            let breaking = scope.spawn(|| self.break_things());
            let ending = scope.spawn(move || {
                self.senders.end(&|| self.is_ended(), ended);
            });
            let (load, sent) = sync_channel::<()>(0);
            let watching = scope.spawn(move || self.setup.watch.run(self.recorder, &|| self.now(), &sent));
            let sending = scope.spawn(move || self.senders.send(self));
            while !sending.is_finished() {
                self.tell(progress, "load");
                if let Some(text) = tend() {
                    progress.event(&text);
                }
                std::thread::sleep(LOOK);
            }
            let crashed = |_| Err(Broken::Panicked("the sending thread"));
            let reports = sending.join().unwrap_or_else(crashed);
            drop(load);
            let _ = watching.join();
            if let Some(stop) = self.setup.watch.stop() {
                progress.event(&stop.sentence());
            }
            progress.step("load sent");
            let faults = breaking.join().map_err(|_| Broken::Panicked("the chaos thread"));
            self.drain(progress, tend);
            over.store(true, Ordering::Release);
            let heard = hearing.join();
            self.missed.close();
            let asked = asking.join();
            heard
                .and(asked)
                .map_err(|_| Broken::Panicked("a thread that hears answers"))?;
            ending
                .join()
                .map_err(|_| Broken::Panicked("the thread that ends the load"))?;
            let memory = sampling
                .join()
                .map_err(|_| Broken::Panicked("the sampling thread"))?;
            Ok((reports?, memory, faults?))
        })
    }

    fn break_things(&self) -> Vec<FaultRecord> {
        let watch = self.setup.watch;
        watch.wait_for_faults(self.recorder, &|| self.now(), &|| self.is_ended());
        if self.is_ended() {
            return Vec::new();
        }
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
            watch.over(record);
        };
        tally_chaos::run(&planned, self.zero.start, &|| self.is_ended(), &now, &make, &tell)
    }

    /// Waits until nothing is owed any more, or for as long as [`Patience`] has.
    fn drain(&self, progress: &mut Progress, tend: &mut dyn FnMut() -> Option<String>) {
        let drain = self.setup.plan.phases.drain;
        let mut patience = Patience::new(Instant::now(), drain, &self.setup.platform.timing);
        let mut end = None;
        let hurried = || self.is_hurried();
        let mut rereader = Rereader::new(self.address.target, self.recorder, self.zero.start, &hurried);
        if !self.is_ended() {
            rereader.unresolved(self.address);
        }
        let mut next = Instant::now() + REREAD;
        while !self.recorder.outstanding().is_empty() {
            if self.is_ended() {
                patience.shorten(Instant::now(), INTERRUPTED.min(drain));
            }
            end = patience.over(Instant::now(), self.recorder.counts().answered);
            if end.is_some() {
                break;
            }
            if Instant::now() >= next {
                rereader.some_outstanding();
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
            self.zero.start.elapsed().as_secs_f64(),
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
