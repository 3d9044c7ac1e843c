//! Numbers for people: three significant digits, a unit, commas between thousands.

/// `41.2 ms`, `911 ms`, `4.21 s`, `2 min 05 s`; three significant digits below 100 s.
pub(crate) fn nanos(nanos: u64) -> String {
    const LADDER: [(f64, &str); 4] = [(1.0, "ns"), (1e3, "\u{b5}s"), (1e6, "ms"), (1e9, "s")];
    if nanos == 0 {
        return "0 s".into();
    }
    if nanos >= 99_950_000_000 {
        let seconds = (nanos + 500_000_000) / 1_000_000_000;
        return match seconds {
            0..120 => format!("{seconds} s"),
            120..7_200 => format!("{} min {:02} s", seconds / 60, seconds % 60),
            _ => format!("{} h {:02} min", seconds / 3_600, seconds % 3_600 / 60),
        };
    }
    let (unit, name) = LADDER
        .into_iter()
        .rev()
        .find(|(unit, _)| nanos as f64 >= unit * 0.9995)
        .unwrap_or(LADDER[0]);
    format!("{} {name}", digits(nanos as f64 / unit))
}

/// A moment since the trial began, to the millisecond: `30.002 s`.
pub(crate) fn moment(nanos: u64) -> String {
    format!("{:.3} s", nanos as f64 / 1e9)
}

/// Three significant digits without trailing zeros after the point, never an exponent.
pub(crate) fn digits(value: f64) -> String {
    if !value.is_finite() {
        return "unknown".into();
    }
    let text = match value.abs() {
        size if size >= 99.95 => return thousands(value.round()),
        size if size >= 9.995 => format!("{value:.1}"),
        size if size >= 0.9995 => format!("{value:.2}"),
        size if size >= 0.0995 => format!("{value:.3}"),
        _ => format!("{value:.4}"),
    };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn thousands(value: f64) -> String {
    let sign = if value < 0.0 { "-" } else { "" };
    format!("{sign}{}", count(value.abs() as u64))
}

/// `12,031`.
pub(crate) fn count(count: u64) -> String {
    let plain = count.to_string();
    let mut text = String::with_capacity(plain.len() + plain.len() / 3);
    for (index, digit) in plain.chars().enumerate() {
        if index > 0 && (plain.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `12.3 MiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1023.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{} {}", digits(value), UNITS[unit])
}

/// `0.4 %`; none of none is `none`. Anything that is not all never shows as 100 %, nor anything as 0 %.
pub(crate) fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "none".into();
    }
    let percent = part as f64 * 100.0 / whole as f64;
    match percent {
        _ if part == 0 => "0 %".into(),
        _ if part < whole && percent >= 99.995 => "> 99.99 %".into(),
        _ if percent < 0.01 => "< 0.01 %".into(),
        _ if percent > 99.0 => format!(
            "{} %",
            format!("{percent:.2}")
                .trim_end_matches('0')
                .trim_end_matches('.')
        ),
        _ => format!("{} %", digits(percent)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three digits and the unit that suits them, also where rounding crosses into the next unit.
    #[test]
    fn durations_read_as_people_say_them() {
        for (value, expected) in [
            (0, "0 s"),
            (812, "812 ns"),
            (41_234, "41.2 \u{b5}s"),
            (999_600, "1 ms"),
            (1_500_000, "1.5 ms"),
            (911_400_000, "911 ms"),
            (999_900_000, "1 s"),
            (4_214_000_000, "4.21 s"),
            (99_960_000_000, "100 s"),
            (125_000_000_000, "2 min 05 s"),
            (7_260_000_000_000, "2 h 01 min"),
        ] {
            assert_eq!(nanos(value), expected, "{value}");
        }
    }

    /// Counts are exact, bytes binary, shares never rounded to none or all.
    #[test]
    fn counts_bytes_and_shares_do_not_mislead() {
        assert_eq!(
            [0, 999, 1_000, 12_031, 1_000_000].map(count).join(" "),
            "0 999 1,000 12,031 1,000,000"
        );
        assert_eq!(
            [512, 1_048_576, 50_331_648].map(bytes).join(" "),
            "512 B 1 MiB 48 MiB"
        );
        for (part, whole, expected) in [
            (0, 0, "none"),
            (0, 9, "0 %"),
            (9, 9, "100 %"),
            (1, 250, "0.4 %"),
            (1, 1_000_000, "< 0.01 %"),
            (999_999, 1_000_000, "> 99.99 %"),
            (12_030, 12_031, "99.99 %"),
        ] {
            assert_eq!(share(part, whole), expected, "{part} of {whole}");
        }
    }
}
