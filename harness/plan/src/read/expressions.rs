//! `expr`: a shape to draw from, or a list of expressions, each checked before anything is sent.

use tally_expression::ParseError;
use tally_model::{Diagnostic, Failure, Outcome};
use tally_workloads::{Decimals, FixedExpression, MAX_OPERANDS, MixedPart, Shape, Terms};

use crate::diagnose::Problems;
use crate::read::reader::wrong_type;
use crate::read::{Node, Reader, Value};
use crate::section::Kind;

/// The longest list.
const MAX_LIST: usize = 10_000;

/// Reads the key `expr` of a load.
pub(crate) fn read(load: &Reader<'_>, kind: &Kind, problems: &mut Problems) -> Option<Shape> {
    let Kind::Expressions {
        shape: section,
        fixed,
    } = kind
    else {
        return None;
    };
    let node = load.node("expr")?;
    match &node.value {
        Value::Table(_) => shape(&Reader::of(section, node, problems)?, problems),
        Value::Array(items) if (1..=MAX_LIST).contains(&items.len()) => {
            let list = items
                .iter()
                .filter_map(|item| entry(item, fixed, problems))
                .collect();
            Some(Shape::Fixed { list })
        }
        Value::Array(items) => {
            problems
                .at(
                    &node.place,
                    "F0205",
                    format!("the list has {} expressions", items.len()),
                )
                .label("out of bounds")
                .help(format!("write 1 to {MAX_LIST}"));
            None
        }
        other => {
            wrong_type(
                node,
                other,
                "`expr` is `{ kind = \"flat\" }` or a list of expressions",
                problems,
            );
            None
        }
    }
}

fn shape(reader: &Reader<'_>, problems: &mut Problems) -> Option<Shape> {
    let kind = reader.choice("kind", problems);
    let terms = terms(reader, problems);
    // Everything is read whatever the kind, so that a wrong value is reported beside a wrong kind.
    let depth = reader.integer("depth", problems);
    let fanout = reader.integer("fanout", problems);
    let dependent = reader.number("dependent", problems);
    let length = reader.integer("length", problems);
    let kind = kind?;
    only_for(reader, kind, problems);
    let shape = match kind {
        "flat" => Shape::Flat { terms },
        "tree" => Shape::Tree {
            depth: depth.or_else(|| needed(reader, "depth", kind, problems))? as u32,
            fanout: fanout.unwrap_or(2) as u32,
            dependent: (dependent.unwrap_or(1.0) * 1_000_000.0).round() as u32,
            terms,
        },
        "chained" => Shape::Chained {
            length: length.or_else(|| needed(reader, "length", kind, problems))? as u32,
            terms,
        },
        _ => mixed(reader, problems)?,
    };
    if shape.most_operands() > MAX_OPERANDS {
        problems
            .at(
                &reader.place,
                "F0451",
                format!("such a tree can have {} operands", shape.most_operands()),
            )
            .label("too large")
            .help(format!(
                "fanout to the power of depth is at most {MAX_OPERANDS}: lower one of them"
            ));
        return None;
    }
    Some(shape)
}

fn terms(reader: &Reader<'_>, problems: &mut Problems) -> Terms {
    let base = Terms::default();
    Terms {
        operations: reader.operations("ops", problems).unwrap_or(base.operations),
        values: reader.range("values", problems).unwrap_or(base.values),
        decimals: reader
            .integer("decimals", problems)
            .map_or(base.decimals, |n| Decimals(n as u8)),
    }
}

fn mixed(reader: &Reader<'_>, problems: &mut Problems) -> Option<Shape> {
    let parts: Vec<MixedPart> = reader
        .tables("parts", problems)
        .iter()
        .filter_map(|part| {
            let weight = part.integer("weight", problems).unwrap_or(1) as u32;
            shape(part, problems).map(|shape| MixedPart { weight, shape })
        })
        .collect();
    if !reader.has("parts") {
        return needed(reader, "parts", "mixed", problems).map(|_| Shape::Mixed { parts });
    }
    if parts.is_empty() {
        problems
            .at(&reader.place_of("parts"), "F0205", "a mix has at least one part")
            .label("nothing to draw")
            .help("write `parts = [{ kind = \"flat\" }]`");
        return None;
    }
    Some(Shape::Mixed { parts })
}

/// Reports a key that this kind cannot do without; never has a value.
fn needed(reader: &Reader<'_>, key: &str, kind: &str, problems: &mut Problems) -> Option<i64> {
    if !reader.has(key) {
        let example = if key == "parts" {
            "[{ kind = \"flat\" }]"
        } else {
            "3"
        };
        problems
            .at(
                &reader.place,
                "F0202",
                format!("`{key}` is missing for `kind = \"{kind}\"`"),
            )
            .label("in this table")
            .help(format!("add `{key} = {example}`"));
    }
    None
}

