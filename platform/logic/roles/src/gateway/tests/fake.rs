//! A store, an inbound and an outbound queue in memory, which can lose answers and refuse calls.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tally_model::{
    AnswerMessage, Delivery, Depth, Instant, Limits, Machine, Observation, Outcome, Precondition, Put,
    QueueName, Receipt, RequestId, RequestMessage, Timing, Versioned,
};

use crate::gateway::{CallId, Gateway, GatewayCommand, GatewayEvent, Response, Submission};
use crate::port::{PortCommand, PortEvent, Trouble};

/// The world around one gateway.
pub(super) struct World {
    pub(super) gateway: Gateway,
    timing: Timing,
    pub(super) now: Instant,
    pub(super) store: BTreeMap<String, String>,
    pub(super) inbound: Vec<RequestMessage>,
    outbound: VecDeque<String>,
    in_flight: BTreeMap<u64, String>,
    receipts: u64,
    waiting_receive: bool,
    pub(super) depth: u64,
    /// Commands to carry out, in order.
    asked: VecDeque<PortCommand>,
    working: bool,
    /// Commands that were not carried out, because their port is broken: answered by [`World::fail`].
    pub(super) held: VecDeque<PortCommand>,
    pub(super) broken: fn(&PortCommand) -> bool,
    pub(super) responses: Vec<(CallId, Response)>,
    pub(super) published: Vec<RequestId>,
    pub(super) observed: Vec<Observation>,
    pub(super) commands: Vec<PortCommand>,
}

impl World {
    pub(super) fn new(limits: Limits) -> Self {
        Self::with(limits, Timing::default(), 0)
    }

    pub(super) fn with(limits: Limits, timing: Timing, depth: u64) -> Self {
        let mut world = Self {
            gateway: Gateway::new(limits, timing),
            timing,
            now: Instant::from_nanos(1_000_000_000),
            store: BTreeMap::new(),
            inbound: Vec::new(),
            outbound: VecDeque::new(),
            in_flight: BTreeMap::new(),
            receipts: 0,
            waiting_receive: false,
            depth,
            asked: VecDeque::new(),
            working: false,
            held: VecDeque::new(),
            broken: |_| false,
            responses: Vec::new(),
            published: Vec::new(),
            observed: Vec::new(),
            commands: Vec::new(),
        };
        world.run();
        world
    }

    /// Kills the gateway and starts another on the same store and queues.
    pub(super) fn restart(&mut self, limits: Limits) {
        self.gateway = Gateway::new(limits, self.timing);
        self.held.clear();
        self.waiting_receive = false;
        let unfinished: Vec<String> = std::mem::take(&mut self.in_flight).into_values().collect();
        self.outbound.extend(unfinished);
        self.run();
    }

    /// On a store and a queue that are one.
    pub(super) fn joint(limits: Limits) -> Self {
        let mut world = Self::new(limits);
        world.gateway.enter_at_once();
        world
    }

    pub(super) fn submit(&mut self, call: CallId, expression: &str, key: Option<&str>) {
        let submission = Submission {
            call,
            expression: expression.into(),
            key: key.map(Into::into),
            tag: None,
            work_key: None,
            entropy: 1000 + u128::from(call),
        };
        self.event(GatewayEvent::Submit(submission));
    }

    pub(super) fn event(&mut self, event: GatewayEvent) {
        let mut out = Vec::new();
        self.gateway.handle(self.now, event, &mut out);
        self.obey(out);
        self.run();
    }

