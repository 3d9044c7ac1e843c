//! A shape and a stream become texts.

use tally_model::{Operation, Outcome};

use crate::operands::operand;
use crate::residue::Residue;
use crate::{FixedExpression, MAX_FANOUT, Shape, Stream, Terms};

/// An endless stream of expressions of one shape.
#[derive(Clone, Debug)]
pub struct ExpressionStream {
    shape: Shape,
    stream: Stream,
}

impl ExpressionStream {
    /// The expressions of `shape`, drawn from `stream`.
    pub const fn new(shape: Shape, stream: Stream) -> Self {
        Self { shape, stream }
    }

    /// The next expression; of a list, with its expected answer.
    pub fn draw(&mut self) -> FixedExpression {
        let mut text = String::with_capacity(16);
        let answer = draw(&self.shape, &mut self.stream, &mut text);
        FixedExpression { text, answer }
    }
}

impl Iterator for ExpressionStream {
    type Item = FixedExpression;

    fn next(&mut self) -> Option<FixedExpression> {
        Some(self.draw())
    }
}

fn draw(shape: &Shape, stream: &mut Stream, out: &mut String) -> Option<Outcome> {
    match shape {
        Shape::Flat { terms } => {
            tree(
                terms,
                Level {
                    depth: 1,
                    fanout: 2,
                    dependent: 0,
                },
                stream,
                out,
            );
        }
        Shape::Tree {
            depth,
            fanout,
            dependent,
            terms,
        } => {
            let level = Level {
                depth: *depth,
                fanout: *fanout,
                dependent: *dependent,
            };
            tree(terms, level, stream, out);
        }
        Shape::Chained { length, terms } => chain(terms, *length, stream, out),
        Shape::Mixed { parts } => {
            let mut ticket = stream.below(parts.iter().map(|part| u64::from(part.weight)).sum());
            for part in parts {
                let weight = u64::from(part.weight);
                match &part.shape {
                    // A mix of mixes would recurse as deep as a file nests; the parser refuses it.
                    Shape::Mixed { .. } => {}
                    shape if ticket < weight => return draw(shape, stream, out),
                    _ => {}
                }
                ticket = ticket.saturating_sub(weight);
            }
        }
        Shape::Fixed { list } => {
            let chosen = list.get(stream.below(list.len() as u64) as usize)?;
            out.push_str(&chosen.text);
            return chosen.answer.clone();
        }
    }
    None
}

#[derive(Clone, Copy)]
struct Level {
    depth: u32,
    fanout: u32,
    dependent: u32,
}

/// One parenthesis with one kind of operation, so that it reads the same with every precedence: `(a-b-c)`.
fn tree(terms: &Terms, level: Level, stream: &mut Stream, out: &mut String) -> Residue {
    let operation = terms.operations.draw(stream);
    let below = Level {
        depth: level.depth.saturating_sub(1),
        ..level
    };
    let fanout = level.fanout.clamp(2, MAX_FANOUT) as usize;
    let chosen = if below.depth > 0 {
        stream.below(fanout as u64) as usize
    } else {
        0
    };
    let mut values = [Residue::new(0, 1); MAX_FANOUT as usize];
    let mut signs = [0; MAX_FANOUT as usize];
    out.push('(');
    for index in 0..fanout {
        signs[index] = out.len();
        if index > 0 {
            out.push(operation.symbol());
        }
        let nested = below.depth > 0 && (index == chosen || stream.chance(level.dependent));
        values[index] = if nested {
            tree(terms, below, stream, out)
        } else if index > 0 && operation == Operation::Div {
            divisor(terms, stream, out)
        } else {
            operand(terms.values, terms.decimals, stream, out)
        };
    }
    out.push(')');
    let (values, signs) = (&values[..fanout], &signs[1..fanout]);
    // A parenthesis that came out as 0 cannot be exchanged for a number without losing depth; the division can.
    if operation == Operation::Div && values[1..].iter().any(|value| value.is_zero()) {
        for sign in signs {
            out.replace_range(*sign..=*sign, "+");
        }
        return fold(Operation::Add, values);
    }
    fold(operation, values)
}

fn fold(operation: Operation, values: &[Residue]) -> Residue {
    let mut values = values.iter().copied();
    let first = values.next().unwrap_or(Residue::new(0, 1));
    values.fold(first, |left, right| apply(operation, left, right))
}

/// `((a+b)*c)`: the parentheses are counted first, because every one of them opens at the left.
fn chain(terms: &Terms, length: u32, stream: &mut Stream, out: &mut String) {
    for _ in 0..length {
        out.push('(');
    }
    operand(terms.values, terms.decimals, stream, out);
    for _ in 0..length {
        let operation = terms.operations.draw(stream);
        out.push(operation.symbol());
        if operation == Operation::Div {
            divisor(terms, stream, out);
        } else {
            operand(terms.values, terms.decimals, stream, out);
        }
        out.push(')');
    }
}

/// An operand that is not 0; where 0 is drawn, a digit from 1 to 9 stands. An error answer is a fine test, but one that
/// somebody should ask for by name.
fn divisor(terms: &Terms, stream: &mut Stream, out: &mut String) -> Residue {
    let start = out.len();
    let value = operand(terms.values, terms.decimals, stream, out);
    if !value.is_zero() {
        return value;
    }
    let digit = 1 + stream.below(9);
    out.truncate(start);
    out.push(char::from(b'0' + digit as u8));
    Residue::new(digit as i64, 1)
}

