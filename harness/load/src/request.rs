//! The bytes of one submission, written once before the run.

use std::io::Write as _;
use std::net::SocketAddr;

/// A submission of one expression.
#[derive(Clone, Copy, Debug)]
pub struct Submission<'a> {
    /// Where it goes; the `Host` header.
    pub target: SocketAddr,
    /// The text to evaluate.
    pub expression: &'a str,
    /// Makes resubmissions one request. Visible ASCII.
    pub idempotency_key: &'a str,
    /// The event stream on which the answer is wanted. Visible ASCII.
    pub tag: Option<&'a str>,
    /// Which draw of the service-time model it gets.
    pub work_key: Option<u64>,
}

/// Appends `POST /v1/expressions` for `submission` to `out`.
///
/// Characters that would end a header are dropped from key and tag: a header must not be able to smuggle another.
pub fn serialise(submission: &Submission<'_>, out: &mut Vec<u8>) {
    let mut body = Vec::with_capacity(submission.expression.len() + 18);
    body.extend_from_slice(b"{\"expression\":\"");
    escape(submission.expression, &mut body);
    body.extend_from_slice(b"\"}");
    out.extend_from_slice(b"POST /v1/expressions HTTP/1.1\r\nHost: ");
    append(out, format_args!("{}", submission.target));
    out.extend_from_slice(b"\r\nContent-Type: application/json\r\nIdempotency-Key: ");
    out.extend(submission.idempotency_key.bytes().filter(u8::is_ascii_graphic));
    if let Some(tag) = submission.tag {
        out.extend_from_slice(b"\r\nTally-Tag: ");
        out.extend(tag.bytes().filter(u8::is_ascii_graphic));
    }
    if let Some(key) = submission.work_key {
        append(out, format_args!("\r\nTally-Work-Key: {key}"));
    }
    append(out, format_args!("\r\nContent-Length: {}\r\n\r\n", body.len()));
    out.extend_from_slice(&body);
}

/// Appends a bodyless `GET path`; for reads and for warming connections.
pub fn serialise_get(target: SocketAddr, path: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"GET ");
    out.extend(path.bytes().filter(u8::is_ascii_graphic));
    append(out, format_args!(" HTTP/1.1\r\nHost: {target}\r\n\r\n"));
}

/// Writing to a vector cannot fail.
fn append(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}

/// RFC 8259, section 7.
fn escape(text: &str, out: &mut Vec<u8>) {
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0..=0x1f => append(out, format_args!("\\u{byte:04x}")),
            _ => out.push(byte),
        }
    }
}
