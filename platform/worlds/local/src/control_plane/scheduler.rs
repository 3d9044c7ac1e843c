//! Glue of the scheduler: streams in and out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tally_grpc::{StreamEvent, TriggerParsing};
use tally_model::NodeId;
use tally_ports::{Clock, Transport};
use tally_roles::scheduler::{Command, Event, Scheduler};
use tally_roles::{admin, autoscaler};
use tally_runtime::{Inbox, drive, inbox};
use tokio::sync::{mpsc, oneshot};

use super::Room;

/// Starts the scheduler. It tells the autoscaler of enqueued tasks, and the admin of broken streams.
pub(super) fn start(
    room: &Room,
    streams: mpsc::Receiver<StreamEvent>,
    triggers: mpsc::Receiver<TriggerParsing>,
    autoscaler: Inbox<autoscaler::Event>,
    admin: Inbox<admin::Event>,
) {
    let (sender, receiver) = inbox();
    room.tasks.spawn(forward(streams, sender.clone(), admin));
    let calls = Calls::default();
    room.tasks.spawn(trigger(triggers, calls.clone(), sender.clone()));
    let mut machine = Scheduler::new(room.platform.clone(), room.cluster);
    let mut commands = Vec::new();
    machine.start(room.clock.now(), &mut commands);
    let runner = room.runner(sender, Event::Port);
    let out = room.clone();
    let obey = move |command| match command {
        Command::Port(command) => runner.run(command),
        Command::Route { node, address } => out.streams.route(node, address),
        Command::Send { to, packet } => out.streams.send(to, tally_wire::encode(&packet)),
        Command::Enqueued { operation, count } => {
            // A full inbox means that the autoscaler has plenty to look at already.
            let _ = autoscaler.try_send(autoscaler::Event::Enqueued { operation, count });
        }
        Command::Triggered { call, pending } => calls.answer(call, pending),
        Command::Observe(observation) => out.observe(observation),
    };
    room.tasks.spawn(drive(
        machine,
        commands,
        receiver,
        room.clock,
        obey,
        room.shutdown.clone(),
    ));
}

async fn forward(mut streams: mpsc::Receiver<StreamEvent>, inbox: Inbox<Event>, admin: Inbox<admin::Event>) {
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
                    let _ = admin.send(admin::Event::PeerLost { node }).await;
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
