//! Tokens to tree: an operator-precedence parser with explicit stacks (Dijkstra's shunting yard), bounded while it runs.

use tally_model::{Diagnostic, Failure, Operation, Span};

use crate::code;
use crate::error::ParseError;
use crate::expression::{Expression, Node, NodeKind};
use crate::limits::{Limits, MAX_DIAGNOSTICS};
use crate::token::{Lexer, Token, TokenKind};

/// Reads an expression; the grammar is on the crate's page.
///
/// # Errors
/// The failure by name, and up to [`crate::MAX_DIAGNOSTICS`] diagnostics with places in `text`: all foreign characters
/// and numbers, or the first place where the grammar is broken.
///
/// ```
/// let error = tally_expression::parse("3 \u{2212} 1").unwrap_err();
/// assert_eq!(error.diagnostics[0].message, "U+2212 MINUS SIGN is not supported");
/// assert_eq!(error.diagnostics[0].help.as_deref(), Some("use '-'"));
/// ```
pub fn parse(text: &str) -> Result<Expression, ParseError> {
    parse_with(text, Limits::PUBLIC)
}

/// [`parse`] with other bounds, to test the machinery far beyond the public ones.
pub(crate) fn parse_with(text: &str, limits: Limits) -> Result<Expression, ParseError> {
    if text.len() > limits.text {
        return Err(too_long(text, limits.text));
    }
    let mut lexer = Lexer::new(text);
    let mut parser = Parser::new(text, limits);
    while let Some(item) = lexer.next_token() {
        match item {
            Ok(token) => parser.take(token)?,
            Err(error) => return Err(with_later_problems(error, lexer)),
        }
    }
    parser.finish()
}

fn too_long(text: &str, limit: usize) -> ParseError {
    let start = (0..=limit)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    let message = format!("an expression has at most {limit} bytes, this has {}", text.len());
    let diagnostic = Diagnostic::new(code::TOO_LARGE, message)
        .at(Span::new(start, text.len()))
        .label("beyond the limit")
        .help("split the expression into several requests");
    ParseError::new(Failure::TooLarge, diagnostic)
}

/// Whoever pasted one foreign character pasted more: they are reported together.
fn with_later_problems(mut error: ParseError, mut lexer: Lexer<'_>) -> ParseError {
    while error.diagnostics.len() < MAX_DIAGNOSTICS
        && let Some(item) = lexer.next_token()
    {
        if let Err(later) = item {
            error.diagnostics.extend(later.diagnostics);
        }
    }
    error
}

/// An operator or parenthesis that waits for what stands on its right.
#[derive(Clone, Copy, Debug)]
enum Pending {
    Group,
    Negate,
    Binary(Operation),
}

/// A finished subtree: its root, and its text with all parentheses around it.
#[derive(Clone, Copy, Debug)]
struct Finished {
    node: u32,
    span: Span,
}

#[derive(Debug)]
struct Parser<'t> {
    text: &'t str,
    limits: Limits,
    nodes: Vec<Node>,
    finished: Vec<Finished>,
    pending: Vec<(Pending, Span)>,
    /// `Group` and `Negate` entries of `pending`.
    nesting: usize,
    /// Whether a number or `(` must come next.
    wants_operand: bool,
    /// The token before this one.
    previous: Option<Span>,
}

const fn precedence(operation: Operation) -> u8 {
    match operation {
        Operation::Add | Operation::Sub => 1,
        Operation::Mul | Operation::Div => 2,
    }
}

fn syntax(message: impl Into<String>, span: Span, label: &str, help: &str) -> ParseError {
    let diagnostic = Diagnostic::new(code::SYNTAX, message)
        .at(span)
        .label(label)
        .help(help);
    ParseError::new(Failure::Syntax, diagnostic)
}

impl<'t> Parser<'t> {
    fn new(text: &'t str, limits: Limits) -> Self {
        Self {
            text,
            limits,
            nodes: Vec::new(),
            finished: Vec::new(),
            pending: Vec::new(),
            nesting: 0,
            wants_operand: true,
            previous: None,
        }
    }

    fn take(&mut self, token: Token) -> Result<(), ParseError> {
        let span = token.span;
        if self.wants_operand {
            self.operand(token)?;
        } else {
            self.operator(token)?;
        }
        self.previous = Some(span);
        Ok(())
    }

    fn operand(&mut self, Token { kind, span }: Token) -> Result<(), ParseError> {
        match kind {
            TokenKind::Number(value) => {
                self.push(NodeKind::Literal(value), span, span)?;
                self.close_operand()
            }
            TokenKind::Open => self.nest(Pending::Group, span),
            TokenKind::Operator(Operation::Sub) => self.nest(Pending::Negate, span),
            TokenKind::Operator(operation) => Err(self.missing_left(operation, span)),
            TokenKind::Close => Err(self.missing_before_close(span)),
        }
    }

    fn operator(&mut self, Token { kind, span }: Token) -> Result<(), ParseError> {
        match kind {
            TokenKind::Operator(operation) => {
                self.reduce_while(|waiting| precedence(waiting) >= precedence(operation))?;
                self.pending.push((Pending::Binary(operation), span));
                self.wants_operand = true;
                Ok(())
            }
            TokenKind::Close => self.close_group(span),
            TokenKind::Number(_) => Err(syntax(
                "two numbers stand side by side",
                span,
                "an operator is missing before this",
                "put + - * or / between them",
            )),
            TokenKind::Open => Err(syntax(
                "an operator is missing before `(`",
                span,
                "no implicit multiplication",
                "write `*` to multiply",
            )),
        }
    }

