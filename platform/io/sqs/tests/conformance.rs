//! The conformance suite over the real SDK: on `tally serve queue`, and on two servers that others wrote.
//!
//! The others are Python programs. `tests/emulators` installs them into a folder of their own, named by `TALLY_EMULATORS`;
//! where they are missing their tests say so and pass, because nothing was claimed.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its stage must fail")]
#![allow(clippy::print_stderr, reason = "what is skipped must be seen")]

#[path = "conformance/emulator.rs"]
mod emulator;
#[path = "conformance/own.rs"]
mod own;

use std::time::Duration;

use tally_ports::conformance;
use tally_sqs::{Credentials, Sqs, SqsConfig};

/// The shortest lease that SQS has.
const VISIBILITY: Duration = Duration::from_secs(1);
const RECEIVES: u32 = 3;

fn config(endpoint: String) -> SqsConfig {
    SqsConfig {
        endpoint: Some(endpoint),
        prefix: "conformance-".to_owned(),
        credentials: Credentials::Unchecked,
        visibility: VISIBILITY,
        receives: RECEIVES,
        ..SqsConfig::default()
    }
}

fn suite() -> conformance::Settings {
    conformance::Settings {
        stale: conformance::Stale::Silent,
        ..conformance::Settings::new("run", VISIBILITY, RECEIVES)
    }
}

mod on_tally {
    use super::*;

    async fn open() -> (Sqs, conformance::Settings, own::Own) {
        let own = own::Own::start().await;
        (Sqs::connect(config(own.endpoint())).await.unwrap(), suite(), own)
    }

    tally_ports::queue_conformance!(open());

    /// Claim: connecting again finds the queues with what is in them, with other settings too, and removing deletes them.
    #[tokio::test]
    async fn connecting_is_idempotent() {
        use tally_model::QueueName;
        use tally_ports::{Failure, Queue};
        let own = own::Own::start().await;
        let first = Sqs::connect(config(own.endpoint())).await.unwrap();
        first.send(QueueName::Inbound, vec!["kept".into()]).await.unwrap();
        let other = SqsConfig {
            visibility: VISIBILITY * 2,
            ..config(own.endpoint())
        };
        let second = Sqs::connect(other.clone()).await.unwrap();
        let found = SqsConfig {
            create: false,
            ..other
        };
        let third = Sqs::connect(found.clone()).await.unwrap();
        assert_eq!(third.depth(QueueName::Inbound).await.unwrap().visible, 1);
        second.remove().await.unwrap();
        let gone = Sqs::connect(found).await.unwrap_err();
        assert!(!gone.is_transient(), "{gone}");
    }

    /// Claim: bodies that are together more than one call may carry arrive whole, in calls that the server takes; it takes no larger one.
    #[tokio::test]
    async fn a_list_above_the_limit_of_a_call_arrives_whole() {
        use std::collections::BTreeSet;
        use tally_model::QueueName;
        use tally_ports::{Failure, Queue};
        let own = own::Own::start().await;
        let kept = SqsConfig {
            visibility: Duration::from_hours(1),
            ..config(own.endpoint())
        };
        let filler = "x".repeat(200 << 10);
        let bodies: BTreeSet<String> = (0..12).map(|index| format!("{index} {filler}")).collect();
        let list: Vec<String> = bodies.iter().cloned().collect();
        let wide = SqsConfig {
            batch_bytes: 4 << 20,
            ..kept.clone()
        };
        let wide = Sqs::connect(wide).await.unwrap();
        let refused = wide.send(QueueName::Outbound, list.clone()).await.unwrap_err();
        assert!(!refused.is_transient(), "{refused}");
        let queues = Sqs::connect(kept).await.unwrap();
        queues.send(QueueName::Inbound, list).await.unwrap();
        let mut found = BTreeSet::new();
        while found.len() < bodies.len() {
            let received = queues
                .receive(QueueName::Inbound, 10, Duration::from_secs(20))
                .await
                .unwrap();
            assert!(
                !received.is_empty(),
                "{} of {} arrived",
                found.len(),
                bodies.len()
            );
            found.extend(received.into_iter().map(|delivery| delivery.body));
        }
        assert!(found == bodies, "a body has changed");
    }

    /// Claim: a server that is not there is transient, and a body above the limit is refused before anything is sent.
    #[tokio::test]
    async fn failures_say_whether_trying_again_helps() {
        use tally_model::QueueName;
        use tally_ports::{Failure, Queue};
        let own = own::Own::start().await;
        let queues = Sqs::connect(config(own.endpoint())).await.unwrap();
        let large = queues
            .send(QueueName::Inbound, vec!["x".repeat((1 << 20) + 1)])
            .await
            .unwrap_err();
        assert!(
            !large.is_transient() && large.to_string().contains("1048577 bytes"),
            "{large}"
        );
        own.stop().await;
        let lost = queues.depth(QueueName::Inbound).await.unwrap_err();
        assert!(lost.is_transient(), "{lost}");
        let shown = format!("{lost} {lost:?} {queues:?}");
        assert!(!shown.contains("checked-by-nobody"), "a secret shows: {shown}");
    }
}

/// Claim: a pod without a web identity is told which variable is missing, and that trying again is of no use.
#[tokio::test]
async fn missing_credentials_are_named() {
    use tally_ports::Failure;
    let own = own::Own::start().await;
    for (credentials, variable) in [
        (Credentials::WebIdentity, "AWS_WEB_IDENTITY_TOKEN_FILE"),
        (Credentials::Environment, "AWS_ACCESS_KEY_ID"),
    ] {
        if std::env::var_os(variable).is_some() {
            eprintln!("SKIPPED: {variable} is set here");
            continue;
        }
        let config = SqsConfig {
            credentials,
            ..config(own.endpoint())
        };
        let error = Sqs::connect(config).await.unwrap_err();
        assert!(
            !error.is_transient() && error.to_string().contains(variable),
            "{error}"
        );
    }
}

/// Claim: moto keeps every promise of the suite but one, which it breaks against the API reference of SQS.
#[tokio::test]
async fn moto_passes_the_suite() {
    eprintln!("NOT ASKED of moto: a_stale_receipt_deletes_nothing; it deletes by any receipt it ever gave");
    let settings = conformance::Settings {
        stale: conformance::Stale::Obeyed,
        ..suite()
    };
    on_emulator(emulator::Kind::Moto, &settings).await;
}

/// Claim: MiniStack keeps every promise of the suite.
#[tokio::test]
async fn ministack_passes_the_suite() {
    on_emulator(emulator::Kind::MiniStack, &suite()).await;
}

async fn on_emulator(kind: emulator::Kind, settings: &conformance::Settings) {
    let Some(emulator) = emulator::Emulator::start(kind).await else {
        return;
    };
    let queues = Sqs::connect(config(emulator.endpoint())).await.unwrap();
    conformance::queue::all(&queues, settings).await;
    queues.remove().await.unwrap();
}
