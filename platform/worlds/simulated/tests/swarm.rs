//! The swarm: sound platforms survive every seed.

use tally_model::{Outcome, Protocol};
use tally_simulated::Sometimes;
use tally_simulated::swarm::{Draw, run};

fn oracle(text: &str) -> Outcome {
    match tally_expression::parse(text) {
        Ok(expression) => expression.evaluate(),
        Err(error) => Outcome::Error(error.failure),
    }
}

/// No seed violates an invariant.
#[test]
fn no_seed_violates_an_invariant() {
    let mut failures = Vec::new();
    for seed in 0..30 {
        let draw = Draw::new(seed, &[Protocol::None, Protocol::Collect]);
        let report = run(&draw, oracle, false);
        if let Some(violation) = report.violation {
            failures.push(format!("seed {seed} ({}): {violation}", draw.config.protocol));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// A worker that tells wrong answers, while what is on the fault bus is received by nobody: it is blamed again, and what was accepted
/// is answered. The seed is one that finds it if a worker is blamed once only (`blame` of `tally-roles`).
#[test]
fn a_liar_is_blamed_until_it_is_replaced() {
    let all = [Protocol::None, Protocol::Pbft, Protocol::Vote, Protocol::Collect];
    let draw = Draw::new(966, &all);
    let report = run(&draw, oracle, false);
    assert_eq!(report.violation, None);
    assert!(
        report.coverage.count(Sometimes::LieTamper) > 0,
        "{:?}",
        draw.blows
    );
}
