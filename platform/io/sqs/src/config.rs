//! How a platform finds its queues. Secrets are never in here: they come from the environment or from a token file.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tally_model::QueueName;

use crate::Error;

/// Longest name of a queue (SQS developer guide, "Standard queue quotas").
const NAME: usize = 80;
/// The longest visibility lease SQS takes.
const LONGEST_LEASE: Duration = Duration::from_hours(12);

/// Who calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Credentials {
    /// A constant key pair that means nothing, for servers that do not check signatures (`tally serve queue`, emulators).
    /// Refused without an endpoint, because Amazon checks.
    Unchecked,
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and, if set, `AWS_SESSION_TOKEN`.
    Environment,
    /// A role by a web identity, as EKS gives to service accounts (IRSA): `AWS_ROLE_ARN`, `AWS_WEB_IDENTITY_TOKEN_FILE`
    /// and, if set, `AWS_ROLE_SESSION_NAME`. Renewed before it expires.
    #[default]
    WebIdentity,
}

/// Where the queues are and what they are created with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SqsConfig {
    /// `http://host:port` or `https://host:port` of a server that speaks the SQS JSON protocol; `None` for Amazon's of the
    /// region.
    pub endpoint: Option<String>,
    /// Region of the queues and of every signature.
    pub region: String,
    /// Begins the name of every queue: letters, digits, `-` and `_`.
    pub prefix: String,
    /// See [`Credentials`].
    pub credentials: Credentials,
    /// The lease of a receive: 1 second to 12 hours, in whole seconds.
    pub visibility: Duration,
    /// Receives before a message is dead-lettered: 1 to 1000.
    pub receives: u32,
    /// Whether [`Sqs::connect`](crate::Sqs::connect) creates and configures the queues; otherwise they must exist.
    pub create: bool,
    /// Bytes of one message; 1 MiB at Amazon, 256 KiB at servers that are older.
    pub message_bytes: usize,
    /// Bytes of the messages of one call together; the same numbers.
    pub batch_bytes: usize,
    /// PEM file of the authorities to trust for `https`; `None` for those of the operating system.
    pub ca_bundle: Option<PathBuf>,
}

impl Default for SqsConfig {
    /// Amazon in `us-east-1` by web identity, a lease of 30 seconds, five receives.
    fn default() -> Self {
        Self {
            endpoint: None,
            region: "us-east-1".to_owned(),
            prefix: "tally-".to_owned(),
            credentials: Credentials::default(),
            visibility: Duration::from_secs(30),
            receives: 5,
            create: true,
            message_bytes: 1 << 20,
            batch_bytes: 1 << 20,
            ca_bundle: None,
        }
    }
}

impl SqsConfig {
    /// The name of a queue at the service.
    pub fn name(&self, queue: QueueName) -> String {
        format!("{}{}", self.prefix, queue.name())
    }

    /// Everything that is wrong with it, in one error.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let mut wrong = Vec::new();
        if let Some(endpoint) = &self.endpoint
            && !(endpoint.starts_with("http://") || endpoint.starts_with("https://"))
        {
            wrong.push(format!(
                "endpoint `{endpoint}` must begin with http:// or https://"
            ));
        }
        if self.endpoint.is_none() && self.credentials == Credentials::Unchecked {
            wrong.push("credentials `unchecked` need an endpoint: Amazon checks every signature".to_owned());
        }
        if self.region.is_empty() {
            wrong.push("region is empty: name one, such as us-east-1".to_owned());
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if !self.prefix.bytes().all(plain) {
            wrong.push(format!(
                "prefix `{}` may have letters, digits, - and _ only",
                self.prefix
            ));
        }
        if QueueName::ALL
            .into_iter()
            .any(|queue| self.name(queue).len() > NAME)
        {
            wrong.push(format!(
                "prefix `{}` makes names of more than {NAME} characters",
                self.prefix
            ));
        }
        if self.visibility < Duration::from_secs(1)
            || self.visibility > LONGEST_LEASE
            || self.visibility.subsec_nanos() != 0
        {
            wrong.push(format!(
                "visibility {:?} must be 1 s to 12 h in whole seconds",
                self.visibility
            ));
        }
        if !(1..=1000).contains(&self.receives) {
            wrong.push(format!("receives {} must be 1 to 1000", self.receives));
        }
        if self.message_bytes == 0 || self.batch_bytes < self.message_bytes {
            wrong.push("message_bytes must be at least 1, and batch_bytes at least message_bytes".to_owned());
        }
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(Error::Config(wrong.join("; ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Claim: every mistake is named, all at once.
    #[test]
    fn all_mistakes_are_told_at_once() {
        let wrong = SqsConfig {
            endpoint: Some("queue:9324".into()),
            region: String::new(),
            prefix: "a.b".into(),
            visibility: Duration::from_millis(1500),
            receives: 0,
            message_bytes: 2,
            batch_bytes: 1,
            ..SqsConfig::default()
        };
        let Err(Error::Config(text)) = wrong.check() else {
            panic!("it was accepted")
        };
        for part in [
            "endpoint",
            "region",
            "prefix",
            "visibility",
            "receives",
            "batch_bytes",
        ] {
            assert!(text.contains(part), "{part} is missing in: {text}");
        }
        assert!(SqsConfig::default().check().is_ok());
        let unchecked = SqsConfig {
            credentials: Credentials::Unchecked,
            ..SqsConfig::default()
        };
        assert!(unchecked.check().is_err(), "Amazon checks signatures");
    }
}
