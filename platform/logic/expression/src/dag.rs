//! The two-operand tasks of an expression, in dependency order (the report's f1, f2, f3 = f1 * f2).

use tally_model::{Operation, Span};

use crate::expression::{Expression, NodeKind};
use crate::rational::Rational;

/// One operand of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// A known value: canonical rational text, unary minuses folded in.
    Literal(String),
    /// The result of an earlier task.
    Task {
        /// Which task.
        index: u16,
        /// Whether its result is negated first. A failure stays what it is.
        negated: bool,
    },
}

/// One operation on two operands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Its position in [`Dag::tasks`].
    pub index: u16,
    /// What to do.
    pub operation: Operation,
    /// Left operand; refers to lower indices only.
    pub left: Operand,
    /// Right operand; refers to lower indices only.
    pub right: Operand,
    /// Length of the longest chain of tasks that ends here, itself included: 1 when both operands are literals.
    pub level: u16,
    /// The text it came from, its parentheses included.
    pub span: Span,
}

/// The tasks of an expression and the operand that is its answer.
///
/// Every operation of the text is one task; equal subexpressions are not merged, so that the number of tasks is the
/// number of operators a user typed. Unary minus is no task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dag {
    /// In dependency order.
    pub tasks: Vec<Task>,
    /// The answer; a literal when the expression has no operation.
    pub root: Operand,
}

impl Dag {
    /// Number of tasks: the time on one worker, in operations.
    pub fn work(&self) -> usize {
        self.tasks.len()
    }

    /// One task in the place of all, of the last operation, the one that the answer comes from: for a worker that is given the whole
    /// expression ([`tally_model::Dispatch::Whole`]). It has no operands, and its outcome is the answer; without operations there is nothing
    /// to join, and the answer stays the literal that it is.
    pub fn undivided(self) -> Self {
        let Some(last) = self.tasks.last() else {
            return self;
        };
        let nothing = || Operand::Literal(String::new());
        let whole = Task {
            index: 0,
            operation: last.operation,
            left: nothing(),
            right: nothing(),
            level: 1,
            span: last.span,
        };
        Self {
            tasks: vec![whole],
            root: Operand::Task {
                index: 0,
                negated: false,
            },
        }
    }

    /// Length of the longest chain of dependent tasks: the time on unlimited workers, in operations. 0 without tasks.
    pub fn critical_path(&self) -> usize {
        self.tasks
            .iter()
            .map(|task| usize::from(task.level))
            .max()
            .unwrap_or(0)
    }
}

/// An operand while the tree is walked; its text is written when its parent is known.
enum Part {
    Literal(Rational),
    Task { index: u16, negated: bool, level: u16 },
}

impl Part {
    fn into_operand(self) -> (Operand, u16) {
        match self {
            Self::Literal(value) => (Operand::Literal(value.to_string()), 0),
            Self::Task {
                index,
                negated,
                level,
            } => (Operand::Task { index, negated }, level),
        }
    }
}

impl Expression {
    /// Its tasks. The arena is in postorder, so one pass with a stack of operands builds them in dependency order.
    pub fn dag(&self) -> Dag {
        let mut tasks: Vec<Task> = Vec::new();
        let mut stack: Vec<Part> = Vec::new();
        for node in self.nodes() {
            let part = match &node.kind {
                NodeKind::Literal(value) => Part::Literal(value.clone()),
                NodeKind::Negate { .. } => match pop(&mut stack) {
                    Part::Literal(value) => Part::Literal(value.negated()),
                    Part::Task {
                        index,
                        negated,
                        level,
                    } => Part::Task {
                        index,
                        negated: !negated,
                        level,
                    },
                },
                NodeKind::Binary { operation, .. } => {
                    let (right, right_level) = pop(&mut stack).into_operand();
                    let (left, left_level) = pop(&mut stack).into_operand();
                    // At most MAX_NODES tasks, which fits (see `limits`).
                    let index = tasks.len() as u16;
                    let level = left_level.max(right_level) + 1;
                    tasks.push(Task {
                        index,
                        operation: *operation,
                        left,
                        right,
                        level,
                        span: node.span,
                    });
                    Part::Task {
                        index,
                        negated: false,
                        level,
                    }
                }
            };
            stack.push(part);
        }
        let (root, _) = pop(&mut stack).into_operand();
        Dag { tasks, root }
    }
}

fn pop(stack: &mut Vec<Part>) -> Part {
    debug_assert!(!stack.is_empty(), "an arena in postorder");
    stack.pop().unwrap_or(Part::Literal(Rational::integer(0)))
}
