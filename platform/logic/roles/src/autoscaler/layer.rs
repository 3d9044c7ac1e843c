//! One layer as the autoscaler sees it: questions, the policies' panel, the decision and its way to the store.

use std::time::Duration;

use tally_autoscale::{Decision, Interval, Panel, Reading, Rules, Signal, Verdict};
use tally_model::{Depth, Instant, Observation, Operation, Precondition, QueueName, Step};

use super::starts::Starts;
use super::{Command, SHORTEST_LOOK, ScaleTarget, scale_key};
use crate::port::{PortCommand, Token};

/// From the first depth above the threshold, or the first decision for more sets, to the next depth of 0.
#[derive(Clone, Copy, Debug, Default)]
struct Episode {
    /// Whether the depth was above the threshold in it.
    over: bool,
    /// Whether the policy has asked for more sets in it.
    acted: bool,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Layer {
    operation: Operation,
    panel: Panel,
    rules: Rules,
    /// When the open question was asked.
    asked: Option<Instant>,
    /// When the newest question was asked.
    last_asked: Option<Instant>,
    /// Something was enqueued since.
    kicked: bool,
    /// Enqueued after the newest question.
    arrivals: u64,
    /// Enqueued before the newest question and after the one before: part of its answer.
    counted: u64,
    depth: Depth,
    ready: u32,
    starting: u32,
    starts: Starts,
    /// What the layer did according to reports that no signal had yet, or what was wrong with the newest.
    interval: Option<Result<Interval, String>>,
    /// The newest decision; none before the first.
    wanted: Option<u32>,
    why: String,
    decided: Instant,
    /// Whether it stands for lack of anything better.
    held: bool,
    shadows: Vec<(u32, bool)>,
    stored: Option<u32>,
    writing: Option<(Token, u32)>,
    /// The enqueue that, if nothing was done in the meantime, brought the depth above the threshold.
    suspected: Option<Instant>,
    /// The first enqueue after the layer was last seen empty, not before that sight.
    busy: Option<Instant>,
    episode: Option<Episode>,
}

impl Layer {
    pub(super) fn new(operation: Operation, panel: Panel, rules: Rules) -> Self {
        Self {
            operation,
            panel,
            rules,
            asked: None,
            last_asked: None,
            kicked: false,
            arrivals: 0,
            counted: 0,
            depth: Depth::default(),
            ready: 0,
            starting: 0,
            starts: Starts::default(),
            interval: None,
            wanted: None,
            why: String::new(),
            decided: Instant::ZERO,
            held: false,
            shadows: Vec::new(),
            stored: None,
            writing: None,
            suspected: None,
            busy: None,
            episode: None,
        }
    }

    pub(super) const fn operation(&self) -> Operation {
        self.operation
    }

    pub(super) const fn set_capacity(&mut self, ready: u32, starting: u32) {
        self.ready = ready;
        self.starting = starting;
    }

    /// Resumes at what an earlier life wrote.
    pub(super) fn begin(&mut self, now: Instant, previous: Option<u32>, out: &mut Vec<Command>) {
        let verdict = self.panel.start(previous);
        self.stored = previous;
        self.wanted = previous;
        self.shadows = verdict
            .shadows
            .iter()
            .map(|(_, decision)| (decision.wanted, false))
            .collect();
        self.adopt(now, verdict, out);
    }

    /// A set was ready this long after it was asked for.
    pub(super) fn started(&mut self, took: Duration) {
        self.starts.add(took);
    }

    /// Keeps what the layer did for the next signal; reports that came in between add up.
    pub(super) fn reported(&mut self, intervals: &Result<[Interval; 4], String>) {
        let interval = match intervals {
            Ok(intervals) => Ok(intervals[self.operation.index()]),
            Err(flaw) => Err(flaw.clone()),
        };
        self.interval = Some(match (self.interval.take(), interval) {
            (Some(Ok(before)), Ok(interval)) => Ok(before.and(&interval)),
            (_, interval) => interval,
        });
    }

    pub(super) fn enqueued(&mut self, now: Instant, count: u64) {
        self.kicked = true;
        self.arrivals = self.arrivals.saturating_add(count);
        self.busy.get_or_insert(now);
        let depth = self.depth.visible.saturating_add(self.depth.in_flight);
        let guess = depth.saturating_add(self.counted).saturating_add(self.arrivals);
        if guess > u64::from(self.rules.threshold) {
            self.suspected.get_or_insert(now);
        }
    }

    /// Asks for the depth, unless a question is open.
    pub(super) fn ask(&mut self, now: Instant, out: &mut Vec<Command>) {
        if self.asked.is_some() {
            return;
        }
        self.asked = Some(now);
        self.last_asked = Some(now);
        self.kicked = false;
        self.counted = self.counted.saturating_add(std::mem::take(&mut self.arrivals));
        out.push(Command::Port(PortCommand::Depth {
            queue: QueueName::Layer(self.operation),
        }));
    }

    /// When an enqueue earns a look of its own.
    pub(super) fn due(&self) -> Option<Instant> {
        let open = self.asked.is_some() || !self.kicked;
        (!open).then(|| self.last_asked.map_or(Instant::ZERO, |at| at + SHORTEST_LOOK))
    }

    pub(super) fn ask_if_due(&mut self, now: Instant, out: &mut Vec<Command>) {
        if self.due().is_some_and(|at| now >= at) {
            self.ask(now, out);
        }
    }

    /// A question that was never answered counts as failed.
    pub(super) fn give_up(&mut self, now: Instant, after: Duration, out: &mut Vec<Command>) {
        if self.asked.is_some_and(|at| now.since(at) > after) {
            self.answered(now, None, out);
        }
    }

