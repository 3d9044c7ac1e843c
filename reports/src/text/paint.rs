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
        let line = if self.color { format!("{BOLD}{text}{RESET}") } else { text };
        self.push(&line);
    }

    /// Indented by two columns.
    pub(super) fn line(&mut self, text: &str) {
        self.push(&format!("  {}", clean(text)));
    }

    /// The same with the first two words (symbol and its word) in colour.
    pub(super) fn toned(&mut self, tone: Tone, text: &str) {
        let text = clean(text);
        let (on, off) = self.codes(tone, false);
        let end = text.match_indices(' ').nth(1).map_or(text.len(), |(at, _)| at);
        self.push(&format!("  {on}{}{off}{}", &text[..end], &text[end..]));
    }

    /// Words of `text` on as many lines as they need, indented.
    pub(super) fn wrapped(&mut self, indent: usize, text: &str) {
        let text = clean(text);
        let mut line = String::new();
        for word in text.split(' ') {
            let length = indent + line.chars().count() + 1 + word.chars().count();
            if !line.trim().is_empty() && length > self.width {
                self.push(&format!("{}{}", " ".repeat(indent), line.trim()));
                line.clear();
            }
            line.push(' ');
            line.push_str(word);
        }
        if !line.trim().is_empty() {
            self.push(&format!("{}{}", " ".repeat(indent), line.trim()));
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
