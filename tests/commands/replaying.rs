//! `tally replay`: what happened in virtual time happens again, and a record that says otherwise is told.

use super::SMALL;
use super::program::Desk;

/// The lines that begin with a moment of virtual time.
fn events(out: &str) -> usize {
    let moment = |line: &&str| {
        let first = line.split_whitespace().next().unwrap_or_default();
        first.contains('.') && first.parse::<f64>().is_ok()
    };
    out.lines().filter(moment).count()
}

/// A recorded trial is played again event by event and gives the recorded trace; a record that was changed is refused, and so is a
/// run of another world.
#[test]
fn a_trial_is_played_again_and_held_against_its_record() {
    let desk = Desk::new();
    let file = desk.write("small.toml", SMALL);
    desk.tally(&["run", &file, "--target", "sim"]).expect(0);
    let again = desk.tally(&["replay", "latest"]).expect(0);
    assert!(events(&again.out) > 100, "{}", again.out);
    assert!(again.out.contains("as recorded"), "{}", again.out);
    let document = desk.tally(&["replay", "latest", "--json"]).expect(0).json();
    assert_eq!(document["trace"], document["expected"]);

    let change = |name: &str, from: &str, to: &str| {
        let path = desk.path("runs/small/latest").canonicalize().unwrap().join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
    };
    let trace = document["trace"].as_str().unwrap();
    let other = "0".repeat(trace.len());
    change("trials/0001/simulation.json", trace, &other);
    let told = desk.tally(&["replay", "latest"]).expect(1);
    assert!(
        told.err.contains(trace) && told.err.contains(&other),
        "{}",
        told.err
    );
    desk.tally(&["replay", "latest", "--trial", "2"]).expect(2);
    change("run.json", "\"sim\"", "\"local\"");
    let told = desk.tally(&["replay", "latest"]).expect(2);
    assert!(told.err.contains("virtual time"), "{}", told.err);
}

/// A seed gives its trace whenever it is played; without one to compare with it is played twice.
#[test]
fn a_seed_is_played_again() {
    let desk = Desk::new();
    let twice = ["replay", "--seed", "3", "--protocols", "none"];
    let told = desk.tally(&twice).expect(0);
    assert!(events(&told.out) > 100);
    let trace = told.out.lines().last().unwrap();
    let trace = trace.split("trace ").nth(1).unwrap().split(',').next().unwrap();
    let same = [&twice[..], &["--expect", trace]].concat();
    desk.tally(&same).expect(0);
    let other = [&twice[..], &["--expect", "00"]].concat();
    desk.tally(&other).expect(1);
    desk.tally(&["replay", "--seed", "3", "--protocols", "paxos"])
        .expect(2);
    desk.tally(&["replay"]).expect(2);
}
