//! Names that become paths: the run's name and its stamp.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::{CaptureError, Result};

/// Longest run name, in characters.
const NAME_LIMIT: usize = 40;

/// Fails unless `name` is 1 to 40 of `a-z`, `0-9` and `-`, begins with a letter or digit and is neither `latest` nor
/// the folder of comparisons.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let ok = (1..=NAME_LIMIT).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !name.starts_with('-')
        && name != "latest"
        && name != crate::comparison::COMPARISONS;
    if ok {
        Ok(())
    } else {
        Err(CaptureError::Name {
            name: name.to_owned(),
        })
    }
}

/// True if `text` has the form of a stamp, `20260101T101500Z-4f2a`.
pub(crate) fn is_stamp(text: &str) -> bool {
    let pattern = "dddddddd-dddddd";
    text.len() == 21
        && text
            .bytes()
            .zip(pattern.bytes())
            .enumerate()
            .all(|(i, (b, p))| match p {
                b'-' => i == 8 && b == b'T',
                _ => b.is_ascii_digit(),
            })
        && &text.as_bytes()[15..17] == b"Z-"
        && text
            .bytes()
            .skip(17)
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// A fresh stamp: the UTC second and four hexadecimal digits. They make a collision unlikely; `create_dir` makes it harmless.
pub(crate) fn fresh_stamp(now: SystemTime, attempt: u32) -> String {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut hasher = blake3::Hasher::new();
    hasher.update(&since.as_nanos().to_le_bytes());
    hasher.update(&std::process::id().to_le_bytes());
    hasher.update(&attempt.to_le_bytes());
    let hex = hasher.finalize().to_hex();
    format!("{}-{}", utc_compact(since.as_secs()), &hex.as_str()[..4])
}

/// `20260101T101500Z` for seconds since the Unix epoch.
fn utc_compact(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil_from_days(days);
    format!(
        "{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

/// Year, month and day of a day since 1970-01-01 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known moments come out as their civil dates, leap days included.
    #[test]
    fn stamps_are_civil_utc() {
        for (seconds, expected) in [
            (0, "19700101T000000Z"),
            (951_782_400, "20000229T000000Z"),
            (1_767_262_500, "20260101T101500Z"),
            (4_107_542_399, "21000228T235959Z"),
            (4_107_542_400, "21000301T000000Z"),
        ] {
            assert_eq!(utc_compact(seconds), expected);
        }
    }

    /// What is made is recognised, and near misses are not.
    #[test]
    fn a_stamp_is_recognised() {
        assert!(is_stamp(&fresh_stamp(SystemTime::now(), 0)));
        for text in [
            "",
            "latest",
            "20260101T101500Z-4F2A",
            "20260101-101500Z-4f2a",
            "../../101T101500Z-4f2a",
        ] {
            assert!(!is_stamp(text), "{text}");
        }
    }

    /// Nothing that could leave the run root, hide, or stand for another run is a name.
    #[test]
    fn unsafe_names_are_refused() {
        for name in [
            "",
            "latest",
            "..",
            "a/b",
            "-x",
            "A",
            "a b",
            "a.b",
            "\u{e4}",
            &"a".repeat(41),
        ] {
            assert!(check_name(name).is_err(), "{name}");
        }
        for name in ["burst", "chaos-worker", "0", &"a".repeat(40)] {
            assert!(check_name(name).is_ok(), "{name}");
        }
    }
}
