//! The swarm: sound platforms survive every seed.

use tally_model::{Outcome, Protocol};
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
