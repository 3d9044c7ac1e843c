//! Every error code of an experiment file, with a page of help.

/// Codes and their help, in order. Codes of expressions (`F0410` to `F0417`) belong to `tally-expression`.
pub const CODES: &[(&str, &str)] = &[
    (
        "F0101",
        "The file is not TOML. The message says what was expected at the place shown. Common causes: a text without quotes, a key twice, a bracket that is not closed.",
    ),
    (
        "F0102",
        "The file is larger than 1 MiB. Experiments describe requests, they do not list them: use `expr = { kind = \"tree\", ... }`.",
    ),
    (
        "F0201",
        "A key that this table does not have. Unknown keys are errors, because a misspelt `trails = 10` would otherwise silently run once.",
    ),
    (
        "F0202",
        "A key that is needed is missing. Which keys are needed can depend on others: `pattern = \"burst\"` needs `base`, `peak`, `at` and `for`.",
    ),
    (
        "F0203",
        "A value of the wrong type: a number where a text belongs, or the other way round. Durations, rates and sizes are texts with a unit: `\"250ms\"`, `\"400/s\"`, `\"64KiB\"`.",
    ),
    (
        "F0204",
        "A quantity without a unit, or with one that does not belong there. Durations: ns, us, ms, s, m, h. Rates: /s, /m, /h. Sizes: B, kB, MB, KiB, MiB, GiB.",
    ),
    (
        "F0205",
        "A value outside of its bounds. Everything has bounds, so that a slip of the pen cannot start a million processes.",
    ),
    (
        "F0206",
        "A value that is not one of the names known here. The help line gives the nearest, or all of them.",
    ),
    (
        "F0207",
        "A value or key that is planned but not built yet. The help line says what brings it and what there is today.",
    ),
    (
        "F0208",
        "A fault without `for`. Every fault has a duration, so that it ends even if the harness dies.",
    ),
    (
        "F0210",
        "A key that has no effect beside the others of its table, such as `rate` of a burst. It is an error because somebody meant something by it.",
    ),
    (
        "F0211",
        "An override `--set key=value` that reaches nothing. A key is the path in the file; tables of a list are reached by name or number: `load.spike.peak=200/s`.",
    ),
    (
        "F0301",
        "A name that is not made of 1 to 40 of the characters a-z, 0-9 and `-`. Names become paths of files. That of an experiment begins with a letter or digit and is not `latest` or `comparisons`, which stand for something else beside it.",
    ),
    ("F0302", "Two loads or two faults with the same name."),
    (
        "F0450",
        "An expected answer that the expression can never have, or that is no answer. Answers are exact: numbers, fractions in lowest terms, or `error:NAME`. Left out, the checker computes it.",
    ),
    (
        "F0451",
        "Generated expressions could be larger than the platform accepts. Fanout to the power of depth is the number of operands.",
    ),
    (
        "F0501",
        "An expectation that cannot be read. Comparisons are joined by `&&`: `p99(latency) < 800ms && lost == 0`.",
    ),
    (
        "F0502",
        "A function and a metric that do not go together. Times need a function (`p99(latency)`), counters and shares need none; `rate` and `count` take counters.",
    ),
    (
        "F0503",
        "A metric that does not exist. `tally explain METRIC` explains each one.",
    ),
    (
        "F0504",
        "Units that do not go together: a time against a bare number, a count against a percentage.",
    ),
    ("F0505", "A percentile outside of p50 to p99.99."),
    ("F0506", "A metric or form that is planned but not measured yet."),
    (
        "F0507",
        "A `when` that refers to a fault the file does not have, or a time of faults asked for where no fault is: `before` and `steady`.",
    ),
    (
        "F0508",
        "A comparison that no run can change: two constants, a share above 1, a division by 0.",
    ),
    (
        "F0509",
        "A function that does not exist. There are p50 to p99.99, avg, min, max, median, rate and count.",
    ),
    (
        "F0601",
        "A fault that begins or ends outside of the measure phase. `at` counts from the start of that phase, so that changing the warm-up moves nothing.",
    ),
    (
        "F0602",
        "Two faults at once on the same role. Their effects and recoveries could not be told apart.",
    ),
    (
        "F0603",
        "After the last fault there is less time than work that was in flight stays hidden; it would be counted as lost although it is only late.",
    ),
    ("F0604", "A burst outside of the measure phase."),
    ("F0605", "More than 5,000,000 requests in one trial."),
    (
        "F0701",
        "A fault on a role that this platform does not have, such as a leader with `protocol = \"none\"`.",
    ),
    (
        "F0801",
        "Fewer trials than an interval needs: with n trials an order-statistic interval of the median covers 1 - 2/2^n, which reaches 95 % at n = 6.",
    ),
    (
        "F0802",
        "A percentile of fewer requests than it divides: p99 of 50 requests is only their maximum.",
    ),
    (
        "F0901",
        "A fault longer than `max_fault` in [safety], which is 60s unless the file says otherwise.",
    ),
];

/// The page of a code, for `tally explain CODE`.
pub fn code_help(code: &str) -> Option<&'static str> {
    CODES
        .iter()
        .find(|(known, _)| *known == code)
        .map(|(_, help)| *help)
}
