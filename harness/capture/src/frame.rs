//! Lines in independent zstd frames, so that whatever a crash leaves is a readable prefix.
//!
//! A frame ends when it holds 1 MiB or is 1 s old. Frames carry a checksum and are whole lines, so they can be decoded in any
//! order and by several threads. An incomplete last frame is a torn tail: the reader stops before it and says so. Anything
//! else that does not decode is damage, and an error.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Serialize;
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::{self, CParameter};

use crate::durable::create_new;
use crate::error::{CaptureError, Result};

/// A frame is closed when it holds this many bytes of text.
pub const FRAME_BYTES: usize = 1 << 20;
/// A frame is closed when its first line is this old.
pub const FRAME_AGE: Duration = Duration::from_secs(1);
/// No frame holds more, before or after compression: one line of 8,192 tasks under 2,048-bit signatures fits.
pub const FRAME_LIMIT: usize = 64 << 20;

/// Writes lines; a crash loses at most the open frame.
pub struct FrameWriter {
    path: PathBuf,
    file: File,
    written: u64,
    lines: Vec<u8>,
    packed: Vec<u8>,
    opened: Option<Instant>,
    compressor: Compressor<'static>,
}

impl std::fmt::Debug for FrameWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FrameWriter")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl FrameWriter {
    /// Creates `path`.
    ///
    /// # Errors
    /// If it exists or cannot be created.
    pub fn create(path: &Path) -> Result<Self> {
        let failed = |error| CaptureError::io("compress for", path)(error);
        let mut compressor = Compressor::new(zstd::DEFAULT_COMPRESSION_LEVEL).map_err(failed)?;
        compressor
            .set_parameter(CParameter::ChecksumFlag(true))
            .map_err(failed)?;
        Ok(Self {
            path: path.to_owned(),
            file: create_new(path)?,
            written: 0,
            lines: Vec::with_capacity(FRAME_BYTES + FRAME_BYTES / 8),
            packed: Vec::new(),
            opened: None,
            compressor,
        })
    }

    /// Appends one line.
    ///
    /// # Errors
    /// If it cannot be turned into JSON, is longer than a frame may be, or the file cannot be written.
    pub fn line<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        let before = self.lines.len();
        serde_json::to_writer(&mut self.lines, value).map_err(CaptureError::json(&self.path))?;
        self.lines.push(b'\n');
        if self.lines.len() > FRAME_LIMIT / 2 && before > 0 {
            let line = self.lines.split_off(before);
            self.flush()?;
            self.lines = line;
        }
        if self.lines.len() > FRAME_LIMIT {
            self.lines.clear();
            let error = std::io::Error::other("a line is longer than 64 MiB");
            return Err(CaptureError::io("write to", &self.path)(error));
        }
        let opened = *self.opened.get_or_insert_with(Instant::now);
        if self.lines.len() >= FRAME_BYTES || opened.elapsed() >= FRAME_AGE {
            self.flush()?;
        }
        Ok(())
    }

    /// Closes the open frame if it is old enough; call it about once a second while nothing is written.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn tick(&mut self) -> Result<()> {
        match self.opened {
            Some(opened) if opened.elapsed() >= FRAME_AGE => self.flush(),
            _ => Ok(()),
        }
    }

    /// Closes the open frame.
    ///
    /// # Errors
    /// If the file cannot be written; the file is then cut back to its last whole frame.
    pub fn flush(&mut self) -> Result<()> {
        self.opened = None;
        if self.lines.is_empty() {
            return Ok(());
        }
        self.packed.clear();
        self.packed.reserve(zstd::compress_bound(self.lines.len()));
        self.compressor
            .compress_to_buffer(&self.lines, &mut self.packed)
            .map_err(CaptureError::io("compress for", &self.path))?;
        if let Err(error) = self.file.write_all(&self.packed) {
            // A frame behind half a frame would be unreadable, so the half goes; if even that fails the tail is torn.
            let _ = self.file.set_len(self.written);
            return Err(CaptureError::io("write to", &self.path)(error));
        }
        self.written += self.packed.len() as u64;
        self.lines.clear();
        Ok(())
    }

    /// Closes the last frame and makes the file durable; returns its size in bytes.
    ///
    /// # Errors
    /// If the file cannot be written or synced.
    pub fn finish(mut self) -> Result<u64> {
        self.flush()?;
        self.file
            .sync_all()
            .map_err(CaptureError::io("sync", &self.path))?;
        Ok(self.written)
    }
}

/// How a file ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// After a whole frame or line.
    Clean,
    /// In the middle of a frame or line, which began at this byte; what follows is lost.
    Torn {
        /// Where the readable prefix ends, in bytes.
        offset: u64,
    },
}

