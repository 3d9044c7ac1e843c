//! `[[fault]]`.

use tally_model::{FaultType, Operation};

use crate::diagnose::Problems;
use crate::read::Reader;
use crate::{Fault, FaultKind, Pick};

/// Reads one fault.
pub(crate) fn read(reader: &Reader<'_>, problems: &mut Problems) -> Option<Fault> {
    let name = reader.name("name", problems);
    let kind = reader.choice("kind", problems).map(|kind| match kind {
        "pause" => FaultKind::Pause,
        "pod-delete" => FaultKind::PodDelete,
        "node-kill" => FaultKind::NodeKill,
        "corrupt" => FaultKind::Corrupt,
        _ => FaultKind::Kill,
    });
    let role = reader.choice("role", problems).map(|role| match role {
        "leader" => FaultType::Leader,
        "follower" => FaultType::Follower,
        "control-plane" => FaultType::ControlPlane,
        _ => FaultType::Worker,
    });
    let pick = match reader.choice("pick", problems) {
        Some("minority") => Pick::Minority,
        _ => Pick::One,
    };
    let operation = reader
        .choice("operation", problems)
        .and_then(Operation::from_text);
    let part = reader.choice("part", problems).map(str::to_owned);
    let at = reader.duration("at", problems);
    let length = reader.duration("for", problems);
    if role == Some(FaultType::ControlPlane) && kind == Some(FaultKind::Corrupt) {
        problems
            .at(
                &reader.key_place("kind"),
                "F0210",
                "a control plane cannot be corrupted",
            )
            .label("nothing masks it")
            .help("corrupt a `worker`, a `leader` or a `follower`");
    }
    if role == Some(FaultType::ControlPlane) {
        for key in ["operation", "pick"].iter().filter(|key| reader.has(key)) {
            problems
                .at(
                    &reader.key_place(key),
                    "F0210",
                    format!("`{key}` means nothing for `role = \"control-plane\"`"),
                )
                .label("without effect")
                .help("leave it out: there is one control plane");
        }
    }
    if role.is_some_and(|role| role != FaultType::ControlPlane) && reader.has("part") {
        problems
            .at(
                &reader.key_place("part"),
                "F0210",
                "`part` means nothing but for `role = \"control-plane\"`".to_owned(),
            )
            .label("without effect")
            .help("leave it out, or aim at the control plane");
    }
    Some(Fault {
        name: name?.to_owned(),
        kind: kind?,
        role: role?,
        pick,
        operation,
        part,
        at: at?,
        length: length?,
    })
}
