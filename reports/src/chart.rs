//! Charts as SVG, each drawn twice: for wide and for narrow windows, so that text keeps its size on a telephone.

mod arms;
mod axis;
mod curve;
mod depth;
mod differences;
mod faults;
mod ink;
mod latency;
mod line;
mod live_hpa;
mod plot;
mod policies;
mod rates;
mod rows;
mod sets;

use serde::Serialize;

pub(crate) use arms::{Trials, latency as latency_of_arms, workers};
pub(crate) use curve::{lag, percentiles};
pub(crate) use depth::depth;
pub(crate) use differences::{forest, reaction};
pub(crate) use faults::Band;
pub(crate) use latency::latency;
pub(crate) use live_hpa::live_hpa;
pub(crate) use policies::{Multiples, bracketed, judged, workers_of_policies};
pub(crate) use rates::rates;
pub(crate) use sets::sets;

use crate::error::Error;
use axis::Axis;
use ink::Ink;
use line::{Line, Mark};
use plot::{Plot, Size};

/// At most `most` letters, the last of them a mark if there were more.
fn cut(text: &str, most: usize) -> String {
    let text = crate::clean::clean(text);
    if text.chars().count() <= most {
        return text;
    }
    let kept: String = text.chars().take(most - 1).collect();
    kept + "\u{2026}"
}

/// Most rows of the table behind a chart.
const ROWS: usize = 120;

/// One drawing, in both sizes.
#[derive(Debug, Serialize)]
pub(crate) struct Panel {
    /// Shown above it; empty if the chart has only one.
    pub label: String,
    /// `<svg>` content for wide windows, with its `viewBox`.
    pub wide: Drawing,
    /// The same for narrow windows.
    pub narrow: Drawing,
}

/// What stands between `<svg>` and `</svg>`, and how large it is.
#[derive(Debug, Serialize)]
pub(crate) struct Drawing {
    pub width: u32,
    pub height: u32,
    pub body: String,
}

/// What one way of drawing means.
#[derive(Debug, Serialize)]
pub(crate) struct Key {
    /// Class of the sample.
    pub class: String,
    /// `line`, `area` or `mark`.
    pub shape: &'static str,
    pub text: String,
}

/// The numbers behind a chart.
#[derive(Debug, Serialize)]
pub(crate) struct Table {
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
    /// What one row stands for, if not one measurement.
    pub note: String,
}

/// A chart, ready for the page.
#[derive(Debug, Serialize)]
pub(crate) struct Chart {
    /// Unique in the page.
    pub id: String,
    pub title: String,
    /// What it shows and what stands out, for those who cannot see it.
    pub desc: String,
    pub panels: Vec<Panel>,
    pub keys: Vec<Key>,
    pub table: Table,
}

/// What every chart over time of one trial shares.
#[derive(Debug)]
pub(crate) struct Timeline {
    /// Prefix of ids.
    pub trial: u32,
    /// Length in seconds, at least 1.
    pub end: f64,
    /// What was not measured: warm-up and drain, in seconds.
    pub outside: Vec<(f64, f64)>,
    /// The faults.
    pub bands: Vec<Band>,
}

impl Timeline {
    fn id(&self, name: &str) -> String {
        format!("t{}-{name}", self.trial)
    }

    /// A panel with this time below it.
    fn panel(
        &self,
        label: &str,
        heights: [u32; 2],
        y: &Axis,
        lines: &[Line],
        marks: &[Mark],
    ) -> Result<Panel, Error> {
        let draw = |size: Size| {
            Plot {
                size,
                x: &Axis::time(self.end, size.time_ticks()),
                y,
                outside: &self.outside,
                bands: &self.bands,
                lines,
                marks,
                level: None,
            }
            .draw()
        };
        Ok(Panel {
            label: label.to_owned(),
            wide: draw(Size::wide(heights[0]))?,
            narrow: draw(Size::narrow(heights[1]))?,
        })
    }

    /// The keys of what lies behind the lines.
    fn keys(&self, lines: impl IntoIterator<Item = Key>) -> Vec<Key> {
        let mut keys: Vec<Key> = lines.into_iter().collect();
        keys.extend(faults::keys(&self.bands));
        if !self.outside.is_empty() {
            keys.push(Key {
                class: Ink::Outside.class("f"),
                shape: "area",
                text: "not measured (warm-up, drain)".into(),
            });
        }
        keys
    }
}

impl Key {
    fn line(ink: Ink, text: &str) -> Self {
        Self {
            class: ink.class("s"),
            shape: "line",
            text: text.to_owned(),
        }
    }

    fn mark(ink: Ink, shape: &'static str, text: &str) -> Self {
        Self {
            class: ink.class("f"),
            shape,
            text: text.to_owned(),
        }
    }
}
