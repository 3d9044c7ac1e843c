//! Quantities as people write them: `250ms`, `400/s`, `64KiB`, `-999..999`. All exact, none by way of a float.

use std::time::Duration;

use tally_workloads::{Rate, ValueRange};

/// A non-negative decimal number as a whole number and a power of ten to divide it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    mantissa: u128,
    scale: u128,
}

impl Decimal {
    /// Splits a leading number off: `250ms` is 250 and `ms`. At most 18 digits, so that nothing below overflows.
    pub(crate) fn split(text: &str) -> Option<(Self, &str)> {
        let end = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let (number, rest) = text.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let dangling = number.ends_with('.') || fraction.contains('.');
        if whole.is_empty() || dangling || whole.len() + fraction.len() > 18 {
            return None;
        }
        let mantissa = format!("{whole}{fraction}").parse().ok()?;
        let scale = 10_u128.pow(fraction.len() as u32);
        Some((Self { mantissa, scale }, rest))
    }

    fn times(self, factor: u128, divisor: u128) -> Option<u64> {
        u64::try_from(self.mantissa.checked_mul(factor)? / (self.scale * divisor)).ok()
    }

    /// The nearest float to `self * factor / divisor`: rounded once, so that `99.9%` is the float 0.999.
    pub(crate) fn scaled(self, factor: u128, divisor: u128) -> f64 {
        (self.mantissa * factor) as f64 / (self.scale * divisor) as f64
    }
}

/// Units of time in nanoseconds.
const TIME: [(&str, u128); 6] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Units of size in bytes.
const SIZE: [(&str, u128); 7] = [
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

fn unit(table: &[(&str, u128)], name: &str) -> Option<u128> {
    table
        .iter()
        .find(|(unit, _)| *unit == name)
        .map(|(_, factor)| *factor)
}

/// `250ms`, `1.5s`, `2m`.
pub fn duration(text: &str) -> Option<Duration> {
    let (number, rest) = Decimal::split(text)?;
    number.times(unit(&TIME, rest)?, 1).map(Duration::from_nanos)
}

/// `400/s`, `30/m`, `0.5/s`.
pub(crate) fn rate(text: &str) -> Option<Rate> {
    let (number, rest) = Decimal::split(text)?;
    let period = match rest.strip_prefix('/')? {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return None,
    };
    number.times(1_000_000, period).map(Rate::from_micro)
}

/// `64KiB`, `1MiB`, `512B`.
pub(crate) fn size(text: &str) -> Option<u64> {
    let (number, rest) = Decimal::split(text)?;
    number.times(unit(&SIZE, rest)?, 1)
}

/// A duration in seconds or a size in bytes, for constants of expectations.
pub(crate) fn quantity(number: Decimal, name: &str) -> Option<(f64, bool)> {
    if let Some(factor) = unit(&TIME, name) {
        return Some((number.scaled(factor, 1_000_000_000), true));
    }
    unit(&SIZE, name).map(|factor| (number.scaled(factor, 1), false))
}

/// `-999..999`, both ends included.
pub(crate) fn range(text: &str) -> Option<ValueRange> {
    let (min, max) = text.split_once("..")?;
    let (min, max) = (min.trim().parse().ok()?, max.trim().parse().ok()?);
    let within = -ValueRange::MAX..=ValueRange::MAX;
    (min <= max && within.contains(&min) && within.contains(&max)).then_some(ValueRange { min, max })
}

/// A duration as one would say it, to three digits: `212 ms`, `1.5 s`, `2 min`.
pub(crate) fn say_seconds(seconds: f64) -> String {
    let size = seconds.abs();
    let (value, unit) = match size {
        _ if size == 0.0 => (0.0, "s"),
        _ if size < 1e-6 => (seconds * 1e9, "ns"),
        _ if size < 1e-3 => (seconds * 1e6, "us"),
        _ if size < 1.0 => (seconds * 1e3, "ms"),
        _ if size < 120.0 => (seconds, "s"),
        _ => (seconds / 60.0, "min"),
    };
    format!("{} {unit}", say_number(value))
}

/// See [`say_seconds`].
pub(crate) fn say_duration(duration: Duration) -> String {
    say_seconds(duration.as_secs_f64())
}

/// Whole numbers whole, others to about three significant digits.
pub(crate) fn say_number(value: f64) -> String {
    let size = value.abs();
    let digits = match size {
        _ if value.fract() == 0.0 => 0,
        _ if size >= 100.0 => 0,
        _ if size >= 10.0 => 1,
        _ if size >= 1.0 => 2,
        _ => 4,
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every unit means what it says, exactly.
    #[test]
    fn quantities_with_units_are_exact() {
        let durations = [
            ("250ms", 250_000_000),
            ("1.5s", 1_500_000_000),
            ("2m", 120_000_000_000),
            ("3us", 3_000),
            ("0s", 0),
        ];
        for (text, nanos) in durations {
            assert_eq!(duration(text), Some(Duration::from_nanos(nanos)), "{text}");
        }
        assert_eq!(rate("400/s"), Some(Rate::per_second(400)));
        assert_eq!(rate("30/m"), Some(Rate::from_micro(500_000)));
        assert_eq!(size("64KiB"), Some(65_536));
        assert_eq!(size("1.5kB"), Some(1_500));
        assert_eq!(range("-9..9"), Some(ValueRange { min: -9, max: 9 }));
    }

    /// What is almost a quantity is refused: no unit, no number, a wrong unit, a sign, a space, too many digits.
    #[test]
    fn near_misses_are_refused() {
        for text in [
            "",
            "5",
            "s",
            "5 s",
            "-5s",
            "5sec",
            "5.s",
            ".5s",
            "1.2.3s",
            "1e3s",
            "9999999999999999999s",
            "\u{ff15}s",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
        for text in ["400", "400/", "400/d", "400s", "/s"] {
            assert_eq!(rate(text), None, "{text}");
        }
        for text in [
            "",
            "..",
            "1",
            "9..1",
            "1..2..3",
            "1..9999999999",
            "-9223372036854775808..0",
        ] {
            assert_eq!(range(text), None, "{text}");
        }
        assert_eq!(size("64"), None);
    }

    /// Numbers are said without digits that mean nothing.
    #[test]
    fn numbers_are_said_shortly() {
        assert_eq!(say_seconds(0.2124), "212 ms");
        assert_eq!(say_seconds(1.5), "1.5 s");
        assert_eq!(say_number(0.9991), "0.9991");
        assert_eq!(say_number(3.0), "3");
    }
}
