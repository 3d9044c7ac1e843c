//! How the history of a run is checked, by the run itself and by `tally check` ever after: against the plan of the run.

use tally_check::{CheckReport, Options};
use tally_plan::Plan;

/// Every request of the plan must have its line, the answers that the file states are checked, and the plan's seed draws the
/// certificates. Requests of closed loads come when answers do, so nobody knows how many there must be.
pub(crate) fn check_options(plan: &Plan) -> Options {
    Options {
        planned: plan.closed.is_empty().then_some(plan.shots.len() as u64),
        expected: plan.expected(),
        seed: plan.seed,
        ..Options::default()
    }
}

/// What cannot be explained by what is missing, in a record whose writer was ended in the middle: what an answer says. That an answer
/// or its certificate is not there proves nothing, because each file ends where its last frame did.
pub(crate) fn is_unsafe_in_part(check: &CheckReport) -> bool {
    let found = [&check.wrong, &check.duplicated, &check.conflicting];
    let flaws = check.audit.flaws.keys();
    found.iter().any(|finding| finding.count > 0) || flaws.into_iter().any(|name| name != "missing")
}
