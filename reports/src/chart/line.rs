//! Lines of a chart, thinned so that a page of any trial stays small and yet hides no peak.

use super::ink::Ink;

/// A point: seconds (or whatever runs to the right), and a value if there is one.
pub(crate) type Point = (f64, Option<f64>);

/// A series.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) ink: Ink,
    pub(crate) points: Vec<Point>,
    /// True if a value holds until the next one.
    pub(crate) steps: bool,
}

impl Line {
    /// Straight from point to point.
    pub(crate) fn straight(ink: Ink, points: Vec<Point>) -> Self {
        Self {
            ink,
            points,
            steps: false,
        }
    }

    /// A value holds until the next one.
    pub(crate) fn stepped(ink: Ink, points: Vec<Point>) -> Self {
        Self {
            ink,
            points,
            steps: true,
        }
    }
}

/// A mark on a chart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    pub(crate) ink: Ink,
    pub(crate) at: f64,
    pub(crate) value: f64,
}

/// `points` in at most `groups` groups, each as its lowest and its highest value in the order in which they came. A group without
/// a value stays a gap.
pub(crate) fn thin(points: &[Point], groups: usize) -> Vec<Point> {
    if points.len() <= groups * 2 {
        return points.to_vec();
    }
    let mut thinned = Vec::with_capacity(groups * 2);
    for group in points.chunks(points.len().div_ceil(groups.max(1))) {
        let known = || {
            group
                .iter()
                .filter_map(|(at, value)| value.map(|value| (*at, value)))
        };
        let low = known().min_by(|a, b| a.1.total_cmp(&b.1));
        // The last of several highest, so that a flat group keeps both its ends.
        let high = known().max_by(|a, b| a.1.total_cmp(&b.1));
        match (low, high) {
            (Some(low), Some(high)) => {
                let (first, second) = if low.0 <= high.0 { (low, high) } else { (high, low) };
                thinned.push((first.0, Some(first.1)));
                thinned.push((second.0, Some(second.1)));
            }
            _ => thinned.extend(group.first().map(|(at, _)| (*at, None))),
        }
    }
    thinned
}

/// Groups of `count` things for a table of at most `most` rows: how many to a row.
pub(crate) fn per_row(count: usize, most: usize) -> usize {
    count.div_ceil(most).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However far a series is thinned, its highest and its lowest value are still there and time still runs forward.
    #[test]
    fn thinning_keeps_every_extreme() {
        let points: Vec<Point> = (0..3_600)
            .map(|n| (f64::from(n), Some(f64::from((n * 7_919) % 3_571))))
            .collect();
        for groups in [1, 7, 120, 480] {
            let thinned = thin(&points, groups);
            assert!(thinned.len() <= groups * 2);
            let values = || thinned.iter().filter_map(|(_, value)| *value);
            assert_eq!(values().fold(0.0, f64::max), 3_570.0);
            assert_eq!(values().fold(9e9, f64::min), 0.0);
            assert!(thinned.is_sorted_by(|a, b| a.0 <= b.0));
        }
    }

    /// A stretch in which nothing was measured stays a gap instead of becoming a line.
    #[test]
    fn thinning_keeps_gaps() {
        let points: Vec<Point> = (0..100)
            .map(|n| (f64::from(n), (!(40..60).contains(&n)).then_some(1.0)))
            .collect();
        assert!(thin(&points, 10).iter().any(|(_, value)| value.is_none()));
    }
}
