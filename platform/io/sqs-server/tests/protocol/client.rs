//! A server in the test, and a client that writes bytes.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tally_sqs_server::{Server, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A client of a server of its own.
pub(crate) struct Client {
    address: SocketAddr,
    _directory: tempfile::TempDir,
}

/// One response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    /// Its body; null if that is no JSON.
    pub(crate) json: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

impl Client {
    /// Starts a server; `change` its configuration.
    pub(crate) async fn start(change: impl FnOnce(&mut ServerConfig)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut config = ServerConfig::new(([127, 0, 0, 1], 0).into(), directory.path());
        change(&mut config);
        let server = Server::bind(config).await.unwrap();
        let address = server.address();
        tokio::spawn(server.run(std::future::pending()));
        Self {
            address,
            _directory: directory,
        }
    }

    /// One request with these headers beside its action.
    pub(crate) async fn raw(&self, action: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        let mut request = format!(
            "POST / HTTP/1.1\r\nhost: {}\r\nx-amz-target: AmazonSQS.{action}\r\nconnection: close\r\n",
            self.address
        );
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        request += "\r\n";
        socket.write_all(request.as_bytes()).await.unwrap();
        socket.write_all(body).await.unwrap();
        let mut response = Vec::new();
        socket.read_to_end(&mut response).await.unwrap();
        let response = String::from_utf8(response).unwrap();
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        Answer {
            status: head[9..12].parse().unwrap(),
            head: head.to_owned(),
            json: serde_json::from_str(body).unwrap_or(Value::Null),
        }
    }

    /// One action.
    pub(crate) async fn act(&self, action: &str, input: &Value) -> Answer {
        let body = input.to_string();
        let length = body.len().to_string();
        self.raw(action, &[("content-length", &length)], body.as_bytes())
            .await
    }

    /// The output of an action that must succeed.
    pub(crate) async fn ok(&self, action: &str, input: &Value) -> Value {
        let answer = self.act(action, input).await;
        assert_eq!(answer.status, 200, "{action} {input}: {answer:?}");
        answer.json
    }

    /// Makes a queue; returns its URL.
    pub(crate) async fn create(&self, name: &str, attributes: Value) -> String {
        let output = self
            .ok(
                "CreateQueue",
                &json!({"QueueName": name, "Attributes": attributes}),
            )
            .await;
        output["QueueUrl"].as_str().unwrap().to_owned()
    }
}
