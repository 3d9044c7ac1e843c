//! What every implementation of a port must do: one promise per function, and nothing that a port does not promise.
//!
//! The same functions run on the pure models, on the embedded store and on real services, which is what makes a model
//! worth believing. They panic with the broken promise. [`queue_conformance!`](crate::queue_conformance) and
//! [`metadata_conformance!`](crate::metadata_conformance) make a test of each; [`queue::all`] and [`metadata::all`] run
//! them in a row where opening is dear. They leave nothing behind, but must not run at the same time on the same queues.

pub mod metadata;
pub mod queue;

use std::time::Duration;

use crate::Failure;

/// What differs between services and runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Distinguishes the bodies and keys of this run from whatever an earlier run left behind.
    pub run: String,
    /// The configured visibility lease. The suite waits for it to end a few times.
    pub visibility: Duration,
    /// The configured receives before a message is dead-lettered.
    pub receives: u32,
    /// How long "eventually" may take before it counts as never.
    pub patience: Duration,
    /// What the service does with stale receipts.
    pub stale: Stale,
}

/// What a service does with a delete by a stale receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stale {
    /// It deletes nothing and says so, as the port promises.
    Counted,
    /// It deletes nothing and says nothing, as SQS does ("otherwise, the request succeeds, but the message will not be
    /// deleted", API reference, `DeleteMessage`).
    Silent,
    /// It deletes by any receipt it ever gave, as moto 5.2 does; it is not asked for more, and whoever asks must say so.
    Obeyed,
}

impl Settings {
    /// For a service with this lease and number of receives: patient, and strict about receipts.
    pub fn new(run: impl Into<String>, visibility: Duration, receives: u32) -> Self {
        Self {
            run: run.into(),
            visibility,
            receives,
            patience: Duration::from_secs(30) + visibility * 4,
            stale: Stale::Counted,
        }
    }
}

/// The value of a call that must succeed.
fn must<T, E: Failure>(result: Result<T, E>, call: &str) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{call} failed: {error}"),
    }
}

/// Makes one `#[tokio::test]` of each promise of a queue. The argument is an expression that is awaited and gives
/// `(implementation, conformance::Settings, guard)`; the guard (a temporary directory, a child process) lives as long as
/// the test. A test that hangs is ended after two minutes.
#[macro_export]
macro_rules! queue_conformance {
    ($open:expr) => {
        $crate::promises! { $open, queue:
            what_is_sent_is_received_until_it_is_deleted, a_batch_arrives_whole, bodies_arrive_unchanged,
            queues_are_separate, an_ended_lease_redelivers, a_stale_receipt_deletes_nothing,
            an_extended_lease_hides, a_zero_lease_gives_back, too_many_receives_dead_letter,
            a_long_poll_ends_with_a_message, an_empty_queue_gives_nothing, receivers_share_a_queue,
            depth_is_eventually_right,
        }
    };
}

/// Makes one `#[tokio::test]` of each promise of a metadata store; see [`queue_conformance!`](crate::queue_conformance).
#[macro_export]
macro_rules! metadata_conformance {
    ($open:expr) => {
        $crate::promises! { $open, metadata:
            absent_writes_once, a_version_writes_until_it_is_old, any_always_writes, versions_are_never_used_twice,
            one_of_many_writers_wins, values_are_kept_unchanged, lists_are_ordered_and_limited,
            deletes_follow_their_precondition, a_watch_starts_with_what_exists, a_watch_tells_changes,
            a_watch_ends_at_the_newest_value, watches_are_independent,
        }
    };
}

/// The tests of [`queue_conformance!`](crate::queue_conformance) and
/// [`metadata_conformance!`](crate::metadata_conformance).
#[doc(hidden)]
#[macro_export]
macro_rules! promises {
    ($open:expr, $port:ident: $($promise:ident),+ $(,)?) => {
        mod $port {
            use super::*;
            $(
                #[doc = concat!("Claim: see `conformance::", stringify!($port), "::", stringify!($promise), "`.")]
                #[tokio::test]
                async fn $promise() {
                    let (implementation, settings, _guard) = $open.await;
                    let limit = std::time::Duration::from_secs(120);
                    let promise = $crate::conformance::$port::$promise(&implementation, &settings);
                    assert!(tokio::time::timeout(limit, promise).await.is_ok(), "hung for {limit:?}");
                }
            )+
        }
    };
}
