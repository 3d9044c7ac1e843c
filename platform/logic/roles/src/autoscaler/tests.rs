//! What the autoscaler asks, decides and writes.

use tally_model::{Bounds, Depth, Precondition, Step, Versioned};

use super::*;

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

fn config(min: u32) -> PlatformConfig {
    PlatformConfig {
        bounds: Bounds { min, max: 8 },
        ..PlatformConfig::default()
    }
}

/// An autoscaler by hand: every event is told, every command is seen.
struct Bench {
    autoscaler: Autoscaler,
    out: Vec<Command>,
}

impl Bench {
    /// Begins at time 0 with these values of `scale/add`, and no sets.
    fn new(autoscaler: Autoscaler, previous: Option<u32>) -> Self {
        let mut bench = Self {
            autoscaler,
            out: Vec::new(),
        };
        let target = previous.map(|wanted| ScaleTarget {
            wanted,
            why: String::new(),
            at: at(0),
        });
        let change = target.map(|target| Change {
            key: scale_key(Operation::Add),
            value: Some(Versioned {
                value: serde_json::to_string(&target).unwrap(),
                version: 1,
            }),
        });
        bench.autoscaler.wake(at(0), &mut bench.out);
        let changes = change.into_iter().collect();
        bench.tell(0, PortEvent::Changed(SCALE_PREFIX.to_owned(), changes));
        bench.tell(
            0,
            PortEvent::Changed(crate::fleet::SETS_PREFIX.to_owned(), Vec::new()),
        );
        bench
    }

    fn tell(&mut self, millis: u64, event: PortEvent) {
        self.autoscaler
            .handle(at(millis), Event::Port(event), &mut self.out);
    }

    fn depth(&mut self, millis: u64, visible: u64) {
        let depth = Depth {
            visible,
            in_flight: 0,
        };
        self.tell(
            millis,
            PortEvent::Depth(QueueName::Layer(Operation::Add), Ok(depth)),
        );
    }

    fn enqueued(&mut self, millis: u64, count: u64) {
        let operation = Operation::Add;
        let event = Event::Enqueued { operation, count };
        self.autoscaler.handle(at(millis), event, &mut self.out);
    }

    /// Answers all writes and returns what was written under `scale/add`.
    fn written(&mut self, works: bool) -> Vec<u32> {
        let mut written = Vec::new();
        for command in std::mem::take(&mut self.out) {
            let Command::Port(PortCommand::Put {
                token,
                key,
                value,
                when,
            }) = command
            else {
                continue;
            };
            assert_eq!(when, Precondition::Any);
            if key == scale_key(Operation::Add) {
                written.push(serde_json::from_str::<ScaleTarget>(&value).unwrap().wanted);
            }
            let trouble = Trouble {
                transient: true,
                message: String::new(),
            };
            let answer = if works { Ok(Put::Written(1)) } else { Err(trouble) };
            self.tell(0, PortEvent::PutDone(token, answer));
        }
        written
    }

    fn questions(&self) -> usize {
        let add = QueueName::Layer(Operation::Add);
        let asked = |command: &&Command| **command == Command::Port(PortCommand::Depth { queue: add });
        self.out.iter().filter(asked).count()
    }

    fn steps(&self) -> Vec<(Step, Instant)> {
        let observations = self.out.iter().filter_map(|command| match command {
            Command::Observe(observation) => Some(observation),
            Command::Port(_) => None,
        });
        observations
            .filter(|observation| observation.operation == Some(Operation::Add))
            .map(|observation| (observation.step, observation.at))
            .collect()
    }
}

/// A first life writes where the policy starts; a later life finds it and writes nothing.
#[test]
fn the_first_decision_is_the_minimum_the_fixed_number_or_the_last_one() {
    let cases = [
        (Scaler::Threshold, None, vec![1]),
        (Scaler::Threshold, Some(5), vec![]),
        (Scaler::Threshold, Some(99), vec![8]),
        (Scaler::ThresholdReport, None, vec![1]),
        (Scaler::Fixed(3), None, vec![3]),
        (Scaler::Fixed(3), Some(5), vec![3]),
    ];
    for (scaler, previous, expected) in cases {
        let config = PlatformConfig { scaler, ..config(1) };
        let mut bench = Bench::new(Autoscaler::new(&config), previous);
        assert_eq!(bench.written(true), expected, "{scaler:?} after {previous:?}");
    }
}

