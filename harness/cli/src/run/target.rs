//! Where an experiment runs.

/// Where an experiment runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Processes on this machine.
    Local,
    /// One thread, in virtual time.
    Sim,
    /// Pods on a cluster of this machine.
    Kind,
    /// Pods on any cluster.
    Kube,
}

impl Target {
    /// The name used in flags and files.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Sim => "sim",
            Self::Kind => "kind",
            Self::Kube => "kube",
        }
    }

    /// The reverse of [`Target::name`].
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Local, Self::Sim, Self::Kind, Self::Kube]
            .into_iter()
            .find(|target| target.name() == name)
    }
}
