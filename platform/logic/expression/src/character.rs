//! Characters people type or paste that the grammar does not have: their names and what to use instead.
//!
//! Names are those of the Unicode Character Database. A message never repeats such a character itself, because bidi
//! controls and combining marks would act on the message.

use tally_model::{Diagnostic, Span};

use crate::code;

const INVISIBLE: &str = "remove it: it is invisible";
const SPACE: &str = "use an ASCII space";
const CONTROL: &str = "remove it: control characters are not part of an expression";
const MINUS: &str = "use '-'";
const TIMES: &str = "use '*'";
const OVER: &str = "use '/'";
const POINT: &str = "use '.'";
const POWER: &str = "powers are not supported; multiply instead, `3*3`";
const FRACTION: &str = "write a fraction with '/', `1/2`";

/// Code point, name and remedy, in the order of the code points.
const NAMED: &[(u32, &str, &str)] = &[
    (0x00, "NULL", CONTROL),
    (0x07, "BELL", CONTROL),
    (0x08, "BACKSPACE", CONTROL),
    (0x0B, "LINE TABULATION", SPACE),
    (0x1B, "ESCAPE", CONTROL),
    (0x7F, "DELETE", CONTROL),
    (0x85, "NEXT LINE", SPACE),
    (0xA0, "NO-BREAK SPACE", SPACE),
    (0xAD, "SOFT HYPHEN", INVISIBLE),
    (0xB2, "SUPERSCRIPT TWO", POWER),
    (0xB3, "SUPERSCRIPT THREE", POWER),
    (0xB7, "MIDDLE DOT", TIMES),
    (0xB9, "SUPERSCRIPT ONE", POWER),
    (0xBC, "VULGAR FRACTION ONE QUARTER", FRACTION),
    (0xBD, "VULGAR FRACTION ONE HALF", FRACTION),
    (0xBE, "VULGAR FRACTION THREE QUARTERS", FRACTION),
    (0xD7, "MULTIPLICATION SIGN", TIMES),
    (0xF7, "DIVISION SIGN", OVER),
    (0x061C, "ARABIC LETTER MARK", INVISIBLE),
    (0x066B, "ARABIC DECIMAL SEPARATOR", POINT),
    (0x066C, "ARABIC THOUSANDS SEPARATOR", "remove it"),
    (0x2009, "THIN SPACE", SPACE),
    (0x200B, "ZERO WIDTH SPACE", INVISIBLE),
    (0x200C, "ZERO WIDTH NON-JOINER", INVISIBLE),
    (0x200D, "ZERO WIDTH JOINER", INVISIBLE),
    (0x200E, "LEFT-TO-RIGHT MARK", INVISIBLE),
    (0x200F, "RIGHT-TO-LEFT MARK", INVISIBLE),
    (0x2010, "HYPHEN", MINUS),
    (0x2011, "NON-BREAKING HYPHEN", MINUS),
    (0x2012, "FIGURE DASH", MINUS),
    (0x2013, "EN DASH", MINUS),
    (0x2014, "EM DASH", MINUS),
    (0x2015, "HORIZONTAL BAR", MINUS),
    (0x2022, "BULLET", TIMES),
    (0x2028, "LINE SEPARATOR", SPACE),
    (0x2029, "PARAGRAPH SEPARATOR", SPACE),
    (0x202A, "LEFT-TO-RIGHT EMBEDDING", INVISIBLE),
    (0x202B, "RIGHT-TO-LEFT EMBEDDING", INVISIBLE),
    (0x202C, "POP DIRECTIONAL FORMATTING", INVISIBLE),
    (0x202D, "LEFT-TO-RIGHT OVERRIDE", INVISIBLE),
    (0x202E, "RIGHT-TO-LEFT OVERRIDE", INVISIBLE),
    (0x202F, "NARROW NO-BREAK SPACE", SPACE),
    (0x2044, "FRACTION SLASH", OVER),
    (0x2060, "WORD JOINER", INVISIBLE),
    (0x2062, "INVISIBLE TIMES", TIMES),
    (0x2066, "LEFT-TO-RIGHT ISOLATE", INVISIBLE),
    (0x2067, "RIGHT-TO-LEFT ISOLATE", INVISIBLE),
    (0x2068, "FIRST STRONG ISOLATE", INVISIBLE),
    (0x2069, "POP DIRECTIONAL ISOLATE", INVISIBLE),
    (0x207A, "SUPERSCRIPT PLUS SIGN", POWER),
    (0x207B, "SUPERSCRIPT MINUS", POWER),
    (0x2212, "MINUS SIGN", MINUS),
    (0x2215, "DIVISION SLASH", OVER),
    (0x2217, "ASTERISK OPERATOR", TIMES),
    (0x2219, "BULLET OPERATOR", TIMES),
    (0x221E, "INFINITY", "only finite numbers have a place here"),
    (0x22C5, "DOT OPERATOR", TIMES),
    (0x2715, "MULTIPLICATION X", TIMES),
    (0x2795, "HEAVY PLUS SIGN", "use '+'"),
    (0x2796, "HEAVY MINUS SIGN", MINUS),
    (0x2797, "HEAVY DIVISION SIGN", OVER),
    (0x3000, "IDEOGRAPHIC SPACE", SPACE),
    (0xFE63, "SMALL HYPHEN-MINUS", MINUS),
    (
        0xFEFF,
        "ZERO WIDTH NO-BREAK SPACE",
        "remove it: it is a byte order mark",
    ),
    (0xFF08, "FULLWIDTH LEFT PARENTHESIS", "use '('"),
    (0xFF09, "FULLWIDTH RIGHT PARENTHESIS", "use ')'"),
    (0xFF0A, "FULLWIDTH ASTERISK", TIMES),
    (0xFF0B, "FULLWIDTH PLUS SIGN", "use '+'"),
    (0xFF0D, "FULLWIDTH HYPHEN-MINUS", MINUS),
    (0xFF0E, "FULLWIDTH FULL STOP", POINT),
    (0xFF0F, "FULLWIDTH SOLIDUS", OVER),
    (0xFFFD, "REPLACEMENT CHARACTER", "send the text as UTF-8"),
];

