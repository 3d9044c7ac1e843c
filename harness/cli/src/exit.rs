//! Exit codes: stable, printed in `--help`, the same in `--json`.

use std::process::ExitCode;

use serde::Serialize;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exit {
    /// All expectations held.
    Pass,
    /// An expectation failed.
    Fail,
    /// Bad flag, file or expression, or nothing selected.
    BadInput,
    /// No verdict possible: a fault without effect, a late generator, too little data.
    Inconclusive,
    /// An answer was lost, wrong, doubled or in conflict.
    Unsafe,
    /// A required tool, permission or service is missing.
    Environment,
    /// The platform did not become healthy, or was not well when the first fault was due.
    Setup,
    /// Something could not be healed or removed.
    Cleanup,
    /// A bug of ours.
    Bug,
    /// SIGINT.
    Interrupted,
    /// SIGTERM.
    Terminated,
}

impl Exit {
    /// The process's exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Fail => 1,
            Self::BadInput => 2,
            Self::Inconclusive => 3,
            Self::Unsafe => 4,
            Self::Environment => 5,
            Self::Setup => 6,
            Self::Cleanup => 7,
            Self::Bug => 70,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// The word at the head of a summary.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::BadInput => "BAD INPUT",
            Self::Inconclusive => "INCONCLUSIVE",
            Self::Unsafe => "UNSAFE",
            Self::Environment => "ENVIRONMENT",
            Self::Setup => "SETUP FAILED",
            Self::Cleanup => "CLEANUP INCOMPLETE",
            Self::Bug => "BUG",
            Self::Interrupted | Self::Terminated => "INTERRUPTED",
        }
    }

    /// Rank when several apply: the first of 70, 4, 130/143, 1, 6, 5, 3, 7, 0 wins; bad input is found before anything runs.
    const fn rank(self) -> u8 {
        match self {
            Self::Bug => 0,
            Self::Unsafe => 1,
            Self::Interrupted | Self::Terminated => 2,
            Self::Fail => 3,
            Self::BadInput => 4,
            Self::Setup => 5,
            Self::Environment => 6,
            Self::Inconclusive => 7,
            Self::Cleanup => 8,
            Self::Pass => 9,
        }
    }

    /// The one that counts of two.
    #[must_use]
    pub const fn worse(self, other: Self) -> Self {
        if other.rank() < self.rank() { other } else { self }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// For `--help`.
pub(crate) const TABLE: &str = "\
Exit codes:
    0  pass          all expectations held
    1  fail          an expectation failed
    2  bad input     a flag, file or expression is wrong, or nothing was selected
    3  inconclusive  a fault had no effect, the generator was late, or there is too little data
    4  unsafe        an answer was lost, wrong, doubled or in conflict
    5  environment   a required tool, permission or service is missing (see `tally doctor`)
    6  setup         the platform did not become healthy, or what must hold before the first fault did not
    7  cleanup       something could not be healed or removed
   70  bug           an internal error
  130  interrupted   by Ctrl-C (143: by SIGTERM); what was recorded is kept
When several apply, the first of 70, 4, 130/143, 1, 6, 5, 3, 7, 0 is used; the report and --json tell the
others in words, as warnings and errors.";

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Exit; 11] = [
        Exit::Pass,
        Exit::Fail,
        Exit::BadInput,
        Exit::Inconclusive,
        Exit::Unsafe,
        Exit::Environment,
        Exit::Setup,
        Exit::Cleanup,
        Exit::Bug,
        Exit::Interrupted,
        Exit::Terminated,
    ];

    /// A passing part never hides a failing one, in either order.
    #[test]
    fn the_worse_of_two_does_not_depend_on_their_order() {
        for a in ALL {
            assert_eq!(a.worse(Exit::Pass), a);
            for b in ALL.into_iter().filter(|b| b.rank() != a.rank()) {
                assert_eq!(a.worse(b), b.worse(a));
            }
        }
        assert_eq!(Exit::Fail.worse(Exit::Unsafe), Exit::Unsafe);
        assert_eq!(Exit::Inconclusive.worse(Exit::Cleanup), Exit::Inconclusive);
    }
}
