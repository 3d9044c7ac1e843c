//! The bug museum: every bug on purpose is found within a thousand seeds, or by twins. Build with `--features mutants`.

use tally_consensus::mutant::{Mutant, choose};
use tally_model::{Outcome, Protocol};
use tally_simulated::swarm::{Draw, run};
use tally_simulated::twins;

/// The swarm finds each within so many seeds.
const SEEDS: u64 = 1_000;
/// Rounds of twins.
const ROUNDS: u32 = 2;
/// In the order of the command's own list.
const PROTOCOLS: [Protocol; 4] = [Protocol::None, Protocol::Pbft, Protocol::Vote, Protocol::Collect];

fn oracle(text: &str) -> Outcome {
    match tally_expression::parse(text) {
        Ok(expression) => expression.evaluate(),
        Err(error) => Outcome::Error(error.failure),
    }
}

fn violation(seed: u64) -> Option<String> {
    let violation = run(&Draw::new(seed, &PROTOCOLS), oracle, false).violation?;
    Some(violation.to_string())
}

/// The first seed that finds the bug, and what it violates; the same seed must be clean without it.
fn by_swarm(mutant: Mutant, seeds: std::ops::Range<u64>) -> Option<(String, String)> {
    choose(Some(mutant));
    let found = seeds.into_iter().find_map(|seed| Some((seed, violation(seed)?)));
    choose(None);
    let (seed, how) = found?;
    assert_eq!(
        violation(seed),
        None,
        "seed {seed} fails without {}",
        mutant.name()
    );
    Some((format!("tally sim --mutant {} --seed {seed}", mutant.name()), how))
}

/// The first scenario of twins that finds it.
fn by_twins(mutant: Mutant) -> Option<(String, String)> {
    let violation = |number| {
        let violation = twins::play(number, ROUNDS, oracle).unwrap().violation?;
        Some(violation.to_string())
    };
    choose(Some(mutant));
    let found = (0..twins::scenarios(ROUNDS)).find_map(|number| Some((number, violation(number)?)));
    choose(None);
    let (number, how) = found?;
    assert_eq!(
        violation(number),
        None,
        "scenario {number} fails without {}",
        mutant.name()
    );
    Some((
        format!("tally sim --mutant {} --twins {ROUNDS}", mutant.name()),
        how,
    ))
}

/// No bug survives.
#[test]
fn every_bug_is_found() {
    let mut alive = Vec::new();
    for &mutant in Mutant::ALL {
        // Most are found by the first seeds; twins find what only liars bring to light.
        let found = by_swarm(mutant, 0..100)
            .or_else(|| by_twins(mutant))
            .or_else(|| by_swarm(mutant, 100..SEEDS));
        match found {
            Some((command, how)) => println!("| `{}` | `{command}` | {how} |", mutant.name()),
            None => {
                println!("| `{}` | survives | |", mutant.name());
                alive.push(mutant.name());
            }
        }
    }
    assert!(alive.is_empty(), "not found: {}", alive.join(", "));
}
