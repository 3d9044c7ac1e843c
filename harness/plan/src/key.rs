//! The tables of an experiment file (version 1).

use crate::section::{Kind, Section, optional, required};

const DAY: u64 = 86_400_000;
const HOUR: u64 = 3_600_000;
const PART_2: &str = "part 2 (Kubernetes)";
const PART_3: &str = "part 3 (full PBFT)";
const PART_4: &str = "part 4 (autoscaling)";
const PART_5: &str = "part 5 (chaos)";

const fn wait(min: u64) -> Kind {
    Kind::Duration { min, max: HOUR }
}

pub(crate) static TOP: Section = Section {
    title: "the file",
    keys: &[
        required("version", Kind::OneOf(&[1]), "Version of this format: 1."),
        required("name", Kind::Name, "Name of the experiment; it becomes a folder."),
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

pub(crate) static PLATFORM: Section = Section {
    title: "[platform]",
    keys: &[
        optional(
            "protocol",
            Kind::Choice {
                of: &["collect", "none"],
                later: &[("pbft", PART_3), ("vote", PART_3)],
            },
            "How a replica set agrees; `none` has no replicas. Default collect.",
        ),
        optional(
            "suite",
            Kind::Choice {
                of: &["modern", "report"],
                later: &[],
            },
            "Digests and signatures: Ed25519 and BLAKE3, or RSA and MD5. Default modern.",
        ),
        optional(
            "replicas",
            Kind::OneOf(&[4, 7]),
            "Replicas per set, n = 3f+1. Default 4.",
        ),
        optional(
            "count-leader-vote",
            Kind::Flag,
            "Whether the leader's own vote counts. Default true.",
        ),
        optional(
            "dispatch",
            Kind::Choice {
                of: &["event", "report"],
                later: &[],
            },
            "When a ready task is sent: at once, or by the report's polling. Default event.",
        ),
        optional(
            "scaler",
            Kind::Scaler {
                of: &["threshold", "threshold-report"],
                later: &[
                    ("kalman", PART_4),
                    ("dc2-ps", PART_4),
                    ("hpa", PART_4),
                    ("keda", PART_4),
                    ("kpa", PART_4),
                    ("clairvoyant", PART_4),
                    ("static-optimum", PART_4),
                    ("hpa-cpu", PART_2),
                    ("hpa-queue", PART_2),
                ],
            },
            "The policy that drives the number of sets; `fixed-N` holds N. Default threshold.",
        ),
        optional(
            "threshold",
            Kind::Integer { min: 1, max: 100_000 },
            "Layer depth that is too much. Default 4.",
        ),
        optional(
            "min",
            Kind::Integer { min: 1, max: 64 },
            "Fewest sets of an operation. Default 1.",
        ),
        optional(
            "max",
            Kind::Integer { min: 1, max: 64 },
            "Most sets of an operation. Default 8.",
        ),
        optional(
            "work",
            Kind::Table(&WORK),
            "Service time of every operation. Default none.",
        ),
        optional(
            "visibility",
            wait(100),
            "How long a received message stays invisible. Default 30s.",
        ),
        optional(
            "probe-interval",
            wait(10),
            "How often health is asked for. Default 200ms.",
        ),
        optional(
            "probe-timeout",
            wait(10),
            "How long one probe may take. Default 500ms.",
        ),
        optional(
            "probe-misses",
            Kind::Integer { min: 1, max: 100 },
            "Misses in a row that make a fault. Default 2.",
        ),
        optional(
            "quorum-timeout",
            wait(10),
            "How long a worker waits for its replicas. Default 500ms.",
        ),
        optional(
            "task-timeout",
            wait(10),
            "How long a dispatched task may take. Default 5s.",
        ),
        optional(
            "scale-tick",
            wait(10),
            "How often the policy is asked. Default 100ms.",
        ),
        optional(
            "scale-down-after",
            wait(0),
            "How long a layer must be quiet before a set goes. Default 10s.",
        ),
        optional(
            "drain-timeout",
            wait(0),
            "How long a draining set may take. Default 30s.",
        ),
        optional(
            "report-poll",
            wait(1),
            "`dispatch = report`: period of its polling. Default 100ms.",
        ),
        optional(
            "report-sleep",
            wait(0),
            "`dispatch = report`: its sleep after a fault. Default 10s.",
        ),
        optional(
            "retention",
            Kind::Duration { min: 1_000, max: DAY },
            "How long answers stay readable. Default 1h.",
        ),
        optional(
            "start-timeout",
            wait(100),
            "A member not ready by then is replaced. Default 20s.",
        ),
        optional(
            "pending",
            Kind::Integer {
                min: 1,
                max: 1_000_000,
            },
            "Accepted requests without an outcome. Default 20000.",
        ),
        optional(
            "body",
            Kind::Size {
                min: 1_024,
                max: 1 << 20,
            },
            "Bytes of a request body. Default 65KiB.",
        ),
        optional(
            "headers",
            Kind::Size {
                min: 1_024,
                max: 1 << 20,
            },
            "Bytes of request headers. Default 16KiB.",
        ),
        optional(
            "connections",
            Kind::Integer { min: 1, max: 65_536 },
            "Open client connections. Default 4096.",
        ),
        optional("head-timeout", wait(10), "Time for a request head. Default 10s."),
        optional("body-timeout", wait(10), "Time for a request body. Default 15s."),
        optional(
            "idle-timeout",
            wait(10),
            "Time a connection may be idle. Default 30s.",
        ),
        optional("wait", wait(0), "Longest `?wait=`. Default 30s."),
        optional(
            "receives",
            Kind::Integer { min: 1, max: 1_000 },
            "Receives before a message is dead. Default 5.",
        ),
        optional(
            "in-flight",
            Kind::Integer { min: 1, max: 65_536 },
            "Tasks in flight at one set. Default 64.",
        ),
    ],
    later: &[],
};

const WORK_KIND: Kind = Kind::Choice {
    of: &["delay", "spin"],
    later: &[],
};
const WORK_DIST: Kind = Kind::Choice {
    of: &["exponential", "fixed", "lognormal"],
    later: &[],
};
const WORK_MEAN: Kind = Kind::Duration { min: 0, max: 600_000 };

pub(crate) static WORK: Section = Section {
    title: "`work`",
    keys: &[
        optional(
            "kind",
            WORK_KIND,
            "`delay` waits, `spin` burns CPU. Default delay.",
        ),
        optional("mean", WORK_MEAN, "Mean service time; more than 0."),
        optional("dist", WORK_DIST, "How it varies. Default exponential."),
        optional(
            "replicas",
            Kind::Flag,
            "Whether replicas repeat it. Default false.",
        ),
        optional("add", Kind::Table(&WORK_OF), "Different for additions."),
        optional("sub", Kind::Table(&WORK_OF), "Different for subtractions."),
        optional("mul", Kind::Table(&WORK_OF), "Different for multiplications."),
        optional("div", Kind::Table(&WORK_OF), "Different for divisions."),
    ],
    later: &[],
};

pub(crate) static WORK_OF: Section = Section {
    title: "`work` of one operation",
    keys: &[
        optional("kind", WORK_KIND, "`delay` waits, `spin` burns CPU."),
        optional("mean", WORK_MEAN, "Mean service time; more than 0."),
        optional("dist", WORK_DIST, "How it varies."),
        optional("replicas", Kind::Flag, "Whether replicas repeat it."),
    ],
    later: &[],
};

pub(crate) static LOAD: Section = Section {
    title: "[[load]]",
    keys: &[
        required(
            "name",
            Kind::Name,
            "Name of the load; it also names its streams of chance.",
        ),
        required(
            "pattern",
            Kind::Choice {
                of: &["constant", "ramp", "burst", "poisson", "closed"],
                later: &[("trace", PART_4)],
            },
            "When requests come.",
        ),
        optional("rate", Kind::Rate, "constant, poisson: requests per time."),
        optional(
            "from",
            Kind::Rate,
            "ramp: rate at the start of the measure phase.",
        ),
        optional("to", Kind::Rate, "ramp: rate at its end."),
        optional("base", Kind::Rate, "burst: rate outside the window."),
        optional("peak", Kind::Rate, "burst: rate inside the window."),
        optional(
            "at",
            Kind::Duration { min: 0, max: DAY },
            "burst: start of the window, from the start of the measure phase.",
        ),
        optional(
            "for",
            Kind::Duration { min: 1, max: DAY },
            "burst: length of the window.",
        ),
        optional(
            "users",
            Kind::Integer { min: 1, max: 10_000 },
            "closed: how many wait, think and ask again.",
        ),
        optional(
            "think",
            Kind::Duration { min: 0, max: HOUR },
            "closed: between an answer and the next request. Default 0s.",
        ),
        required(
            "expr",
            Kind::Expressions {
                shape: &SHAPE,
                fixed: &FIXED,
            },
            "What is asked.",
        ),
    ],
    later: &[],
};

const DEPTH: Kind = Kind::Integer {
    min: 1,
    max: tally_workloads::MAX_DEPTH as i64,
};
const FANOUT: Kind = Kind::Integer {
    min: 2,
    max: tally_workloads::MAX_FANOUT as i64,
};
const LENGTH: Kind = Kind::Integer {
    min: 1,
    max: tally_workloads::MAX_CHAIN as i64,
};

pub(crate) static SHAPE: Section = Section {
    title: "`expr`",
    keys: &[
        required(
            "kind",
            Kind::Choice {
                of: &["flat", "tree", "chained", "mixed"],
                later: &[],
            },
            "One operation, a tree, a chain where each operation needs the one before, or a mix of these.",
        ),
        optional(
            "ops",
            Kind::Operations,
            "Operations, `[\"+\", \"/\"]` or with weights `{ \"+\" = 3, \"/\" = 1 }`. Default all four.",
        ),
        optional(
            "values",
            Kind::Range,
            "Operands, both ends included. Default 1..99.",
        ),
        optional(
            "decimals",
            Kind::Integer { min: 0, max: 6 },
            "Most digits after the point. Default 0.",
        ),
        optional("depth", DEPTH, "tree: levels of parentheses."),
        optional("fanout", FANOUT, "tree: operands of a parenthesis. Default 2."),
        optional(
            "dependent",
            Kind::Number { min: 0.0, max: 1.0 },
            "tree: share of operands that are parentheses. Default 1.",
        ),
        optional("length", LENGTH, "chained: operations."),
        optional(
            "parts",
            Kind::Tables(&PART),
            "mixed: the shapes and their weights.",
        ),
    ],
    later: &[],
};

pub(crate) static PART: Section = Section {
    title: "`parts` of a mixed `expr`",
    keys: &[
        optional(
            "weight",
            Kind::Integer {
                min: 1,
                max: 1_000_000,
            },
            "How often, against the other parts. Default 1.",
        ),
        required(
            "kind",
            Kind::Choice {
                of: &["flat", "tree", "chained"],
                later: &[],
            },
            "The shape of this part.",
        ),
        optional("ops", Kind::Operations, "Operations. Default all four."),
        optional("values", Kind::Range, "Operands. Default 1..99."),
        optional(
            "decimals",
            Kind::Integer { min: 0, max: 6 },
            "Most digits after the point. Default 0.",
        ),
        optional("depth", DEPTH, "tree: levels of parentheses."),
        optional("fanout", FANOUT, "tree: operands of a parenthesis. Default 2."),
        optional(
            "dependent",
            Kind::Number { min: 0.0, max: 1.0 },
            "tree: share of operands that are parentheses. Default 1.",
        ),
        optional("length", LENGTH, "chained: operations."),
    ],
    later: &[],
};

pub(crate) static FIXED: Section = Section {
    title: "an expression of a list",
    keys: &[
        required("text", Kind::Text, "What is sent."),
        optional(
            "answer",
            Kind::Text,
            "What must come back: a number, a fraction, or `error:NAME`.",
        ),
    ],
    later: &[],
};

pub(crate) static FAULT: Section = Section {
    title: "[[fault]]",
    keys: &[
        required("name", Kind::Name, "Name of the fault; expectations refer to it."),
        required(
            "kind",
            Kind::Choice {
                of: &["kill", "pause"],
                later: &[
                    ("partition", PART_5),
                    ("net", PART_5),
                    ("clock", PART_5),
                    ("disk", PART_5),
                    ("byzantine", PART_5),
                    ("queue", PART_5),
                    ("kubeapi", PART_5),
                    ("pod-delete", PART_5),
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
                of: &["add", "sub", "mul", "div"],
                later: &[],
            },
            "Only sets of this operation.",
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
            "before, during, after, steady, measure, always, during:FAULT, after:FAULT. Default measure.",
        ),
        optional("name", Kind::Name, "Shown in reports. Default the condition."),
        optional(
            "abort",
            Kind::Flag,
            "Stop the trial when it does not hold. Default false.",
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
