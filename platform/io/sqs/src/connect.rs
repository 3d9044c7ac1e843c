//! The SDK's client: which connector, whose credentials, how long to wait.

use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::config::{
    BehaviorVersion, Credentials as Keys, Region, SharedCredentialsProvider, SharedHttpClient,
};
use aws_sdk_sqs::{Client, Config};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};

use crate::config::Credentials;
use crate::{Error, SqsConfig};

/// For a connection.
const CONNECT: Duration = Duration::from_secs(3);
/// For one attempt of a call that does not wait for messages.
pub(crate) const ATTEMPT: Duration = Duration::from_secs(10);
/// Attempts of one call, the first included.
const ATTEMPTS: u32 = 3;

/// A client; speaks to nobody yet.
pub(crate) fn client(config: &SqsConfig) -> Result<Client, Error> {
    let region = Region::new(config.region.clone());
    let http = connector(config)?;
    let mut builder = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(region.clone())
        .http_client(http)
        .credentials_provider(credentials(config, region)?)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(timeouts(ATTEMPT));
    builder.set_endpoint_url(config.endpoint.clone());
    Ok(Client::from_conf(builder.build()))
}

/// Time-outs of a call whose attempts may take this long.
pub(crate) fn timeouts(attempt: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(attempt)
        .build()
}

/// Plain where the endpoint is plain; otherwise TLS by ring, the one provider in the tree.
fn connector(config: &SqsConfig) -> Result<SharedHttpClient, Error> {
    if config
        .endpoint
        .as_deref()
        .is_some_and(|url| url.starts_with("http://"))
    {
        return Ok(Builder::new().build_http());
    }
    encrypted(config)
}

fn encrypted(config: &SqsConfig) -> Result<SharedHttpClient, Error> {
    let mut trust = TrustStore::default();
    if let Some(path) = &config.ca_bundle {
        let pem = std::fs::read(path).map_err(|error| {
            Error::Config(format!("ca_bundle {} cannot be read: {error}", path.display()))
        })?;
        trust = TrustStore::empty().with_pem_certificate(pem);
    }
    let context = TlsContext::builder()
        .with_trust_store(trust)
        .build()
        .map_err(|error| Error::Config(format!("the authorities to trust cannot be used: {error}")))?;
    let builder = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring));
    Ok(builder.tls_context(context).build_https())
}

/// Whoever gives credentials; the SDK asks when it needs them, keeps them, and asks again before they expire.
fn credentials(config: &SqsConfig, region: Region) -> Result<SharedCredentialsProvider, Error> {
    Ok(match config.credentials {
        Credentials::Unchecked => {
            SharedCredentialsProvider::new(Keys::new("tally", "checked-by-nobody", None, None, "constant"))
        }
        Credentials::Environment => {
            demand(&["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])?;
            SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new())
        }
        Credentials::WebIdentity => {
            demand(&["AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"])?;
            // The token service is Amazon's, also where the queue is not: always by TLS.
            let provider = ProviderConfig::without_region()
                .with_region(Some(region))
                .with_http_client(encrypted(config)?);
            SharedCredentialsProvider::new(
                WebIdentityTokenCredentialsProvider::builder()
                    .configure(&provider)
                    .build(),
            )
        }
    })
}

/// Names every variable that is missing, before the SDK fails for want of the first.
fn demand(variables: &[&str]) -> Result<(), Error> {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let missing: Vec<&str> = variables.iter().copied().filter(|name| !is_set(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::Config(format!(
        "the environment lacks {}: set it, or choose other credentials",
        missing.join(" and ")
    )))
}
