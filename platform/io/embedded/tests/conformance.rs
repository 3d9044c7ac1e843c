//! The conformance suite on the pure models and on the file.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its stage must fail")]
#![allow(clippy::unused_async, reason = "the suite awaits how a service is opened")]

use std::time::Duration;

use tally_embedded::{Embedded, Memory, Settings};
use tally_ports::conformance;

const SETTINGS: Settings = Settings {
    visibility: Duration::from_millis(150),
    receives: 5,
};

fn suite() -> conformance::Settings {
    conformance::Settings::new("run", SETTINGS.visibility, SETTINGS.receives)
}

async fn memory() -> (Memory, conformance::Settings, ()) {
    (Memory::new(SETTINGS), suite(), ())
}

async fn embedded() -> (Embedded, conformance::Settings, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    (
        Embedded::open(directory.path(), SETTINGS).unwrap(),
        suite(),
        directory,
    )
}

mod on_memory {
    use super::*;
    tally_ports::queue_conformance!(memory());
    tally_ports::metadata_conformance!(memory());
}

mod on_embedded {
    use super::*;
    tally_ports::queue_conformance!(embedded());
    tally_ports::metadata_conformance!(embedded());

    /// Claim: the suite leaves a service as it found it, so that it can run on one that is not opened afresh.
    #[tokio::test]
    async fn the_whole_suite_runs_twice_on_one_service() {
        let (embedded, mut settings, _directory) = embedded().await;
        for run in ["first", "second"] {
            run.clone_into(&mut settings.run);
            conformance::queue::all(&embedded, &settings).await;
            conformance::metadata::all(&embedded, &settings).await;
        }
    }
}
