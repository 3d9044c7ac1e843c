//! Keys of `[[load]]` and of the expressions in it.

use super::{DAY, HOUR};
use crate::section::{Kind, Section, optional, required};

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
                of: &[
                    "constant", "ramp", "burst", "poisson", "step", "hill", "square", "mmpp", "trace",
                    "closed",
                ],
                later: &[],
            },
            "When requests come.",
        ),
        optional("rate", Kind::Rate, "constant, poisson: requests per time."),
        optional(
            "from",
            Kind::Rate,
            "ramp: rate at the start of the measure phase. step: rate before.",
        ),
        optional("to", Kind::Rate, "ramp: rate at its end. step: rate after."),
        optional(
            "base",
            Kind::Rate,
            "burst: rate outside the window. hill, square, mmpp: the lower rate.",
        ),
        optional(
            "peak",
            Kind::Rate,
            "burst: rate inside the window. hill, square, mmpp: the higher rate.",
        ),
        optional(
            "at",
            Kind::Duration { min: 0, max: DAY },
            "burst, step: when, from the start of the measure phase.",
        ),
        optional(
            "period",
            Kind::Duration { min: 10, max: DAY },
            "square: length of a period, half of it at each rate.",
        ),
        optional(
            "calm",
            Kind::Duration { min: 10, max: DAY },
            "mmpp: mean length of a stay at `base`.",
        ),
        optional(
            "storm",
            Kind::Duration { min: 10, max: DAY },
            "mmpp: mean length of a stay at `peak`.",
        ),
        optional(
            "counts",
            Kind::Counts,
            "trace: requests of each stretch; `tally import` writes them.",
        ),
        optional(
            "bucket",
            Kind::Duration { min: 10, max: DAY },
            "trace: how long a stretch is played.",
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
