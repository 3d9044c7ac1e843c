//! Strings from experiments and answers, made harmless: nothing that moves a cursor, colours a terminal or reorders a line.

/// Longest string shown, in characters; the files of the run hold the rest.
const LONGEST: usize = 600;

/// `text` on one line, with control characters (ANSI escapes among them) and characters that change the direction of writing
/// shown as `\u{1b}`, and cut at 600 characters.
pub fn clean(text: &str) -> String {
    let mut shown = String::with_capacity(text.len().min(LONGEST));
    for (count, character) in text.chars().enumerate() {
        if count == LONGEST {
            shown.push('\u{2026}');
            break;
        }
        match character {
            '\n' | '\t' => shown.push(' '),
            _ if character.is_control() || redirects(character) => {
                shown.extend(character.escape_unicode());
            }
            _ => shown.push(character),
        }
    }
    shown
}

/// Bidirectional controls (UAX #9) and invisible separators: they can make a line read as something else.
const fn redirects(character: char) -> bool {
    matches!(
        character,
        '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What could act on a terminal becomes visible text, and the rest stays as it is.
    #[test]
    fn nothing_that_acts_on_a_terminal_survives() {
        for (text, expected) in [
            ("p99(latency) < 800ms", "p99(latency) < 800ms"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("a\r\nb", "a\\u{d} b"),
            ("\u{202e}olleh", "\\u{202e}olleh"),
            ("\u{9b}2J", "\\u{9b}2J"),
            ("\u{e4}", "\u{e4}"),
        ] {
            assert_eq!(clean(text), expected);
        }
    }

    /// A string of any length takes a bounded place.
    #[test]
    fn long_strings_are_cut() {
        assert_eq!(clean(&"x".repeat(5_000)).chars().count(), LONGEST + 1);
    }
}
