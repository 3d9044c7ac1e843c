//! Typed reading of `history.jsonl.zst` and `certificates.jsonl.zst`, line by line or by frame on several threads.

use std::path::Path;
use std::sync::Mutex;

use serde::Deserialize;

use crate::error::{CaptureError, Result};
use crate::frame::{Frame, FrameDecoder, FrameReader, Tail};
use crate::record::HistoryLine;

/// Reads a history in file order, one line at a time; holds one frame.
#[derive(Debug)]
pub struct HistoryReader {
    frames: FrameReader,
    decoder: FrameDecoder,
    lines: std::vec::IntoIter<HistoryLine>,
    failed: bool,
}

impl HistoryReader {
    /// Opens a history, finished or not.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self {
            frames: FrameReader::open(path)?,
            decoder: FrameDecoder::new()?,
            lines: Vec::new().into_iter(),
            failed: false,
        })
    }

    /// How the file ended; known once the iterator is exhausted.
    pub fn tail(&self) -> Tail {
        self.frames.tail()
    }

    fn next_frame(&mut self) -> Result<bool> {
        let Some(frame) = self.frames.next_frame()? else {
            return Ok(false);
        };
        let text = self.decoder.text(&frame, self.frames.path())?;
        let mut lines = Vec::new();
        for line in split_lines(text) {
            lines.push(parse_line(line, &frame, self.frames.path())?);
        }
        self.lines = lines.into_iter();
        Ok(true)
    }
}

impl Iterator for HistoryReader {
    type Item = Result<HistoryLine>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.failed {
                return None;
            }
            if let Some(line) = self.lines.next() {
                return Some(Ok(line));
            }
            match self.next_frame() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.failed = true;
                    return Some(Err(error));
                }
            }
        }
    }
}

/// The lines of a frame's text, without their newlines.
pub fn split_lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = memchr::memchr_iter(b'\n', text).chain(std::iter::once(text.len()));
    let mut start = 0;
    ends.map(move |end| {
        let line = text.get(start..end).unwrap_or_default();
        start = end + 1;
        line
    })
    .filter(|line| !line.is_empty())
}

/// Parses one line of a frame; `T` may borrow from it.
///
/// # Errors
/// If it is not a `T`; the frame's place is named.
pub fn parse_line<'line, T: Deserialize<'line>>(line: &'line [u8], frame: &Frame, path: &Path) -> Result<T> {
    serde_json::from_slice(line).map_err(|error| CaptureError::Damaged {
        path: path.to_owned(),
        offset: frame.offset,
        what: format!("in the frame that begins here: {error}"),
    })
}

/// Reads a file of frames on `threads` threads. Each thread folds the lines of the frames it gets into a `State` of its own, so
/// whatever `fold` does must not depend on the order of frames. Returns the states, in no particular order, and the tail.
///
/// # Errors
/// The first error that any thread met, in file order.
pub fn fold_frames<State: Send>(
    path: &Path,
    threads: usize,
    start: impl Fn() -> State + Sync,
    fold: impl Fn(&mut State, &[u8], &Frame) -> Result<()> + Sync,
) -> Result<(Vec<State>, Tail)> {
    let reader = Mutex::new(FrameReader::open(path)?);
    let next = || {
        reader
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .next_frame()
    };
    let work = || -> std::result::Result<State, (u64, CaptureError)> {
        let mut decoder = FrameDecoder::new().map_err(|error| (0, error))?;
        let mut state = start();
        while let Some(frame) = next().map_err(|error| (u64::MAX, error))? {
            let text = decoder.text(&frame, path).map_err(|error| (frame.index, error))?;
            for line in split_lines(text) {
                fold(&mut state, line, &frame).map_err(|error| (frame.index, error))?;
            }
        }
        Ok(state)
    };
    let results: Vec<_> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        handles.into_iter().map(|handle| handle.join()).collect()
    });
    let mut states = Vec::new();
    let mut first: Option<(u64, CaptureError)> = None;
    for result in results {
        match result {
            Ok(Ok(state)) => states.push(state),
            Ok(Err(error)) if first.as_ref().is_none_or(|known| error.0 < known.0) => first = Some(error),
            Ok(Err(_)) => {}
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
    match first {
        Some((_, error)) => Err(error),
        None => Ok((
            states,
            reader
                .into_inner()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .tail(),
        )),
    }
}
