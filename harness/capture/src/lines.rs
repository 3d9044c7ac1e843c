//! Plain JSON lines for the small files: faults, events, samples.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::durable::create_new;
use crate::error::{CaptureError, Result};
use crate::frame::Tail;

/// The longest line that is read, in bytes.
const LINE_LIMIT: u64 = 16 << 20;

/// Appends lines, each handed to the kernel at once, so that a crash of the harness loses none.
#[derive(Debug)]
pub struct LineWriter<T> {
    path: PathBuf,
    file: File,
    line: Vec<u8>,
    lines: PhantomData<fn(T)>,
}

impl<T: Serialize> LineWriter<T> {
    /// Creates `path`.
    ///
    /// # Errors
    /// If it exists or cannot be created.
    pub fn create(path: &Path) -> Result<Self> {
        let file = create_new(path)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            line: Vec::new(),
            lines: PhantomData,
        })
    }

    /// Appends one line.
    ///
    /// # Errors
    /// If it cannot be turned into JSON or written.
    pub fn line(&mut self, value: &T) -> Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, value).map_err(CaptureError::json(&self.path))?;
        self.line.push(b'\n');
        self.file
            .write_all(&self.line)
            .map_err(CaptureError::io("write to", &self.path))
    }

    /// Makes the file durable.
    ///
    /// # Errors
    /// If it cannot be synced.
    pub fn finish(self) -> Result<()> {
        self.file.sync_all().map_err(CaptureError::io("sync", &self.path))
    }
}

/// Reads every line of `path`; a last line without a newline is a torn tail and is left out.
///
/// # Errors
/// If the file cannot be read or a whole line is not a `T`.
pub fn read_lines<T: DeserializeOwned>(path: &Path) -> Result<(Vec<T>, Tail)> {
    let file = File::open(path).map_err(CaptureError::io("open", path))?;
    let mut reader = BufReader::new(file);
    let mut values = Vec::new();
    let mut offset = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = std::io::Read::take(&mut reader, LINE_LIMIT)
            .read_until(b'\n', &mut line)
            .map_err(CaptureError::io("read", path))? as u64;
        if read == 0 {
            return Ok((values, Tail::Clean));
        }
        if line.last() != Some(&b'\n') {
            return Ok((values, Tail::Torn { offset }));
        }
        values.push(
            serde_json::from_slice(&line).map_err(|error| CaptureError::Damaged {
                path: path.to_owned(),
                offset,
                what: error.to_string(),
            })?,
        );
        offset += read;
    }
}