fn apply(operation: Operation, left: Residue, right: Residue) -> Residue {
    match operation {
        Operation::Add => left.add(right),
        Operation::Sub => left.subtract(right),
        Operation::Mul => left.multiply(right),
        Operation::Div => left.divide(right),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Decimals, MixedPart, OperationWeights, ValueRange};
    use proptest::prelude::*;

    fn texts(shape: Shape, seed: u64, count: usize) -> Vec<String> {
        ExpressionStream::new(shape, Stream::new(seed, "load", "expressions"))
            .take(count)
            .map(|expression| expression.text)
            .collect()
    }

    fn depth_of(text: &str) -> usize {
        let mut open = 0_usize;
        let mut deepest = 0;
        for (at, c) in text.char_indices() {
            match c {
                // A sign's own parenthesis is not a level.
                '(' if !text[at + 1..].starts_with('-') => {
                    open += 1;
                    deepest = deepest.max(open);
                }
                '(' => open += 1,
                ')' => open -= 1,
                _ => {}
            }
        }
        deepest
    }

    /// These exact bytes are the contract of version 1; a change here changes every stored plan.
    #[test]
    fn the_first_expressions_of_a_seed_are_these() {
        let flat = Shape::Flat {
            terms: Terms::default(),
        };
        let golden = texts(flat.clone(), 42, 3).join(" ");
        assert_eq!(
            golden,
            include_str!("../fingerprints/first-expressions.txt").trim()
        );
        assert_ne!(golden, texts(flat, 43, 3).join(" "));
    }

    /// A tree always reaches its depth, and independent trees are smaller than dependent ones.
    #[test]
    fn trees_reach_their_depth_and_grow_with_dependence() {
        let tree = |dependent| Shape::Tree {
            depth: 5,
            fanout: 2,
            dependent,
            terms: Terms::default(),
        };
        for dependent in [0, 600_000, 1_000_000] {
            for text in texts(tree(dependent), 1, 200) {
                assert_eq!(depth_of(&text), 5, "{text}");
            }
        }
        let operands = |dependent| {
            texts(tree(dependent), 1, 50)
                .join("")
                .matches(char::is_numeric)
                .count()
        };
        assert!(operands(0) < operands(500_000) && operands(500_000) < operands(1_000_000));
    }

    /// A chain nests once per operation.
    #[test]
    fn chains_are_as_deep_as_long() {
        let terms = Terms {
            values: ValueRange { min: 1, max: 9 },
            ..Terms::default()
        };
        for text in texts(Shape::Chained { length: 7, terms }, 1, 50) {
            assert_eq!(depth_of(&text), 7, "{text}");
        }
    }

    /// Zero is drawn as a value but never left as a divisor.
    #[test]
    fn zero_never_stays_a_divisor() {
        let terms = Terms {
            operations: OperationWeights::even(&[Operation::Div]),
            values: ValueRange { min: 0, max: 1 },
            decimals: Decimals(0),
        };
        let texts = texts(Shape::Flat { terms }, 1, 200);
        assert!(texts.iter().all(|text| !text.ends_with("/0)")), "{texts:?}");
        assert!(texts.iter().any(|text| text.starts_with("(0/")), "{texts:?}");
    }

    /// A mix draws its parts by weight.
    #[test]
    fn mixes_follow_their_weights() {
        let part = |weight, shape| MixedPart { weight, shape };
        let terms = Terms::default();
        let parts = vec![
            part(3, Shape::Flat { terms }),
            part(0, Shape::Flat { terms }),
            part(1, Shape::Chained { length: 3, terms }),
        ];
        let chains = texts(Shape::Mixed { parts }, 1, 1_000)
            .iter()
            .filter(|t| t.starts_with("((("))
            .count();
        assert!((200..300).contains(&chains), "{chains}");
    }

    /// A list is drawn from, answers included, and an empty one does not stop the stream.
    #[test]
    fn lists_are_drawn_evenly() {
        let entry = |text: &str| FixedExpression {
            text: text.into(),
            answer: None,
        };
        let list = vec![entry("1+1"), entry("2+2")];
        let drawn = texts(Shape::Fixed { list }, 1, 1_000);
        let ones = drawn.iter().filter(|text| *text == "1+1").count();
        assert!((400..600).contains(&ones), "{ones}");
        assert_eq!(texts(Shape::Fixed { list: Vec::new() }, 1, 1), [""]);
    }

    proptest! {
        /// Every generated text is made of digits, points, the four operations and balanced parentheses.
        #[test]
        fn generated_texts_are_well_formed(
            seed: u64, depth in 1_u32..6, fanout in 2_u32..4, dependent in 0_u32..=1_000_000, decimals in 0_u8..=6,
            min in -999_i64..0, max in 0_i64..999,
        ) {
            let terms = Terms { values: ValueRange { min, max }, decimals: Decimals(decimals), ..Terms::default() };
            for text in texts(Shape::Tree { depth, fanout, dependent, terms }, seed, 5) {
                prop_assert!(text.bytes().all(|b| b.is_ascii_digit() || b"+-*/().".contains(&b)), "{text}");
                prop_assert_eq!(text.matches('(').count(), text.matches(')').count());
            }
        }
    }
}
