//! The bug museum: every bug on purpose is found within a thousand seeds, or by twins. Build with `--features mutants`.

#![allow(clippy::unwrap_used, reason = "a set-up that fails must fail the test")]
#![allow(clippy::print_stdout, reason = "the rows of docs/bug-museum.md")]

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

fn violation(seed: u64, protocols: &[Protocol]) -> Option<String> {
    let violation = run(&Draw::new(seed, protocols), oracle, false).violation?;
    Some(violation.to_string())
}

/// The first seed that finds the bug, and what it violates; the same seed must be clean without it.
fn by_swarm(mutant: Mutant, protocols: &[Protocol], seeds: std::ops::Range<u64>) -> Option<(String, String)> {
    choose(Some(mutant));
    let found = seeds
        .into_iter()
        .find_map(|seed| Some((seed, violation(seed, protocols)?)));
    choose(None);
    let (seed, how) = found?;
    assert_eq!(
        violation(seed, protocols),
        None,
        "seed {seed} fails without {}",
        mutant.name()
    );
    let only = match protocols {
        [one] => format!(" --protocols {}", one.name()),
        _ => String::new(),
    };
    Some((
        format!("tally sim --mutant {}{only} --seed {seed}", mutant.name()),
        how,
    ))
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

/// The bug does not survive; prints its row of docs/bug-museum.md.
fn is_found(mutant: Mutant) {
    // Most are found by the first seeds; twins find what only liars bring to light; what takes several views in a row at one place is
    // rare even where every seed has them.
    let found = by_swarm(mutant, &PROTOCOLS, 0..100)
        .or_else(|| by_twins(mutant))
        .or_else(|| by_swarm(mutant, &PROTOCOLS, 100..SEEDS))
        .or_else(|| by_swarm(mutant, &[Protocol::Pbft], 0..SEEDS));
    let (command, how) = found.unwrap_or_else(|| panic!("`{}` is not found", mutant.name()));
    println!("| `{}` | `{command}` | {how} |", mutant.name());
}

macro_rules! museum {
    ($($name:ident = $mutant:ident),+ $(,)?) => {
        $(
            #[test]
            fn $name() {
                is_found(Mutant::$mutant);
            }
        )+

        /// No bug is left out.
        #[test]
        fn every_bug_has_a_test() {
            assert_eq!([$(Mutant::$mutant),+], Mutant::ALL);
        }
    };
}

museum! {
    small_quorum = SmallQuorum,
    no_signatures = NoSignatures,
    primary_prepares = PrimaryPrepares,
    commit_unprepared = CommitUnprepared,
    decide_early = DecideEarly,
    lowest_view = LowestView,
    no_join = NoJoin,
    no_dedupe = NoDedupe,
    wrong_value = WrongValue,
    any_reply = AnyReply,
    ack_before_durable = AckBeforeDurable,
    delete_before_durable = DeleteBeforeDurable,
    overwrite_answer = OverwriteAnswer,
    ignore_key = IgnoreKey,
    trust_workers = TrustWorkers,
    other_job = OtherJob,
    no_cap = NoCap,
    same_incarnation = SameIncarnation,
    ignore_silence = IgnoreSilence,
    no_reroute = NoReroute,
    drop_dead_letters = DropDeadLetters,
}
