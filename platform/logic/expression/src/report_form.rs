//! The report's input form (its section 4.2): `"string": (expression)`.

use tally_model::{Diagnostic, Span};

use crate::code;

/// The expression part of a text in the report's form, `"expression": ((3 + 5) * (4/2))`.
///
/// The string may be any text without quotes and line breaks. The result is the rest of `text` behind the colon, its
/// leading whitespace removed, so the offset of its spans in `text` is `text.len() - part.len()`. Whether it is an
/// expression is for [`crate::parse`] to say.
///
/// # Errors
/// `F0417` with the place in `text` where the form is broken.
///
/// ```
/// use tally_expression::parse_report_form;
/// assert_eq!(parse_report_form("\"expression\": ((3 + 5) * (4/2))"), Ok("((3 + 5) * (4/2))"));
/// assert!(parse_report_form("(3 + 5)").is_err());
/// ```
pub fn parse_report_form(text: &str) -> Result<&str, Diagnostic> {
    let end = text.len();
    let rest = trimmed(text);
    let at = end - rest.len();
    let Some(name) = rest.strip_prefix('"') else {
        return Err(broken(
            "a string in double quotes is missing",
            text,
            at,
            "write the string here",
        ));
    };
    let length = name
        .find(['"', '\n', '\r'])
        .filter(|found| name[*found..].starts_with('"'));
    let Some(length) = length else {
        return Err(broken("the string is not closed", text, at, "opened here"));
    };
    let rest = trimmed(&name[length + 1..]);
    let at = end - rest.len();
    let Some(rest) = rest.strip_prefix(':') else {
        return Err(broken(
            "a colon is missing behind the string",
            text,
            at,
            "write `:` here",
        ));
    };
    let part = trimmed(rest);
    if part.is_empty() {
        return Err(broken(
            "the expression is missing behind the colon",
            text,
            end,
            "write it here",
        ));
    }
    Ok(part)
}

fn trimmed(text: &str) -> &str {
    text.trim_start_matches(|character: char| character.is_ascii_whitespace())
}

/// The problem at byte `at`: the character there, or nothing at the end of the text.
fn broken(message: &str, text: &str, at: usize, label: &str) -> Diagnostic {
    let width = text
        .get(at..)
        .and_then(|rest| rest.chars().next())
        .map_or(0, char::len_utf8);
    Diagnostic::new(code::REPORT_FORM, message)
        .at(Span::new(at, at + width))
        .label(label)
        .help("the form is `\"string\": (expression)`, for example `\"expression\": ((3 + 5) * (4/2))`")
}
