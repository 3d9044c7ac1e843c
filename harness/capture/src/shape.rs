//! Which tasks of an expression wait for which: only its shape, no arithmetic.
//!
//! Tasks are numbered in the order in which two stacks reduce the text (Dijkstra's shunting yard), which is the order the
//! platform numbers them in.

use tally_model::Operation as Layer;

/// The tasks that give a task its left and right operand; none for a number.
pub(crate) type Operands = [Option<u16>; 2];

/// The operands of every task of `expression`, by number; meaningless for a text that is no expression.
pub(crate) fn operands(expression: &str) -> Vec<Operands> {
    let mut shape = Shape {
        tasks: Vec::with_capacity(8),
        values: Vec::with_capacity(8),
        waiting: Vec::with_capacity(8),
    };
    let mut operand_next = true;
    let mut bytes = expression.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'0'..=b'9' | b'.' => {
                while bytes.next_if(|b| b.is_ascii_digit() || *b == b'.').is_some() {}
                shape.values.push(None);
                shape.operand_complete();
                operand_next = false;
            }
            b'(' => shape.waiting.push(b'('),
            b'-' if operand_next => shape.waiting.push(NEGATION),
            b')' => {
                shape.reduce(1);
                shape.waiting.pop();
                shape.operand_complete();
                operand_next = false;
            }
            b'+' | b'-' | b'*' | b'/' => {
                shape.reduce(strength(byte));
                shape.waiting.push(byte);
                operand_next = true;
            }
            _ => {}
        }
    }
    shape.reduce(1);
    shape.tasks
}

/// How many operations of each kind `expression` has, in the order of the layers; meaningless for a text that is no expression.
pub(crate) fn operations(expression: &str) -> [u64; 4] {
    let (mut counts, mut operand_next) = ([0; 4], true);
    for character in expression.chars() {
        match character {
            ')' | '0'..='9' => operand_next = false,
            '(' => operand_next = true,
            '-' if operand_next => {}
            _ => {
                if let Some(layer) = Layer::ALL.into_iter().find(|layer| layer.symbol() == character) {
                    counts[layer.index()] += 1;
                    operand_next = true;
                }
            }
        }
    }
    counts
}

/// A minus with nothing before it.
const NEGATION: u8 = b'~';

struct Shape {
    tasks: Vec<Operands>,
    values: Vec<Option<u16>>,
    waiting: Vec<u8>,
}

impl Shape {
    /// A sign in front of an operand is no task; it binds most strongly.
    fn operand_complete(&mut self) {
        while self.waiting.pop_if(|top| *top == NEGATION).is_some() {}
    }

    fn reduce(&mut self, least: u8) {
        while self.waiting.pop_if(|top| strength(*top) >= least).is_some() {
            let (right, left) = (self.values.pop().flatten(), self.values.pop().flatten());
            self.values.push(Some(self.tasks.len() as u16));
            self.tasks.push([left, right]);
        }
    }
}

/// How strongly an operator binds; 0 for what is none.
const fn strength(operator: u8) -> u8 {
    match operator {
        b'+' | b'-' => 1,
        b'*' | b'/' => 2,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::{operands, operations};

    /// Signs are no operations, and every operation is counted once.
    #[test]
    fn operations_are_counted_by_kind() {
        for (text, expected) in [
            ("-7", [0, 0, 0, 0]),
            ("1 - -2 -(3)", [0, 2, 0, 0]),
            ("-(1+2)*-3.5/(4-(5+6))", [2, 1, 1, 1]),
        ] {
            assert_eq!(operations(text), expected, "{text}");
            assert_eq!(expected.iter().sum::<u64>(), operands(text).len() as u64);
        }
    }

    /// Precedence, association, parentheses and signs decide which task waits for which.
    #[test]
    fn tasks_wait_for_the_tasks_below_them() {
        for (text, expected) in [
            ("7", vec![]),
            ("-7", vec![]),
            ("1+2", vec![[None, None]]),
            ("1+2*3", vec![[None, None], [None, Some(0)]]),
            ("1-2-3", vec![[None, None], [Some(0), None]]),
            (
                "(3+5)*(4/2)",
                vec![[None, None], [None, None], [Some(0), Some(1)]],
            ),
            ("-(1+2)*-3", vec![[None, None], [Some(0), None]]),
            ("2 * (1.5 - -4)", vec![[None, None], [None, Some(0)]]),
        ] {
            assert_eq!(operands(text), expected, "{text}");
        }
    }
}
