//! The links between nodes: they may drop, delay, duplicate and reorder, and may be cut in one direction.

use std::collections::BTreeSet;
use std::time::Duration;

use tally_model::NodeId;

/// Probabilities are in millionths.
pub const PER_MILLION: u32 = 1_000_000;

/// What happens to messages on every link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weather {
    /// How long a message takes at least.
    pub delay: Duration,
    /// Up to this is added, evenly drawn: messages may overtake each other.
    pub jitter: Duration,
    /// Probability that it is lost, in millionths.
    pub drop: u32,
    /// Probability that it arrives twice, in millionths.
    pub duplicate: u32,
    /// Probability that it is held back for `hold`, in millionths: later ones overtake it.
    pub reorder: u32,
    /// See `reorder`.
    pub hold: Duration,
}

impl Weather {
    /// Nothing but a delay.
    pub const fn calm(delay: Duration) -> Self {
        Self {
            delay,
            jitter: Duration::ZERO,
            drop: 0,
            duplicate: 0,
            reorder: 0,
            hold: Duration::ZERO,
        }
    }

    const fn is_calm(&self) -> bool {
        self.jitter.is_zero() && self.drop == 0 && self.duplicate == 0 && self.reorder == 0
    }
}

/// What becomes of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transit {
    /// It never arrives.
    Lost,
    /// It arrives after this long.
    Arrives(Duration),
    /// It arrives after the first and again after the second.
    Twice(Duration, Duration),
}

/// All links of a network.
#[derive(Clone, Debug)]
pub struct Link {
    /// On every link that is not cut.
    pub weather: Weather,
    cut: BTreeSet<(NodeId, NodeId)>,
}

impl Link {
    /// Links in this weather, none of them cut.
    pub const fn new(weather: Weather) -> Self {
        Self {
            weather,
            cut: BTreeSet::new(),
        }
    }

    /// Cuts one direction.
    pub fn cut(&mut self, from: NodeId, to: NodeId) {
        self.cut.insert((from, to));
    }

    /// Mends one direction.
    pub fn mend(&mut self, from: NodeId, to: NodeId) {
        self.cut.remove(&(from, to));
    }

    /// Mends every direction from and to a node.
    pub fn mend_all_of(&mut self, node: NodeId) {
        self.cut.retain(|(from, to)| *from != node && *to != node);
    }

    /// Whether this direction is cut.
    pub fn is_cut(&self, from: NodeId, to: NodeId) -> bool {
        !self.cut.is_empty() && self.cut.contains(&(from, to))
    }

    /// What becomes of a message that is sent now; `draw` gives an even word each time.
    pub fn transit(&self, from: NodeId, to: NodeId, draw: &mut dyn FnMut() -> u64) -> Transit {
        if self.is_cut(from, to) {
            return Transit::Lost;
        }
        let weather = &self.weather;
        if weather.is_calm() {
            return Transit::Arrives(weather.delay);
        }
        let mut happens =
            |millionths: u32| millionths > 0 && draw() % u64::from(PER_MILLION) < u64::from(millionths);
        let (lost, twice, held) = (
            happens(weather.drop),
            happens(weather.duplicate),
            happens(weather.reorder),
        );
        if lost {
            return Transit::Lost;
        }
        let first = self.time(held, draw);
        if twice {
            Transit::Twice(first, self.time(false, draw))
        } else {
            Transit::Arrives(first)
        }
    }

    fn time(&self, held: bool, draw: &mut dyn FnMut() -> u64) -> Duration {
        let jitter = self.weather.jitter.as_nanos() as u64;
        let drawn = if jitter == 0 { 0 } else { draw() % jitter };
        let hold = if held { self.weather.hold } else { Duration::ZERO };
        self.weather.delay + Duration::from_nanos(drawn) + hold
    }
}
