//! Server-sent events out of an HTTP/1.1 body that arrives in arbitrary pieces.
//!
//! Two layers, both incremental: the body's framing (RFC 9112, section 7.1, or until the connection closes), and the
//! event format (HTML Living Standard, "Server-sent events"), of which only `data` and comments are used.

/// One event larger than this is not believed.
const EVENT_LIMIT: usize = 64 << 20;

/// How the body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// `Transfer-Encoding: chunked`.
    Chunked,
    /// Everything until the end of the connection.
    UntilClose,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chunk {
    /// Reading a chunk's size line; the number so far, and whether its extension is being skipped.
    Size(usize, bool),
    /// This many bytes of data are left.
    Data(usize),
    /// The line end after a chunk.
    End,
    /// The last chunk was seen.
    Last,
}

/// Why the stream cannot be read further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The chunk framing makes no sense.
    Framing,
    /// A line or an event is too long.
    TooLong,
    /// The server ended the body.
    Ended,
}

/// Bytes in, `data` of events out.
#[derive(Debug)]
pub(crate) struct EventStream {
    framing: Framing,
    chunk: Chunk,
    line: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
}

impl EventStream {
    pub(crate) fn new(framing: Framing) -> Self {
        Self {
            framing,
            chunk: Chunk::Size(0, false),
            line: Vec::new(),
            data: Vec::new(),
            has_data: false,
        }
    }

    /// Takes `bytes` as received and calls `event` with the data of every event they complete.
    pub(crate) fn feed(&mut self, bytes: &[u8], event: &mut impl FnMut(&[u8])) -> Result<(), Broken> {
        match self.framing {
            Framing::UntilClose => self.text(bytes, event),
            Framing::Chunked => self.chunks(bytes, event),
        }
    }

    fn chunks(&mut self, mut bytes: &[u8], event: &mut impl FnMut(&[u8])) -> Result<(), Broken> {
        while let Some(byte) = bytes.first().copied() {
            match self.chunk {
                Chunk::Data(left) => {
                    let now = left.min(bytes.len());
                    self.text(&bytes[..now], event)?;
                    bytes = &bytes[now..];
                    self.chunk = if now == left {
                        Chunk::End
                    } else {
                        Chunk::Data(left - now)
                    };
                    continue;
                }
                Chunk::Size(0, _) if byte == b'\n' => self.chunk = Chunk::Last,
                Chunk::Size(size, _) if byte == b'\n' => self.chunk = Chunk::Data(size),
                Chunk::Size(size, skip) => self.chunk = size_digit(size, skip, byte)?,
                Chunk::End if byte == b'\n' => self.chunk = Chunk::Size(0, false),
                Chunk::End if byte == b'\r' => {}
                Chunk::End => return Err(Broken::Framing),
                Chunk::Last => return Err(Broken::Ended),
            }
            bytes = &bytes[1..];
        }
        if self.chunk == Chunk::Last {
            Err(Broken::Ended)
        } else {
            Ok(())
        }
    }

    fn text(&mut self, mut bytes: &[u8], event: &mut impl FnMut(&[u8])) -> Result<(), Broken> {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.line.extend_from_slice(&bytes[..end]);
            bytes = &bytes[end + 1..];
            self.end_line(event);
            self.line.clear();
        }
        self.line.extend_from_slice(bytes);
        if self.line.len().max(self.data.len()) > EVENT_LIMIT {
            return Err(Broken::TooLong);
        }
        Ok(())
    }

    fn end_line(&mut self, event: &mut impl FnMut(&[u8])) {
        let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        if line.is_empty() {
            if std::mem::take(&mut self.has_data) {
                event(&self.data);
            }
            self.data.clear();
        } else if let Some(data) = line.strip_prefix(b"data:") {
            if self.has_data {
                self.data.push(b'\n');
            }
            self.has_data = true;
            self.data
                .extend_from_slice(data.strip_prefix(b" ").unwrap_or(data));
        }
    }
}

fn size_digit(size: usize, skip: bool, byte: u8) -> Result<Chunk, Broken> {
    match char::from(byte).to_digit(16) {
        Some(digit) if !skip => match size.checked_mul(16) {
            Some(shifted) if shifted <= EVENT_LIMIT => Ok(Chunk::Size(shifted + digit as usize, false)),
            _ => Err(Broken::TooLong),
        },
        _ if skip || matches!(byte, b';' | b'\r' | b' ') => Ok(Chunk::Size(size, true)),
        _ => Err(Broken::Framing),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(framing: Framing, pieces: &[&[u8]]) -> (Vec<String>, Result<(), Broken>) {
        let mut stream = EventStream::new(framing);
        let mut events = Vec::new();
        for piece in pieces {
            let fed = stream.feed(piece, &mut |data| {
                events.push(String::from_utf8_lossy(data).into_owned());
            });
            if fed.is_err() {
                return (events, fed);
            }
        }
        (events, Ok(()))
    }

    fn chunked(text: &str, sizes: &[usize]) -> Vec<u8> {
        let (mut rest, mut out) = (text.as_bytes(), Vec::new());
        for size in sizes.iter().copied().chain(std::iter::repeat(usize::MAX)) {
            if rest.is_empty() {
                break;
            }
            let (now, later) = rest.split_at(size.min(rest.len()));
            out.extend_from_slice(format!("{:x}\r\n", now.len()).as_bytes());
            out.extend_from_slice(now);
            out.extend_from_slice(b"\r\n");
            rest = later;
        }
        out
    }

    const TEXT: &str = ": hello\n\ndata: {\"id\":1}\n\nevent: answer\nid: 7\ndata:{\"id\":2}\ndata: more\r\n\r\n:\ndata\ndata: cut";

    /// Comments, other fields and unfinished events are left out; several data lines are one event.
    #[test]
    fn only_complete_events_with_data_come_out() {
        let (events, end) = read(Framing::UntilClose, &[TEXT.as_bytes()]);
        assert_eq!(events, ["{\"id\":1}", "{\"id\":2}\nmore"]);
        assert_eq!(end, Ok(()));
    }

    proptest! {
        /// Neither how the server chunks nor how the network cuts changes the events.
        #[test]
        fn pieces_do_not_change_the_events(
            sizes in prop::collection::vec(1usize..40, 0..12),
            cut in 1usize..30,
        ) {
            let body = chunked(TEXT, &sizes);
            let pieces: Vec<&[u8]> = body.chunks(cut).collect();
            prop_assert_eq!(read(Framing::Chunked, &pieces), read(Framing::UntilClose, &[TEXT.as_bytes()]));
        }

        /// No input makes it panic.
        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(Framing::Chunked, &[&bytes]);
            let _ = read(Framing::UntilClose, &[&bytes]);
        }
    }

    /// The end of the body, and framing that is none, are told apart from silence.
    #[test]
    fn the_end_and_nonsense_are_told() {
        let (_, ended) = read(Framing::Chunked, &[b"0\r\n\r\n"]);
        assert_eq!(ended, Err(Broken::Ended));
        let (_, nonsense) = read(Framing::Chunked, &[b"data: x\n\n"]);
        assert_eq!(nonsense, Err(Broken::Framing));
        let (_, huge) = read(Framing::Chunked, &[b"ffffffffffffffff\r\n"]);
        assert_eq!(huge, Err(Broken::TooLong));
    }
}