/// Scripts with decimal digits of their own: the code point of their zero and the prefix of their names.
const DIGITS: &[(u32, &str)] = &[
    (0x0660, "ARABIC-INDIC"),
    (0x06F0, "EXTENDED ARABIC-INDIC"),
    (0x07C0, "NKO"),
    (0x0966, "DEVANAGARI"),
    (0x09E6, "BENGALI"),
    (0x0A66, "GURMUKHI"),
    (0x0AE6, "GUJARATI"),
    (0x0BE6, "TAMIL"),
    (0x0C66, "TELUGU"),
    (0x0CE6, "KANNADA"),
    (0x0D66, "MALAYALAM"),
    (0x0E50, "THAI"),
    (0x0ED0, "LAO"),
    (0x0F20, "TIBETAN"),
    (0x1040, "MYANMAR"),
    (0x17E0, "KHMER"),
    (0x1810, "MONGOLIAN"),
    (0xFF10, "FULLWIDTH"),
    (0x1D7CE, "MATHEMATICAL BOLD"),
    (0x1D7D8, "MATHEMATICAL DOUBLE-STRUCK"),
    (0x1D7E2, "MATHEMATICAL SANS-SERIF"),
    (0x1D7F6, "MATHEMATICAL MONOSPACE"),
];

const DIGIT_NAMES: [&str; 10] = [
    "ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE",
];

/// Most digits repeated in a remedy.
const SHOWN_DIGITS: usize = 20;

/// The script and the value of a decimal digit outside ASCII.
fn foreign_digit(character: char) -> Option<(&'static str, u8)> {
    let point = u32::from(character);
    let &(zero, script) = DIGITS
        .iter()
        .find(|(zero, _)| (*zero..*zero + 10).contains(&point))?;
    Some((script, (point - zero) as u8))
}

fn named(character: char) -> Option<(&'static str, &'static str)> {
    let found = NAMED
        .binary_search_by_key(&u32::from(character), |entry| entry.0)
        .ok()?;
    NAMED.get(found).map(|entry| (entry.1, entry.2))
}

/// `U+2212 MINUS SIGN`, `` `^` `` or, where the name is not in the tables, `U+1F600`.
fn describe(character: char) -> String {
    if character.is_ascii_graphic() {
        return format!("`{character}`");
    }
    let point = format!("U+{:04X}", u32::from(character));
    if let Some((name, _)) = named(character) {
        return format!("{point} {name}");
    }
    match foreign_digit(character) {
        Some((script, value)) => format!("{point} {script} DIGIT {}", DIGIT_NAMES[usize::from(value)]),
        None => point,
    }
}

fn remedy(character: char) -> &'static str {
    match character {
        '^' => POWER,
        ',' => "write decimals with '.', and no thousands separators",
        '[' | '{' => "use '('",
        ']' | '}' => "use ')'",
        ':' => "use '/' to divide",
        '"' | '\'' => "leave out the quotes",
        '=' => "write only the expression, without `=` and an answer",
        '%' => "percent and remainder are not supported; use + - * /",
        _ if character.is_ascii_control() || character.is_control() => {
            named(character).map_or(CONTROL, |(_, remedy)| remedy)
        }
        _ => named(character).map_or("use digits, '.', + - * / and parentheses", |(_, remedy)| remedy),
    }
}

/// The problem with the character that `rest` starts with, and how many bytes it covers. `at` is its place.
pub(crate) fn refuse(rest: &str, at: usize) -> (Diagnostic, usize) {
    let first = rest.chars().next().unwrap_or('\0');
    let name = describe(first);
    let (length, help) = if foreign_digit(first).is_some() {
        digit_run(rest)
    } else {
        (first.len_utf8().min(rest.len()), remedy(first).to_owned())
    };
    let message = if foreign_digit(first).is_some() {
        format!("{name} is not supported: digits are 0 to 9")
    } else {
        format!("{name} is not supported")
    };
    let diagnostic = Diagnostic::new(code::CHARACTER, message)
        .at(Span::new(at, at + length))
        .label(name)
        .help(help);
    (diagnostic, length)
}

/// Bytes of the run of foreign digits that `rest` starts with, and the same digits in ASCII.
fn digit_run(rest: &str) -> (usize, String) {
    let mut length = 0;
    let mut digits = String::new();
    let mut more = false;
    for character in rest.chars() {
        let Some((_, value)) = foreign_digit(character) else {
            break;
        };
        length += character.len_utf8();
        if digits.len() < SHOWN_DIGITS {
            digits.push(char::from(b'0' + value));
        } else {
            more = true;
        }
    }
    (
        length,
        format!("write `{digits}{}`", if more { "..." } else { "" }),
    )
}

#[cfg(test)]
mod tests {
    use super::{DIGITS, NAMED};

    /// Binary search needs the order, and a doubled entry would hide one of the two.
    #[test]
    fn tables_are_sorted_and_without_doubles() {
        assert!(NAMED.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(DIGITS.windows(2).all(|pair| pair[0].0 + 10 <= pair[1].0));
    }
}
