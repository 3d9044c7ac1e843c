//! Columns and sparklines.

use crate::clean::clean;

/// Widest that a column grows; longer cells push the rest of their row aside.
pub(super) const WIDEST: usize = 44;

/// Rows with aligned columns; those in `right` are aligned to the right.
pub(super) fn grid(rows: &[Vec<String>], right: &[usize]) -> Vec<String> {
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| clean(cell)).collect())
        .collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
                .min(WIDEST)
        })
        .collect();
    let line = |row: &Vec<String>| {
        let cells = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(column, (cell, width))| {
                if right.contains(&column) {
                    format!("{cell:>width$}")
                } else {
                    format!("{cell:<width$}")
                }
            });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// `values` as at most `room` bars; each is the highest of its stretch.
pub(super) fn spark(values: &[u64], room: usize) -> String {
    const BARS: [char; 8] = [
        '\u{2581}', '\u{2582}', '\u{2583}', '\u{2584}', '\u{2585}', '\u{2586}', '\u{2587}', '\u{2588}',
    ];
    let each = values.len().div_ceil(room.max(1)).max(1);
    let highest = values.iter().copied().max().unwrap_or(0).max(1);
    let bar = |group: &[u64]| match group.iter().copied().max().unwrap_or(0) {
        0 => ' ',
        value => BARS[((value as f64 / highest as f64 * 7.0).round() as usize).min(7)],
    };
    values.chunks(each).map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Columns line up, numbers at the right, and no line ends in blanks.
    #[test]
    fn columns_line_up() {
        let rows = [["a", "1"], ["bcd", "22"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(grid(&rows, &[1]), ["a     1", "bcd  22"]);
        assert_eq!(grid(&rows, &[]), ["a    1", "bcd  22"]);
    }

    /// A sparkline fits its room and keeps the peak.
    #[test]
    fn sparklines_fit_and_keep_the_peak() {
        let values: Vec<u64> = (0..1_000).map(|n| if n == 777 { 90 } else { 10 }).collect();
        let line = spark(&values, 40);
        assert!(line.chars().count() <= 40);
        assert!(line.contains('\u{2588}'));
        assert_eq!(spark(&[0, 5, 10], 10), " \u{2585}\u{2588}");
    }
}
