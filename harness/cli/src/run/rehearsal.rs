//! A trial without a platform: the real lanes, recorder and writer against whatever answers at an address.
//!
//! For measuring what the harness itself needs; a real trial has more beside it (faults, samples, the drain).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tally_capture::TrialWriter;
use tally_load::{AnswerStream, StreamEvent};
use tally_plan::{Plan, Share};

use super::loads::{Address, Lanes, run};
use super::recorder::Recorder;

/// Answers that may wait to be recorded.
const STREAM: usize = 4_096;
/// Silence after the last request that ends the wait for answers.
const SILENCE: Duration = Duration::from_secs(5);

/// How a rehearsal went.
#[derive(Clone, Copy, Debug)]
pub struct Rehearsed {
    /// Requests sent.
    pub sent: u64,
    /// Accepted.
    pub accepted: u64,
    /// Answered.
    pub answered: u64,
    /// p99.9 of the lag, in nanoseconds.
    pub lag_p999: u64,
    /// Records that the recorder got later than at once.
    pub spilled: u64,
    /// How often a request was not prepared in time.
    pub stalled: u64,
}

/// Sends the open loads of `plan` to `target` and writes what is heard.
///
/// # Errors
/// If the generator, the stream or the disk fails.
pub fn rehearse(plan: Plan, target: SocketAddr, writer: TrialWriter) -> Result<Rehearsed, String> {
    let plan = Arc::new(plan);
    let address = Address {
        target,
        tag: "rehearsal".into(),
        trial: 1,
        agents: 0,
    };
    let lanes = Lanes::new(&plan, &address, Share::ALL).map_err(|error| error.to_string())?;
    let recorder = Recorder::new(writer, lanes.lookup(), false);
    let start = Instant::now() + Duration::from_millis(150);
    let (stream, answers) =
        AnswerStream::open(target, &address.stream(0), start, STREAM).map_err(|error| error.to_string())?;
    let reports = std::thread::scope(|scope| {
        let recorder = &recorder;
        scope.spawn(move || {
            while let Ok(event) = answers.recv() {
                if let StreamEvent::Answer(answer) = event {
                    recorder.answer(&answer);
                }
            }
        });
        let deadline = Duration::from_secs(10);
        let told = |sent: &tally_load::Sent| recorder.sent(sent);
        let reports: Result<Vec<_>, _> = lanes
            .lanes
            .iter()
            .map(|lane| run(lane, &address, start, plan.seed, deadline, &told))
            .collect();
        wait_for_answers(recorder);
        drop(stream);
        reports
    })
    .map_err(|error| error.to_string())?;
    let counts = recorder.counts();
    let writer = recorder.finish().map_err(|error| error.to_string())?;
    writer.finish().map_err(|error| error.to_string())?;
    Ok(Rehearsed {
        sent: counts.sent,
        accepted: counts.accepted,
        answered: counts.answered,
        lag_p999: reports
            .iter()
            .map(|report| report.lag_p999().as_nanos() as u64)
            .max()
            .unwrap_or(0),
        spilled: reports.iter().map(|report| report.spilled).sum(),
        stalled: reports.iter().map(|report| report.stalled).sum(),
    })
}

fn wait_for_answers(recorder: &Recorder) {
    let (mut known, mut since) = (0, Instant::now());
    loop {
        let counts = recorder.counts();
        if counts.answered >= counts.accepted || since.elapsed() >= SILENCE {
            return;
        }
        if counts.answered > known {
            (known, since) = (counts.answered, Instant::now());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
