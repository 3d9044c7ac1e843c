//! A kind cluster as a value.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::Keeper;

/// What may go wrong; the text of the program that said so is kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program could not be started.
    #[error("cannot run {program}: {source}")]
    Program {
        /// Which.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// A program ended with an error.
    #[error("{command} ended with {code:?}:\n{text}")]
    Failed {
        /// The program and its arguments.
        command: String,
        /// Its exit code, if it had one.
        code: Option<i32>,
        /// What it said on standard error.
        text: String,
    },
    /// `cluster.sh up` did not say where the cluster is.
    #[error("cluster.sh up named no {0}")]
    Unnamed(&'static str),
}

/// A running kind cluster with a kubeconfig of its own. It goes with this value, and with the process that holds it.
#[derive(Debug)]
pub struct Cluster {
    name: String,
    context: String,
    gateway: String,
    // In the order of dropping: the cluster goes before the file that tells where it is.
    _keeper: Keeper,
    folder: TempDir,
}

impl Cluster {
    /// Makes a cluster of that name, by `deploy/kind/cluster.sh`. Takes a minute; where no node image is at hand, ten.
    ///
    /// # Errors
    /// Whatever the script says.
    pub fn up(name: &str) -> Result<Self, Error> {
        let folder = tempfile::tempdir().map_err(starting("a temporary folder"))?;
        let script = script();
        // Armed before there is anything to remove, so that nothing is left of half a cluster either.
        let arguments = ["down", "--name", name];
        let keeper = Keeper::arm(&script, &arguments).map_err(starting("sh"))?;
        let up = run(with_config(&script, folder.path()).args(["up", "--name", name]))?;
        let told = String::from_utf8_lossy(&up.stdout).into_owned();
        let value = |key: &'static str| {
            let mut lines = told.lines().filter_map(|line| line.split_once('='));
            let found = lines.find(|(name, _)| *name == key);
            found
                .map(|(_, value)| value.to_owned())
                .ok_or(Error::Unnamed(key))
        };
        Ok(Self {
            name: name.to_owned(),
            context: value("context")?,
            gateway: value("gateway")?,
            _keeper: keeper,
            folder,
        })
    }

    /// The context of its kubeconfig.
    pub fn context(&self) -> &str {
        &self.context
    }

    /// Where the gateway's node port answers, HOST:PORT.
    pub fn gateway(&self) -> &str {
        &self.gateway
    }

    /// Its kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        config(self.folder.path())
    }

    /// Puts images of the local Docker daemon onto its nodes.
    ///
    /// # Errors
    /// If there is no such image.
    pub fn load(&self, images: &[&str]) -> Result<(), Error> {
        let mut command = with_config(&script(), self.folder.path());
        run(command.args(["load", "--name", &self.name]).args(images)).map(|_| ())
    }

    /// Runs kubectl against it; returns what it printed.
    ///
    /// # Errors
    /// If it ends with one.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String, Error> {
        let mut command = with_config(Path::new("kubectl"), self.folder.path());
        let output = run(command.args(["--context", &self.context]).args(arguments))?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Waits until `condition` holds of `object` (`pod/x`, `deployment/y`) in a namespace; Kubernetes tells, nothing is polled.
    ///
    /// # Errors
    /// If it does not within five minutes.
    pub fn wait(&self, namespace: &str, object: &str, condition: &str) -> Result<(), Error> {
        let condition = format!("--for=condition={condition}");
        let arguments = [
            "wait",
            "--namespace",
            namespace,
            &condition,
            object,
            "--timeout=300s",
        ];
        self.kubectl(&arguments)
            .map(|_| ())
            .map_err(|error| self.described(error, namespace, object))
    }

    /// The error of a wait, and what Kubernetes says of the object: a time that has passed tells no reason.
    fn described(&self, error: Error, namespace: &str, object: &str) -> Error {
        let about = self.kubectl(&["describe", "--namespace", namespace, object]);
        match (error, about) {
            (Error::Failed { command, code, text }, Ok(about)) => Error::Failed {
                command,
                code,
                text: format!("{text}\n{about}"),
            },
            (error, _) => error,
        }
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/kind/cluster.sh")
}

fn config(folder: &Path) -> PathBuf {
    folder.join("kubeconfig")
}

/// A command that leaves the user's kubeconfig alone.
fn with_config(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.env("KUBECONFIG", config(folder));
    command
}

fn starting(program: &str) -> impl FnOnce(io::Error) -> Error + use<> {
    let program = program.to_owned();
    move |source| Error::Program { program, source }
}

fn run(command: &mut Command) -> Result<Output, Error> {
    let output = command
        .output()
        .map_err(starting(&command.get_program().to_string_lossy()))?;
    if output.status.success() {
        return Ok(output);
    }
    Err(Error::Failed {
        command: format!("{command:?}"),
        code: output.status.code(),
        text: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}
