//! Glue of the cluster service: asks new pods who they are.

use std::time::Duration;

use tally_grpc::Probe;
use tally_model::NodeId;
use tally_roles::fleet::{Command, Event, Fleet};
use tally_roles::port::PortCommand;
use tally_runtime::{Inbox, inbox};

use crate::{Room, World};

/// How long one question may take, and how often it is asked.
const ASK_TIMEOUT: Duration = Duration::from_secs(1);
const ASK_TIMES: u32 = 5;
const ASK_PAUSE: Duration = Duration::from_millis(20);

/// Starts the cluster service; `pod_config` is what every pod is told, and `keep` is shown every record before it is stored.
pub fn start<W: World>(room: &Room<W>, pod_config: String, keep: impl Fn(&str) + Send + 'static) {
    let (sender, receiver) = inbox();
    let machine = Fleet::new(&room.platform, pod_config);
    let runner = room.runner(sender.clone(), Event::Port);
    let (out, probe) = (room.clone(), Probe::default());
    let obey = move |command| match command {
        Command::Port(command) => {
            if let PortCommand::Put { key, value, .. } = &command
                && key.starts_with("sets/")
            {
                keep(value);
            }
            runner.run(command);
        }
        Command::Describe {
            node,
            incarnation,
            address,
        } => {
            let (probe, answers) = (probe.clone(), sender.clone());
            out.tasks
                .spawn(describe(probe, answers, node, incarnation, address));
        }
        Command::Observe(observation) => out.observe(&observation),
    };
    room.drive(machine, Vec::new(), receiver, obey);
}

async fn describe(probe: Probe, inbox: Inbox<Event>, node: NodeId, incarnation: u32, address: String) {
    let mut result = Err(());
    for _ in 0..ASK_TIMES {
        match probe.describe(&address, ASK_TIMEOUT).await {
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
