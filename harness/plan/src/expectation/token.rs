//! Text to tokens.

use tally_model::{Diagnostic, Span};

use crate::Unit;
use crate::units::{Decimal, quantity};

/// A token and its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token {
    pub(crate) span: Span,
    pub(crate) kind: TokenKind,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TokenKind {
    /// A constant in its base unit.
    Constant(f64, Unit),
    /// A name of a metric or a function.
    Word(String),
    /// An operator or a parenthesis.
    Symbol(&'static str),
}

/// Longer ones first.
const SYMBOLS: [&str; 13] = [
    "&&", "<=", ">=", "==", "!=", "<", ">", "+", "-", "*", "/", "(", ")",
];

/// Splits a condition.
pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, Diagnostic> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let first = rest.chars().next().unwrap_or(' ');
        if first.is_ascii_whitespace() {
            at += 1;
            continue;
        }
        let (length, kind) = token(rest, first, at)?;
        tokens.push(Token {
            span: Span::new(at, at + length),
            kind,
        });
        at += length;
    }
    Ok(tokens)
}

fn token(rest: &str, first: char, at: usize) -> Result<(usize, TokenKind), Diagnostic> {
    if first.is_ascii_digit() {
        return number(rest, at);
    }
    if first.is_ascii_alphabetic() {
        // A point belongs to a word only between digits, as in p99.9.
        let bytes = rest.as_bytes();
        let is_word = |index: usize, b: u8| {
            b.is_ascii_alphanumeric()
                || b == b'_'
                || (b == b'.' && bytes[..index].last().is_some_and(u8::is_ascii_digit))
        };
        let length = bytes
            .iter()
            .enumerate()
            .find(|(i, b)| !is_word(*i, **b))
            .map_or(rest.len(), |(i, _)| i);
        return Ok((length, TokenKind::Word(rest[..length].to_owned())));
    }
    if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
        return Ok((symbol.len(), TokenKind::Symbol(symbol)));
    }
    let help = match first {
        '=' => "write `==` to compare",
        '&' => "write `&&`",
        '|' => "there is no `||`: write two expectations, or one that covers both",
        _ => "a condition looks like `p99(latency) < 800ms && lost == 0`",
    };
    Err(
        Diagnostic::new("F0501", format!("unexpected `{}`", first.escape_debug()))
            .at(Span::new(at, at + first.len_utf8()))
            .label("not part of a condition")
            .help(help),
    )
}

fn number(rest: &str, at: usize) -> Result<(usize, TokenKind), Diagnostic> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '%';
    let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
    let constant = Decimal::split(&rest[..length]).and_then(|(number, unit)| match unit {
        "" => Some(TokenKind::Constant(number.scaled(1, 1), Unit::Number)),
        "%" => Some(TokenKind::Constant(number.scaled(1, 100), Unit::Share)),
        _ => quantity(number, unit).map(|(value, is_time)| {
            TokenKind::Constant(value, if is_time { Unit::Time } else { Unit::Bytes })
        }),
    });
    constant.map(|constant| (length, constant)).ok_or_else(|| {
        Diagnostic::new("F0501", format!("`{}` is not a quantity", &rest[..length]))
            .at(Span::new(at, at + length))
            .label("unknown unit or number")
            .help("units are ns, us, ms, s, m, h, B, KiB, MiB, GiB and %")
    })
}
