//! The reference evaluator: a second, naive one, written from the language's description and sharing no code with the platform.
//!
//! Two stacks (Dijkstra's shunting yard), evaluated as it is read: nothing in it is clever but how small numbers are held. The
//! language, its limits and the order in which problems count are those of `tally-expression`'s page: the first problem of the
//! text decides, then failures of operands pass on, the left one first.

mod number;

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One as _, Zero as _};
use tally_model::{Failure, Operation, Outcome};

use number::{Number, Value};

const TEXT_LIMIT: usize = 65_536;
const DEPTH_LIMIT: usize = 256;
const NODE_LIMIT: usize = 8_192;
const BIT_LIMIT: u64 = 4_096;
/// Operands and operators that wait at once in most expressions.
const ROOM: usize = 16;

/// One operation of an expression, as it must have been computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceTask {
    /// What to do.
    pub operation: Operation,
    /// Left operand; a failed one means that the task is never run.
    pub left: Outcome,
    /// Right operand; likewise.
    pub right: Outcome,
    /// What must come out.
    pub outcome: Outcome,
}

/// What an expression must come to, and on which way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The only right answer, in canonical form.
    pub outcome: Outcome,
    /// Its operations in the order in which they can be reduced; none if the text is no expression.
    pub tasks: Vec<ReferenceTask>,
}

/// The only right answer to `text`, whatever `text` is.
pub fn evaluate(text: &str) -> Outcome {
    match Reader::new(text, None).read() {
        Ok(value) => outcome(&value),
        Err(failure) => Outcome::Error(failure),
    }
}

/// The only right answer to `text`, and every operation on the way.
pub fn trace(text: &str) -> Reference {
    let mut tasks = Vec::new();
    match Reader::new(text, Some(&mut tasks)).read() {
        Ok(value) => Reference {
            outcome: outcome(&value),
            tasks,
        },
        Err(failure) => Reference {
            outcome: Outcome::Error(failure),
            tasks: Vec::new(),
        },
    }
}

fn outcome(value: &Value) -> Outcome {
    match value {
        Ok(number) => Outcome::Value(number.to_string()),
        Err(failure) => Outcome::Error(*failure),
    }
}

