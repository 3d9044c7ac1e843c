//! Glue of the admin: probes over the health service.

use tally_grpc::Health;
use tally_roles::admin::{Admin, Command, Event};
use tally_runtime::{Inbox, drive, inbox};

use super::Room;

/// Starts the admin.
pub(super) fn start(room: &Room) -> Inbox<Event> {
    let (sender, receiver) = inbox();
    let machine = Admin::new(&room.platform);
    let runner = room.runner(sender.clone(), Event::Port);
    let (out, answers) = (room.clone(), sender.clone());
    let obey = move |command| match command {
        Command::Port(command) => runner.run(command),
        Command::Probe {
            node,
            incarnation,
            address,
            timeout,
        } => {
            let (probe, answers) = (out.probe.clone(), answers.clone());
            out.tasks.spawn(async move {
                let answer = match probe.health(&address, timeout).await {
                    Health::Well => Event::Probed {
                        node,
                        incarnation,
                        ok: true,
                    },
                    Health::Refused => Event::Probed {
                        node,
                        incarnation,
                        ok: false,
                    },
                    Health::Silent => Event::Silent { node, incarnation },
                };
                let _ = answers.send(answer).await;
            });
        }
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
