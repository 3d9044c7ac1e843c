//! What is legal and almost certainly not meant: divisors that are always 0.

use tally_model::{Diagnostic, Failure};

use crate::code;
use crate::expression::{Expression, NodeKind};
use crate::limits::MAX_DIAGNOSTICS;
use crate::print::Subtree;
use crate::rational::Rational;

/// Longest subexpression repeated in a label, in bytes.
const SHOWN: usize = 60;

/// Divisors that are always 0 (`F0412`), in the order of the text's operations, at most [`MAX_DIAGNOSTICS`].
///
/// Such an expression parses and evaluates to `div_by_zero`; whether a lint is a warning or an error is for the caller
/// to say. A divisor that itself fails is not repeated.
///
/// ```
/// use tally_expression::{lint, parse};
/// let found = lint(&parse("1/(2-2)").map_err(|e| e.to_string())?);
/// assert_eq!(found[0].message, "this divisor is always 0");
/// assert_eq!(found[0].label.as_deref(), Some("2-2 = 0"));
/// # Ok::<(), String>(())
/// ```
pub fn lint(expression: &Expression) -> Vec<Diagnostic> {
    let divides =
        |kind: &NodeKind| matches!(kind, NodeKind::Binary { operation, .. } if operation.symbol() == '/');
    if !expression.nodes().iter().any(|node| divides(&node.kind)) {
        return Vec::new();
    }
    let values = expression.values();
    let zero = |index: u32| {
        values
            .get(index as usize)
            .is_some_and(|v| v.as_ref().is_ok_and(Rational::is_zero))
    };
    let divisors = expression.nodes().iter().filter_map(|node| match &node.kind {
        NodeKind::Binary { right, .. } if divides(&node.kind) && zero(*right) => Some(*right),
        _ => None,
    });
    divisors
        .take(MAX_DIAGNOSTICS)
        .filter_map(|divisor| describe(expression, divisor, values.last()?))
        .collect()
}

fn describe(expression: &Expression, divisor: u32, answer: &Result<Rational, Failure>) -> Option<Diagnostic> {
    let node = expression.nodes().get(divisor as usize)?;
    let text = Subtree {
        expression,
        root: divisor,
    }
    .to_string();
    let label = if matches!(node.kind, NodeKind::Literal(_)) || text.len() > SHOWN {
        "this is 0".to_owned()
    } else {
        format!("{text} = 0")
    };
    let answer = answer.as_ref().err().copied().unwrap_or(Failure::DivByZero);
    let help = format!("the platform answers `error:{answer}`; write that as the answer if it is intended");
    let diagnostic = Diagnostic::new(code::ZERO_DIVISOR, "this divisor is always 0");
    Some(diagnostic.at(node.span).label(label).help(help))
}