    /// Shows the answer to the policies and observes what follows; none means that the queue failed.
    pub(super) fn answered(&mut self, now: Instant, depth: Option<Depth>, out: &mut Vec<Command>) {
        let asked = self.asked.take();
        let signal = Signal {
            now,
            operation: self.operation,
            arrivals: std::mem::take(&mut self.counted),
            reading: depth.map(|depth| Reading {
                at: now,
                depth,
                oldest_wait: None,
            }),
            interval: self.interval.take(),
            start_delay: self.starts.slow(),
            ready: self.ready,
            starting: self.starting,
        };
        if let Some(depth) = depth {
            self.depth = depth;
        }
        let seen = depth.map(|depth| depth.visible.saturating_add(depth.in_flight));
        if let Some(seen) = seen {
            self.overloaded(now, asked, seen, out);
        }
        let verdict = self.panel.decide(&signal);
        if let Some(seen) = seen.filter(|_| Some(verdict.driving.wanted) > self.wanted) {
            self.acts(now, seen, out);
        }
        self.adopt(now, verdict, out);
        if seen == Some(0) {
            self.busy = (self.arrivals > 0).then_some(now);
            if self.episode.take().is_some() {
                let drained = Observation::new(now, Step::BacklogDrained).with_operation(self.operation);
                out.push(Command::Observe(drained));
            }
        }
    }

    /// Observes, once per episode, since when the depth is above the threshold.
    fn overloaded(&mut self, now: Instant, asked: Option<Instant>, seen: u64, out: &mut Vec<Command>) {
        if seen > u64::from(self.rules.threshold) {
            let since = self
                .suspected
                .take()
                .unwrap_or(now)
                .max(self.busy.unwrap_or(Instant::ZERO));
            let episode = self.episode(since, out);
            if !std::mem::replace(&mut episode.over, true) {
                let over = Observation::new(since, Step::OverThreshold).with_value(seen as f64);
                out.push(Command::Observe(over.with_operation(self.operation)));
            }
        } else if self
            .suspected
            .is_some_and(|at| asked.is_none_or(|asked| at <= asked))
        {
            // The depth was asked for after the enqueue and was not above the threshold.
            self.suspected = None;
        }
    }

    /// Observes, once per episode, the depth on which the policy asks for more sets. A policy that asks while the layer is
    /// empty knows of load that has not come: that is an act without an episode.
    fn acts(&mut self, now: Instant, seen: u64, out: &mut Vec<Command>) {
        if seen > 0 && std::mem::replace(&mut self.episode(now, out).acted, true) {
            return;
        }
        let visible = Observation::new(now, Step::MetricVisible).with_value(seen as f64);
        out.push(Command::Observe(visible.with_operation(self.operation)));
    }

    /// The open episode; one that begins is observed from the enqueue that made the layer busy, at the latest from `latest`.
    fn episode(&mut self, latest: Instant, out: &mut Vec<Command>) -> &mut Episode {
        if self.episode.is_none() {
            let since = self.busy.map_or(latest, |busy| busy.min(latest));
            let onset = Observation::new(since, Step::Onset).with_operation(self.operation);
            out.push(Command::Observe(onset));
        }
        self.episode.get_or_insert_default()
    }

    fn adopt(&mut self, now: Instant, verdict: Verdict, out: &mut Vec<Command>) {
        for ((name, decision), last) in verdict.shadows.into_iter().zip(&mut self.shadows) {
            let news = (decision.wanted, decision.held);
            if std::mem::replace(last, news) != news {
                let shadow = Observation::new(now, Step::ShadowDecision)
                    .with_operation(self.operation)
                    .with_value(f64::from(decision.wanted))
                    .with_note(format!("{name}: {}", decision.why));
                out.push(Command::Observe(shadow));
            }
        }
        let decision = verdict.driving;
        self.hold(now, &decision, out);
        if Some(decision.wanted) != self.wanted {
            self.wanted = Some(decision.wanted);
            self.why = decision.why;
            self.decided = now;
            let observation = Observation::new(now, Step::Decision)
                .with_operation(self.operation)
                .with_value(f64::from(decision.wanted))
                .with_note(self.why.clone());
            out.push(Command::Observe(observation));
        }
    }

    /// Says once that there is nothing to decide by.
    fn hold(&mut self, now: Instant, decision: &Decision, out: &mut Vec<Command>) {
        if std::mem::replace(&mut self.held, decision.held) || !decision.held {
            return;
        }
        let held = Observation::new(now, Step::DecisionHeld)
            .with_operation(self.operation)
            .with_value(f64::from(decision.wanted))
            .with_note(decision.why.clone());
        out.push(Command::Observe(held));
    }

    /// Writes the decision if the store has another one and no write is on its way.
    pub(super) fn write(&mut self, tokens: &mut Token, out: &mut Vec<Command>) {
        let Some(wanted) = self.wanted else { return };
        if self.writing.is_some() || self.stored == Some(wanted) {
            return;
        }
        let target = ScaleTarget {
            wanted,
            why: self.why.clone(),
            at: self.decided,
        };
        let Ok(value) = serde_json::to_string(&target) else {
            return;
        };
        *tokens += 1;
        self.writing = Some((*tokens, wanted));
        out.push(Command::Port(PortCommand::Put {
            token: *tokens,
            key: scale_key(self.operation),
            value,
            when: Precondition::Any,
        }));
    }

    pub(super) fn put_done(&mut self, token: Token, written: bool) {
        if let Some((_, wanted)) = self.writing.take_if(|(sent, _)| *sent == token) {
            // After a failure it is unknown what the store has.
            self.stored = written.then_some(wanted);
        }
    }
}
