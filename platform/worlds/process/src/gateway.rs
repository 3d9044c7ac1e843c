//! Glue of the gateway: the HTTP door on one side, ports on the other.

use tally_http::{Door, DoorEvent};
use tally_roles::gateway::{Gateway, GatewayCommand, GatewayEvent};
use tally_runtime::inbox;
use tokio::sync::mpsc;

use crate::{Room, World};

/// Starts the gateway behind `door`, whose events come by `door_events`.
pub fn start<W: World>(room: &Room<W>, door: Door, mut door_events: mpsc::Receiver<DoorEvent>) {
    let (sender, receiver) = inbox();
    let mut machine = Gateway::new(room.platform.limits, room.platform.timing);
    if room.ports.joint.is_some() {
        machine.enter_at_once();
    }
    let runner = room.runner(sender.clone(), GatewayEvent::Port);
    let out = room.clone();
    let obey = move |command| match command {
        GatewayCommand::Observe(observation) => out.observe(&observation),
        command => {
            if let Some(command) = door.obey(command) {
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
    room.drive(machine, Vec::new(), receiver, obey);
}
