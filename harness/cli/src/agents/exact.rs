//! Claims: what agents tell is what one recorder hears of one sender, whatever their number and whoever speaks first.

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use tally_capture::{Environment, HistoryLine, Operation, RunStart, RunWriter, TrialReader};
use tally_load::{Answer, SendError, Sent, nanos_histogram};
use tally_model::{AnswerMessage, Instant, Outcome, RequestId};
use tally_plan::{Plan, Share, parse};

use super::message::{Frame, Note};
use crate::run::{Address, Recorder, Station};

/// Two open loads and users of their own, so that numbers of both kinds are shared.
const MIXED: &str = r#"
version = 1
name = "mixed"
title = "Open and closed"
seed = 3
phases = { warmup = "0s", measure = "1s", drain = "1s" }

[[load]]
name = "a"
pattern = "poisson"
rate = "60/s"
expr = { kind = "flat" }

[[load]]
name = "b"
pattern = "constant"
rate = "7/s"
expr = { kind = "tree", depth = 2 }

[[load]]
name = "c"
pattern = "closed"
users = 5
think = "10ms"
expr = { kind = "flat" }

[[expect]]
that = "lost == 0"
"#;

fn plan() -> Arc<Plan> {
    Arc::new(Plan::expand(&parse(MIXED).unwrap()))
}

fn station(plan: &Arc<Plan>, agents: u32, share: Share) -> Station {
    let address = Address {
        target: ([127, 0, 0, 1], 9).into(),
        tag: "run".into(),
        trial: 1,
        agents,
    };
    Station::new(plan, &address, share).unwrap()
}

/// Every request that would be sent: number, due time, and its bytes without the name of the stream it is answered on.
fn requests(station: &Station) -> Vec<(u64, u64, String)> {
    let mut all = station.requests();
    for (_, _, text) in &mut all {
        let kept = text.lines().filter(|line| !line.starts_with("Tally-Tag: run"));
        *text = kept.collect::<Vec<_>>().join("\n");
    }
    all.sort();
    all
}

fn sent(n: u64, kind: u8, lag: u64) -> Sent {
    let accepted = kind > 2;
    Sent {
        n,
        intended_ns: n * 1_000_000,
        sent_ns: (kind != 0).then_some(n * 1_000_000 + lag),
        first_byte_ns: n * 1_000_000 + lag + 500,
        last_byte_ns: n * 1_000_000 + lag + 900,
        status: if accepted { 202 } else { 0 },
        id: accepted.then_some(RequestId(u128::from(n) + 1)),
        attempts: u16::from(kind),
        retry_after: None,
        error: [
            Some(SendError::NeverSent),
            Some(SendError::Refused),
            Some(SendError::Unknown),
        ]
        .get(kind as usize)
        .copied()
        .flatten(),
    }
}

fn answer(n: u64, at: u64) -> Answer {
    let id = RequestId(u128::from(n) + 1);
    let message = AnswerMessage {
        id,
        outcome: Outcome::Value(format!("{n}")),
        tasks: Vec::new(),
        accepted: Instant::from_nanos(1),
        folded: Instant::from_nanos(at),
        tag: None,
        detail: None,
    };
    Answer {
        id,
        at_ns: at,
        json: serde_json::to_vec(&message).unwrap(),
    }
}

/// The operations of a record made of frames that went through a pipe, in the order of their numbers.
fn recorded(plan: &Arc<Plan>, frames: &[Frame]) -> Vec<Operation> {
    let root = tempfile::tempdir().unwrap();
    let start = RunStart {
        seed: 3,
        plan: &plan.fingerprint,
        target: "local",
        command: &[],
        experiment: b"",
    };
    let environment = Environment::observe("debug");
    let run = RunWriter::create(root.path(), "mixed", start, &(), &(), environment).unwrap();
    let lookup = station(plan, 0, Share::ALL).lookup();
    let recorder = Recorder::new(run.trial(1).unwrap(), lookup, false);
    let bytes: Vec<u8> = frames.iter().flat_map(Frame::bytes).collect();
    let mut pipe = Cursor::new(bytes);
    while let Some((frame, _)) = Frame::next(&mut pipe).unwrap() {
        match frame {
            Frame::Sent(sent) => recorder.sent(&sent),
            Frame::Answer(answer) => recorder.answer(&answer),
            Frame::Note(note) => panic!("{note:?}"),
        }
    }
    let writer = recorder.finish().unwrap();
    let directory = writer.directory().to_owned();
    writer.finish().unwrap();
    let lines = TrialReader::at(&directory).history().unwrap();
    let mut operations: Vec<Operation> = lines
        .filter_map(|line| match line.unwrap() {
            HistoryLine::Op(operation) => Some(operation),
            HistoryLine::Read(_) | HistoryLine::Stray(_) => None,
        })
        .collect();
    operations.sort_by_key(|operation| operation.n);
    operations
}