/// An enqueue is looked into at once, and many enqueues at most once per ten milliseconds and only one look at a time.
#[test]
fn an_enqueue_earns_a_look_but_a_storm_does_not_earn_a_storm() {
    let mut bench = Bench::new(Autoscaler::new(&config(1)), None);
    bench.depth(1, 0);
    bench.out.clear();
    bench.enqueued(20, 1);
    assert_eq!(bench.questions(), 1, "at once");
    for millis in 20..30 {
        bench.enqueued(millis, 1);
    }
    assert_eq!(bench.questions(), 1, "while a question is open, no other");
    bench.depth(24, 1);
    bench.enqueued(25, 1);
    assert_eq!(bench.questions(), 1);
    let deadline = bench.autoscaler.deadline().unwrap();
    assert_eq!((deadline.at, deadline.reason), (at(30), "enqueued"));
    bench.autoscaler.wake(at(30), &mut bench.out);
    assert_eq!(bench.questions(), 2);
}

/// One episode of overload has one beginning, dated to the enqueue that caused it, one visible metric, and one end.
#[test]
fn an_episode_is_observed_once_from_its_cause_to_its_end() {
    let mut bench = Bench::new(Autoscaler::new(&config(1)), Some(1));
    bench.depth(1, 0);
    bench.out.clear();
    bench.enqueued(50, 9);
    bench.depth(53, 9);
    bench.enqueued(70, 9);
    bench.depth(72, 18);
    bench.autoscaler.wake(at(100), &mut bench.out);
    bench.depth(101, 0);
    bench.autoscaler.wake(at(200), &mut bench.out);
    bench.depth(201, 0);
    let expected = [
        (Step::Onset, at(50)),
        (Step::OverThreshold, at(50)),
        (Step::MetricVisible, at(53)),
        (Step::Decision, at(53)),
        (Step::Decision, at(72)),
        (Step::BacklogDrained, at(101)),
    ];
    assert_eq!(bench.steps(), expected);
    assert_eq!(bench.written(true), [3], "one write at a time");
    assert_eq!(bench.written(true), [5], "then the newest");
}

/// The onset is the enqueue that ended the last seen emptiness, however long before the threshold was crossed; one that crossed
/// the question is dated to the answer, so that no episode begins before the last has ended.
#[test]
fn the_onset_is_the_first_enqueue_of_the_busy_period() {
    let mut bench = Bench::new(Autoscaler::new(&config(1)), Some(1));
    bench.depth(1, 0);
    bench.out.clear();
    bench.enqueued(20, 1);
    bench.depth(21, 1);
    bench.enqueued(35, 1);
    bench.depth(36, 1);
    bench.autoscaler.wake(at(100), &mut bench.out);
    bench.enqueued(101, 1);
    bench.depth(102, 0);
    bench.enqueued(140, 8);
    bench.depth(141, 9);
    let expected = [
        (Step::Onset, at(102)),
        (Step::OverThreshold, at(140)),
        (Step::MetricVisible, at(141)),
        (Step::Decision, at(141)),
    ];
    assert_eq!(bench.steps(), expected);
}

/// A write that failed is made again; a queue that fails or never answers holds the decision.
#[test]
fn trouble_neither_loses_nor_changes_a_decision() {
    let mut bench = Bench::new(Autoscaler::new(&config(1)), None);
    assert_eq!(bench.written(false), [1]);
    bench.autoscaler.wake(at(100), &mut bench.out);
    assert_eq!(bench.written(false), [1]);
    bench.depth(101, 20);
    assert_eq!(bench.written(true), [5]);
    let trouble = Trouble {
        transient: true,
        message: String::new(),
    };
    bench.autoscaler.wake(at(200), &mut bench.out);
    bench.tell(
        201,
        PortEvent::Depth(QueueName::Layer(Operation::Add), Err(trouble)),
    );
    for millis in (300..5_000).step_by(100) {
        bench.autoscaler.wake(at(millis), &mut bench.out);
    }
    assert!(bench.questions() > 1, "a lost answer does not silence it");
    assert_eq!(bench.written(true), [0; 0]);
}

/// Shadows are observed and write nothing.
#[test]
fn shadows_are_observed_only() {
    let mut config = config(1);
    config.scaling.shadows = vec![Scaler::ThresholdReport];
    let mut bench = Bench::new(Autoscaler::new(&config), Some(1));
    bench.depth(1, 0);
    bench.out.clear();
    bench.enqueued(50, 10);
    bench.depth(53, 10);
    let shadows = bench
        .steps()
        .iter()
        .filter(|(step, _)| *step == Step::ShadowDecision)
        .count();
    assert_eq!(shadows, 1);
    assert_eq!(bench.written(true), [3]);
}
