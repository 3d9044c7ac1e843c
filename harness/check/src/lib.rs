//! Lost, overdue, duplicated, wrong, conflicting, unexpected, non-monotonic; certificate audit.
//!
//! The checker reads what a run left behind and trusts none of the platform's code for arithmetic: it has an evaluator of its own
//! (`reference`). Equal inputs give equal reports, byte for byte.
//!
//! # Definitions
//!
//! A *request* is an entry of the plan; its *operation* is its line in the history. *Accepted* means that the client saw a 202
//! (or 200): the platform then owes exactly one outcome. A request whose 202 was lost is *unknown* (Jepsen's info) and nothing
//! is owed for it, unless asking again under its idempotency key showed that it was accepted.
//!
//! | finding | definition | safety |
//! |---|---|---|
//! | lost | accepted, and no outcome by the end of the drain, however often it was asked for | unsafe |
//! | overdue | accepted, and no outcome because the harness stopped to wait: at the last look the platform worked on it and still answered others | broken |
//! | wrong | an outcome that the arithmetic decides (a value, `syntax`, `too_large`, `too_deep`, `unsupported_number`, `div_by_zero`, `overflow`) differs, in one byte, from the reference evaluator's, or from the answer that the plan states | unsafe |
//! | duplicated | one request got two ids; or one id was given to two requests; or the same outcome of one request was seen with two birth marks (`folded`), which are two outcome records | unsafe |
//! | conflicting | two different outcomes of one request were seen, in whatever way; or the platform reported so itself | unsafe |
//! | unexpected | an outcome for a request that was certainly refused or never sent, or that is not in the history; or under an id that nobody was given, unless it is what a request of unknown fate comes to | broken |
//! | non-monotonic | a read after the answer shows nothing, or another outcome (which is a conflict too) | broken |
//! | failed | ended in a failure of the platform (`tally_model::Failure`: `dead_lettered`, `answer_too_large`, `internal`, and those that the platform has names for but ends nothing in): not wrong, counted | clean |
//! | recovered | answered after more than one attempt | clean |
//!
//! The same outcome delivered again from the same outcome record is no finding: delivery is at least once, outcomes are one.
//!
//! # Audit of certificates
//!
//! Answers are audited whole. Up to 5,000 certificates (`DEFAULT_AUDIT`) that is every answer; beyond, whole answers drawn by the seed. Flaws:
//! those of `tally_consensus::Flaw` by name (`signature`, `too_few_votes`, `duplicate_vote`, `not_a_member`, `other_job`,
//! `other_outcome`, `other_set`, `other_epoch`, `other_leader`, `unknown_set`, `path`, `malformed`); `missing` (a task or a value
//! without a certificate on a platform that certifies); `other_task` (not an operation of this request's expression, with these
//! operands, at this place), `repeated_task`, `other_result` (the arithmetic gives something else), `incomplete` (a task that
//! the answer needs is not there), `answer` (the tasks come to something else), `other_request`. Every flaw is unsafe: the promise
//! is that an answer convinces somebody who trusts nobody.
//!
//! Gaps in the record itself (torn tail, missing lines, no keys) are the harness's and make the result *incomplete*.

mod audit;
mod checker;
mod entry;
mod finding;
mod history;
mod line;
mod options;
pub mod reference;
mod relation;
mod report;
mod sample;
mod stray;

pub use checker::{Input, check, check_trial};
pub use finding::{EXAMPLES, Example, Finding};
pub use options::{AuditLimit, DEFAULT_AUDIT, Options};
pub use reference::{Reference, ReferenceTask};
pub use report::{Audit, CheckReport, Gaps, Safety};
