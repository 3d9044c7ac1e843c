//! One agent as the harness sees it: a process with pipes, which speaks at least once a second or is lost.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::message::{Frame, Note, Order};
use super::outbox::Seen;

/// Frames that may wait to be recorded; the pipe behind them holds back the agent's outbox, which has room.
const FRAMES: usize = 1_024;
/// How long an agent may say nothing.
const SILENCE: Duration = Duration::from_secs(20);
/// Lines of standard error that are told when something is wrong.
const LAST_WORDS: usize = 3;
/// How long a dismissed agent may take to end.
const END: Duration = Duration::from_secs(2);
/// Between two looks at whether it has.
const LOOK: Duration = Duration::from_millis(5);

type Heard = Result<Frame, String>;
type LastWords = Arc<Mutex<VecDeque<String>>>;

/// See the module.
pub(super) struct Member {
    /// For people: `agent 1 (agent-1-x7k2p)`.
    pub(super) name: String,
    child: Mutex<Child>,
    orders: Mutex<Option<ChildStdin>>,
    frames: Mutex<Receiver<Heard>>,
    last_words: LastWords,
}

impl Member {
    /// Starts the process.
    pub(super) fn start(name: String, command: &mut Command) -> Result<Self, String> {
        // A group of its own: Ctrl-C is for the harness, which still wants to hear from it.
        let command = command.process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{name} cannot be started: {error}"))?;
        let (heard, frames) = sync_channel(FRAMES);
        let last_words = LastWords::default();
        if let Some(pipe) = child.stdout.take() {
            std::thread::spawn(move || read(BufReader::with_capacity(1 << 18, pipe), &heard));
        }
        if let Some(pipe) = child.stderr.take() {
            let words = Arc::clone(&last_words);
            std::thread::spawn(move || {
                for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                    let mut words = words.lock().unwrap_or_else(PoisonError::into_inner);
                    words.push_back(line);
                    if words.len() > LAST_WORDS {
                        words.pop_front();
                    }
                }
            });
        }
        Ok(Self {
            name,
            orders: Mutex::new(child.stdin.take()),
            child: Mutex::new(child),
            frames: Mutex::new(frames),
            last_words,
        })
    }

    /// Gives an order.
    pub(super) fn order(&self, order: &Order) -> Result<(), String> {
        let mut line = serde_json::to_vec(order).map_err(|error| error.to_string())?;
        line.push(b'\n');
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        let pipe = orders.as_mut().ok_or("it takes no orders")?;
        pipe.write_all(&line)
            .and_then(|()| pipe.flush())
            .map_err(|error| self.explained(&format!("it takes no orders: {error}")))
    }

    /// The next frame that is more than a sign of life.
    pub(super) fn next(&self) -> Result<Frame, String> {
        let frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match frames.recv_timeout(SILENCE) {
                Ok(Ok(Frame::Note(Note::Alive))) => {}
                Ok(Ok(frame)) => return Ok(frame),
                Ok(Err(reason)) => return Err(self.explained(&reason)),
                Err(RecvTimeoutError::Timeout) => {
                    return Err(self.explained(&format!("it said nothing for {SILENCE:?}")));
                }
                Err(RecvTimeoutError::Disconnected) => return Err(self.explained("it ended")),
            }
        }
    }

    fn explained(&self, reason: &str) -> String {
        let words = self.last_words.lock().unwrap_or_else(PoisonError::into_inner);
        if words.is_empty() {
            return reason.to_owned();
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        format!("{reason} ({})", words.join("; "))
    }

    /// Ends the process, at once unless it was dismissed.
    pub(super) fn end(&self) {
        drop(self.orders.lock().unwrap_or_else(PoisonError::into_inner).take());
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let until = Instant::now() + END;
        while matches!(child.try_wait(), Ok(None)) {
            if Instant::now() >= until {
                // It may have ended by itself.
                let _ = child.kill();
                let _ = child.wait();
                return;
            }
            std::thread::sleep(LOOK);
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.end();
    }
}

/// Passes on what an agent says, until it is done or something is wrong.
fn read(mut pipe: impl std::io::Read, heard: &SyncSender<Heard>) {
    let mut seen = Seen::default();
    loop {
        let next = match Frame::next(&mut pipe) {
            Ok(Some((frame, bytes))) => checked(frame, &bytes, &mut seen),
            Ok(None) => Err("it ended before it was done".to_owned()),
            Err(error) => Err(format!("what it said broke off: {error}")),
        };
        let last = matches!(next, Err(_) | Ok(Frame::Note(Note::Done { .. })));
        if heard.send(next).is_err() || last {
            return;
        }
    }
}

/// The last frame vouches for all before it.
fn checked(frame: Frame, bytes: &[u8], seen: &mut Seen) -> Heard {
    if let Frame::Note(Note::Done { frames, hash, .. }) = &frame {
        if *frames != seen.frames || *hash != seen.hash() {
            return Err(format!(
                "what arrived is not what it said: {} of {frames} frames, or other bytes",
                seen.frames
            ));
        }
    } else {
        seen.add(bytes);
    }
    Ok(frame)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::outbox::Outbox;
    use super::*;

    #[derive(Clone, Default)]
    struct Pipe(Arc<Mutex<Vec<u8>>>);

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn said() -> Vec<u8> {
        let pipe = Pipe::default();
        let outbox = Outbox::new(pipe.clone());
        outbox.note(Note::Ready("plan".into()));
        outbox.note(Note::Sent);
        outbox.close();
        pipe.0.lock().unwrap().clone()
    }

    fn heard(bytes: Vec<u8>) -> Vec<Heard> {
        let (heard, frames) = sync_channel(64);
        read(Cursor::new(bytes), &heard);
        drop(heard);
        frames.iter().collect()
    }

    /// What an agent said is vouched for by its last frame: a byte that changed, a frame that is gone, an end that came early are noticed.
    #[test]
    fn whatever_is_lost_on_the_way_is_noticed() {
        let said = said();
        let whole = heard(said.clone());
        assert!(whole.iter().all(Result::is_ok), "{whole:?}");
        assert!(matches!(whole.last(), Some(Ok(Frame::Note(Note::Done { .. })))));
        for end in 0..said.len() {
            assert!(
                heard(said[..end].to_vec()).last().unwrap().is_err(),
                "cut at {end}"
            );
        }
        let first = 5 + said[1] as usize;
        assert!(heard(said[first..].to_vec()).last().unwrap().is_err());
        let text = said.windows(4).position(|part| part == b"plan").unwrap();
        let mut other = said;
        other[text] = b'b';
        assert!(heard(other).last().unwrap().is_err());
    }
}
