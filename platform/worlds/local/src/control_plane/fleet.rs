//! Glue of the cluster service: asks new pods who they are.

use std::time::Duration;

use tally_model::NodeId;
use tally_roles::fleet::{Command, Event, Fleet};
use tally_roles::port::PortCommand;
use tally_runtime::{Inbox, drive, inbox};

use super::Room;

/// How long one question may take, and how often it is asked.
const ASK_TIMEOUT: Duration = Duration::from_secs(1);
const ASK_TIMES: u32 = 5;
const ASK_PAUSE: Duration = Duration::from_millis(20);

/// Starts the cluster service; `pod_config` is what every pod is told.
pub(super) fn start(room: &Room, pod_config: String) {
    let (sender, receiver) = inbox();
    let machine = Fleet::new(&room.platform, pod_config);
    let runner = room.runner(sender.clone(), Event::Port);
    let out = room.clone();
    let obey = move |command| match command {
        Command::Port(command) => {
            if let PortCommand::Put { key, value, .. } = &command
                && key.starts_with("sets/")
            {
                out.status.keep(value);
            }
            runner.run(command);
        }
        Command::Describe {
            node,
            incarnation,
            address,
        } => {
            out.tasks
                .spawn(describe(out.clone(), sender.clone(), node, incarnation, address));
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
}

async fn describe(room: Room, inbox: Inbox<Event>, node: NodeId, incarnation: u32, address: String) {
    let mut result = Err(());
    for _ in 0..ASK_TIMES {
        match room.probe.describe(&address, ASK_TIMEOUT).await {
            Ok(who) if who.node == node && who.incarnation == incarnation => {
                result = Ok(who.public_key);
                break;
            }
            Ok(who) => {
                tracing::warn!(%address, expected = %node, found = %who.node, "another node answers there");
            }
            Err(error) => tracing::debug!(%node, %error, "a new pod does not answer yet"),
        }
        tokio::time::sleep(ASK_PAUSE).await;
    }
    let _ = inbox
        .send(Event::Described {
            node,
            incarnation,
            address,
            result,
        })
        .await;
}
