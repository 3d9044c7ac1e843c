//! Tree to text: the fewest parentheses and no spaces, with a stack of its own.

use std::fmt::{Display, Formatter, Result, Write};

use tally_model::Operation;

use crate::decimal;
use crate::expression::{Expression, NodeKind};

/// How tightly the outermost construct of a subtree binds, loosest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    Sum,
    Product,
    Negation,
    Number,
}

const fn binding(kind: &NodeKind) -> Binding {
    match kind {
        NodeKind::Literal(_) => Binding::Number,
        NodeKind::Negate { .. } => Binding::Negation,
        NodeKind::Binary {
            operation: Operation::Add | Operation::Sub,
            ..
        } => Binding::Sum,
        NodeKind::Binary {
            operation: Operation::Mul | Operation::Div,
            ..
        } => Binding::Product,
    }
}

/// What is still to be written, last first.
enum Step {
    Symbol(char),
    /// A subtree, in parentheses if it binds looser than this.
    Subtree(u32, Binding),
}

/// One subtree of an expression, printed like the whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subtree<'e> {
    pub(crate) expression: &'e Expression,
    pub(crate) root: u32,
}

impl Display for Subtree<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let mut steps = vec![Step::Subtree(self.root, Binding::Sum)];
        while let Some(step) = steps.pop() {
            let (index, least) = match step {
                Step::Symbol(symbol) => {
                    f.write_char(symbol)?;
                    continue;
                }
                Step::Subtree(index, least) => (index, least),
            };
            let Some(node) = self.expression.nodes().get(index as usize) else {
                continue;
            };
            let own = binding(&node.kind);
            if own < least {
                f.write_char('(')?;
                steps.push(Step::Symbol(')'));
            }
            match &node.kind {
                NodeKind::Literal(value) => decimal::write(value, f)?,
                NodeKind::Negate { operand } => {
                    f.write_char('-')?;
                    steps.push(Step::Subtree(*operand, Binding::Negation));
                }
                NodeKind::Binary {
                    operation,
                    left,
                    right,
                } => {
                    // Left associative: an equal operation on the right needs its parentheses.
                    let right_least = if own == Binding::Sum {
                        Binding::Product
                    } else {
                        Binding::Negation
                    };
                    steps.push(Step::Subtree(*right, right_least));
                    steps.push(Step::Symbol(operation.symbol()));
                    steps.push(Step::Subtree(*left, own));
                }
            }
        }
        Ok(())
    }
}

impl Display for Expression {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let root = (self.nodes().len() as u32).saturating_sub(1);
        Subtree {
            expression: self,
            root,
        }
        .fmt(f)
    }
}
