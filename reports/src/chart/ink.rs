//! Colours by meaning. Plotters writes literal colours; the page wants classes, so that a style sheet can follow the reader's
//! light, dark or printed page and add dashes and patterns that plotters does not know.

use std::fmt::Write as _;

use plotters::style::RGBColor;

/// What something is drawn as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    /// Labels.
    Text,
    /// The axes.
    Axis,
    /// Lines behind the data.
    Grid,
    /// One of seven series, told apart by colour and dashes.
    Series(u8),
    /// A limit.
    Bound,
    /// A fault's window, by pattern: 0 kill, 1 pause, 2 another.
    Band(u8),
    /// Edge of a fault's window: seen to have taken effect, seen to be healed.
    Edge,
    /// When a fault was asked for.
    Asked,
    /// What was not measured.
    Outside,
    /// A scaling decision.
    Decision,
    /// A set that became ready.
    Ready,
}

/// Red and green of every stand-in colour; the blue part tells which.
const STAND_IN: (u8, u8) = (1, 2);

impl Ink {
    const ALL: [Self; 19] = [
        Self::Text,
        Self::Axis,
        Self::Grid,
        Self::Series(0),
        Self::Series(1),
        Self::Series(2),
        Self::Series(3),
        Self::Series(4),
        Self::Series(5),
        Self::Series(6),
        Self::Bound,
        Self::Band(0),
        Self::Band(1),
        Self::Band(2),
        Self::Edge,
        Self::Asked,
        Self::Outside,
        Self::Decision,
        Self::Ready,
    ];

    fn index(self) -> u8 {
        Self::ALL.iter().position(|ink| *ink == self).unwrap_or(0) as u8
    }

    /// The colour that plotters is given in its place.
    pub(crate) fn color(self) -> RGBColor {
        RGBColor(STAND_IN.0, STAND_IN.1, self.index())
    }

    /// `s-l0`: stroke of series 0; `f-b1`: fill of band 1.
    pub(crate) fn class(self, kind: &str) -> String {
        let name = match self {
            Self::Text => "t".into(),
            Self::Axis => "a".into(),
            Self::Grid => "g".into(),
            Self::Series(n) => format!("l{n}"),
            Self::Bound => "limit".into(),
            Self::Band(n) => format!("b{n}"),
            Self::Edge => "edge".into(),
            Self::Asked => "asked".into(),
            Self::Outside => "o".into(),
            Self::Decision => "decision".into(),
            Self::Ready => "ready".into(),
        };
        format!("{kind}-{name}")
    }

    /// A series by number; an eighth looks like the first.
    pub(crate) const fn series(n: usize) -> Self {
        Self::Series((n % 7) as u8)
    }
}

/// The content of an SVG document by plotters with classes in place of colours, and without what the page says anyway.
pub(crate) fn with_classes(svg: &str) -> String {
    let inner = svg.find('>').map_or(svg, |end| &svg[end + 1..]);
    let inner = inner.trim().strip_suffix("</svg>").unwrap_or(inner);
    let mut body = inner
        .replace(" opacity=\"1\"", "")
        .replace(" font-family=\"sans-serif\"", "")
        .replace(" \"/>", "\"/>")
        .replace(">\n", ">")
        .replace("\n<", "<");
    for ink in Ink::ALL {
        let mut color = String::new();
        let _ = write!(color, "#{:02X}{:02X}{:02X}", STAND_IN.0, STAND_IN.1, ink.index());
        for (attribute, kind) in [("stroke", "s"), ("fill", "f")] {
            body = body.replace(
                &format!("{attribute}=\"{color}\""),
                &format!("class=\"{}\"", ink.class(kind)),
            );
        }
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every ink has a colour and a class of its own, and the colour is replaced by the class whether it fills or strokes.
    #[test]
    fn every_colour_becomes_its_class() {
        for (index, ink) in Ink::ALL.into_iter().enumerate() {
            let RGBColor(red, green, blue) = ink.color();
            assert_eq!(usize::from(blue), index);
            let svg = format!("<svg width=\"1\"><g stroke=\"#{red:02X}{green:02X}{blue:02X}\"/></svg>");
            assert_eq!(with_classes(&svg), format!("<g class=\"{}\"/>", ink.class("s")));
        }
    }
}
