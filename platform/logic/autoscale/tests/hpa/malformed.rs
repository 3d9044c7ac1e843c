//! Files that cannot be evaluated.

use tally_autoscale::hpa::cases::evaluate;

/// Text of a file, and row and field of everything that is wrong with it.
type Malformed<'a> = (&'a str, &'a [(&'a str, &'a str)]);

const FILES: &[Malformed<'_>] = &[
    ("", &[("file", "")]),
    ("{}", &[("file", "")]),
    ("[]", &[("file", "")]),
    ("[7, {}]", &[("row 1", ""), ("row 2", "kind")]),
    (r#"[{"id": "a", "kind": "vertical"}]"#, &[("a", "kind")]),
    (
        r#"[{"id": "a", "kind": "object_avg", "cur": 1, "exp": 1, "target": 0, "total": "x", "compat": "1.2"}]"#,
        &[("a", "compat"), ("a", "target"), ("a", "total")],
    ),
    (
        r#"[{"src": "s", "kind": "pods", "cur": -1, "exp": 1.5, "target": 5, "tol": [0.1, -1],
             "pods": [{"v": 1, "st": "okay"}, {"st": "ok"}, 3]}]"#,
        &[
            ("s", "cur"),
            ("s", "exp"),
            ("s", "pods[0].st"),
            ("s", "pods[1].v"),
            ("s", "pods[2]"),
            ("s", "tol[1]"),
        ],
    ),
    (
        r#"[{"id": "r", "kind": "rate", "cur": 1, "exp": 1, "pre": 2, "max": 9, "up_events": [{"n": 1}],
             "up": {"policies": [["Pods", 0, 15], ["Percent", 5, 1801], ["Few", 1, 1], 4], "select": "Most"}}]"#,
        &[
            ("r", "up.policies[0][1]"),
            ("r", "up.policies[1][2]"),
            ("r", "up.policies[2][0]"),
            ("r", "up.policies[3]"),
            ("r", "up.select"),
            ("r", "up_events[0].age"),
        ],
    ),
    (
        r#"[{"id": "c", "kind": "reconcile", "cur": 1, "max": 3, "exp": 1, "cond": "ScalingActive=Maybe/X",
             "metric": {"kind": "resource", "target": 50}, "behavior": {"up": {"policies": []}}}]"#,
        &[("c", "behavior"), ("c", "cond"), ("c", "metric.pods")],
    ),
];

/// Every problem of a file is told at once, by row and field, and nothing is evaluated.
#[test]
fn every_problem_is_told_by_row_and_field() {
    for (text, expected) in FILES {
        let problems = evaluate(text).unwrap_err();
        let mut found: Vec<(&str, &str)> = problems
            .iter()
            .map(|problem| (problem.row.as_str(), problem.field.as_str()))
            .collect();
        found.sort_unstable();
        assert_eq!(found, *expected, "{text}\n{problems:#?}");
        assert!(problems.iter().all(|problem| !problem.message.is_empty()));
    }
}
