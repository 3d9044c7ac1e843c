//! Keys of `[platform]` and of the service times in it.

use tally_model::Scaler;

use super::{DAY, HOUR, PART_2};
use crate::section::{Kind, Section, optional, required};

const fn wait(min: u64) -> Kind {
    Kind::Duration { min, max: HOUR }
}

pub(crate) static PLATFORM: Section = Section {
    title: "[platform]",
    keys: &[
        optional(
            "protocol",
            Kind::Choice {
                of: &["pbft", "collect", "vote", "none"],
                later: &[],
            },
            "How a replica set agrees; `none` has no replicas. Default pbft.",
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
            Kind::OneOf(&[3, 4, 5, 7]),
            "Replicas per set, n = 3f+1: 4 or 7; with `vote` 2f+1: 3, 5 or 7. Default f = 1.",
        ),
        optional(
            "count-leader-vote",
            Kind::Flag,
            "`collect`: whether the leader's own vote counts towards the quorum. Default true.",
        ),
        optional(
            "leader",
            Kind::Choice {
                of: &["view-change", "election", "admin-replace"],
                later: &[],
            },
            "What follows when a leader is gone: `pbft` has its view change; in `collect` another is drawn, or its successor leads. Default the protocol's first.",
        ),
        optional(
            "leader-lock",
            Kind::Flag,
            "`collect`: whether who leads must hold the set's lock in the metadata store. Default false.",
        ),
        optional(
            "dispatch",
            Kind::Choice {
                of: &["event", "report", "whole"],
                later: &[],
            },
            "When a ready task is sent: at once, or by the report's polling; `whole` splits nothing and has one worker compute each expression, without replicas. Default event.",
        ),
        optional(
            "scaler",
            Kind::Scaler {
                of: Scaler::NAMES,
                later: &[("hpa-cpu", PART_2), ("hpa-queue", PART_2)],
            },
            "The policy that drives the number of sets; `fixed-N` holds N. Default threshold.",
        ),
        optional(
            "shadows",
            Kind::Scalers,
            "Policies that see every signal and decide for the record only. Default none.",
        ),
        optional(
            "policies",
            Kind::Policies,
            "Policies that `tally sim` compares on the same arrivals instead of playing the one that drives, or `all`.",
        ),
        optional(
            "objective",
            wait(1),
            "What 95 % of the tasks may take from ready to answered; policies with a model aim at it. Default 500ms.",
        ),
        optional(
            "scale-interval",
            Kind::Duration {
                min: 100,
                max: 60_000,
            },
            "How often the scheduler reports what the layers did. Default 1s.",
        ),
        optional(
            "start-delay",
            Kind::Duration { min: 10, max: 30_000 },
            "Simulated world: from asking for a set to its being ready. Default that world's own.",
        ),
        optional(
            "drift",
            Kind::Table(&DRIFT),
            "Service times that change in the middle of the measure phase. Default none.",
        ),
        optional("hpa", Kind::Table(&HPA), "Parameters of the policy `hpa`."),
        optional(
            "threshold",
            Kind::Integer { min: 1, max: 100_000 },
            "Layer depth that is too much. Default 4.",
        ),
        optional(
            "min",
            Kind::Integer { min: 0, max: 64 },
            "Fewest sets of an operation; 0 lets a layer go to nothing and come back. Default 1.",
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

pub(crate) static DRIFT: Section = Section {
    title: "`drift`",
    keys: &[
        required(
            "at",
            Kind::Duration { min: 0, max: DAY },
            "Requests due from here on, counted from the start of the measure phase.",
        ),
        required(
            "factor",
            Kind::Number {
                min: 0.01,
                max: 100.0,
            },
            "By what their service times are multiplied.",
        ),
    ],
    later: &[],
};

pub(crate) static HPA: Section = Section {
    title: "`hpa`",
    keys: &[
        optional(
            "metric",
            Kind::Choice {
                of: &["queue", "cpu"],
                later: &[],
            },
            "The depth of the layer per set, or how busy the sets are. Default queue.",
        ),
        optional(
            "target",
            Kind::Number {
                min: 0.001,
                max: 100_000.0,
            },
            "Tasks per set, or percent of a core. Default the threshold, or 80.",
        ),
        optional("period", wait(100), "How often it looks. Default 15s."),
        optional(
            "up-window",
            WINDOW,
            "Stabilisation on the way up; gives it a behavior. Default none.",
        ),
        optional(
            "down-window",
            WINDOW,
            "Stabilisation on the way down; gives it a behavior. Default 5m.",
        ),
        optional(
            "up-tolerance",
            TOLERANCE,
            "Fraction above the target without consequence. Default 0.1.",
        ),
        optional(
            "down-tolerance",
            TOLERANCE,
            "Fraction below the target without consequence. Default 0.1.",
        ),
        optional(
            "version",
            Kind::Choice {
                of: &["1.20", "1.28", "1.37"],
                later: &[],
            },
            "Which Kubernetes it follows. Default 1.37.",
        ),
    ],
    later: &[],
};

const WINDOW: Kind = Kind::Duration { min: 0, max: HOUR };
const TOLERANCE: Kind = Kind::Number { min: 0.0, max: 1.0 };

const WORK_KIND: Kind = Kind::Choice {
    of: &["delay", "spin"],
    later: &[],
};
const WORK_DIST: Kind = Kind::Choice {
    of: &["exponential", "fixed", "lognormal"],
    later: &[],
};
const WORK_PROCESSOR: Kind = Kind::Integer { min: 0, max: 100 };
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
        optional(
            "processor",
            WORK_PROCESSOR,
            "Percent of a `delay` that burns CPU. Default 0.",
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
        optional(
            "processor",
            WORK_PROCESSOR,
            "Percent of a `delay` that burns CPU.",
        ),
    ],
    later: &[],
};
