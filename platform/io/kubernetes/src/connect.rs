//! The way to an API server.

use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::Error;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);

/// Whose credentials are used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// The service account of the pod this process runs in.
    Pod,
    /// A context of the kubeconfig that `KUBECONFIG` names, or of `~/.kube/config`.
    Context(String),
}

/// A client; connects with the first call.
///
/// # Errors
/// If there are no such credentials.
pub async fn connect(access: &Access) -> Result<Client, Error> {
    let mut config = match access {
        Access::Pod => Config::incluster().map_err(|error| Error::Access(error.to_string()))?,
        Access::Context(name) => from_context(name).await?,
    };
    config.connect_timeout = Some(CONNECT);
    Client::try_from(config).map_err(|error| Error::Access(error.to_string()))
}

async fn from_context(name: &str) -> Result<Config, Error> {
    let failed = |error: kube::config::KubeconfigError| Error::Access(error.to_string());
    let file = Kubeconfig::read().map_err(failed)?;
    let known: Vec<&str> = file
        .contexts
        .iter()
        .map(|context| context.name.as_str())
        .collect();
    if !known.contains(&name) {
        return Err(Error::Access(format!(
            "the kubeconfig has no context `{name}` (it has: {})",
            if known.is_empty() {
                "none".to_owned()
            } else {
                known.join(", ")
            }
        )));
    }
    let options = KubeConfigOptions {
        context: Some(name.to_owned()),
        ..KubeConfigOptions::default()
    };
    Config::from_custom_kubeconfig(file, &options)
        .await
        .map_err(failed)
}
