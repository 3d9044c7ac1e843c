//! What harness and agents say to each other.
//!
//! An agent's frame is its kind (one byte), the length of its body (four bytes, little endian) and its body.

use std::io::{self, Read};

use serde::{Deserialize, Serialize};
use tally_load::Answer;
use tally_model::RequestId;
use tally_plan::Experiment;

/// The largest body of a frame: an answer with thousands of certificates.
const BODY_MAX: usize = 64 << 20;

/// What an agent has to do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Assignment {
    /// Drawn again by every agent; equal plans are seen by their hash.
    pub(crate) experiment: Experiment,
    pub(crate) index: u32,
    pub(crate) of: u32,
    /// The gateway as the agent reaches it.
    pub(crate) gateway: std::net::SocketAddr,
    pub(crate) tag: String,
    pub(crate) trial: u32,
}

/// From the harness.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// The first.
    Assign(Box<Assignment>),
    /// Tell your clock.
    Clock,
    /// The trial begins when the wall clock shows this, in nanoseconds since 1970.
    Start(u64),
    /// Send nothing more.
    Stop,
    /// Nothing more is waited for: tell the rest and end.
    Finish,
    /// Everything was understood.
    Dismiss,
}

/// From an agent, in a frame.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Frame {
    Note(Note),
    Sent(tally_load::Sent),
    Answer(Answer),
}

/// What is neither a request nor an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Note {
    /// The assignment is understood; [`tally_plan::Plan::hash`] of the plan.
    Ready(String),
    /// The wall clock, in nanoseconds since 1970.
    Clock(u64),
    /// A sign of life.
    Alive,
    /// Answers may have been missed; so many are known to be.
    Missed(u64),
    /// A lane is sent.
    Lane {
        /// Whether its requests had fixed due times.
        open: bool,
        report: Box<tally_load::Report>,
    },
    /// Every lane is sent.
    Sent,
    /// It cannot go on.
    Trouble(String),
    /// The last frame: how many were before it, and the BLAKE3 hash of all their bytes.
    Done { frames: u64, hash: String, held: u64 },
}

impl Frame {
    /// The bytes of the frame.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        // Of our own types, whose maps have texts for keys, so that serialising cannot fail.
        let json = |value: serde_json::Result<Vec<u8>>| value.unwrap_or_default();
        let (kind, body) = match self {
            Self::Note(note) => (0, json(serde_json::to_vec(note))),
            Self::Sent(sent) => (1, json(serde_json::to_vec(sent))),
            Self::Answer(answer) => {
                let mut body = Vec::with_capacity(24 + answer.json.len());
                body.extend_from_slice(&answer.at_ns.to_le_bytes());
                body.extend_from_slice(&answer.id.0.to_le_bytes());
                body.extend_from_slice(&answer.json);
                (2, body)
            }
        };
        let mut bytes = Vec::with_capacity(5 + body.len());
        bytes.push(kind);
        bytes.extend_from_slice(&(body.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&body);
        bytes
    }

    /// The next frame of `from`, and its bytes for a checksum; none at the end between two frames.
    ///
    /// # Errors
    /// If the stream breaks, ends within a frame, or holds something else than frames.
    pub(crate) fn next(from: &mut impl Read) -> io::Result<Option<(Self, Vec<u8>)>> {
        let mut bytes = vec![0; 5];
        let got = read_up_to(from, &mut bytes)?;
        if got == 0 {
            return Ok(None);
        }
        let (kind, length) = match bytes[..] {
            [kind, a, b, c, d] if got == 5 => (kind, u32::from_le_bytes([a, b, c, d]) as usize),
            _ => return Err(io::ErrorKind::UnexpectedEof.into()),
        };
        if kind > 2 || length > BODY_MAX {
            return Err(invalid("what it says is no frame"));
        }
        bytes.resize(5 + length, 0);
        from.read_exact(&mut bytes[5..])?;
        let frame = Self::read(kind, &bytes[5..]).ok_or_else(|| invalid("a frame cannot be read"))?;
        Ok(Some((frame, bytes)))
    }

    fn read(kind: u8, body: &[u8]) -> Option<Self> {
        match kind {
            0 => serde_json::from_slice(body).ok().map(Self::Note),
            1 => serde_json::from_slice(body).ok().map(Self::Sent),
            _ => {
                let (at, rest) = body.split_first_chunk()?;
                let (id, json) = rest.split_first_chunk()?;
                Some(Self::Answer(Answer {
                    id: RequestId(u128::from_le_bytes(*id)),
                    at_ns: u64::from_le_bytes(*at),
                    json: json.to_vec(),
                }))
            }
        }
    }
}

fn invalid(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// Fills `bytes` as far as the stream goes.
fn read_up_to(from: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < bytes.len() {
        match from.read(&mut bytes[got..]) {
            Ok(0) => break,
            Ok(count) => got += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}
