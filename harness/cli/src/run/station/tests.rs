//! When a station stops to listen, and what it does about what it missed.

use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::sync_channel;

use tally_model::RequestId;

use super::*;

#[derive(Default)]
struct Ear {
    answers: AtomicU64,
    missed: Mutex<Vec<u64>>,
}

impl Told for Ear {
    fn sent(&self, _sent: &tally_load::Sent) {}

    fn answer(&self, _answer: &Answer) {
        self.answers.fetch_add(1, Ordering::Relaxed);
    }

    fn missed(&self, dropped: u64) {
        self.missed.lock().unwrap().push(dropped);
    }
}

fn station(loads: &str) -> Station {
    let text = format!(
        "version = 1\nname = \"desk\"\nphases = {{ warmup = \"0s\", measure = \"1s\", drain = \"1s\" }}\n{loads}\
         [[expect]]\nthat = \"lost == 0\"\n"
    );
    let plan = Arc::new(Plan::expand(&tally_plan::parse(&text).unwrap()));
    let address = Address {
        target: "127.0.0.1:1".parse().unwrap(),
        tag: "desk".into(),
        trial: 1,
        agents: 0,
    };
    Station::new(&plan, &address, Share::ALL).unwrap()
}

const OPEN_LOAD: &str = "[[load]]\nname = \"all\"\npattern = \"constant\"\nrate = \"9/s\"\nexpr = { kind = \"tree\", depth = 2 }\n";

fn answer(id: u128) -> StreamEvent {
    StreamEvent::Answer(Answer {
        id: RequestId(id),
        at_ns: 0,
        json: Vec::new(),
    })
}

/// Answers come on and on, and listening ends all the same, soon after it is over: not only in a pause.
#[test]
fn a_platform_that_answers_on_and_on_is_not_heard_for_ever() {
    let station = station(OPEN_LOAD);
    let (events, answers) = sync_channel(16);
    let (ear, over) = (Ear::default(), AtomicBool::new(false));
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut id = 0;
            // Faster than any pause that a listener could wait for.
            while !ended.load(Ordering::Acquire) && events.send(answer(id)).is_ok() {
                id += 1;
                if id == 1_000 {
                    over.store(true, Ordering::Release);
                }
            }
        });
        station.hear(&answers, &over, &ear);
        ended.store(true, Ordering::Release);
        while answers.try_recv().is_ok() {}
    });
    let heard = ear.answers.load(Ordering::Relaxed);
    assert!(
        (1_000 - 16..=1_000 + 2 * STREAM as u64).contains(&heard),
        "{heard}"
    );
}

/// What waited when it was over is heard; a broken stream and dropped answers are told as they come.
#[test]
fn what_waits_is_heard_and_what_is_missed_is_told() {
    let station = station(OPEN_LOAD);
    let (events, answers) = sync_channel(16);
    let lost = StreamEvent::Lost { from_ns: 1, to_ns: 2 };
    for event in [answer(1), lost, answer(2), StreamEvent::Dropped(7), answer(3)] {
        events.send(event).unwrap();
    }
    let (ear, over) = (Ear::default(), AtomicBool::new(true));
    station.hear(&answers, &over, &ear);
    assert_eq!(ear.answers.load(Ordering::Relaxed), 3);
    assert_eq!(*ear.missed.lock().unwrap(), [0, 7]);
}

/// Beside a fast open load the answer of a lone user is not lost: thousands of others may come before the generator looks.
#[test]
fn a_lone_users_answer_is_not_crowded_out() {
    let closed =
        "[[load]]\nname = \"one\"\npattern = \"closed\"\nusers = 1\nexpr = { kind = \"tree\", depth = 1 }\n";
    let station = station(&format!("{OPEN_LOAD}{closed}"));
    let lane = station.lanes.lanes.iter().find(|lane| !lane.is_open()).unwrap();
    let (events, answers) = sync_channel(16);
    let (ear, over) = (Ear::default(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let (station, ear, over) = (&station, &ear, &over);
        scope.spawn(move || station.hear(&answers, over, ear));
        for id in 0..2_000 {
            events.send(answer(id)).unwrap();
        }
        drop(events);
    });
    assert!(
        lane.control.answered(RequestId(2_000)),
        "there is room for its own"
    );
}
