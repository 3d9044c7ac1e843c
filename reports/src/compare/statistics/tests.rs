//! Against published tables, and on made-up data where the truth is known.

use super::*;

/// Cut-offs of the published tables at 5 % on two sides: signed ranks (Wilcoxon), rank sums (Mann and Whitney).
#[test]
fn cut_offs_are_those_of_the_tables() {
    let signed = [
        (5, None),
        (6, Some(0)),
        (7, Some(2)),
        (8, Some(3)),
        (10, Some(8)),
        (20, Some(52)),
        (50, Some(434)),
    ];
    for (n, expected) in signed {
        assert_eq!(signed_ranks_outside(n), expected, "{n}");
    }
    let sums = [
        (3, 4, None),
        (3, 5, Some(0)),
        (4, 4, Some(0)),
        (5, 5, Some(2)),
        (6, 6, Some(5)),
        (8, 10, Some(17)),
        (20, 20, Some(127)),
    ];
    for (m, n, expected) in sums {
        assert_eq!(rank_sums_outside(m, n), expected, "{m} {n}");
        assert_eq!(rank_sums_outside(n, m), expected, "{n} {m}");
    }
}

/// The normal distribution takes over without a jump.
#[test]
fn many_trials_are_like_a_few_less() {
    let exact = signed_ranks_outside(EXACT).unwrap() as f64;
    let next = signed_ranks_outside(EXACT + 1).unwrap() as f64;
    assert!(next > exact && next < exact * 1.08, "{exact} {next}");
    let (exact, next) = (
        rank_sums_outside(50, 50).unwrap(),
        rank_sums_outside(51, 50).unwrap(),
    );
    assert!(
        next > exact && (next as f64) < exact as f64 * 1.05,
        "{exact} {next}"
    );
}

/// The interval of a median is between the values that the sign test allows, and there is none below six.
#[test]
fn the_interval_of_a_median_needs_six_values() {
    let values: Vec<f64> = (1..=20).map(f64::from).collect();
    assert_eq!(median_interval(&values[..5]), None);
    for (n, low, high) in [(6, 1.0, 6.0), (9, 2.0, 8.0), (20, 6.0, 15.0)] {
        assert_eq!(median_interval(&values[..n]), Some(Interval { low, high }), "{n}");
    }
    assert_eq!(median(&[]), None);
    assert_eq!(median(&[3.0, 1.0, 2.0, 10.0]), Some(2.5));
}

/// A number in (0, 1) from a stream that is the same every time.
fn next(state: &mut u64) -> f64 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    let mut x = *state;
    x ^= x >> 33;
    x = x.wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    x ^= x >> 33;
    ((x >> 11) as f64 + 0.5) / (1u64 << 53) as f64
}

/// Heavy to the right, as latencies are: log-normal by Box and Muller, median 1.
fn latency(state: &mut u64) -> f64 {
    let (u, v) = (next(state), next(state));
    (0.6 * (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()).exp()
}

/// Intervals hold the truth in at least 95 % of all comparisons (within the error of 4,000 of them), and are not so wide that
/// they always do: false alarms of two equal arms are between 3 and 5.5 % where the number of trials allows that fineness.
#[test]
fn intervals_hold_what_they_promise() {
    const ROUNDS: usize = 4_000;
    let mut state = 7;
    for n in [6, 8, 12, 20] {
        let [mut pairs, mut sums, mut medians] = [0; 3];
        for _ in 0..ROUNDS {
            let base: Vec<f64> = (0..n).map(|_| latency(&mut state).ln()).collect();
            // Twice as slow, with noise of its own.
            let other: Vec<f64> = (0..n).map(|_| (2.0 * latency(&mut state)).ln()).collect();
            let differences: Vec<f64> = base
                .iter()
                .zip(&other)
                .map(|(base, other)| other - base)
                .collect();
            let holds = |interval: Option<Interval>, truth: f64| {
                usize::from(interval.is_some_and(|interval| interval.low <= truth && truth <= interval.high))
            };
            pairs += holds(paired(&differences).unwrap().interval, 2f64.ln());
            sums += holds(unpaired(&base, &other).unwrap().interval, 2f64.ln());
            medians += holds(median_interval(&base), 0.0);
        }
        for (what, held) in [("pairs", pairs), ("sums", sums), ("medians", medians)] {
            let share = held as f64 / ROUNDS as f64;
            assert!(share > 0.94, "{what} of {n}: {share}");
            assert!(share < 0.995, "{what} of {n}: {share}");
        }
        if n >= 8 {
            assert!((pairs as f64 / ROUNDS as f64) < 0.972, "{n}: {pairs}");
        }
    }
}

/// A slow-down of 10 % in noise of 5 % is found in ten paired trials, and in most of ten comparisons with noise of 10 %.
#[test]
fn a_planted_slow_down_is_found() {
    let mut state = 11;
    let mut found = |noise: f64| {
        let pair = |state: &mut u64| {
            let machine = latency(state);
            let mut trial = |factor: f64| machine * factor * (1.0 + noise * (next(state) - 0.5));
            trial(1.1).ln() - trial(1.0).ln()
        };
        let pairs: Vec<f64> = (0..10).map(|_| pair(&mut state)).collect();
        paired(&pairs).unwrap().interval.unwrap().low > 0.0
    };
    assert!((0..50).all(|_| found(0.05)));
    assert!((0..50).filter(|_| found(0.2)).count() > 40);
}
