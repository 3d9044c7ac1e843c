//! The four operations and the eight queues they need.

use serde::{Deserialize, Serialize};

/// One of the four arithmetic functions a worker can be built for (the report's `k = {+, -, *, /}`, C1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// Addition, `+`.
    Add,
    /// Subtraction, `-`.
    Sub,
    /// Multiplication, `*`.
    Mul,
    /// Division, `/`.
    Div,
}

impl Operation {
    /// Every operation, in the order of the layers.
    pub const ALL: [Self; 4] = [Self::Add, Self::Sub, Self::Mul, Self::Div];

    /// The character a user types.
    pub const fn symbol(self) -> char {
        match self {
            Self::Add => '+',
            Self::Sub => '-',
            Self::Mul => '*',
            Self::Div => '/',
        }
    }

    /// The name used in ids, files and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Sub => "sub",
            Self::Mul => "mul",
            Self::Div => "div",
        }
    }

    /// The reverse of [`Operation::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|op| op.name() == name)
    }

    /// Its symbol or its name, as people write either.
    pub fn from_text(text: &str) -> Option<Self> {
        let by_symbol = |op: &Self| text.chars().eq([op.symbol()]);
        Self::from_name(text).or_else(|| Self::ALL.into_iter().find(by_symbol))
    }

    /// Position in [`Operation::ALL`], for arrays indexed by layer.
    pub const fn index(self) -> usize {
        match self {
            Self::Add => 0,
            Self::Sub => 1,
            Self::Mul => 2,
            Self::Div => 3,
        }
    }
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The report's seven queues (M91), and the dead-letter queue that five failed receives lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QueueName {
    /// Accepted requests that wait for the scheduler.
    Inbound,
    /// Answers that wait for the collector.
    Outbound,
    /// Ready tasks of one operation.
    Layer(Operation),
    /// Fault events (the report's event bus).
    Faults,
    /// Messages received too often without being deleted.
    Dead,
}

impl QueueName {
    /// Every queue.
    pub const ALL: [Self; 8] = [
        Self::Inbound,
        Self::Outbound,
        Self::Layer(Operation::Add),
        Self::Layer(Operation::Sub),
        Self::Layer(Operation::Mul),
        Self::Layer(Operation::Div),
        Self::Faults,
        Self::Dead,
    ];

    /// The name used in files and in SQS (`layer-add`).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
            Self::Layer(Operation::Add) => "layer-add",
            Self::Layer(Operation::Sub) => "layer-sub",
            Self::Layer(Operation::Mul) => "layer-mul",
            Self::Layer(Operation::Div) => "layer-div",
            Self::Faults => "faults",
            Self::Dead => "dead",
        }
    }

    /// Position in [`QueueName::ALL`].
    pub const fn index(self) -> usize {
        match self {
            Self::Inbound => 0,
            Self::Outbound => 1,
            Self::Layer(op) => 2 + op.index(),
            Self::Faults => 6,
            Self::Dead => 7,
        }
    }
}

impl std::fmt::Display for QueueName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
