//! Stabilisation: recommendations of the past hold back the one of now.

use std::time::Duration;

use tally_model::Instant;

use super::{Behavior, Compat, History, Reason};

/// Without behavior: the largest recommendation of the window, its end included. Remembers `proposal`.
pub fn down_only(history: &mut History, now: Instant, proposal: i32, window: Duration) -> i32 {
    let recent = history
        .recommended()
        .iter()
        .filter(|entry| now.since(entry.at) <= window);
    let stable = recent.map(|entry| entry.replicas).fold(proposal, i32::max);
    history.recommend(now, proposal, |age| age > window);
    stable
}

/// With behavior: no more than the smallest recommendation of the window for the way up, no fewer than the largest of
/// the window for the way down. Remembers `proposal`, and says which window would be to blame for a difference.
pub fn both_ways(
    history: &mut History,
    now: Instant,
    current: i32,
    proposal: i32,
    behavior: &Behavior,
    compat: Compat,
) -> (i32, Reason) {
    let (up_window, down_window) = (behavior.up.window, behavior.down.window);
    let younger_than = |window: Duration| {
        let entries = history.recommended().iter();
        entries
            .filter(move |entry| now.since(entry.at) < window)
            .map(|entry| entry.replicas)
    };
    let up = younger_than(up_window).fold(proposal, i32::min);
    let down = younger_than(down_window).fold(proposal, i32::max);
    let grows = proposal >= current;
    let stable = match (compat.looks_both_ways(), grows) {
        (true, _) => current.max(up).min(down),
        (false, true) => up,
        (false, false) => down,
    };
    history.recommend(now, proposal, |age| age > up_window && age > down_window);
    let reason = if grows {
        Reason::ScaleUpStabilized
    } else {
        Reason::ScaleDownStabilized
    };
    (stable, reason)
}
