//! Lines of a terminal page. Every line is cleaned here, so nothing that a file or an answer holds can act on the terminal.

use crate::clean::clean;
use crate::phrase::Tone;

const BOLD: &str = "\u{1b}[1m";
const RESET: &str = "\u{1b}[0m";

/// A page that grows line by line.
#[derive(Debug)]
pub(super) struct Paint {
    out: String,
    width: usize,
    color: bool,
}

impl Paint {
    pub(super) fn new(width: usize, color: bool) -> Self {
        Self {
            out: String::new(),
            width,
            color,
        }
    }

    pub(super) const fn width(&self) -> usize {
        self.width
    }

    /// An empty line, never two.
    pub(super) fn gap(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    /// The first line: what happened, and the exit code at the right.
    pub(super) fn verdict(&mut self, tone: Tone, word: &str, counted: &str, exit: &str) {
        let (word, counted) = (clean(word), clean(counted));
        let used = word.chars().count() + 2 + counted.chars().count();
        let pad = self.width.saturating_sub(used + exit.len()).max(2);
        let (on, off) = self.codes(tone, true);
        self.push(&format!("{on}{word}{off}  {counted}{}{exit}", " ".repeat(pad)));
    }

    pub(super) fn heading(&mut self, text: &str) {
        let text = clean(text);
        let line = if self.color {
            format!("{BOLD}{text}{RESET}")
        } else {
            text
        };
        self.push(&line);
    }

    /// Indented by two columns.
    pub(super) fn line(&mut self, text: &str) {
        self.push(&format!("  {}", clean(text)));
    }

    /// The symbol of `tone` and `word` in its colour, then `rest`, wrapped.
    pub(super) fn toned(&mut self, tone: Tone, word: &str, rest: &str) {
        let (on, off) = self.codes(tone, false);
        let word = clean(word);
        // Folded as if the colours took no room.
        let marked = format!("{} {word}", tone.icon());
        let lines = fold(&format!("{marked}{}", clean(rest)), self.width - 2);
        for (number, line) in lines.iter().enumerate() {
            let line = match line.strip_prefix(&marked) {
                Some(after) if number == 0 => format!("  {on}{marked}{off}{after}"),
                _ if number == 0 => format!("  {line}"),
                _ => format!("    {line}"),
            };
            self.push(&line);
        }
    }

    /// A row of a table: the first cell in colour, never wrapped.
    pub(super) fn row(&mut self, tone: Tone, first: &str, row: &str) {
        let (on, off) = self.codes(tone, false);
        let row = clean(row);
        let rest = row.strip_prefix(first).unwrap_or("");
        self.push(&format!("  {on}{first}{off}{rest}"));
    }

    /// Words of `text` on as many lines as they need, indented.
    pub(super) fn wrapped(&mut self, indent: usize, text: &str) {
        for line in fold(&clean(text), self.width.saturating_sub(indent)) {
            self.push(&format!("{}{line}", " ".repeat(indent)));
        }
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    fn codes(&self, tone: Tone, bold: bool) -> (String, &'static str) {
        if !self.color {
            return (String::new(), "");
        }
        let color = match tone {
            Tone::Good => "32",
            Tone::Bad => "31",
            Tone::Doubtful => "33",
        };
        let bold = if bold { "1;" } else { "" };
        (format!("\u{1b}[{bold}{color}m"), RESET)
    }

    fn push(&mut self, line: &str) {
        self.out.push_str(line.trim_end());
        self.out.push('\n');
    }
}

/// `text` cut at blanks into lines of at most `width` columns, as far as its words allow; later lines leave room for an indent of
/// two.
fn fold(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in words(text) {
        let room = if lines.len() > 1 {
            width.saturating_sub(2)
        } else {
            width
        };
        if let Some(line) = lines.last_mut() {
            if line.is_empty() {
                line.push_str(&word);
            } else if line.chars().count() + 1 + word.chars().count() <= room {
                line.push(' ');
                line.push_str(&word);
            } else {
                lines.push(word);
            }
        }
    }
    lines.retain(|line| !line.trim().is_empty());
    lines
}

/// The words of `text`, a number with its unit as one.
fn words(text: &str) -> Vec<String> {
    const UNITS: [&str; 8] = ["ns", "\u{b5}s", "ms", "s", "min", "%", "KiB", "MiB"];
    let mut words: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let is_unit = UNITS.contains(&word.trim_end_matches([',', '.', ')', ';']));
        match words.last_mut() {
            Some(number) if is_unit && number.ends_with(|c: char| c.is_ascii_digit()) => {
                number.push(' ');
                number.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines break at blanks, never between a number and its unit, and not before the width is used up.
    #[test]
    fn lines_break_between_words() {
        assert_eq!(
            fold("noticed after 6.1 s, healed", 19),
            ["noticed after", "6.1 s, healed"]
        );
        assert_eq!(fold("a b c", 80), ["a b c"]);
        assert_eq!(fold("unbreakable", 4), ["unbreakable"]);
        assert!(fold("", 9).is_empty());
    }
}