/// What waits on the operator stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    Group,
    Minus,
    Binary(Operation),
}

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
    values: Vec<Value>,
    waiting: Vec<Waiting>,
    nesting: usize,
    nodes: usize,
    tasks: Option<&'t mut Vec<ReferenceTask>>,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str, tasks: Option<&'t mut Vec<ReferenceTask>>) -> Self {
        let text = text.as_bytes();
        Self {
            text,
            at: 0,
            values: Vec::with_capacity(ROOM),
            waiting: Vec::with_capacity(ROOM),
            nesting: 0,
            nodes: 0,
            tasks,
        }
    }

    fn read(mut self) -> Result<Value, Failure> {
        if self.text.len() > TEXT_LIMIT {
            return Err(Failure::TooLarge);
        }
        let mut operand_next = true;
        loop {
            while self.byte().is_some_and(|b| b.is_ascii_whitespace()) {
                self.at += 1;
            }
            let Some(byte) = self.byte() else { break };
            operand_next = match byte {
                b'0'..=b'9' | b'.' => self.number(operand_next)?,
                b'+' | b'-' | b'*' | b'/' | b'(' | b')' => {
                    self.at += 1;
                    if operand_next {
                        self.before_operand(byte)?
                    } else {
                        self.after_operand(byte)?
                    }
                }
                _ => return Err(self.word()),
            };
        }
        if operand_next {
            return Err(Failure::Syntax);
        }
        while let Some(waiting) = self.waiting.pop() {
            match waiting {
                Waiting::Binary(operation) => self.reduce(operation)?,
                Waiting::Group | Waiting::Minus => return Err(Failure::Syntax),
            }
        }
        self.values.pop().ok_or(Failure::Internal)
    }

    fn byte(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// A sign or parenthesis where a number may begin. Returns whether an operand is still to come.
    fn before_operand(&mut self, byte: u8) -> Result<bool, Failure> {
        let waiting = match byte {
            b'(' => Waiting::Group,
            b'-' => Waiting::Minus,
            _ => return Err(Failure::Syntax),
        };
        if self.nesting == DEPTH_LIMIT {
            return Err(Failure::TooDeep);
        }
        self.nesting += 1;
        self.waiting.push(waiting);
        Ok(true)
    }

    /// A sign or parenthesis behind a number.
    fn after_operand(&mut self, byte: u8) -> Result<bool, Failure> {
        let operation = match byte {
            b'+' => Operation::Add,
            b'-' => Operation::Sub,
            b'*' => Operation::Mul,
            b'/' => Operation::Div,
            b')' => {
                self.reduce_binding(1)?;
                if self.waiting.pop() != Some(Waiting::Group) {
                    return Err(Failure::Syntax);
                }
                self.nesting -= 1;
                return self.operand_complete();
            }
            _ => return Err(Failure::Syntax),
        };
        self.reduce_binding(strength(operation))?;
        self.waiting.push(Waiting::Binary(operation));
        Ok(true)
    }

    /// Reduces what binds at least as strongly as `least`.
    fn reduce_binding(&mut self, least: u8) -> Result<(), Failure> {
        while let Some(Waiting::Binary(operation)) = self.waiting.last().copied() {
            if strength(operation) < least {
                break;
            }
            self.waiting.pop();
            self.reduce(operation)?;
        }
        Ok(())
    }

    fn count_node(&mut self) -> Result<(), Failure> {
        self.nodes += 1;
        if self.nodes > NODE_LIMIT {
            Err(Failure::TooLarge)
        } else {
            Ok(())
        }
    }

    fn operand_complete(&mut self) -> Result<bool, Failure> {
        while self.waiting.last() == Some(&Waiting::Minus) {
            self.waiting.pop();
            self.nesting -= 1;
            self.count_node()?;
            if let Some(Ok(number)) = self.values.last_mut() {
                *number = number.negated();
            }
        }
        Ok(false)
    }

    fn reduce(&mut self, operation: Operation) -> Result<(), Failure> {
        self.count_node()?;
        let (Some(right), Some(left)) = (self.values.pop(), self.values.pop()) else {
            return Err(Failure::Internal);
        };
        let result = compute(operation, &left, &right);
        if let Some(tasks) = &mut self.tasks {
            tasks.push(ReferenceTask {
                operation,
                left: outcome(&left),
                right: outcome(&right),
                outcome: outcome(&result),
            });
        }
        self.values.push(result);
        Ok(())
    }

    /// A run of digits and points, and what is wrong with it.
    fn number(&mut self, operand_next: bool) -> Result<bool, Failure> {
        let start = self.at;
        while self.byte().is_some_and(|b| b.is_ascii_digit() || b == b'.') {
            self.at += 1;
        }
        if self.is_foreign_notation(start) {
            return Err(Failure::UnsupportedNumber);
        }
        let digits = std::str::from_utf8(&self.text[start..self.at]).unwrap_or_default();
        let number = decimal(digits)?;
        if !operand_next {
            return Err(Failure::Syntax);
        }
        self.count_node()?;
        self.values.push(Ok(number));
        self.operand_complete()
    }

    /// `1_000`, `0x1f`, `1e5`: known, and refused by name.
    fn is_foreign_notation(&self, start: usize) -> bool {
        let next = |ahead: usize| self.text.get(self.at + ahead).map(u8::to_ascii_lowercase);
        match next(0) {
            Some(b'_') => true,
            Some(b'x' | b'o' | b'b') => &self.text[start..self.at] == b"0",
            Some(b'e') => match next(1) {
                Some(b'+' | b'-') => next(2).is_some_and(|b| b.is_ascii_digit()),
                other => other.is_some_and(|b| b.is_ascii_digit()),
            },
            _ => false,
        }
    }

    /// Not a token: an infinity by name, or simply a mistake.
    fn word(&self) -> Failure {
        let rest = &self.text[self.at..];
        let length = rest
            .iter()
            .take_while(|b| b.is_ascii_alphanumeric() || **b == b'_')
            .count();
        let word = rest[..length].to_ascii_lowercase();
        if [&b"nan"[..], b"inf", b"infinity"].contains(&word.as_slice()) {
            Failure::UnsupportedNumber
        } else {
            Failure::Syntax
        }
    }
}

const fn strength(operation: Operation) -> u8 {
    match operation {
        Operation::Add | Operation::Sub => 1,
        Operation::Mul | Operation::Div => 2,
    }
}

fn compute(operation: Operation, left: &Value, right: &Value) -> Value {
    let (left, right) = (left.as_ref().map_err(|f| *f)?, right.as_ref().map_err(|f| *f)?);
    Number::compute(operation, left, right)
}

/// `12`, `12.5`; a digit on both sides of the only point.
fn decimal(text: &str) -> Value {
    let Some((whole, fraction)) = text.split_once('.') else {
        return match Number::short(text, "") {
            Some(number) => Ok(number),
            None => Number::big(BigRational::from_integer(integer(text)?)),
        };
    };
    if whole.is_empty() || fraction.is_empty() || fraction.contains('.') {
        return Err(Failure::Syntax);
    }
    if let Some(number) = Number::short(whole, fraction) {
        return Ok(number);
    }
    // More digits than the limit has bits cannot fit once trailing zeros are gone: the denominator keeps a factor 2 or 5 each.
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() as u64 > BIT_LIMIT {
        return Err(Failure::Overflow);
    }
    let ten = BigInt::from(10);
    let scale = (0..fraction.len()).fold(BigInt::one(), |scale, _| scale * &ten);
    Number::big(BigRational::new(
        integer(whole)? * &scale + integer(fraction)?,
        scale,
    ))
}

fn integer(digits: &str) -> Result<BigInt, Failure> {
    let digits = digits.trim_start_matches('0');
    if digits.len() as u64 > BIT_LIMIT {
        return Err(Failure::Overflow);
    }
    if digits.is_empty() {
        Ok(BigInt::zero())
    } else {
        digits.parse().map_err(|_| Failure::Internal)
    }
}
