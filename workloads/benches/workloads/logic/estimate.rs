//! Claims about estimates and comparisons.

use tally::Exit;

use crate::estimate::*;

const STEADY: [f64; 5] = [100.0, 102.0, 98.0, 101.0, 99.0];

fn times(factor: f64) -> Vec<f64> {
    STEADY.iter().map(|value| value * factor).collect()
}

/// The middle value, or the mean of the two in the middle, in any order; none has none.
#[test]
fn the_median_is_in_the_middle() {
    assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
    assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), 2.5);
    assert!(median(&[]).is_nan());
}

/// A change beyond the noise is seen in its direction, one within it is not, and the sense follows the metric.
#[test]
fn a_change_is_told_only_beyond_the_noise() {
    use Change::{Improved, NotDetected, Regressed};
    for (factor, good, change) in [
        (1.0, Good::High, NotDetected),
        (1.03, Good::High, NotDetected),
        (0.97, Good::Low, NotDetected),
        (0.8, Good::High, Regressed),
        (1.3, Good::High, Improved),
        (1.3, Good::Low, Regressed),
        (0.8, Good::Low, Improved),
    ] {
        let (interval, found) = compare(&STEADY, &times(factor), good, 0.05, 1);
        let interval = interval.unwrap();
        assert_eq!(found, change, "{factor} {good:?} {interval:?}");
        assert!(
            interval.low <= factor && factor <= interval.high,
            "{factor} {interval:?}"
        );
        assert!((interval.estimate - factor).abs() < 1e-9);
    }
}

/// Noisy trials hide a small change that steady ones would show.
#[test]
fn noise_widens_the_interval() {
    let noisy = [60.0, 140.0, 100.0, 80.0, 120.0];
    let slower: Vec<f64> = noisy.iter().map(|value| value * 0.85).collect();
    let (wide, change) = compare(&noisy, &slower, Good::High, 0.05, 1);
    let (narrow, found) = compare(&STEADY, &times(0.85), Good::High, 0.05, 1);
    assert_eq!((change, found), (Change::NotDetected, Change::Regressed));
    let width = |interval: Option<Interval>| interval.map(|i| i.high - i.low).unwrap();
    assert!(width(wide) > 4.0 * width(narrow));
}

/// Two trials say nothing, whatever they say; nor do values that no ratio can be made of.
#[test]
fn too_few_trials_decide_nothing() {
    assert_eq!(
        compare(&STEADY[..2], &times(0.1), Good::High, 0.05, 1).1,
        Change::TooFew
    );
    assert_eq!(
        compare(&STEADY, &[0.0, 1.0, 1.0], Good::High, 0.05, 1).1,
        Change::TooFew
    );
}

/// The same seed gives the same interval, so that a printed comparison can be repeated.
#[test]
fn intervals_follow_from_their_seed() {
    let new = times(0.9);
    let interval = |seed| compare(&STEADY, &new, Good::Low, 0.05, seed).0;
    assert_eq!(interval(7), interval(7));
    let one = median_interval(&STEADY, 3);
    assert!(one.low <= 100.0 && 100.0 <= one.high && one.low < one.high);
}

/// Each result is told in words of its own.
#[test]
fn every_change_has_its_sentence() {
    let all = [
        Change::Improved,
        Change::NotDetected,
        Change::Regressed,
        Change::TooFew,
    ];
    let sentences: std::collections::BTreeSet<_> = all.iter().map(|change| change.sentence()).collect();
    assert_eq!(sentences.len(), all.len());
}

/// Too few trials are no pass against a baseline that was demanded: nothing was compared. A regression that shows elsewhere is one.
#[test]
fn what_was_not_compared_is_no_pass() {
    use Change::{Improved, NotDetected, Regressed, TooFew};
    for (main, processor, strict, lenient) in [
        (Improved, NotDetected, Exit::Pass, Exit::Pass),
        (NotDetected, TooFew, Exit::Pass, Exit::Pass),
        (TooFew, TooFew, Exit::Inconclusive, Exit::Pass),
        (TooFew, Improved, Exit::Inconclusive, Exit::Pass),
        (TooFew, Regressed, Exit::Fail, Exit::Fail),
        (Regressed, TooFew, Exit::Fail, Exit::Fail),
    ] {
        let compared = Some(judge(main, &[processor]));
        assert_eq!(demanded(compared, false), strict, "{main:?} {processor:?}");
        assert_eq!(demanded(compared, true), lenient, "{main:?} {processor:?}");
    }
    assert_eq!(
        (demanded(None, false), demanded(None, true)),
        (Exit::Inconclusive, Exit::Pass)
    );
}
