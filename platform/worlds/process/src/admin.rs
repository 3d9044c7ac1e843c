//! Glue of the admin: probes over the health service.

use tally_grpc::{Health, Probe};
use tally_roles::admin::{Admin, Command, Event};
use tally_runtime::{Inbox, inbox};

use crate::{Room, World};

/// Starts the admin.
pub fn start<W: World>(room: &Room<W>) -> Inbox<Event> {
    let (sender, receiver) = inbox();
    let machine = Admin::new(&room.platform);
    let runner = room.runner(sender.clone(), Event::Port);
    let (out, answers, probe) = (room.clone(), sender.clone(), Probe::default());
    let obey = move |command| match command {
        Command::Port(command) => runner.run(command),
        Command::Probe {
            node,
            incarnation,
            address,
            timeout,
        } => {
            let (probe, answers) = (probe.clone(), answers.clone());
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
        Command::Observe(observation) => out.observe(&observation),
    };
    room.drive(machine, Vec::new(), receiver, obey);
    sender
}
