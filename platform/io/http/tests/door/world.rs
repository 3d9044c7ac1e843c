//! A running door, and a client that writes bytes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tally_http::{Door, PlatformStatus, StatusSource, serve};
use tally_model::{
    AnswerMessage, Delivery, Depth, Instant, Limits, Machine, Outcome, Put, QueueName, Receipt,
    RequestMessage, SetRecord, Timing, Versioned,
};
use tally_roles::gateway::{Gateway, GatewayCommand, GatewayEvent};
use tally_roles::port::{PortCommand, PortEvent, Trouble};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

struct Nothing;

impl StatusSource for Nothing {
    fn status(&self) -> PlatformStatus {
        PlatformStatus::default()
    }
    fn sets(&self) -> Vec<SetRecord> {
        Vec::new()
    }
}

/// A port of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Queue,
    Store,
}

/// A door in front of a gateway whose scheduler answers what the test tells it to.
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) door: Door,
    broken: Arc<Mutex<Option<Part>>>,
    answers: mpsc::UnboundedSender<AnswerMessage>,
    pub(crate) inbound: mpsc::UnboundedReceiver<RequestMessage>,
}

impl World {
    /// Starts one on the loopback.
    pub(crate) async fn start(limits: Limits) -> Self {
        Self::start_with(limits, None).await
    }

    /// One of whose ports a part fails from the beginning.
    pub(crate) async fn start_with(limits: Limits, broken: Option<Part>) -> Self {
        let (world, events, answers, clock) = Self::built(limits, broken).await;
        let fake = Fake {
            gateway: Gateway::new(limits, Timing::default()),
            door: world.door.clone(),
            store: BTreeMap::new(),
            sent: answers.sent,
            broken: Arc::clone(&world.broken),
        };
        tokio::spawn(drive(fake, clock, events, answers.outbound));
        world
    }

    /// One that nobody listens behind: what comes through the door stays in the channel.
    pub(crate) async fn unheard(limits: Limits) -> (Self, mpsc::Receiver<GatewayEvent>) {
        let (world, events, ..) = Self::built(limits, None).await;
        (world, events)
    }

    async fn built(
        limits: Limits,
        broken: Option<Part>,
    ) -> (
        Self,
        mpsc::Receiver<GatewayEvent>,
        Ends,
        impl Fn() -> Instant + Send + 'static,
    ) {
        let began = tokio::time::Instant::now();
        let clock = move || Instant::from_nanos(1) + began.elapsed();
        let (door, events) = Door::new(limits, Arc::new(clock), Arc::new(Nothing));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, door.clone(), std::future::pending()));
        let (answers, outbound) = mpsc::unbounded_channel();
        let (sent, inbound) = mpsc::unbounded_channel();
        let world = Self {
            address,
            door,
            broken: Arc::new(Mutex::new(broken)),
            answers,
            inbound,
        };
        (world, events, Ends { sent, outbound }, clock)
    }

    /// From now on every call of this part fails, or none.
    pub(crate) fn fail(&self, part: Option<Part>) {
        *self.broken.lock().unwrap() = part;
    }

    /// What the scheduler would do: takes the next request and answers it.
    pub(crate) async fn answer(&mut self, outcome: Outcome) -> AnswerMessage {
        let request = self.inbound.recv().await.unwrap();
        let answer = AnswerMessage {
            id: request.id,
            outcome,
            tasks: Vec::new(),
            accepted: request.accepted,
            folded: request.accepted,
            tag: request.tag,
            detail: None,
        };
        self.answers.send(answer.clone()).unwrap();
        answer
    }

    pub(crate) async fn connect(&self) -> Client {
        Client {
            socket: TcpStream::connect(self.address).await.unwrap(),
        }
    }

    /// One request on a connection of its own; the whole response.
    pub(crate) async fn send(&self, request: impl AsRef<[u8]>) -> Reply {
        let mut client = self.connect().await;
        client.write(request).await;
        client.rest().await
    }

    /// Posts JSON with further header lines, each ending in CRLF.
    pub(crate) async fn post(&self, path: &str, headers: &str, body: &str) -> Reply {
        self.send(post(path, headers, body)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(format!(
            "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
        ))
        .await
    }
}

pub(crate) fn post(path: &str, headers: &str, body: &str) -> String {
    let kind = if headers.to_lowercase().contains("content-type") {
        ""
    } else {
        "content-type: application/json\r\n"
    };
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{kind}{headers}content-length: {length}\r\n\r\n{body}"
    )
}

/// What the gateway's side holds of the queues.
struct Ends {
    sent: mpsc::UnboundedSender<RequestMessage>,
    outbound: mpsc::UnboundedReceiver<AnswerMessage>,
}

struct Fake {
    gateway: Gateway,
    door: Door,
    store: BTreeMap<String, String>,
    sent: mpsc::UnboundedSender<RequestMessage>,
    broken: Arc<Mutex<Option<Part>>>,
}

