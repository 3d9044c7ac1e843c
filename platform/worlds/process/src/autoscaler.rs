//! Glue of the autoscaler.

use tally_roles::autoscaler::{Autoscaler, Command, Event};
use tally_runtime::{Inbox, inbox};

use crate::{Room, World};

/// Starts the autoscaler.
pub fn start<W: World>(room: &Room<W>) -> Inbox<Event> {
    let (sender, receiver) = inbox();
    let machine = Autoscaler::new(&room.platform);
    let runner = room.runner(sender.clone(), Event::Port);
    let out = room.clone();
    let obey = move |command| match command {
        Command::Port(command) => runner.run(command),
        Command::Observe(observation) => out.observe(&observation),
    };
    room.drive(machine, Vec::new(), receiver, obey);
    sender
}
