//! Tokens to a condition whose units go together.

use tally_model::{Diagnostic, Span};

use crate::expectation::names::{bare, fits, function, metric};
use crate::expectation::token::{Token, TokenKind, tokens};
use crate::{Comparator, Comparison, Condition, Metric, MetricRef, Sample, Term, Unit};

/// The longest condition in bytes.
const MAX_TEXT: usize = 1_024;
/// The deepest nesting of parentheses.
const MAX_NESTING: u32 = 32;

/// Reads a condition such as `p99(latency) < 800ms && lost == 0`.
///
/// # Errors
///
/// One problem per comparison, each with its place in `text`: `F0501` to `F0509`.
pub fn parse_condition(text: &str) -> Result<Condition, Vec<Diagnostic>> {
    if text.len() > MAX_TEXT {
        let message = format!("a condition has at most {MAX_TEXT} bytes");
        return Err(vec![
            Diagnostic::new("F0501", message).help("write several expectations"),
        ]);
    }
    let tokens = tokens(text).map_err(|diagnostic| vec![diagnostic])?;
    let end = Span::new(text.len(), text.len());
    let mut comparisons = Vec::new();
    let mut problems = Vec::new();
    for part in tokens.split(|token| token.kind == TokenKind::Symbol("&&")) {
        let mut parser = Parser {
            tokens: part,
            at: 0,
            nesting: 0,
            end: part.last().map_or(end, |t| Span::new(t.span.end, t.span.end)),
        };
        match parser.comparison() {
            Ok(comparison) => comparisons.push(comparison),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(Condition { comparisons })
    } else {
        Err(problems)
    }
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    nesting: u32,
    end: Span,
}

type Parsed<T> = Result<T, Diagnostic>;

impl Parser<'_> {
    fn comparison(&mut self) -> Parsed<Comparison> {
        let start = self.span();
        let left = self.sum()?;
        let sign = self.span();
        let comparator = match self.symbol() {
            Some("<") => Comparator::Less,
            Some("<=") => Comparator::AtMost,
            Some(">") => Comparator::Greater,
            Some(">=") => Comparator::AtLeast,
            Some("==") => Comparator::Equal,
            Some("!=") => Comparator::NotEqual,
            _ => return Err(self.unexpected("a comparison such as `<` or `==`")),
        };
        self.at += 1;
        let right_start = self.span();
        let right = self.sum()?;
        let whole = start.join(Span::new(start.start, self.last_end()));
        if self.at < self.tokens.len() {
            return Err(match self.symbol() {
                Some("<" | "<=" | ">" | ">=" | "==" | "!=") => self
                    .problem("F0501", "two comparisons in a row")
                    .help("join them: `a < b && b < c`"),
                _ => self.unexpected("`&&` or the end"),
            });
        }
        if left.unit().together(right.unit()).is_none() {
            let right_span = Span::new(right_start.start, self.last_end());
            return Err(mismatch(&left, &right, right_span));
        }
        let comparison = Comparison {
            left,
            comparator,
            right,
        };
        decided(&comparison, whole, sign)?;
        Ok(comparison)
    }

    fn sum(&mut self) -> Parsed<Term> {
        let mut left = self.product()?;
        while let Some(sign @ ("+" | "-")) = self.symbol() {
            let span = self.span();
            self.at += 1;
            let right = self.product()?;
            left = arithmetic(sign, left, right, span)?;
        }
        Ok(left)
    }

    fn product(&mut self) -> Parsed<Term> {
        let mut left = self.atom()?;
        while let Some(sign @ ("*" | "/")) = self.symbol() {
            let span = self.span();
            self.at += 1;
            let right = self.atom()?;
            left = arithmetic(sign, left, right, span)?;
        }
        Ok(left)
    }

    fn atom(&mut self) -> Parsed<Term> {
        let Some(token) = self.tokens.get(self.at).cloned() else {
            return Err(self.unexpected("a metric or a number"));
        };
        match token.kind {
            TokenKind::Constant(value, unit) => {
                self.at += 1;
                Ok(Term::Constant { value, unit })
            }
            TokenKind::Symbol("-") if self.nesting < MAX_NESTING => {
                self.at += 1;
                self.nesting += 1;
                let term = self.atom()?;
                self.nesting -= 1;
                arithmetic(
                    "*",
                    Term::Constant {
                        value: -1.0,
                        unit: Unit::Number,
                    },
                    term,
                    token.span,
                )
            }
            TokenKind::Symbol("(") if self.nesting < MAX_NESTING => {
                self.at += 1;
                self.nesting += 1;
                let term = self.sum()?;
                self.nesting -= 1;
                self.close()?;
                Ok(term)
            }
            TokenKind::Symbol("(" | "-") => Err(self
                .problem("F0501", "nested too deeply")
                .help("use fewer parentheses")),
            TokenKind::Symbol(_) => Err(self.unexpected("a metric or a number")),
            TokenKind::Word(word) => {
                self.at += 1;
                if self.symbol() == Some("(") {
                    self.call(&word, token.span)
                } else {
                    bare(&word, token.span)
                }
            }
        }
    }

    /// `function(metric)` or `function(metric / metric)`.
    fn call(&mut self, name: &str, span: Span) -> Parsed<Term> {
        let function = function(name, span);
        self.at += 1;
        let first_span = self.span();
        let first = self.metric()?;
        let mut sample = Sample::One(first);
        if self.symbol() == Some("/") {
            self.at += 1;
            sample = Sample::Ratio(first, self.metric()?);
        } else if matches!(self.symbol(), Some("<" | "<=" | ">" | ">=" | "==" | "!=")) {
            return Err(self
                .problem("F0506", "a condition inside of a function is not available yet")
                .help("it comes with part 5 (chaos); today there is `time_to_recover < 5s`"));
        }
        let inner = first_span.join(Span::new(first_span.start, self.last_end()));
        self.close()?;
        let metric = MetricRef {
            function: function?,
            sample,
        };
        fits(metric, inner).map(|()| Term::Metric(metric))
    }

    fn metric(&mut self) -> Parsed<Metric> {
        let Some(Token {
            kind: TokenKind::Word(word),
            span,
        }) = self.tokens.get(self.at).cloned()
        else {
            return Err(self.unexpected("the name of a metric"));
        };
        self.at += 1;
        metric(&word, span)
    }

    fn close(&mut self) -> Parsed<()> {
        if self.symbol() == Some(")") {
            self.at += 1;
            return Ok(());
        }
        Err(self.unexpected("`)`"))
    }

    fn symbol(&self) -> Option<&'static str> {
        match self.tokens.get(self.at).map(|token| &token.kind) {
            Some(TokenKind::Symbol(symbol)) => Some(symbol),
            _ => None,
        }
    }

    fn span(&self) -> Span {
        self.tokens.get(self.at).map_or(self.end, |token| token.span)
    }

    fn last_end(&self) -> usize {
        self.at
            .checked_sub(1)
            .and_then(|at| self.tokens.get(at))
            .map_or(self.end.end, |token| token.span.end)
    }

    fn problem(&self, code: &str, message: &str) -> Diagnostic {
        Diagnostic::new(code, message).at(self.span())
    }

    fn unexpected(&self, wanted: &str) -> Diagnostic {
        let place = if self.at < self.tokens.len() {
            "here"
        } else {
            "after this"
        };
        self.problem("F0501", "this is not a condition")
            .label(format!("{wanted} should stand {place}"))
            .help("a condition looks like `p99(latency) < 800ms && lost == 0`")
    }
}

