//! Text to tree to two-operand DAG to ready tasks to folded answer, in exact rational arithmetic.
//!
//! # The language
//!
//! ```text
//! expression = term   { ("+" | "-") term }          left associative
//! term       = factor { ("*" | "/") factor }        left associative, binds tighter
//! factor     = "-" factor | number | "(" expression ")"
//! number     = digit { digit } [ "." digit { digit } ]
//! ```
//!
//! ASCII only; ASCII whitespace may stand between tokens. A number has a digit on both sides of its point (`.5` and
//! `5.` are refused with the remedy, as in JSON), may start with zeros, and has no exponent. There is no unary plus:
//! it never changes a value, and where it is typed (`1++2`) it is more often a slip than an intention.
//!
//! # What it means
//!
//! Every operation is exact. A value is a rational in lowest terms whose numerator and denominator have at most
//! [`MAX_BITS`] bits; a result beyond that is `overflow`, a division by 0 is `div_by_zero`. **An operation with a
//! failed operand fails the same way, and the left operand's failure wins.** So the answer is a function of the tree
//! alone, whatever the order in which tasks complete.
//!
//! # Nothing recurses
//!
//! The tree is an arena in postorder. Parser, printer, evaluator, `Clone`, `Debug` and `Drop` are loops, so hostile
//! nesting cannot exhaust a stack even before the limits refuse it.
//!
//! # Example
//!
//! ```
//! use tally_expression::{Frontier, apply, parse};
//!
//! let expression = parse("((3 + 5) * (4/2))").map_err(|e| e.to_string())?;
//! assert_eq!(expression.to_string(), "(3+5)*(4/2)");
//! let mut frontier = Frontier::new(expression.dag());
//! while frontier.answer().is_none() {
//!     for task in frontier.ready() {
//!         frontier.complete(task.index, apply(task.operation, &task.left, &task.right));
//!     }
//! }
//! assert_eq!(frontier.answer(), Some(expression.evaluate()));
//! # Ok::<(), String>(())
//! ```

mod apply;
mod character;
pub mod code;
mod dag;
mod decimal;
mod error;
mod expression;
mod frontier;
mod limits;
mod lint;
mod parser;
mod print;
mod rational;
mod report_form;
#[cfg(test)]
mod small_stack;
mod token;

pub use apply::{apply, canonical, compute};
pub use dag::{Dag, Operand, Task};
pub use error::ParseError;
pub use expression::Expression;
pub use frontier::{Frontier, ReadyTask};
pub use limits::{MAX_BITS, MAX_DEPTH, MAX_DIAGNOSTICS, MAX_NODES, MAX_TEXT_BYTES};
pub use lint::lint;
pub use parser::parse;
pub use report_form::parse_report_form;
