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

#[cfg(test)]
mod tests {
    use super::*;

    /// Another seed audits other certificates, the same seed the same; what is missing is told of open loads alone.
    #[test]
    fn the_plan_says_what_is_checked() {
        let plan = |seed: u64, pattern: &str| {
            let text = format!(
                "version = 1\nname = \"one\"\nseed = {seed}\n\
                 phases = {{ warmup = \"0s\", measure = \"1s\", drain = \"1s\" }}\n\
                 [[load]]\nname = \"l\"\n{pattern}\nexpr = [{{ text = \"1+1\", answer = \"2\" }}]\n\
                 [[expect]]\nthat = \"lost == 0\"\n"
            );
            Plan::expand(&tally_plan::parse(&text).unwrap())
        };
        let open = check_options(&plan(11, "pattern = \"constant\"\nrate = \"2/s\""));
        assert_eq!((open.seed, open.planned, open.expected.len()), (11, Some(2), 2));
        let closed = check_options(&plan(12, "pattern = \"closed\"\nusers = 2"));
        assert_eq!((closed.seed, closed.planned), (12, None));
    }
}
