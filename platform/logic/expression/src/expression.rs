//! The tree of an expression: an arena in postorder, so that evaluation is one pass and nothing recurses.

use tally_model::{Failure, Operation, Outcome, Span};

use crate::rational::Rational;

/// What a node is; children are indices of earlier nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NodeKind {
    /// A number, never negative.
    Literal(Rational),
    /// Unary minus.
    Negate {
        /// What is negated.
        operand: u32,
    },
    /// Two operands and an operation.
    Binary {
        /// What to do.
        operation: Operation,
        /// Left operand.
        left: u32,
        /// Right operand.
        right: u32,
    },
}

/// A node and the text it came from, its parentheses included.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) kind: NodeKind,
    pub(crate) span: Span,
}

/// A parsed expression.
///
/// Equality is structural: the same numbers and operations in the same shape, whatever the spacing, the redundant
/// parentheses and the way a number was written. [`std::fmt::Display`] prints the shortest text with that structure,
/// never longer than the text that was parsed.
#[derive(Clone, Debug)]
pub struct Expression {
    /// In postorder without gaps, the root last; never empty.
    nodes: Vec<Node>,
}

impl Expression {
    /// From nodes in postorder, the root last.
    pub(crate) const fn from_postorder(nodes: Vec<Node>) -> Self {
        Self { nodes }
    }

    /// Every node, children before parents.
    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The value, or the failure that wins (see the crate's page).
    ///
    /// Never fails with `syntax`: that was decided in parsing.
    pub fn evaluate(&self) -> Outcome {
        // The operands of a node in postorder are the top of a stack; each value is moved, never copied.
        let mut stack: Vec<Result<Rational, Failure>> = Vec::new();
        for node in &self.nodes {
            let value = match &node.kind {
                NodeKind::Literal(value) => Ok(value.clone()),
                NodeKind::Negate { .. } => pop(&mut stack).map(|value| value.negated()),
                NodeKind::Binary { operation, .. } => {
                    let right = pop(&mut stack);
                    pop(&mut stack).and_then(|left| left.combine(*operation, &right?))
                }
            };
            stack.push(value);
        }
        match pop(&mut stack) {
            Ok(value) => Outcome::Value(value.to_string()),
            Err(failure) => Outcome::Error(failure),
        }
    }

    /// The value of every node, for checks of constants.
    pub(crate) fn values(&self) -> Vec<Result<Rational, Failure>> {
        let mut values: Vec<Result<Rational, Failure>> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let of = |index: u32| {
                values
                    .get(index as usize)
                    .ok_or(Failure::Internal)?
                    .as_ref()
                    .map_err(|e| *e)
            };
            let value = match &node.kind {
                NodeKind::Literal(value) => Ok(value.clone()),
                NodeKind::Negate { operand } => of(*operand).map(Rational::negated),
                NodeKind::Binary {
                    operation,
                    left,
                    right,
                } => of(*left).and_then(|left| left.combine(*operation, of(*right)?)),
            };
            values.push(value);
        }
        values
    }
}

/// An empty stack would be a bug of the parser; it is an outcome, because a request must end in one.
fn pop(stack: &mut Vec<Result<Rational, Failure>>) -> Result<Rational, Failure> {
    debug_assert!(!stack.is_empty(), "an arena in postorder");
    stack.pop().unwrap_or(Err(Failure::Internal))
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        // Postorder is unique, so equal trees have equal arenas.
        self.nodes.len() == other.nodes.len()
            && self
                .nodes
                .iter()
                .zip(&other.nodes)
                .all(|(mine, theirs)| mine.kind == theirs.kind)
    }
}

impl Eq for Expression {}