/// Reports keys of other kinds.
fn only_for(reader: &Reader<'_>, kind: &str, problems: &mut Problems) {
    let owned: &[(&str, &[&str])] = &[
        ("tree", &["depth", "fanout", "dependent"]),
        ("chained", &["length"]),
        ("mixed", &["parts"]),
    ];
    for (owner, keys) in owned.iter().filter(|(owner, _)| *owner != kind) {
        for key in keys.iter().filter(|key| reader.has(key)) {
            problems
                .at(
                    &reader.key_place(key),
                    "F0210",
                    format!("`{key}` means nothing for `kind = \"{kind}\"`"),
                )
                .label("without effect")
                .help(format!("leave it out, or write `kind = \"{owner}\"`"));
        }
    }
    for key in ["ops", "values", "decimals"]
        .iter()
        .filter(|key| kind == "mixed" && reader.has(key))
    {
        problems
            .at(
                &reader.key_place(key),
                "F0210",
                format!("`{key}` means nothing for `kind = \"mixed\"`"),
            )
            .label("without effect")
            .help("write it in each of the `parts`");
    }
}

/// One expression of a list.
fn entry(
    node: &Node,
    section: &'static crate::section::Section,
    problems: &mut Problems,
) -> Option<FixedExpression> {
    if let Value::Text { text, .. } = &node.value {
        check(node, text, None, problems);
        return Some(FixedExpression {
            text: text.clone(),
            answer: None,
        });
    }
    let Value::Table(_) = &node.value else {
        let wanted = "an expression is a text or `{ text = \"1+1\", answer = \"2\" }`";
        wrong_type(node, &node.value, wanted, problems);
        return None;
    };
    let reader = Reader::of(section, node, problems)?;
    let answer = match reader.text("answer", problems) {
        Some(answer) => Some(read_answer(answer, &reader, problems)?),
        None => None,
    };
    let text = reader.text("text", problems)?;
    let actual = check(reader.node("text")?, text, answer.as_ref(), problems);
    if let (Some(actual), Some(answer)) = (actual, &answer)
        && actual != *answer
    {
        problems
            .at(
                &reader.place_of("answer"),
                "F0450",
                "this can never be the answer",
            )
            .label(format!("it is {actual}"))
            .help(format!(
                "write `answer = \"{actual}\"`, or leave it out: the checker computes it"
            ));
    }
    Some(FixedExpression {
        text: text.to_owned(),
        answer,
    })
}

/// A number in any form the language has, or `error:NAME`.
fn read_answer(text: &str, reader: &Reader<'_>, problems: &mut Problems) -> Option<Outcome> {
    let outcome = match text.strip_prefix("error:") {
        Some(name) => Failure::from_name(name).map(Outcome::Error),
        None => tally_expression::parse(text)
            .ok()
            .map(|expression| expression.evaluate()),
    };
    if outcome.is_none() {
        let names: Vec<&str> = Failure::ALL
            .iter()
            .filter(|f| f.is_deterministic())
            .map(|f| f.name())
            .collect();
        problems
            .at(
                &reader.place_of("answer"),
                "F0450",
                format!("`{}` is not an answer", text.escape_debug()),
            )
            .label("neither a number nor an error")
            .help(format!(
                "write a number, a fraction such as `1/3`, or `error:` and one of {}",
                names.join(", ")
            ));
    }
    outcome
}

/// Reports what is wrong with an expression, unless exactly that is the expected answer. Gives its answer.
fn check(node: &Node, text: &str, answer: Option<&Outcome>, problems: &mut Problems) -> Option<Outcome> {
    let expected = |failure| answer == Some(&Outcome::Error(failure));
    match tally_expression::parse(text) {
        Err(ParseError { failure, .. }) if expected(failure) => None,
        Err(ParseError { diagnostics, .. }) => {
            for diagnostic in diagnostics {
                relocate(node, diagnostic, problems);
            }
            None
        }
        Ok(expression) => {
            let lints = tally_expression::lint(&expression);
            if !lints.is_empty() && !expected(Failure::DivByZero) {
                for diagnostic in lints {
                    relocate(node, diagnostic, problems);
                }
                return None;
            }
            Some(expression.evaluate())
        }
    }
}

/// A diagnostic about an expression becomes one about the file.
fn relocate(node: &Node, diagnostic: Diagnostic, problems: &mut Problems) {
    let place = diagnostic
        .span
        .map_or_else(|| node.place.clone(), |span| node.inside(span.start, span.end));
    let mut draft = problems.at(&place, &diagnostic.code, diagnostic.message);
    if let Some(label) = diagnostic.label {
        draft = draft.label(label);
    }
    if diagnostic.code == tally_expression::code::ZERO_DIVISOR {
        draft.help("if it is intended, write `{ text = \"...\", answer = \"error:div_by_zero\" }`");
    } else if let Some(help) = diagnostic.help {
        draft.help(help);
    }
}
