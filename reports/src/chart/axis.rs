//! Axes: where a value stands, and labels at round values.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

use crate::unit;

/// How values are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    Linear,
    /// By decimal logarithm; only values above 0 have a place.
    Log,
    /// By the number of nines; values are shares from 0.5 to 0.9999.
    Nines,
}

/// One axis.
#[derive(Clone, Debug)]
pub(crate) struct Axis {
    scale: Scale,
    /// Ends, as places.
    pub(crate) from: f64,
    pub(crate) to: f64,
    /// Places and labels.
    pub(crate) ticks: Vec<(f64, String)>,
}

/// The shares that the percentile axis names.
pub(crate) const SHARES: [(f64, &str); 7] = [
    (0.5, "50"),
    (0.75, "75"),
    (0.9, "90"),
    (0.95, "95"),
    (0.99, "99"),
    (0.999, "99.9"),
    (0.9999, "99.99"),
];

impl Axis {
    /// From 0 to `end` seconds with at most `most` steps.
    pub(crate) fn time(end: f64, most: usize) -> Self {
        const STEPS: [u64; 19] = [
            1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400,
            864_000,
        ];
        let step = STEPS
            .into_iter()
            .find(|step| end / *step as f64 <= most as f64)
            .unwrap_or(86_400_000);
        let label = |second: u64| match step {
            0..60 => format!("{second} s"),
            60..3_600 => format!("{} min", second / 60),
            _ => format!("{} h", second / 3_600),
        };
        Self {
            scale: Scale::Linear,
            from: 0.0,
            to: end,
            ticks: (0..=(end / step as f64) as u64)
                .map(|n| ((n * step) as f64, label(n * step)))
                .collect(),
        }
    }

    /// From 0 to `end` seconds, however short, with at most `most` steps.
    pub(crate) fn span(end: f64, most: usize) -> Self {
        let magnitude = 10f64.powf((end / most as f64).log10().floor());
        let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * magnitude);
        let step = steps
            .into_iter()
            .find(|step| end / step <= most as f64)
            .unwrap_or(end);
        let label = |at: f64| (at, unit::nanos((at * 1e9).round() as u64));
        Self {
            scale: Scale::Linear,
            from: 0.0,
            to: end,
            ticks: (0..=(end / step) as u64)
                .map(|n| label(n as f64 * step))
                .collect(),
        }
    }

    /// From 0 to at least `max`, in whole numbers.
    pub(crate) fn counts(max: f64) -> Self {
        let max = if max.is_finite() { max.max(1.0) } else { 1.0 };
        let magnitude = 10f64.powf((max / 4.0).log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|factor| factor * magnitude)
            .find(|step| max / step <= 4.0)
            .unwrap_or(magnitude * 10.0)
            .max(1.0);
        let steps = (max / step).ceil();
        Self {
            scale: Scale::Linear,
            from: 0.0,
            to: steps * step,
            ticks: (0..=steps as u64)
                .map(|n| (n as f64 * step, unit::count((n as f64 * step).round() as u64)))
                .collect(),
        }
    }

    /// Durations in nanoseconds on a logarithmic scale that holds all of `values` above 0.
    pub(crate) fn durations(values: impl IntoIterator<Item = f64>) -> Self {
        let (mut low, mut high) = (f64::INFINITY, 0f64);
        for value in values
            .into_iter()
            .filter(|value| *value > 0.0 && value.is_finite())
        {
            low = low.min(value);
            high = high.max(value);
        }
        if high == 0.0 {
            (low, high) = (1e6, 1e9);
        }
        let round = |exponent: i32| -> Vec<f64> {
            [1.0, 2.0, 5.0]
                .into_iter()
                .map(|factor| factor * 10f64.powi(exponent))
                .collect()
        };
        let exponents = low.log10().floor() as i32 - 1..=high.log10().ceil() as i32 + 1;
        let all: Vec<f64> = exponents.flat_map(round).collect();
        // A little beyond both ends, so that no line runs along the frame.
        let from = all
            .iter()
            .copied()
            .rfind(|place| *place < low * 0.99)
            .unwrap_or(low);
        let to = all
            .iter()
            .copied()
            .find(|place| *place > high * 1.01)
            .unwrap_or(high);
        let decades = (to / from).log10();
        let named = |value: f64| {
            let first = value / 10f64.powf(value.log10().floor());
            decades <= 3.2 || !(1.5..=9.5).contains(&first)
        };
        Self {
            scale: Scale::Log,
            from: from.log10(),
            to: to.log10(),
            ticks: all
                .into_iter()
                .filter(|value| *value >= from * 0.99 && *value <= to * 1.01 && named(*value))
                .map(|value| (value.log10(), unit::nanos(value.round() as u64)))
                .collect(),
        }
    }

    /// One place per name, the first at the top.
    pub(crate) fn names(names: impl ExactSizeIterator<Item = String>) -> Self {
        let count = names.len();
        Self {
            scale: Scale::Linear,
            from: -0.5,
            to: count as f64 - 0.5,
            ticks: names
                .enumerate()
                .map(|(index, name)| ((count - 1 - index) as f64, name))
                .collect(),
        }
    }

    /// Where the names stand, in their order.
    pub(crate) fn places(&self) -> impl Iterator<Item = f64> {
        self.ticks.iter().map(|(place, _)| *place)
    }

    /// Factors, as logarithms, that hold all of `values` and 1 in the middle; a narrow one names fewer.
    pub(crate) fn factors(values: impl IntoIterator<Item = f64>, narrow: bool) -> Self {
        const NAMED: [(f64, &str); 8] = [
            (1.1, "10 %"),
            (1.5, "1.5x"),
            (2.0, "2x"),
            (5.0, "5x"),
            (10.0, "10x"),
            (100.0, "100x"),
            (1_000.0, "1,000x"),
            (1e4, "10,000x"),
        ];
        let finite = values
            .into_iter()
            .filter(|value| *value > 0.0 && value.is_finite());
        let reach = finite.fold(1.15f64, |most, value| most.max(value).max(1.0 / value)) * 1.02;
        let inside = NAMED.into_iter().filter(|(factor, _)| *factor <= reach);
        let named: Vec<(f64, &str)> = inside
            .filter(|(factor, _)| crowded(*factor, reach, narrow))
            .collect();
        let below = named
            .iter()
            .rev()
            .map(|(factor, name)| (-factor.log10(), format!("-{name}")));
        let above = named
            .iter()
            .map(|(factor, name)| (factor.log10(), format!("+{name}")));
        let label = |(place, name): (f64, String)| {
            // A third is not "-3x": factors are of how much less or more.
            let name = if name.ends_with('x') {
                name.replace('-', "1/").replace('+', "")
            } else {
                name
            };
            (place, name.replace("1/10 %", "-10 %"))
        };
        let ticks = below.chain([(0.0, "same".to_owned())]).chain(above).map(label);
        Self {
            scale: Scale::Log,
            from: -reach.log10(),
            to: reach.log10(),
            ticks: ticks.collect(),
        }
    }

    /// Shares of requests from 50 % to 99.99 %, by nines; a narrow one names fewer.
    pub(crate) fn nines(narrow: bool) -> Self {
        let place = |share: f64| -(1.0 - share).log10();
        Self {
            scale: Scale::Nines,
            from: place(0.5),
            to: place(0.9999),
            ticks: SHARES
                .into_iter()
                .filter(|(_, name)| !narrow || !matches!(*name, "75" | "95"))
                .map(|(share, name)| (place(share), format!("{name} %")))
                .collect(),
        }
    }

    /// Where `value` stands; none if it has no place. Values beyond an end stand at that end.
    pub(crate) fn place(&self, value: f64) -> Option<f64> {
        let place = match self.scale {
            Scale::Linear => value,
            Scale::Log if value > 0.0 => value.log10(),
            Scale::Nines if value < 1.0 => -(1.0 - value).log10(),
            Scale::Log | Scale::Nines => return None,
        };
        place.is_finite().then(|| place.clamp(self.from, self.to))
    }

    /// Pixels that the widest label takes, at 12 pixels per letter height.
    pub(crate) fn label_width(&self) -> u32 {
        let widest = self.ticks.iter().map(|(_, label)| label.chars().count()).max();
        widest.unwrap_or(0) as u32 * 7
    }
}