async fn drive(
    mut fake: Fake,
    clock: impl Fn() -> Instant,
    mut events: mpsc::Receiver<GatewayEvent>,
    mut outbound: mpsc::UnboundedReceiver<AnswerMessage>,
) {
    let mut out = Vec::new();
    loop {
        fake.obey(clock(), &mut out);
        let pause = fake
            .gateway
            .deadline()
            .map_or(Duration::from_hours(1), |d| d.at.since(clock()));
        tokio::select! {
            event = events.recv() => match event {
                Some(event) => fake.gateway.handle(clock(), event, &mut out),
                None => return,
            },
            Some(answer) = outbound.recv() => {
                let body = serde_json::to_string(&answer).unwrap();
                let delivery = Delivery { body, receipt: Receipt("1".into()), received: 1 };
                let event = PortEvent::Received(QueueName::Outbound, Ok(vec![delivery]));
                fake.gateway.handle(clock(), GatewayEvent::Port(event), &mut out);
            }
            () = tokio::time::sleep(pause) => fake.gateway.wake(clock(), &mut out),
        }
    }
}

impl Fake {
    fn obey(&mut self, now: Instant, out: &mut Vec<GatewayCommand>) {
        while !out.is_empty() {
            for command in std::mem::take(out) {
                if let Some(event) = self.door.obey(command).and_then(|command| self.port(command)) {
                    self.gateway.handle(now, GatewayEvent::Port(event), out);
                }
            }
        }
    }

    fn port(&mut self, command: PortCommand) -> Option<PortEvent> {
        let versioned = |value: &String| Versioned {
            value: value.clone(),
            version: 1,
        };
        let broken = *self.broken.lock().unwrap();
        let trouble = || Trouble {
            transient: false,
            message: "the disk is on fire".into(),
        };
        Some(match command {
            PortCommand::Send { token, .. } if broken == Some(Part::Queue) => {
                PortEvent::Sent(token, Err(trouble()))
            }
            PortCommand::Depth { queue } if broken == Some(Part::Queue) => {
                PortEvent::Depth(queue, Err(trouble()))
            }
            PortCommand::Get { token, .. } if broken == Some(Part::Store) => {
                PortEvent::Got(token, Err(trouble()))
            }
            PortCommand::Put { token, .. } if broken == Some(Part::Store) => {
                PortEvent::PutDone(token, Err(trouble()))
            }
            PortCommand::Send { token, bodies, .. } => {
                for body in bodies {
                    self.sent.send(serde_json::from_str(&body).unwrap()).unwrap();
                }
                PortEvent::Sent(token, Ok(()))
            }
            PortCommand::Delete { queue, .. } => PortEvent::Deleted(queue, Ok(0)),
            PortCommand::Depth { queue } => PortEvent::Depth(queue, Ok(Depth::default())),
            PortCommand::Get { token, key } => PortEvent::Got(token, Ok(self.store.get(&key).map(versioned))),
            PortCommand::Put {
                token, key, value, ..
            } => {
                let put = match self.store.get(&key) {
                    Some(there) => Put::Refused(Some(versioned(there))),
                    None => {
                        self.store.insert(key, value);
                        Put::Written(1)
                    }
                };
                PortEvent::PutDone(token, Ok(put))
            }
            _ => return None,
        })
    }
}

/// A connection.
pub(crate) struct Client {
    pub(crate) socket: TcpStream,
}

impl Client {
    /// Writes; a server that closed meanwhile is no error of the test.
    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.socket.write_all(bytes.as_ref()).await.is_ok()
    }

    /// Everything until the server closes.
    pub(crate) async fn rest(&mut self) -> Reply {
        let mut bytes = Vec::new();
        // A reset after the response is how a server closes on a client that still talks.
        let _reset = self.socket.read_to_end(&mut bytes).await;
        Reply(String::from_utf8(bytes).unwrap())
    }

    /// Reads until `text` was seen; everything read so far.
    pub(crate) async fn until(&mut self, text: &str) -> String {
        let mut seen = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let count = self.socket.read(&mut buffer).await.unwrap();
            seen.extend_from_slice(&buffer[..count]);
            let shown = String::from_utf8_lossy(&seen).into_owned();
            if shown.contains(text) {
                return shown;
            }
            assert!(count > 0, "closed before `{text}`: {shown}");
        }
    }
}

/// A response as it came.
pub(crate) struct Reply(pub(crate) String);

impl Reply {
    /// 0 if the connection was closed without a response.
    pub(crate) fn status(&self) -> u16 {
        self.0.get(9..12).and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let head = self.0.split("\r\n\r\n").next()?;
        let lines = head.lines().filter_map(|line| line.split_once(": "));
        lines
            .into_iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    pub(crate) fn body(&self) -> &str {
        self.0.split_once("\r\n\r\n").map_or("", |(_, body)| body)
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(self.body()).unwrap_or_else(|error| panic!("{error}: {}", self.0))
    }
}
