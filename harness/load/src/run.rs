//! Starts the sending threads and waits for them.

use std::io;
use std::thread;

use thiserror::Error;

use crate::control::Control;
use crate::dispatch::dispatch;
use crate::prefetch::prefetch;
use crate::report::Report;
use crate::sender::Sender;
use crate::{Loop, Options, Source};

/// Why a run could not start. Nothing was sent.
#[derive(Debug, Error)]
pub enum LoadError {
    /// An option makes no sense.
    #[error("{option}: {problem}; {remedy}")]
    Option {
        /// Which.
        option: &'static str,
        /// What is wrong with it.
        problem: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// The system gave no thread or no epoll instance.
    #[error(
        "cannot set up a sending thread: {0}; lower `threads`, or raise the limits on threads and open files"
    )]
    Setup(#[from] io::Error),
    /// A sending thread panicked: a bug in the generator.
    #[error("a sending thread panicked; its requests are lost and the run is void; please report this")]
    Panicked,
}

/// Sends `shots` as `options` say and reports when every one is resolved, given up, or the run is stopped.
///
/// # Errors
/// See [`LoadError`]; a server that refuses or fails is not an error but the content of the report.
pub fn run(options: &Options, shots: &dyn Source, control: &Control) -> Result<Report, LoadError> {
    validate(options, shots)?;
    let threads = match options.mode {
        Loop::Open => options.threads.clamp(1, shots.len().max(1)),
        Loop::Closed { .. } => 1,
    };
    thread::scope(|scope| {
        let mut running = Vec::with_capacity(threads);
        let spawn = |name: String| thread::Builder::new().name(name);
        for index in 0..threads {
            let (supply, prefetch) = prefetch(options, shots, control, index, threads);
            let preparing = spawn(format!("tally-ready-{index}"))
                .spawn_scoped(scope, move || prefetch.run())
                .inspect_err(|_| control.stop())?;
            // Built on its own thread, which thereby also touches all memory it will use.
            let send = move || {
                Sender::new(options, control, supply)
                    .and_then(|sender| dispatch(sender, index))
                    .inspect_err(|_| control.stop())
            };
            let sending = spawn(format!("tally-send-{index}")).spawn_scoped(scope, send);
            running.push((sending.inspect_err(|_| control.stop()), preparing));
        }
        let mut parts = Vec::with_capacity(threads);
        for (sending, preparing) in running {
            let tally = sending?.join().map_err(|_| LoadError::Panicked)??;
            parts.push((tally, preparing.join().map_err(|_| LoadError::Panicked)?));
        }
        Ok(Report::merge(parts))
    })
}

fn validate(options: &Options, shots: &dyn Source) -> Result<(), LoadError> {
    let wrong = |option, problem, remedy| {
        Err(LoadError::Option {
            option,
            problem,
            remedy,
        })
    };
    if options.connections_max == 0 {
        return wrong("connections_max", "no connection is allowed", "give at least 1");
    }
    if options.connections_max > 65_536 {
        return wrong("connections_max", "more than ports exist", "give at most 65536");
    }
    if matches!(options.mode, Loop::Closed { users: 0, .. }) {
        return wrong("users", "nobody would send", "give at least 1");
    }
    if options.retry.attempts == 0 {
        return wrong("retry.attempts", "no attempt is allowed", "give 1 for no retries");
    }
    if u32::try_from(shots.len()).is_err() {
        return wrong("shots", "more than 2^32 requests", "split the run");
    }
    Ok(())
}