/// One compressed frame.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Its number in the file, from 0.
    pub index: u64,
    /// Where it begins, in bytes.
    pub offset: u64,
    bytes: Vec<u8>,
}

/// Hands out compressed frames in file order; decoding is left to [`FrameDecoder`], which other threads may own.
#[derive(Debug)]
pub struct FrameReader {
    path: PathBuf,
    file: File,
    pending: Vec<u8>,
    start: usize,
    offset: u64,
    index: u64,
    ended: bool,
    tail: Tail,
}

impl FrameReader {
    /// Opens a file that [`FrameWriter`] wrote, finished or not.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            file: File::open(path).map_err(CaptureError::io("open", path))?,
            pending: Vec::new(),
            start: 0,
            offset: 0,
            index: 0,
            ended: false,
            tail: Tail::Clean,
        })
    }

    /// How the file ended; known once [`FrameReader::next_frame`] returned none.
    pub fn tail(&self) -> Tail {
        self.tail
    }

    /// The file that is read.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The next frame, or none at the end of the readable prefix.
    ///
    /// # Errors
    /// If the file cannot be read or is damaged (not merely torn).
    pub fn next_frame(&mut self) -> Result<Option<Frame>> {
        loop {
            let rest = &self.pending[self.start..];
            if rest.is_empty() && self.ended {
                return Ok(None);
            }
            if let Ok(length) = zstd_safe::find_frame_compressed_size(rest) {
                let frame = Frame {
                    index: self.index,
                    offset: self.offset,
                    bytes: rest[..length].to_vec(),
                };
                self.start += length;
                self.offset += length as u64;
                self.index += 1;
                return Ok(Some(frame));
            }
            if !rest.is_empty() && !could_begin_frame(rest) || rest.len() > FRAME_LIMIT {
                return Err(self.damaged("not the beginning of a frame"));
            }
            if self.ended {
                self.tail = Tail::Torn { offset: self.offset };
                self.pending.clear();
                self.start = 0;
                return Ok(None);
            }
            self.fill()?;
        }
    }

    fn fill(&mut self) -> Result<()> {
        self.pending.drain(..self.start);
        self.start = 0;
        let wanted = self.pending.len().max(FRAME_BYTES / 2);
        let read = (&mut self.file)
            .take(wanted as u64)
            .read_to_end(&mut self.pending)
            .map_err(CaptureError::io("read", &self.path))?;
        self.ended = read < wanted;
        Ok(())
    }

    fn damaged(&self, what: &str) -> CaptureError {
        CaptureError::Damaged {
            path: self.path.clone(),
            offset: self.offset,
            what: what.into(),
        }
    }
}

/// True if `bytes` may continue to a frame: the magic number, a part of it, or zeros that a crash of the machine left.
fn could_begin_frame(bytes: &[u8]) -> bool {
    let magic = zstd_safe::MAGICNUMBER.to_le_bytes();
    let known = bytes.len().min(4);
    bytes[..known] == magic[..known] || bytes.iter().all(|byte| *byte == 0)
}

/// Decodes frames; one per thread.
pub struct FrameDecoder {
    decompressor: Decompressor<'static>,
    text: Vec<u8>,
}

impl std::fmt::Debug for FrameDecoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FrameDecoder").finish_non_exhaustive()
    }
}

impl FrameDecoder {
    /// A decoder.
    ///
    /// # Errors
    /// If there is no memory for it.
    pub fn new() -> Result<Self> {
        let decompressor =
            Decompressor::new().map_err(CaptureError::io("decompress", Path::new("a frame")))?;
        Ok(Self {
            decompressor,
            text: Vec::new(),
        })
    }

    /// The text of a frame: whole lines, each with its newline.
    ///
    /// # Errors
    /// If its checksum is wrong or it claims to be larger than 64 MiB; `path` is named in the error.
    pub fn text<'a>(&'a mut self, frame: &Frame, path: &Path) -> Result<&'a [u8]> {
        let damaged = |what: String| CaptureError::Damaged {
            path: path.to_owned(),
            offset: frame.offset,
            what,
        };
        let size = match zstd_safe::get_frame_content_size(&frame.bytes) {
            Ok(Some(size)) if size <= FRAME_LIMIT as u64 => size as usize,
            _ => return Err(damaged("a frame without a size, or larger than 64 MiB".into())),
        };
        self.text.clear();
        self.text.reserve(size);
        self.decompressor
            .decompress_to_buffer(&frame.bytes, &mut self.text)
            .map_err(|error| damaged(error.to_string()))?;
        Ok(&self.text)
    }
}
