//! What expressions look like: one operation, a tree, a chain, or a list somebody wrote.

use serde::{Deserialize, Serialize};
use tally_model::{Operation, Outcome};

use crate::{Decimals, OperationWeights, ValueRange};

/// The most operands of one generated expression; half of the platform's limit of 8,192 nodes.
pub const MAX_OPERANDS: u64 = 4_096;
/// The deepest generated tree, in operations.
pub const MAX_DEPTH: u32 = 64;
/// The most operands of one parenthesis.
pub const MAX_FANOUT: u32 = 16;
/// The longest generated chain, in operations; below the platform's limit of 256 parentheses.
pub const MAX_CHAIN: u32 = 200;

/// Which numbers and operations an expression is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// How often each operation is drawn.
    pub operations: OperationWeights,
    /// The numbers.
    pub values: ValueRange,
    /// Digits after the point.
    #[serde(default)]
    pub decimals: Decimals,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            operations: OperationWeights::even(&Operation::ALL),
            values: ValueRange { min: 1, max: 99 },
            decimals: Decimals(0),
        }
    }
}

/// One expression of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FixedExpression {
    /// The text that is sent.
    pub text: String,
    /// What the answer must be; without it the checker computes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Outcome>,
}

/// One shape of a mix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MixedPart {
    /// How often, against the other weights.
    pub weight: u32,
    /// What.
    pub shape: Shape,
}

/// The shape of the expressions of a load. Generated ones never divide by zero: a number 0 that would be a divisor is
/// another digit, and a division by a parenthesis that is 0 becomes a sum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Shape {
    /// One operation on two numbers: `(3+5)`.
    Flat {
        /// What it is made of.
        #[serde(flatten)]
        terms: Terms,
    },
    /// Parentheses in parentheses: what is on one level can be computed at once, levels wait for each other.
    Tree {
        /// Levels of parentheses; the longest path in operations when `fanout` is 2.
        depth: u32,
        /// Operands of each parenthesis.
        fanout: u32,
        /// How likely an operand is a parenthesis and not a number, in millionths. One operand per parenthesis
        /// always is, so that the depth is always reached.
        dependent: u32,
        /// What it is made of.
        #[serde(flatten)]
        terms: Terms,
    },
    /// Every operation needs the one before: `(((1+2)*3)-4)`. Nothing can be computed at once.
    Chained {
        /// Operations.
        length: u32,
        /// What it is made of.
        #[serde(flatten)]
        terms: Terms,
    },
    /// Several shapes, each as often as its weight says.
    Mixed {
        /// At least one, none of them mixed itself.
        parts: Vec<MixedPart>,
    },
    /// These, each as often as the others.
    Fixed {
        /// At least one.
        list: Vec<FixedExpression>,
    },
}

impl Shape {
    /// The name used in files.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Flat { .. } => "flat",
            Self::Tree { .. } => "tree",
            Self::Chained { .. } => "chained",
            Self::Mixed { .. } => "mixed",
            Self::Fixed { .. } => "fixed",
        }
    }

    /// The most operands one expression of this shape can have; 0 for a list.
    pub fn most_operands(&self) -> u64 {
        match self {
            Self::Flat { .. } => 2,
            Self::Tree { depth, fanout, .. } => u64::from(*fanout).saturating_pow(*depth),
            Self::Chained { length, .. } => u64::from(*length) + 1,
            Self::Mixed { parts } => parts
                .iter()
                .map(|part| part.shape.most_operands())
                .max()
                .unwrap_or(0),
            Self::Fixed { .. } => 0,
        }
    }
}
