//! Decides how many sets are wanted.
//!
//! It looks at the four layers on every tick and, because the report probes on enqueue (M92), as soon as the scheduler says
//! that it enqueued. The policy's decision goes to `scale/<operation>`, which the fleet acts on. Nothing else is kept: a
//! restarted autoscaler resumes at the number it finds there.

mod layer;
mod starts;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tally_autoscale::{Known, Panel, Rules};
use tally_consensus::mutant::{self, Mutant};
use tally_model::{
    Change, Deadline, Instant, Machine, Observation, Operation, PlatformConfig, Put, QueueName, Scaler,
    SetId, SetRecord, SetState,
};

use crate::load::{LOAD_KEY, LOAD_PREFIX, LoadReport};
use crate::port::{PortCommand, PortEvent, Token, Trouble};
use layer::Layer;

/// Where decisions are written, one key per operation.
pub const SCALE_PREFIX: &str = "scale/";

/// The shortest time between two looks at one layer.
const SHORTEST_LOOK: Duration = Duration::from_millis(10);

/// The key of an operation's decision.
pub fn scale_key(operation: Operation) -> String {
    format!("{SCALE_PREFIX}{operation}")
}

/// The value of a `scale/` key, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScaleTarget {
    /// How many sets there should be, starting ones included.
    pub wanted: u32,
    /// The policy's reason, for people.
    #[serde(default)]
    pub why: String,
    /// When it was decided.
    pub at: Instant,
}

/// What can happen to an [`Autoscaler`].
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Answers to depth questions and writes; the watches of `sets/` and `scale/`.
    Port(PortEvent),
    /// The scheduler enqueued `count` tasks, and they are durable.
    Enqueued {
        /// On which layer.
        operation: Operation,
        /// How many.
        count: u64,
    },
}

/// What an [`Autoscaler`] wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Depth questions, writes of `scale/`, watches.
    Port(PortCommand),
    /// For the record.
    Observe(Observation),
}

/// The machine. Wakes at once when it is new, to open its watches; decides once it has seen what exists.
#[derive(Debug)]
pub struct Autoscaler {
    rules: Rules,
    interval: Duration,
    started: bool,
    tick: Instant,
    layers: [Layer; 4],
    sets: Option<BTreeMap<SetId, SetState>>,
    report: Option<LoadReport>,
    previous: Option<[Option<u32>; 4]>,
    deciding: bool,
    tokens: Token,
}

impl Autoscaler {
    /// With the policy, bounds and waits of `config`.
    ///
    /// The policies in its shadow see every signal too, and what they would have done is observed.
    pub fn new(config: &PlatformConfig) -> Self {
        Self::with_shadows(config, &config.scaling.shadows)
    }

    /// The same, with these policies in its shadow.
    pub fn with_shadows(config: &PlatformConfig, shadows: &[Scaler]) -> Self {
        let mut config = config.clone();
        if mutant::is(Mutant::NoCap) {
            config.bounds.max = 64;
        }
        let config = &config;
        let rules = Rules::of(config);
        Self {
            rules,
            interval: config.timing.scale_tick.max(Duration::from_millis(1)),
            started: false,
            tick: Instant::ZERO,
            layers: Operation::ALL.map(|operation| {
                let known = Known::of(config, operation);
                Layer::new(
                    operation,
                    Panel::new(config.scaler, shadows, rules, &known),
                    rules,
                )
            }),
            sets: None,
            report: None,
            previous: None,
            deciding: false,
            tokens: 0,
        }
    }

    fn start(&mut self, out: &mut Vec<Command>) {
        if !std::mem::replace(&mut self.started, true) {
            for prefix in [SCALE_PREFIX, crate::fleet::SETS_PREFIX, LOAD_PREFIX] {
                out.push(Command::Port(PortCommand::Watch {
                    prefix: prefix.to_owned(),
                }));
            }
        }
    }

    /// Starts to decide once both snapshots are there.
    fn begin(&mut self, now: Instant, out: &mut Vec<Command>) {
        let (Some(previous), true, false) = (self.previous, self.sets.is_some(), self.deciding) else {
            return;
        };
        self.deciding = true;
        self.tick = now + self.interval;
        for layer in &mut self.layers {
            layer.begin(now, previous[layer.operation().index()], out);
            layer.ask(now, out);
        }
        self.write(out);
    }

    fn write(&mut self, out: &mut Vec<Command>) {
        for layer in &mut self.layers {
            layer.write(&mut self.tokens, out);
        }
    }

