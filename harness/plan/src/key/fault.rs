//! Keys of `[[fault]]`.

use super::{DAY, PART_5};
use crate::section::{Kind, OPERATIONS, Section, optional, required};

pub(crate) static FAULT: Section = Section {
    title: "[[fault]]",
    keys: &[
        required("name", Kind::Name, "Name of the fault; expectations refer to it."),
        required(
            "kind",
            Kind::Choice {
                of: &["kill", "pause", "corrupt", "pod-delete", "node-kill"],
                later: &[
                    ("partition", PART_5),
                    ("net", PART_5),
                    ("clock", PART_5),
                    ("disk", PART_5),
                    ("byzantine", PART_5),
                    ("queue", PART_5),
                    ("kubeapi", PART_5),
                    ("restart", PART_5),
                ],
            },
            "What is done to it.",
        ),
        required(
            "role",
            Kind::Choice {
                of: &["worker", "leader", "follower", "control-plane"],
                later: &[("node", PART_5)],
            },
            "To whom.",
        ),
        optional(
            "pick",
            Kind::Choice {
                of: &["one", "minority"],
                later: &[
                    ("minority-third", PART_5),
                    ("majority", PART_5),
                    ("primaries", PART_5),
                    ("all", PART_5),
                ],
            },
            "To how many. Default one.",
        ),
        optional(
            "operation",
            Kind::Choice {
                of: OPERATIONS,
                later: &[],
            },
            "Only sets of this operation, by its name or its symbol.",
        ),
        optional(
            "part",
            Kind::Choice {
                of: &["gateway", "scheduler", "fleet", "admin", "autoscaler"],
                later: &[],
            },
            "Which role of the control plane, on a cluster. Default all of them.",
        ),
        required(
            "at",
            Kind::Duration { min: 0, max: DAY },
            "Start, from the start of the measure phase.",
        ),
        required(
            "for",
            Kind::Duration { min: 1, max: DAY },
            "How long. Never left out: every fault ends.",
        ),
    ],
    later: &[("from", PART_5), ("way", PART_5), ("does", PART_5)],
};
