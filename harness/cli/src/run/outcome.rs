//! What the checker found, in one line.

use tally_check::CheckReport;

/// Lost, wrong and the rest, zeros included: what is not said could be anything.
pub(crate) fn check_line(report: &CheckReport) -> String {
    let names = ["lost", "duplicated", "wrong", "conflicting", "unexpected", "non_monotonic", "uncertified"];
    let counts: Vec<String> =
        names.iter().map(|name| format!("{name} {}", report.count(name).unwrap_or(0))).collect();
    format!(
        "{} of {} accepted answered; {}; {} certificate(s) audited in {} of {} answers",
        report.answered,
        report.accepted,
        counts.join(", "),
        report.audit.certificates_audited,
        report.audit.answers_audited,
        report.audit.answers
    )
}
