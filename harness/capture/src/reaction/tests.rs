//! Scale-ups out of hand-made observations.

use tally_model::{Instant, NodeId};

use super::*;

const ADD: Layer = Layer::Add;

fn set(number: u32) -> SetId {
    SetId {
        operation: ADD,
        number,
    }
}

fn layer(at: u64, step: Step) -> Observation {
    Observation::new(Instant::from_nanos(at), step).with_operation(ADD)
}

fn wants(at: u64, sets: u32) -> Observation {
    layer(at, Step::Decision).with_value(f64::from(sets))
}

fn about(at: u64, step: Step, number: u32) -> Observation {
    let bare = Observation::new(Instant::from_nanos(at), step);
    match step {
        Step::CallAccepted | Step::PodStarted => bare.with_node(NodeId::Worker(set(number))),
        _ => bare.with_set(set(number)),
    }
}

/// A whole scale-up from one to three sets. The second new set answers first; a repair afterwards changes nothing.
fn whole() -> Vec<Observation> {
    vec![
        wants(0, 1),
        about(1, Step::CallAccepted, 0),
        about(2, Step::SetReady, 0),
        about(3, Step::FirstAnswer, 0),
        layer(100, Step::Onset),
        layer(110, Step::OverThreshold),
        layer(120, Step::MetricVisible),
        wants(120, 2),
        wants(125, 3),
        about(130, Step::CallAccepted, 1),
        about(131, Step::CallAccepted, 1),
        about(132, Step::CallAccepted, 2),
        about(140, Step::PodStarted, 1),
        about(141, Step::PodStarted, 2),
        about(150, Step::SetReady, 1),
        about(151, Step::SetReady, 2),
        about(160, Step::FirstAnswer, 2),
        about(170, Step::FirstAnswer, 1),
        about(180, Step::CallAccepted, 2),
        about(190, Step::SetReady, 2),
        layer(200, Step::BacklogDrained),
        wants(300, 1),
        about(310, Step::SetDeleted, 2),
    ]
}

/// All nine stages of the set that answered first, in order, also after that set is gone.
#[test]
fn a_scale_up_has_nine_stages_in_order() {
    let found = scale_ups(&whole());
    assert_eq!(found.len(), 1);
    let expected = [100, 110, 120, 120, 132, 141, 151, 160, 200].map(Some);
    assert_eq!(found[0].stages, expected);
    assert!(found[0].stages.is_sorted());
    assert_eq!((found[0].from, found[0].to), (Some(1), Some(3)));
    assert_eq!(found[0].set, Some(set(2)));
    assert_eq!(found[0].since_onset(Stage::FirstAnswer), Some(60));
}

/// Whatever prefix of the record there is, the stages of that prefix are those of the whole, and never one too many.
#[test]
fn a_prefix_of_the_record_gives_a_prefix_of_the_stages() {
    let events = whole();
    for end in 0..=events.len() {
        let until = end.checked_sub(1).map_or(0, |last| events[last].at.as_nanos());
        for found in scale_ups(&events[..end]) {
            assert!(found.stages.iter().flatten().all(|at| *at <= until), "{end}");
            assert!(
                found.stages.is_sorted_by(|a, b| a.is_some() >= b.is_some()),
                "{end}"
            );
        }
    }
}

/// Per row: what happens, and the stages seen of each scale-up as letters (a dot is a stage that was not seen).
#[test]
fn what_is_missing_stays_missing() {
    let over = |at| [layer(at, Step::Onset), layer(at + 5, Step::OverThreshold)];
    let ignored = || [over(10).to_vec(), vec![layer(30, Step::BacklogDrained)]].concat();
    let rows: [(&str, Vec<Observation>, &[&str]); 6] = [
        ("nothing happened", vec![wants(0, 1)], &[]),
        ("an overload without an answer", ignored(), &["ot......b"]),
        (
            "fewer sets are no scale-up",
            vec![wants(0, 3), wants(50, 1), about(60, Step::SetDeleted, 2)],
            &[],
        ),
        (
            "a policy that acts below the threshold, and again in the next episode",
            vec![
                wants(0, 1),
                layer(10, Step::Onset),
                layer(12, Step::MetricVisible),
                wants(12, 2),
                layer(20, Step::BacklogDrained),
                layer(20, Step::Onset),
                layer(25, Step::MetricVisible),
                wants(25, 3),
            ],
            &["o.md....b", "o.md....."],
        ),
        (
            "a policy that acts before the load comes",
            vec![
                wants(0, 1),
                layer(5, Step::MetricVisible),
                wants(5, 2),
                about(6, Step::CallAccepted, 1),
                layer(10, Step::Onset),
            ],
            &["..mdc....", "o........"],
        ),
        (
            "a set that started before its decision was seen belongs to nobody",
            vec![about(1, Step::SetReady, 7), about(2, Step::FirstAnswer, 7)],
            &[],
        ),
    ];
    for (what, events, expected) in rows {
        let shown: Vec<String> = scale_ups(&events).iter().map(letters).collect();
        assert_eq!(shown, expected, "{what}");
    }
}

fn letters(scale_up: &ScaleUp) -> String {
    let letter = |(at, letter)| if Option::is_some(at) { letter } else { '.' };
    scale_up
        .stages
        .iter()
        .zip("otmdcsrfb".chars())
        .map(letter)
        .collect()
}

/// The sight of a running member can overtake the answer to the call for it: then the call counts as accepted by that time, so that
/// no stage comes before the one that it needs.
#[test]
fn a_member_that_runs_was_called() {
    let mut events = whole();
    let calls = events
        .iter_mut()
        .filter(|event| event.step == Step::CallAccepted && event.at.as_nanos() > 100);
    for call in calls.take(3) {
        call.at = Instant::from_nanos(145);
    }
    events.sort_by_key(|event| event.at);
    let found = scale_ups(&events);
    let expected = [100, 110, 120, 120, 141, 141, 151, 160, 200].map(Some);
    assert_eq!(found[0].stages, expected);
}

/// Layers do not mix: the same steps of two layers are two scale-ups.
#[test]
fn layers_are_told_apart() {
    let mut events = whole();
    let other = whole().into_iter().map(|mut event| {
        event.operation = Some(Layer::Mul);
        event.set = event.set.map(|set| SetId {
            operation: Layer::Mul,
            ..set
        });
        event
    });
    events.extend(other);
    events.sort_by_key(|event| event.at);
    let found = scale_ups(&events);
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].stages, found[1].stages);
    assert_ne!(found[0].operation, found[1].operation);
}

/// The age of a sample belongs to the look that acted: that of a later look in the same episode changes nothing, and none stays none.
#[test]
fn the_age_of_the_first_sample_counts() {
    let sampled = |at: u64, seconds: f64| layer(at, Step::MetricSampled).with_value(seconds);
    let mut events = whole();
    assert_eq!(scale_ups(&events)[0].metric_age, None);
    events.insert(7, sampled(120, 11.5));
    events.insert(9, sampled(125, 3.0));
    let found = scale_ups(&events);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].metric_age, Some(11_500_000_000));
}