proptest! {
    // Users have a hundred thousand requests in store.
    #![proptest_config(ProptestConfig::with_cases(4))]

    /// Whatever their number, agents together send the requests of the single sender, each once, at its time, byte for byte.
    #[test]
    fn agents_send_the_plan(of in 1_u32..9) {
        let plan = plan();
        let whole = requests(&station(&plan, 0, Share::ALL));
        let shares = (0..of).filter_map(|index| Share::new(index, of));
        let mut union: Vec<_> = shares.flat_map(|share| requests(&station(&plan, of, share))).collect();
        union.sort();
        prop_assert!(whole.len() > plan.shots.len());
        prop_assert_eq!(union, whole);
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Requests told by agents in any interleaving are recorded as if one had told them, answers before their 202 included.
    #[test]
    fn agents_are_recorded_like_one(
        of in 1_u32..7,
        fates in proptest::collection::vec((0_u8..5, 0_u64..9_000_000, any::<bool>(), any::<u64>()), 1..60),
    ) {
        let plan = plan();
        let mut told: Vec<(u64, Vec<Frame>)> = Vec::new();
        for (n, (kind, lag, early, turn)) in fates.iter().enumerate() {
            let n = n as u64;
            let mut frames = vec![Frame::Sent(sent(n, *kind, *lag))];
            if *kind > 2 {
                frames.push(Frame::Answer(answer(n, n * 1_000_000 + lag + 2_000)));
            }
            if *early {
                frames.reverse();
            }
            told.push((*turn, frames));
        }
        let single: Vec<Frame> = told.iter().flat_map(|(_, frames)| frames.clone()).collect();
        // Each agent speaks in its own order; who speaks next is drawn.
        let mut pipes: Vec<Vec<(u64, Frame)>> = vec![Vec::new(); of as usize];
        for (n, (turn, frames)) in told.into_iter().enumerate() {
            let pipe = &mut pipes[Share::holder(n as u64, of) as usize];
            pipe.extend(frames.into_iter().map(|frame| (turn, frame)));
        }
        let mut mixed = Vec::new();
        let mut pipes: Vec<_> = pipes.into_iter().map(|pipe| pipe.into_iter().peekable()).collect();
        while let Some(next) = pipes
            .iter_mut()
            .filter_map(|pipe| pipe.peek().map(|(turn, _)| *turn).map(|turn| (turn, pipe)))
            .min_by_key(|(turn, _)| *turn)
        {
            mixed.extend(next.1.next().map(|(_, frame)| frame));
        }
        prop_assert_eq!(recorded(&plan, &mixed), recorded(&plan, &single));
    }

    /// Lags of agents, sent as histograms and added, are the histogram of all lags.
    #[test]
    fn lags_add_up(of in 1_u32..7, lags in proptest::collection::vec(1_u64..3_600_000_000_000, 0..200)) {
        let mut whole = nanos_histogram();
        let mut parts = vec![nanos_histogram(); of as usize];
        for (n, lag) in lags.iter().enumerate() {
            whole.saturating_record(*lag);
            parts[Share::holder(n as u64, of) as usize].saturating_record(*lag);
        }
        let mut added = nanos_histogram();
        for part in parts {
            let report = tally_load::Report { lag: part, ..empty() };
            let report = Box::new(report);
            let told = Frame::Note(Note::Lane { open: true, report });
            let (heard, _) = Frame::next(&mut Cursor::new(told.bytes())).unwrap().unwrap();
            prop_assert_eq!(&heard, &told);
            let Frame::Note(Note::Lane { report, .. }) = heard else { panic!("{heard:?}") };
            added.add(&report.lag).unwrap();
        }
        prop_assert_eq!(added, whole);
    }
}

pub(crate) fn empty() -> tally_load::Report {
    tally_load::Report {
        requests: Vec::new(),
        lag: nanos_histogram(),
        sent: 0,
        late: 0,
        dropped: 0,
        refused: 0,
        unknown: 0,
        cold: 0,
        starved: 0,
        stalled: 0,
        relieved: 0,
        malformed: 0,
        malformed_reason: Some("no status line".into()),
        spilled: 0,
        unforwarded: 0,
        unanswered: 0,
        rate_error: 0.0,
        realtime: false,
        cpu_seconds: 0.0,
        run_delay: Duration::ZERO,
        naps: Duration::ZERO,
        elapsed: Duration::ZERO,
    }
}
