//! Crews of agents that say what a file says.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use tally_load::Answer;
use tally_model::RequestId;

use super::super::outbox::Outbox;
use super::*;

/// Agents that say what their files hold and take any order.
struct Readers(Vec<PathBuf>);

impl Seats for Readers {
    fn gateway(&self) -> SocketAddr {
        ([127, 0, 0, 1], 9).into()
    }

    fn commands(&self) -> Result<Vec<(String, Command)>, String> {
        Ok(self
            .0
            .iter()
            .map(|file| ("reader".to_owned(), reader(file)))
            .collect())
    }

    fn leave(self: Box<Self>) -> Result<(), String> {
        Ok(())
    }
}

fn reader(file: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "cat \"$0\"; exec cat > /dev/null"]).arg(file);
    command
}

/// An agent that drew another plan, because it is another program, is turned away by name before anything is sent.
#[test]
fn an_agent_with_another_plan_is_refused() {
    let experiment = tally_plan::parse(tally_plan::templates()[0].1).unwrap();
    let plan = Plan::expand(&experiment);
    let folder = tempfile::tempdir().unwrap();
    let brief = Brief {
        experiment: &experiment,
        plan: &plan,
        tag: "run",
        trial: 1,
    };
    let gathered = |hash: &str| {
        let file = folder.path().join("ready");
        let (ready, trouble) = (Note::Ready(hash.to_owned()), Note::Trouble("no clock".into()));
        let frames = [ready, trouble].map(|note| Frame::Note(note).bytes());
        std::fs::write(&file, frames.concat()).unwrap();
        Crew::gather(Box::new(Readers(vec![file])), &brief).err().unwrap()
    };
    let other = gathered(&"0".repeat(64));
    assert!(other.starts_with("agent 0 (reader) drew another plan"), "{other}");
    assert_eq!(
        gathered(&plan.hash()),
        "agent 0 (reader): no clock",
        "the plan is right"
    );
}

/// What a harness hears: answers, and how many are missed.
#[derive(Default)]
struct Ear(Mutex<(u32, u64)>);

impl Told for Ear {
    fn sent(&self, _sent: &tally_load::Sent) {}

    fn answer(&self, _answer: &Answer) {
        self.0.lock().unwrap().0 += 1;
    }

    fn missed(&self, dropped: u64) {
        self.0.lock().unwrap().1 += dropped;
    }
}

/// Agents tell what they heard and how much they missed, and their harness hears it of each.
#[test]
fn missed_answers_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("said");
    let outbox = Outbox::new(std::fs::File::create(&file).unwrap());
    outbox.note(Note::Missed(2));
    let answer = Answer {
        id: RequestId(1),
        at_ns: 1,
        json: Vec::new(),
    };
    outbox.tell(&Frame::Answer(answer));
    outbox.note(Note::Sent);
    outbox.close();
    let members = (0..3).map(|index| Member::start(format!("agent {index}"), &mut reader(&file)).unwrap());
    let crew = Crew {
        members: members.collect(),
        seats: Box::new(Readers(Vec::new())),
    };
    let playing = Playing {
        crew: &crew,
        zero: Zero::after(Duration::ZERO),
        states: Mutex::new((0..3).map(|_| State::default()).collect()),
        changed: Condvar::new(),
    };
    let (ear, over) = (Ear::default(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| playing.hear(&ear, &over));
        playing.send(&ear).unwrap();
        over.store(true, Ordering::Release);
    });
    assert_eq!(playing.lost(), Vec::<String>::new());
    assert_eq!(*ear.0.lock().unwrap(), (3, 6));
}