fn arithmetic(sign: &'static str, left: Term, right: Term, span: Span) -> Parsed<Term> {
    let unit = match sign {
        "+" | "-" => left.unit().together(right.unit()),
        "*" => left.unit().times(right.unit()),
        _ => left.unit().over(right.unit()),
    };
    let Some(unit) = unit else {
        let (left, right) = (left.unit().describe(), right.unit().describe());
        return Err(
            Diagnostic::new("F0504", format!("{left} `{sign}` {right} has no meaning"))
                .at(span)
                .label("units do not go together")
                .help("give constants a unit: `5ms`, `5%`, `64MiB`"),
        );
    };
    if sign == "/" && matches!(right, Term::Constant { value: 0.0, .. }) {
        return Err(Diagnostic::new("F0508", "a division by 0")
            .at(span)
            .label("never has a value")
            .help("divide by something else"));
    }
    let sign = sign.chars().next().unwrap_or('+');
    Ok(Term::Arithmetic {
        sign,
        left: Box::new(left),
        right: Box::new(right),
        unit,
    })
}

fn mismatch(left: &Term, right: &Term, span: Span) -> Diagnostic {
    let help = match (left.unit(), right.unit()) {
        (Unit::Time, Unit::Number) => format!("write a unit: `{right}ms` or `{right}s`"),
        (Unit::Bytes, Unit::Number) => format!("write a unit: `{right}MiB`"),
        (Unit::Count, Unit::Share) => format!("for a share of the offered requests write `rate({left})`"),
        _ => "compare things of one kind".to_owned(),
    };
    let message = format!(
        "`{left}` is {} and this is {}",
        left.unit().describe(),
        right.unit().describe()
    );
    Diagnostic::new("F0504", message)
        .at(span)
        .label("units do not go together")
        .help(help)
}

/// Refuses comparisons that no run can change.
fn decided(comparison: &Comparison, whole: Span, sign: Span) -> Parsed<()> {
    let condition = Condition {
        comparisons: vec![comparison.clone()],
    };
    if condition.metrics().is_empty() {
        return Err(Diagnostic::new("F0508", "this compares two constants")
            .at(whole)
            .label("no run can change it")
            .help("compare a metric with a constant"));
    }
    let share = |term: &Term| matches!(term, Term::Metric(metric) if metric.unit() == Unit::Share);
    let beyond = |term: &Term| matches!(term, Term::Constant { value, .. } if *value > 1.0);
    if (share(&comparison.left) && beyond(&comparison.right))
        || (share(&comparison.right) && beyond(&comparison.left))
    {
        return Err(Diagnostic::new("F0508", "a share is at most 1")
            .at(sign)
            .label("no run can change it")
            .help("write percent with its sign: `99%`"));
    }
    Ok(())
}