    /// Lets time pass, waking the gateway whenever it asked to be.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(deadline) = self.gateway.deadline()
            && deadline.at <= end
        {
            self.now = self.now.max(deadline.at);
            self.run();
        }
        self.now = end;
        self.run();
    }

    fn run(&mut self) {
        let mut rounds = 0;
        while let Some(deadline) = self.gateway.deadline()
            && deadline.at <= self.now
        {
            let mut out = Vec::new();
            self.gateway.wake(self.now, &mut out);
            self.obey(out);
            rounds += 1;
            assert!(
                rounds < 10_000,
                "asks to be woken for nothing: {}",
                deadline.reason
            );
        }
    }

    /// To the newest request with this id, if there is one.
    pub(super) fn answer(&self, id: RequestId, value: &str) -> AnswerMessage {
        let request = self.inbound.iter().rfind(|request| request.id == id);
        AnswerMessage {
            id,
            outcome: Outcome::Value(value.into()),
            tasks: Vec::new(),
            accepted: request.map_or(Instant::ZERO, |request| request.accepted),
            folded: self.now,
            tag: None,
            detail: None,
        }
    }

    pub(super) fn deliver(&mut self, answer: &AnswerMessage) {
        self.deliver_text(serde_json::to_string(answer).unwrap());
    }

    pub(super) fn deliver_text(&mut self, body: String) {
        self.outbound.push_back(body);
        self.serve_receive();
    }

    fn serve_receive(&mut self) {
        if !self.waiting_receive || self.outbound.is_empty() {
            return;
        }
        self.waiting_receive = false;
        let deliveries = std::mem::take(&mut self.outbound)
            .into_iter()
            .map(|body| {
                self.receipts += 1;
                self.in_flight.insert(self.receipts, body.clone());
                Delivery {
                    body,
                    receipt: Receipt(self.receipts.to_string()),
                    received: 1,
                }
            })
            .collect();
        self.event(GatewayEvent::Port(PortEvent::Received(
            QueueName::Outbound,
            Ok(deliveries),
        )));
    }

    /// Outbound messages that were not deleted.
    pub(super) fn undeleted(&self) -> usize {
        self.in_flight.len() + self.outbound.len()
    }

    fn obey(&mut self, commands: Vec<GatewayCommand>) {
        for command in commands {
            match command {
                GatewayCommand::Port(command) => {
                    self.commands.push(command.clone());
                    if (self.broken)(&command) {
                        self.held.push_back(command);
                    } else {
                        self.asked.push_back(command);
                    }
                }
                GatewayCommand::Respond { call, response } => self.responses.push((call, response)),
                GatewayCommand::Publish { answer } => self.published.push(answer.id),
                GatewayCommand::Observe(observation) => self.observed.push(observation),
                GatewayCommand::Gauge(_) => {}
            }
        }
        if !std::mem::replace(&mut self.working, true) {
            while let Some(command) = self.asked.pop_front() {
                self.port(command);
            }
            self.working = false;
        }
    }

    /// Answers the oldest held command with trouble.
    pub(super) fn fail(&mut self, transient: bool) {
        let trouble = Trouble {
            transient,
            message: "no space".into(),
        };
        let event = match self.held.pop_front().unwrap() {
            PortCommand::Send { token, .. } => PortEvent::Sent(token, Err(trouble)),
            PortCommand::Receive { queue, .. } => PortEvent::Received(queue, Err(trouble)),
            PortCommand::Delete { queue, .. } => PortEvent::Deleted(queue, Err(trouble)),
            PortCommand::Depth { queue } => PortEvent::Depth(queue, Err(trouble)),
            PortCommand::Get { token, .. } => PortEvent::Got(token, Err(trouble)),
            PortCommand::List { token, .. } => PortEvent::Listed(token, Err(trouble)),
            PortCommand::Put { token, .. } | PortCommand::PutAndSend { token, .. } => {
                PortEvent::PutDone(token, Err(trouble))
            }
            PortCommand::DeleteKey { token, .. } => PortEvent::KeyDeleted(token, Err(trouble)),
            other => panic!("a gateway never asks {other:?}"),
        };
        self.event(GatewayEvent::Port(event));
    }

    /// Carries out a held command after all.
    pub(super) fn heal(&mut self) {
        self.broken = |_| false;
        while let Some(command) = self.held.pop_front() {
            self.port(command);
        }
    }

    fn port(&mut self, command: PortCommand) {
        let event = match command {
            PortCommand::Send { token, queue, bodies } => {
                assert_eq!(queue, QueueName::Inbound);
                let parse = |body: &String| serde_json::from_str(body).unwrap();
                self.inbound.extend(bodies.iter().map(parse));
                PortEvent::Sent(token, Ok(()))
            }
            PortCommand::Receive { .. } => {
                assert!(!self.waiting_receive, "two receives outstanding");
                self.waiting_receive = true;
                return self.serve_receive();
            }
            PortCommand::Delete { queue, receipts } => {
                for receipt in receipts {
                    self.in_flight.remove(&receipt.0.parse().unwrap()).unwrap();
                }
                PortEvent::Deleted(queue, Ok(0))
            }
            PortCommand::Extend { .. } => return,
            PortCommand::Depth { queue } => PortEvent::Depth(
                queue,
                Ok(Depth {
                    visible: self.depth,
                    in_flight: 0,
                }),
            ),
            PortCommand::Get { token, key } => PortEvent::Got(token, Ok(self.versioned(&key))),
            PortCommand::List { token, prefix, limit } => {
                let keys = self.store.keys().filter(|key| key.starts_with(&prefix));
                let entry = |key: &String| Some((key.clone(), self.versioned(key)?));
                PortEvent::Listed(token, Ok(keys.take(limit).filter_map(entry).collect()))
            }
            PortCommand::Put {
                token,
                key,
                value,
                when,
            } => {
                assert_eq!(when, Precondition::Absent);
                PortEvent::PutDone(token, Ok(self.put(key, value)))
            }
            PortCommand::PutAndSend { token, entry } => {
                assert_eq!(entry.queue, QueueName::Inbound);
                let put = self.put(entry.key, entry.value);
                if matches!(put, Put::Written(_)) {
                    self.inbound.push(serde_json::from_str(&entry.body).unwrap());
                }
                PortEvent::PutDone(token, Ok(put))
            }
            PortCommand::DeleteKey { token, key, when } => {
                assert_eq!(when, Precondition::Version(1), "deletes only what it has seen");
                PortEvent::KeyDeleted(token, Ok(self.store.remove(&key).is_some()))
            }
            other => panic!("a gateway never asks {other:?}"),
        };
        self.event(GatewayEvent::Port(event));
    }

    fn put(&mut self, key: String, value: String) -> Put {
        match self.versioned(&key) {
            Some(there) => Put::Refused(Some(there)),
            None => {
                self.store.insert(key, value);
                Put::Written(1)
            }
        }
    }

    fn versioned(&self, key: &str) -> Option<Versioned> {
        self.store.get(key).map(|value| Versioned {
            value: value.clone(),
            version: 1,
        })
    }

    pub(super) fn response(&self, call: CallId) -> &Response {
        let mut found = self.responses.iter().filter(|(other, _)| *other == call);
        let (_, response) = found.next().expect("no response");
        assert!(found.next().is_none(), "two responses to call {call}");
        response
    }

    pub(super) fn accepted(&self, call: CallId) -> RequestId {
        match self.response(call) {
            Response::Accepted { id } => *id,
            other => panic!("not accepted: {other:?}"),
        }
    }
}
