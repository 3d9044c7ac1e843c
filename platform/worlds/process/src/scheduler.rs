//! Glue of the scheduler: streams in and out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tally_grpc::{StreamEvent, Streams, TriggerParsing};
use tally_model::{NodeId, Operation};
use tally_ports::{Clock, Transport};
use tally_roles::scheduler::{Command, Event, Scheduler};
use tally_runtime::{Inbox, inbox};
use tokio::sync::{mpsc, oneshot};

use crate::{Room, World};

/// What the scheduler tells other roles on the way. Each is a hint: whoever misses it finds out by itself, later.
pub struct Hints {
    /// For the autoscaler: so many tasks were enqueued on a layer.
    pub enqueued: Box<dyn FnMut(Operation, u64) + Send>,
    /// For the admin: the stream to a node broke.
    pub lost: Box<dyn FnMut(NodeId) + Send>,
}

impl std::fmt::Debug for Hints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hints").finish_non_exhaustive()
    }
}

/// Starts the scheduler. Packets and news of `streams` come by `events`.
pub fn start<W: World>(
    room: &Room<W>,
    streams: Streams,
    events: mpsc::Receiver<StreamEvent>,
    triggers: mpsc::Receiver<TriggerParsing>,
    hints: Hints,
) {
    let (sender, receiver) = inbox();
    let Hints { mut enqueued, lost } = hints;
    room.tasks.spawn(forward(events, sender.clone(), lost));
    let calls = Calls::default();
    room.tasks.spawn(trigger(triggers, calls.clone(), sender.clone()));
    let mut machine = Scheduler::new(room.platform.clone(), room.cluster);
    let mut commands = Vec::new();
    machine.start(room.clock.now(), &mut commands);
    let runner = room.runner(sender, Event::Port);
    let out = room.clone();
    let obey = move |command| match command {
        Command::Port(command) => runner.run(command),
        Command::Route { node, address } => streams.route(node, address),
        Command::Send { to, packet } => streams.send(to, tally_wire::encode(&packet)),
        Command::Enqueued { operation, count } => enqueued(operation, count),
        Command::Triggered { call, pending } => calls.answer(call, pending),
        Command::Observe(observation) => out.observe(&observation),
    };
    room.drive(machine, commands, receiver, obey);
}

async fn forward(
    mut streams: mpsc::Receiver<StreamEvent>,
    inbox: Inbox<Event>,
    mut lost: Box<dyn FnMut(NodeId) + Send>,
) {
    while let Some(event) = streams.recv().await {
        let event = match event {
            StreamEvent::Packet { from, payload } => match tally_wire::decode(&payload) {
                Ok(packet) => Event::Packet { from, packet },
                Err(error) => {
                    tracing::warn!(%from, %error, "a packet was refused");
                    continue;
                }
            },
            StreamEvent::Up(node) => Event::PeerUp(node),
            StreamEvent::Lost(node) => {
                if node != NodeId::Control {
                    lost(node);
                }
                Event::PeerLost(node)
            }
        };
        if inbox.send(event).await.is_err() {
            return;
        }
    }
}

/// TriggerParsing calls that wait for the scheduler, by number. Their count is bounded by the channel they come through.
#[derive(Clone, Debug, Default)]
struct Calls {
    waiting: Arc<Mutex<BTreeMap<u64, oneshot::Sender<u64>>>>,
}

impl Calls {
    fn admit(&self, call: u64, reply: oneshot::Sender<u64>) {
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(call, reply);
    }

    fn answer(&self, call: u64, pending: u64) {
        if let Some(reply) = self
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&call)
        {
            // The caller may have gone.
            let _ = reply.send(pending);
        }
    }
}

async fn trigger(mut triggers: mpsc::Receiver<TriggerParsing>, calls: Calls, inbox: Inbox<Event>) {
    let mut call = 0;
    while let Some(trigger) = triggers.recv().await {
        call += 1;
        calls.admit(call, trigger.reply);
        if inbox.send(Event::Trigger { call }).await.is_err() {
            return;
        }
    }
}
