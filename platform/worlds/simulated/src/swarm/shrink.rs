//! Makes a failing schedule small: what can be left out without the failure going away, is (delta debugging, Zeller and
//! Hildebrandt, IEEE TSE 2002).

use super::draw::Draw;
use super::run::run;
use crate::watch::Oracle;

/// Runs at most; each takes a fraction of a second.
const RUNS: usize = 400;

/// The smallest schedule that still violates the same invariant; calls `told` with the number of blows left, as it shrinks.
pub fn shrink(draw: &Draw, oracle: Oracle, mut told: impl FnMut(usize)) -> Draw {
    let fails = |draw: &Draw| {
        run(draw, oracle, false)
            .violation
            .map(|violation| violation.invariant)
    };
    let Some(invariant) = fails(draw) else {
        return draw.clone();
    };
    let mut small = draw.clone();
    let mut runs = 0;
    let mut chunk = small.blows.len().div_ceil(2);
    while chunk > 0 && runs < RUNS {
        let mut from = 0;
        while from < small.blows.len() && runs < RUNS {
            let mut candidate = small.clone();
            let to = (from + chunk).min(candidate.blows.len());
            candidate.blows.drain(from..to);
            runs += 1;
            if fails(&candidate) == Some(invariant) {
                small = candidate;
                told(small.blows.len());
            } else {
                from += chunk;
            }
        }
        chunk /= 2;
    }
    small
}