/// True if a tick at `factor` has room on an axis that reaches `reach`: not within a tenth (a narrow one, a fifth) of the middle,
/// and of the others only the decades once there are some.
fn crowded(factor: f64, reach: f64, narrow: bool) -> bool {
    let share = factor.ln() / reach.ln();
    let decade = factor >= 10.0 && (factor.log10() - factor.log10().round()).abs() < 1e-9;
    share >= if narrow { 0.3 } else { 0.12 }
        && (reach < 15.0 || decade)
        && !(narrow && factor == 1.5 && reach > 1.9)
}

/// For plotters an axis is a range of places that names its ticks itself.
impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, place: &f64, pixels: (i32, i32)) -> i32 {
        let share = (place - self.from) / (self.to - self.from);
        pixels.0 + (f64::from(pixels.1 - pixels.0) * share).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() {
            return Vec::new();
        }
        self.ticks.iter().map(|(place, _)| *place).collect()
    }

    fn range(&self) -> Range<f64> {
        self.from..self.to
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, place: &f64) -> String {
        let tick = self.ticks.iter().find(|(tick, _)| tick == place);
        tick.map(|(_, label)| label.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> String {
        let labels: Vec<&str> = axis.ticks.iter().map(|(_, label)| label.as_str()).collect();
        labels.join(" ")
    }

    /// Ticks are few, at round values, and hold the data between them.
    #[test]
    fn ticks_stand_at_round_values() {
        for (axis, expected) in [
            (Axis::time(60.0, 8), "0 s 10 s 20 s 30 s 40 s 50 s 60 s"),
            (
                Axis::time(3_600.0, 8),
                "0 min 10 min 20 min 30 min 40 min 50 min 60 min",
            ),
            (Axis::time(1.0, 4), "0 s 1 s"),
            (Axis::counts(0.0), "0 1"),
            (Axis::counts(7.0), "0 2 4 6 8"),
            (Axis::counts(412.0), "0 200 400 600"),
            (Axis::durations([2.5e6, 9.11e9]), "10 ms 100 ms 1 s 10 s"),
            (Axis::durations([12e6, 180e6]), "10 ms 20 ms 50 ms 100 ms 200 ms"),
            (Axis::durations([]), "1 ms 10 ms 100 ms 1 s"),
            (Axis::nines(true), "50 % 90 % 99 % 99.9 % 99.99 %"),
        ] {
            assert_eq!(labels(&axis), expected);
        }
    }

    /// Nothing is drawn outside the frame, and a value without a place is not drawn at all.
    #[test]
    fn every_place_is_inside() {
        let axis = Axis::durations([1e6, 1e9]);
        for value in [1.0, 1e5, 1e7, 1e12] {
            let place = axis.place(value).unwrap();
            assert!(axis.from <= place && place <= axis.to, "{value}");
        }
        assert_eq!(axis.place(0.0), None);
        assert_eq!(axis.place(f64::NAN), None);
    }
}
