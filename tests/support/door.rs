//! The gateway of a running platform, spoken to in plain HTTP/1.1 with nothing of the product in between.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;
use tally_local::State;

use super::program::{Desk, until};

/// A complete response.
pub(crate) struct Reply {
    pub(crate) status: u16,
    body: Vec<u8>,
}

impl Reply {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

/// Where the platform of a desk listens.
#[derive(Clone, Copy)]
pub(crate) struct Door(SocketAddr);

impl Door {
    pub(crate) fn of(desk: &Desk) -> Self {
        let text = std::fs::read(desk.path("state/platform.json")).unwrap();
        Self(serde_json::from_slice::<State>(&text).unwrap().http)
    }

    /// Posts an expression under an idempotency key.
    pub(crate) fn submit(&self, key: &str, expression: &str) -> Reply {
        let body = serde_json::json!({ "expression": expression }).to_string();
        let header = format!("Content-Type: application/json\r\nIdempotency-Key: {key}\r\n");
        self.talk("POST", "/v1/expressions", &header, &body).unwrap()
    }

    /// One request of any kind.
    pub(crate) fn exchange(&self, method: &str, path: &str, kind: &str, body: &str) -> Reply {
        self.talk(method, path, &format!("Content-Type: {kind}\r\n"), body)
            .unwrap()
    }

    /// The answer of a request, waited for; a gateway that is down for a moment is asked again.
    pub(crate) fn answer(&self, id: &str) -> Value {
        until("an answer", || {
            let reply = self
                .talk("GET", &format!("/v1/expressions/{id}?wait=5s"), "", "")
                .ok()?;
            assert!(
                reply.status != 404,
                "an accepted request is unknown: {}",
                reply.text()
            );
            (reply.status == 200)
                .then(|| reply.json())
                .filter(|answer| answer["status"] == "done")
        })
    }

    /// Everything of a stream, until the gateway ends it.
    pub(crate) fn stream(&self, path: &str) -> String {
        self.talk("GET", path, "Accept: text/event-stream\r\n", "")
            .unwrap()
            .text()
    }

    fn talk(&self, method: &str, path: &str, headers: &str, body: &str) -> std::io::Result<Reply> {
        let stream = TcpStream::connect(self.0)?;
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n",
            self.0
        );
        // A gateway that refuses a long body may close before it has all of it; what it says still counts.
        let _ = (&stream)
            .write_all(head.as_bytes())
            .and_then(|()| (&stream).write_all(body.as_bytes()));
        let mut reader = BufReader::new(&stream);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let broken = || std::io::Error::other(format!("no status line: {line:?}"));
        let status = line
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .ok_or_else(broken)?;
        let mut chunked = false;
        loop {
            let mut header = String::new();
            if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
                break;
            }
            chunked |= header
                .to_ascii_lowercase()
                .starts_with("transfer-encoding: chunked");
        }
        let mut body = Vec::new();
        if chunked {
            read_chunks(&mut reader, &mut body)?;
        } else {
            reader.read_to_end(&mut body)?;
        }
        Ok(Reply { status, body })
    }
}

fn read_chunks(reader: &mut impl BufRead, body: &mut Vec<u8>) -> std::io::Result<()> {
    loop {
        let mut size = String::new();
        reader.read_line(&mut size)?;
        let size = u64::from_str_radix(size.trim(), 16).map_err(std::io::Error::other)?;
        reader.by_ref().take(size).read_to_end(body)?;
        let mut end = String::new();
        reader.read_line(&mut end)?;
        if size == 0 {
            return Ok(());
        }
    }
}
