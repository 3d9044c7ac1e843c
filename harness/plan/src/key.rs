//! The tables of an experiment file (version 1).

mod fault;
mod load;
mod platform;

pub(crate) use fault::FAULT;
pub(crate) use load::LOAD;
pub(crate) use platform::PLATFORM;

use crate::section::{Kind, Section, optional, required};

const DAY: u64 = 86_400_000;
const HOUR: u64 = 3_600_000;
const PART_2: &str = "part 2 (Kubernetes)";
const PART_5: &str = "part 5 (chaos)";

/// The table of what changes beside a live autoscaler.
pub(crate) const LIVE: &str = "live";

pub(crate) static TOP: Section = Section {
    title: "the file",
    keys: &[
        required("version", Kind::OneOf(&[1]), "Version of this format: 1."),
        required(
            "name",
            Kind::Folder,
            "Name of the experiment; it becomes a folder.",
        ),
        optional("title", Kind::Text, "One line for people."),
        optional(
            "seed",
            Kind::Integer {
                min: 0,
                max: i64::MAX,
            },
            "Seed of everything that is drawn; default 1.",
        ),
        required("phases", Kind::Table(&PHASES), "How long each phase lasts."),
        optional(
            "trials",
            Kind::Integer { min: 1, max: 1_000 },
            "How often the whole is done; default 1.",
        ),
        optional("platform", Kind::Table(&PLATFORM), "What is tested."),
        required("load", Kind::Tables(&LOAD), "Requests; at least one table."),
        optional("fault", Kind::Tables(&FAULT), "What is broken on purpose."),
        optional("expect", Kind::Tables(&EXPECT), "What must hold."),
        optional(
            "compare",
            Kind::Table(&COMPARE),
            "Arms of a comparison; kept, not run yet.",
        ),
        optional("safety", Kind::Table(&SAFETY), "What the experiment may not do."),
        optional(
            LIVE,
            Kind::Changes,
            "Values that change, for every arm, beside a live HorizontalPodAutoscaler: `phases.measure = \"75s\"`.",
        ),
    ],
    later: &[],
};

pub(crate) static PHASES: Section = Section {
    title: "`phases`",
    keys: &[
        optional(
            "warmup",
            Kind::Duration { min: 0, max: DAY },
            "Load without faults, not measured; default 0s.",
        ),
        required(
            "measure",
            Kind::Duration { min: 100, max: DAY },
            "Load with faults, measured.",
        ),
        optional(
            "drain",
            Kind::Duration { min: 0, max: DAY },
            "No new requests; default 10s.",
        ),
    ],
    later: &[],
};

pub(crate) static EXPECT: Section = Section {
    title: "[[expect]]",
    keys: &[
        required(
            "that",
            Kind::Text,
            "A condition such as `p99(latency) < 800ms && lost == 0`.",
        ),
        optional(
            "when",
            Kind::Text,
            "before, during, after, steady, measure, always, during:FAULT, after:FAULT. Default measure. With `before` nothing is injected if it is false when the first fault is due.",
        ),
        optional("name", Kind::Name, "Shown in reports. Default the condition."),
        optional(
            "abort",
            Kind::Flag,
            "Stop the trial while it runs when it does not hold: it has failed. Default false.",
        ),
        optional(
            "grace",
            Kind::Duration { min: 0, max: HOUR },
            "With `abort`: how long it may fail to hold. Default 0s.",
        ),
    ],
    later: &[],
};

pub(crate) static COMPARE: Section = Section {
    title: "[compare]",
    keys: &[
        required("arms", Kind::Texts, "Names of the arms."),
        optional(
            "order",
            Kind::Choice {
                of: &["interleaved", "blocked"],
                later: &[],
            },
            "Order of trials. Default interleaved.",
        ),
    ],
    later: &[],
};

pub(crate) static SAFETY: Section = Section {
    title: "[safety]",
    keys: &[optional(
        "max_fault",
        Kind::Duration { min: 1, max: DAY },
        "The longest fault. Default 60s.",
    )],
    later: &[("contexts", PART_2), ("rollback", PART_5)],
};