    fn nest(&mut self, pending: Pending, span: Span) -> Result<(), ParseError> {
        if self.nesting == self.limits.depth {
            let message = format!("nested deeper than {}", self.limits.depth);
            let diagnostic = Diagnostic::new(code::TOO_DEEP, message)
                .at(span)
                .label("one level too many")
                .help("remove parentheses and minus signs that change nothing, or split the expression");
            return Err(ParseError::new(Failure::TooDeep, diagnostic));
        }
        self.nesting += 1;
        self.pending.push((pending, span));
        Ok(())
    }

    /// Adds a node; `culprit` is the token that asked for it.
    fn push(&mut self, kind: NodeKind, span: Span, culprit: Span) -> Result<(), ParseError> {
        if self.nodes.len() >= self.limits.nodes {
            let message = format!(
                "an expression has at most {} numbers and operations",
                self.limits.nodes
            );
            let diagnostic = Diagnostic::new(code::TOO_LARGE, message)
                .at(culprit)
                .label("one too many")
                .help("split the expression into several requests");
            return Err(ParseError::new(Failure::TooLarge, diagnostic));
        }
        let node = self.nodes.len() as u32;
        self.nodes.push(Node { kind, span });
        self.finished.push(Finished { node, span });
        Ok(())
    }

    /// An operand is complete: minus signs directly before it bind to it.
    fn close_operand(&mut self) -> Result<(), ParseError> {
        self.wants_operand = false;
        while let Some(&(Pending::Negate, sign)) = self.pending.last() {
            self.pending.pop();
            self.nesting -= 1;
            if let Some(Finished { node, span }) = self.finished.pop() {
                self.push(NodeKind::Negate { operand: node }, sign.join(span), sign)?;
            }
        }
        Ok(())
    }

    /// Builds the operations on top of the stack that satisfy `binds`.
    fn reduce_while(&mut self, binds: impl Fn(Operation) -> bool) -> Result<(), ParseError> {
        while let Some(&(Pending::Binary(operation), sign)) = self.pending.last() {
            if !binds(operation) {
                break;
            }
            self.pending.pop();
            if let (Some(right), Some(left)) = (self.finished.pop(), self.finished.pop()) {
                let kind = NodeKind::Binary {
                    operation,
                    left: left.node,
                    right: right.node,
                };
                self.push(kind, left.span.join(right.span), sign)?;
            }
        }
        Ok(())
    }

    fn close_group(&mut self, close: Span) -> Result<(), ParseError> {
        self.reduce_while(|_| true)?;
        let Some((Pending::Group, open)) = self.pending.pop() else {
            return Err(syntax(
                "this `)` was never opened",
                close,
                "no `(` for it",
                "remove it, or add `(` before",
            ));
        };
        self.nesting -= 1;
        if let Some(finished) = self.finished.last_mut() {
            finished.span = open.join(close);
            if let Some(node) = self.nodes.get_mut(finished.node as usize) {
                node.span = finished.span;
            }
        }
        self.close_operand()
    }

    fn finish(mut self) -> Result<Expression, ParseError> {
        if self.wants_operand {
            return Err(self.missing_at_end());
        }
        self.reduce_while(|_| true)?;
        if let Some(&(_, open)) = self.pending.last() {
            return Err(syntax("this `(` is never closed", open, "opened here", "add `)`"));
        }
        Ok(Expression::from_postorder(self.nodes))
    }

    fn missing_left(&self, operation: Operation, span: Span) -> ParseError {
        let symbol = operation.symbol();
        if operation == Operation::Add {
            return syntax(
                "there is no unary plus",
                span,
                "changes nothing here",
                "remove this `+`",
            );
        }
        let doubled = self.previous.and_then(|p| self.text.get(p.start..span.end));
        let help = match doubled {
            Some("**") => "powers are not supported; multiply instead, `3*3`",
            Some("//") => "division is exact; use one `/`",
            _ => "write a number or `(` before it",
        };
        let message = format!("`{symbol}` has nothing on its left");
        syntax(message, span, "a number is missing before this", help)
    }

    fn missing_before_close(&self, close: Span) -> ParseError {
        match self.pending.last() {
            None => syntax("this `)` was never opened", close, "no `(` for it", "remove it"),
            Some((Pending::Group, open)) => syntax(
                "these parentheses are empty",
                open.join(close),
                "nothing inside",
                "write an expression between them, or remove them",
            ),
            Some((_, sign)) => self.missing_right(*sign),
        }
    }

    fn missing_at_end(&self) -> ParseError {
        match self.pending.last() {
            None => {
                let help = "write an expression, for example (3+5)*2";
                syntax(
                    "the expression is empty",
                    Span::new(0, self.text.len()),
                    "nothing here",
                    help,
                )
            }
            Some((Pending::Group, open)) => syntax(
                "this `(` is never closed",
                *open,
                "opened here",
                "write an expression and `)`",
            ),
            Some((_, sign)) => self.missing_right(*sign),
        }
    }

    fn missing_right(&self, sign: Span) -> ParseError {
        let symbol = self.text.get(sign.start..sign.end).unwrap_or_default();
        let message = format!("`{symbol}` has nothing on its right");
        syntax(
            message,
            sign,
            "a number is missing after this",
            "write a number or `(` after it",
        )
    }
}
