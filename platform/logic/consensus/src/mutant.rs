//! Bugs on purpose (the "bug museum"): each is a mistake that was made somewhere, or that a section of a paper warns of. What keeps
//! watch over the platform must find every one of them.
//!
//! Without the feature `mutants` nothing can choose one, and the compiler removes every trace of them.

macro_rules! mutants {
    ($($(#[$doc:meta])* $name:ident = $text:literal),+ $(,)?) => {
        /// A bug. Where it is said whose, the list of the reliability reference (M) or of the PBFT reference is meant.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Mutant { $($(#[$doc])* $name),+ }

        impl Mutant {
            /// Every bug.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The name used in commands and documents.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// The reverse of [`Mutant::name`].
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|mutant| mutant.name() == name)
            }
        }
    };
}

mutants! {
    /// 2f in place of 2f+1 (M3).
    SmallQuorum = "small-quorum",
    /// No signature is looked at (M4).
    NoSignatures = "no-signatures",
    /// The primary's PRE-PREPARE counts as a PREPARE of a backup.
    PrimaryPrepares = "primary-prepares",
    /// COMMIT is said without a prepared certificate.
    CommitUnprepared = "commit-unprepared",
    /// f+1 COMMITs are enough to execute.
    DecideEarly = "decide-early",
    /// A new view takes up what was prepared in the lowest view.
    LowestView = "lowest-view",
    /// f+1 members that left a view do not make others follow.
    NoJoin = "no-join",
    /// A request that comes again is executed again.
    NoDedupe = "no-dedupe",
    /// Replicas add one.
    WrongValue = "wrong-value",
    /// A worker takes the first reply for the result.
    AnyReply = "any-reply",
    /// "Accepted" before the message is durable (M1).
    AckBeforeDurable = "ack-before-durable",
    /// The request is deleted before its answer is durable (M2).
    DeleteBeforeDurable = "delete-before-durable",
    /// A second answer overwrites the first (M7).
    OverwriteAnswer = "overwrite-answer",
    /// Every submission is a new request, whatever its key (M7).
    IgnoreKey = "ignore-key",
    /// The scheduler does not check certificates.
    TrustWorkers = "trust-workers",
    /// The scheduler takes the answer to another job for the answer to this one.
    OtherJob = "other-job",
    /// No bound on the number of sets (M12).
    NoCap = "no-cap",
    /// A place is filled again under the same incarnation.
    SameIncarnation = "same-incarnation",
    /// Members that do not answer are not noticed.
    IgnoreSilence = "ignore-silence",
    /// Tasks of a worker that is gone are not given to another.
    NoReroute = "no-reroute",
    /// What is in the dead-letter queue stays there, and its client waits for ever.
    DropDeadLetters = "drop-dead-letters",
}

#[cfg(feature = "mutants")]
mod chosen {
    use std::cell::Cell;

    use super::Mutant;

    thread_local! {
        static CHOSEN: Cell<Option<Mutant>> = const { Cell::new(None) };
    }

    /// Chooses the bug that this thread has from now on.
    pub fn choose(mutant: Option<Mutant>) {
        CHOSEN.set(mutant);
    }

    /// Whether this thread has the bug.
    pub fn is(mutant: Mutant) -> bool {
        CHOSEN.get() == Some(mutant)
    }
}

#[cfg(feature = "mutants")]
pub use chosen::{choose, is};

/// Whether the bug is there; it is not.
#[cfg(not(feature = "mutants"))]
#[inline]
pub const fn is(_: Mutant) -> bool {
    false
}
