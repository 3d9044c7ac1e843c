//! Just enough of HTTP/1.1 to know where a response ends and what it says.

use std::ops::Range;

use tally_model::RequestId;

const HEADERS: usize = 32;

/// What the bytes received so far amount to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    /// More is needed.
    Partial,
    /// Head and body are here.
    Complete(Response),
    /// Not a response this client reads; the connection is of no further use.
    Refused(&'static str),
}

/// A complete response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// Where the body lies in the buffer.
    pub(crate) body: Range<usize>,
    /// Whether the connection may be used again.
    pub(crate) keep_alive: bool,
    /// `Retry-After` in seconds; its date form is not used by the gateway and reads as none.
    pub(crate) retry_after: Option<u32>,
}

/// Reads a response from the start of `bytes`, of which at most `limit` may be needed.
pub(crate) fn parse(bytes: &[u8], limit: usize) -> Parsed {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut head = httparse::Response::new(&mut headers);
    let head_len = match head.parse(bytes) {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) if bytes.len() < limit => return Parsed::Partial,
        Ok(httparse::Status::Partial) => {
            return Parsed::Refused("the head is longer than the receive buffer");
        }
        Err(_) => return Parsed::Refused("not an HTTP/1.x response"),
    };
    let status = head.code.unwrap_or(0);
    let mut length = None;
    let mut keep_alive = head.version == Some(1);
    let mut retry_after = None;
    for header in head.headers.iter() {
        if header.name.eq_ignore_ascii_case("content-length") {
            match decimal(header.value) {
                Some(value) if length.is_none_or(|before| before == value) => length = Some(value),
                _ => return Parsed::Refused("Content-Length is not one number"),
            }
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            return Parsed::Refused("Transfer-Encoding is not supported; the gateway sends Content-Length");
        } else if header.name.eq_ignore_ascii_case("connection") {
            keep_alive = !header.value.eq_ignore_ascii_case(b"close");
        } else if header.name.eq_ignore_ascii_case("retry-after") {
            retry_after = decimal(header.value).and_then(|seconds| u32::try_from(seconds).ok());
        }
    }
    let length = match (length, status) {
        (Some(length), _) => length,
        (None, 204 | 304) => 0,
        (None, _) => return Parsed::Refused("no Content-Length"),
    };
    let end = head_len.saturating_add(length);
    if end > limit {
        return Parsed::Refused("the response is longer than the receive buffer");
    }
    if bytes.len() < end {
        return Parsed::Partial;
    }
    // Nothing was asked for beyond this response, so what follows it cannot be trusted to belong to the next request.
    let keep_alive = keep_alive && bytes.len() == end;
    Parsed::Complete(Response {
        status,
        body: head_len..end,
        keep_alive,
        retry_after,
    })
}

fn decimal(value: &[u8]) -> Option<usize> {
    std::str::from_utf8(value).ok()?.trim().parse().ok()
}

/// The first `"id":"<32 hexadecimal digits>"` of a JSON text, found by scanning.
pub(crate) fn scan_id(body: &[u8]) -> Option<RequestId> {
    const KEY: &[u8] = b"\"id\"";
    let at = body.windows(KEY.len()).position(|window| window == KEY)? + KEY.len();
    let rest = body[at..]
        .trim_ascii_start()
        .strip_prefix(b":")?
        .trim_ascii_start();
    let digits = rest.strip_prefix(b"\"")?.get(..32)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 4096;
    const OK: &[u8] = b"HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\nRetry-After: 7\r\n\r\nhello";

    /// However the network cuts a response, it is complete exactly when its last byte is there.
    #[test]
    fn every_prefix_is_partial_and_the_whole_is_complete() {
        for cut in 0..OK.len() {
            assert_eq!(parse(&OK[..cut], LIMIT), Parsed::Partial, "cut at {cut}");
        }
        let Parsed::Complete(response) = parse(OK, LIMIT) else {
            panic!("the whole response must be complete");
        };
        assert_eq!(response.status, 202);
        assert_eq!(&OK[response.body], b"hello");
        assert_eq!(response.retry_after, Some(7));
        assert!(response.keep_alive);
    }

    /// What this client cannot delimit is refused with a reason instead of being misread.
    #[test]
    fn what_cannot_be_delimited_is_refused() {
        for bytes in [
            &b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n",
            b"SSH-2.0-OpenSSH_9.2\r\n",
        ] {
            let parsed = parse(bytes, LIMIT);
            assert!(matches!(parsed, Parsed::Refused(_)), "{parsed:?}");
        }
    }

    /// A connection is kept only if the server keeps it and sent nothing beyond the response.
    #[test]
    fn a_connection_is_kept_only_when_it_is_clean() {
        for (bytes, kept) in [
            (&b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"[..], true),
            (
                b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
                false,
            ),
            (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", false),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nextra", false),
            (b"HTTP/1.1 204 No Content\r\n\r\n", true),
        ] {
            let Parsed::Complete(response) = parse(bytes, LIMIT) else {
                panic!("complete");
            };
            assert_eq!(response.keep_alive, kept, "{}", String::from_utf8_lossy(bytes));
        }
    }

    /// The id is found wherever JSON may put blanks, and nothing but 32 digits is taken for one.
    #[test]
    fn the_id_is_found_by_scanning() {
        let id = "0123456789abcdef0123456789abcdef";
        for (body, found) in [
            (format!("{{\"id\":\"{id}\"}}"), true),
            (format!("{{ \"state\": 1, \"id\" : \"{id}\" }}"), true),
            (format!("{{\"id\":\"{}\"}}", &id[1..]), false),
            (format!("{{\"id\":\"{}\"}}", id.to_uppercase()), false),
            ("{\"id\"".to_owned(), false),
        ] {
            assert_eq!(scan_id(body.as_bytes()).is_some(), found, "{body}");
        }
    }
}