    fn sets_changed(&mut self, changes: Vec<Change>) {
        let sets = self.sets.get_or_insert_default();
        for change in changes {
            let name = change.key.strip_prefix(crate::fleet::SETS_PREFIX);
            let Some(id) = name.and_then(|name| name.parse::<SetId>().ok()) else {
                continue;
            };
            let record = change
                .value
                .and_then(|v| serde_json::from_str::<SetRecord>(&v.value).ok());
            let Some(record) = record else {
                sets.remove(&id);
                continue;
            };
            let before = sets.insert(id, record.state);
            if let (None | Some(SetState::Starting), Some(ready)) = (before, record.ready) {
                self.layers[id.operation.index()].started(ready.since(record.created));
            }
        }
        for layer in &mut self.layers {
            let states = || sets.iter().filter(|(id, _)| id.operation == layer.operation());
            let ready = states().filter(|(_, state)| **state == SetState::Ready).count();
            let starting = states()
                .filter(|(_, state)| matches!(state, SetState::Starting | SetState::Fenced))
                .count();
            layer.set_capacity(ready as u32, starting as u32);
        }
    }

    /// Shows the layers what they did since the report before. The first one has nothing to be compared with.
    fn load_changed(&mut self, changes: Vec<Change>) {
        let Some(text) = changes
            .into_iter()
            .filter(|change| change.key == LOAD_KEY)
            .find_map(|change| change.value)
        else {
            return;
        };
        let report = serde_json::from_str::<LoadReport>(&text.value).map_err(|error| error.to_string());
        let earlier = match &report {
            Ok(report) => self.report.replace(*report),
            Err(_) => self.report,
        };
        let intervals = match (report, earlier) {
            (Ok(_), None) => return,
            (Ok(report), Some(earlier)) => report.since(&earlier),
            (Err(error), _) => Err(format!("the report cannot be read: {error}")),
        };
        for layer in &mut self.layers {
            layer.reported(&intervals);
        }
    }

    fn scale_changed(&mut self, changes: &[Change]) {
        // Only what an earlier life left behind counts; afterwards nobody else writes here.
        if self.previous.is_some() {
            return;
        }
        let target = |operation| {
            let change = changes.iter().find(|change| change.key == scale_key(operation))?;
            let value = change.value.as_ref()?;
            serde_json::from_str::<ScaleTarget>(&value.value).ok()
        };
        self.previous = Some(Operation::ALL.map(|operation| target(operation).map(|target| target.wanted)));
    }

    fn port(&mut self, now: Instant, event: PortEvent, out: &mut Vec<Command>) {
        match event {
            PortEvent::Depth(QueueName::Layer(operation), answer) if self.deciding => {
                self.layers[operation.index()].answered(now, answer.ok(), out);
                self.write(out);
            }
            PortEvent::Changed(prefix, changes) if prefix == SCALE_PREFIX => {
                self.scale_changed(&changes);
                self.begin(now, out);
            }
            PortEvent::Changed(prefix, changes) if prefix == crate::fleet::SETS_PREFIX => {
                self.sets_changed(changes);
                self.begin(now, out);
            }
            PortEvent::Changed(prefix, changes) if prefix == LOAD_PREFIX => self.load_changed(changes),
            PortEvent::PutDone(token, answer) => self.put_done(token, &answer, out),
            _ => {}
        }
    }

    fn put_done(&mut self, token: Token, answer: &Result<Put, Trouble>, out: &mut Vec<Command>) {
        let written = matches!(answer, Ok(Put::Written(_)));
        for layer in &mut self.layers {
            layer.put_done(token, written);
        }
        // A failed write is tried again at the next tick, a newer decision goes out now.
        if written {
            self.write(out);
        }
    }
}

impl Machine for Autoscaler {
    type Event = Event;
    type Command = Command;

    fn handle(&mut self, now: Instant, event: Event, out: &mut Vec<Command>) {
        self.start(out);
        match event {
            Event::Enqueued { operation, count } => {
                let layer = &mut self.layers[operation.index()];
                layer.enqueued(now, count);
                if self.deciding {
                    layer.ask_if_due(now, out);
                }
            }
            Event::Port(event) => self.port(now, event, out),
        }
    }

    fn wake(&mut self, now: Instant, out: &mut Vec<Command>) {
        self.start(out);
        if !self.deciding {
            return;
        }
        let tick = now >= self.tick;
        if tick {
            self.tick = now + self.interval;
        }
        for layer in &mut self.layers {
            if tick {
                layer.give_up(now, self.rules.stale_after, out);
                layer.ask(now, out);
            }
            layer.ask_if_due(now, out);
        }
        if tick {
            self.write(out);
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        if !self.started {
            return Some(Deadline {
                at: Instant::ZERO,
                reason: "start",
            });
        }
        let tick = self.deciding.then_some(Deadline {
            at: self.tick,
            reason: "scale tick",
        });
        let kicks = self.layers.iter().filter_map(Layer::due);
        kicks
            .filter(|_| self.deciding)
            .map(|at| Deadline {
                at,
                reason: "enqueued",
            })
            .fold(tick, |earliest, kick| Deadline::earlier(earliest, Some(kick)))
    }
}
