//! Text to tokens with spans; what is not a token is a diagnostic, and the lexer goes on behind it.

use tally_model::{Diagnostic, Failure, Operation, Span};

use crate::error::ParseError;
use crate::limits::MAX_BITS;
use crate::rational::Rational;
use crate::{character, code, decimal};

/// Longest piece of the text that a message repeats.
const SHOWN: usize = 20;

/// One token.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    /// What it is.
    pub(crate) kind: TokenKind,
    /// Where it stands.
    pub(crate) span: Span,
}

/// The kinds of tokens. `-` is `Operator(Sub)` whether it turns out unary or binary.
#[derive(Clone, Debug)]
pub(crate) enum TokenKind {
    /// A literal.
    Number(Rational),
    /// `+ - * /`.
    Operator(Operation),
    /// `(`.
    Open,
    /// `)`.
    Close,
}

/// Reads one token at a time and can go on after an error.
#[derive(Debug)]
pub(crate) struct Lexer<'t> {
    text: &'t str,
    position: usize,
}

impl<'t> Lexer<'t> {
    /// At the start of `text`.
    pub(crate) const fn new(text: &'t str) -> Self {
        Self { text, position: 0 }
    }

    /// The next token, or why there is none here; `None` at the end of the text.
    pub(crate) fn next_token(&mut self) -> Option<Result<Token, ParseError>> {
        let start = self.skip(self.position, |byte| byte.is_ascii_whitespace());
        self.position = start;
        let kind = match *self.text.as_bytes().get(start)? {
            b'+' => TokenKind::Operator(Operation::Add),
            b'-' => TokenKind::Operator(Operation::Sub),
            b'*' => TokenKind::Operator(Operation::Mul),
            b'/' => TokenKind::Operator(Operation::Div),
            b'(' => TokenKind::Open,
            b')' => TokenKind::Close,
            b'0'..=b'9' | b'.' => return Some(self.number(start)),
            byte if byte.is_ascii_alphabetic() || byte == b'_' => return Some(Err(self.word(start))),
            _ => {
                let (diagnostic, length) = character::refuse(self.text.get(start..)?, start);
                self.position = start + length.max(1);
                return Some(Err(ParseError::new(Failure::Syntax, diagnostic)));
            }
        };
        self.position = start + 1;
        Some(Ok(Token {
            kind,
            span: Span::new(start, start + 1),
        }))
    }

    /// First position from `from` on whose byte does not satisfy `accept`.
    fn skip(&self, from: usize, accept: impl Fn(u8) -> bool) -> usize {
        let rest = self.text.as_bytes().get(from..).unwrap_or_default();
        from + rest.iter().take_while(|byte| accept(**byte)).count()
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// The start of `range`, for a message. Only called where the range is ASCII.
    fn shown(&self, start: usize, end: usize) -> String {
        let piece = self.text.get(start..end.min(start + SHOWN)).unwrap_or_default();
        format!("{piece}{}", if end > start + SHOWN { "..." } else { "" })
    }

    fn number(&mut self, start: usize) -> Result<Token, ParseError> {
        let end = self.skip(start, |byte| byte.is_ascii_digit() || byte == b'.');
        if let Some((end, problem, remedy)) = self.foreign_notation(start, end) {
            self.position = end;
            let diagnostic = Diagnostic::new(code::NUMBER, format!("{problem} are not supported"))
                .at(Span::new(start, end))
                .label(format!("`{}`", self.shown(start, end)))
                .help(remedy);
            return Err(ParseError::new(Failure::UnsupportedNumber, diagnostic));
        }
        self.position = end;
        let span = Span::new(start, end);
        let literal = self.text.get(start..end).unwrap_or_default();
        let (whole, fraction) = match literal.split_once('.') {
            None => (literal, "0"),
            Some(parts) => parts,
        };
        if whole.is_empty() || fraction.is_empty() || fraction.contains('.') {
            return Err(self.misplaced_point(span, whole, fraction));
        }
        let value = decimal::read(whole, fraction).map_err(|failure| {
            let message = format!("this number needs more than {MAX_BITS} bits");
            let diagnostic = Diagnostic::new(code::OVERFLOW, message)
                .at(span)
                .label(format!("{} characters", end - start))
                .help("use a number of at most 1,233 digits");
            ParseError::new(failure, diagnostic)
        })?;
        Ok(Token {
            kind: TokenKind::Number(value),
            span,
        })
    }

    /// A known notation for numbers that is not supported: where it ends, its name and the remedy.
    fn foreign_notation(&self, start: usize, end: usize) -> Option<(usize, &'static str, &'static str)> {
        let word = |from: usize| self.skip(from, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let second = self.byte(end)?.to_ascii_lowercase();
        let zero = end == start + 1 && self.byte(start) == Some(b'0');
        if second == b'_' {
            return Some((word(end), "digit separators", "write the digits without `_`"));
        }
        if zero && matches!(second, b'x' | b'o' | b'b') {
            return Some((
                word(end),
                "other bases than ten",
                "write the number in decimal digits",
            ));
        }
        let sign = usize::from(matches!(self.byte(end + 1), Some(b'+' | b'-')));
        if second == b'e'
            && self
                .byte(end + 1 + sign)
                .is_some_and(|byte| byte.is_ascii_digit())
        {
            return Some((
                word(end + 1 + sign),
                "exponents",
                "write all digits, `1500` for `1.5e3`",
            ));
        }
        None
    }

    fn misplaced_point(&self, span: Span, whole: &str, fraction: &str) -> ParseError {
        let (message, help) = if whole.is_empty() && fraction.is_empty() {
            (
                "a point alone is not a number",
                "write a number, `0.5`".to_owned(),
            )
        } else if fraction.contains('.') {
            (
                "a number has one decimal point",
                "remove the other points".to_owned(),
            )
        } else if whole.is_empty() {
            let whole = format!("write `0{}`", self.shown(span.start, span.end));
            ("a number starts with a digit", whole)
        } else {
            let whole = self.shown(span.start, span.end - 1);
            (
                "a number ends with a digit",
                format!("write `{whole}` or `{whole}.0`"),
            )
        };
        let diagnostic = Diagnostic::new(code::SYNTAX, message)
            .at(span)
            .label(format!("`{}`", self.shown(span.start, span.end)))
            .help(help);
        ParseError::new(Failure::Syntax, diagnostic)
    }

    /// A run of letters: an infinity or not-a-number by name, or a name where there are no names.
    fn word(&mut self, start: usize) -> ParseError {
        let end = self.skip(start, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
        self.position = end;
        let span = Span::new(start, end);
        let shown = self.shown(start, end);
        let lower = shown.to_ascii_lowercase();
        if matches!(lower.as_str(), "nan" | "inf" | "infinity") {
            let diagnostic = Diagnostic::new(code::NUMBER, format!("`{shown}` is not a rational number"))
                .at(span)
                .label("not a number of this language")
                .help("write a finite number");
            return ParseError::new(Failure::UnsupportedNumber, diagnostic);
        }
        let help = if lower == "x" {
            "use '*' to multiply; there are no names and no functions"
        } else {
            "write numbers only; there are no names and no functions"
        };
        let diagnostic = Diagnostic::new(code::CHARACTER, format!("letters are not supported: `{shown}`"))
            .at(span)
            .label("not a number")
            .help(help);
        ParseError::new(Failure::Syntax, diagnostic)
    }
}
