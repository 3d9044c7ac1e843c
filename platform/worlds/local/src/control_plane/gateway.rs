//! Glue of the gateway: the HTTP door on one side, ports on the other.

use tally_http::DoorEvent;
use tally_roles::gateway::{Gateway, GatewayCommand, GatewayEvent};
use tally_runtime::{drive, inbox};
use tokio::sync::mpsc;

use super::Room;

/// Starts the gateway.
pub(super) fn start(room: &Room, mut door_events: mpsc::Receiver<DoorEvent>) {
    let (sender, receiver) = inbox();
    let machine = Gateway::new(room.platform.limits, room.platform.timing);
    let runner = room.runner(sender.clone(), GatewayEvent::Port);
    let out = room.clone();
    let obey = move |command| match command {
        GatewayCommand::Observe(observation) => out.observe(observation),
        command => {
            if let Some(command) = out.door.obey(command) {
                runner.run(command);
            }
        }
    };
    room.tasks.spawn(async move {
        while let Some(event) = door_events.recv().await {
            if sender.send(event).await.is_err() {
                return;
            }
        }
    });
    room.tasks.spawn(drive(
        machine,
        Vec::new(),
        receiver,
        room.clock,
        obey,
        room.shutdown.clone(),
    ));
}
