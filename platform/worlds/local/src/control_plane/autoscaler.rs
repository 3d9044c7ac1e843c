//! Glue of the autoscaler.

use tally_roles::autoscaler::{Autoscaler, Command, Event};
use tally_runtime::{Inbox, drive, inbox};

use super::Room;

/// Starts the autoscaler.
pub(super) fn start(room: &Room) -> Inbox<Event> {
    let (sender, receiver) = inbox();
    let machine = Autoscaler::new(&room.platform);
    let runner = room.runner(sender.clone(), Event::Port);
    let out = room.clone();
    let obey = move |command| match command {
        Command::Port(command) => runner.run(command),
        Command::Observe(observation) => out.observe(observation),
    };
    room.tasks.spawn(drive(
        machine,
        Vec::new(),
        receiver,
        room.clock,
        obey,
        room.shutdown.clone(),
    ));
    sender
}
