//! The scale subresource of what is scaled.

/// Numbers of replicas, and whether their pods can be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// Replicas asked for (`spec.replicas`): "current" in every rule.
    pub spec: i32,
    /// Replicas there are (`status.replicas`): used only for average values of objects and external metrics.
    pub status: i32,
    /// Running and ready replicas: used only for values of objects and external metrics.
    pub ready: i32,
    /// Whether the pods can be found.
    pub selector: Selector,
}

impl Scale {
    /// `replicas` asked for, there, and ready.
    pub const fn settled(replicas: i32) -> Self {
        Self {
            spec: replicas,
            status: replicas,
            ready: replicas,
            selector: Selector::Valid,
        }
    }
}

/// The label selector of the pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selector {
    /// It selects the pods of this target alone.
    Valid,
    /// It is missing or cannot be parsed.
    Invalid,
    /// Another autoscaler selects the same pods.
    Ambiguous,
}
