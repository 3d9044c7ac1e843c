//! The labels and annotations that every object of the platform carries (see deploy/).

/// On everything; the value is [`PLATFORM`].
pub const PART_OF: &str = "app.kubernetes.io/part-of";
/// The value of [`PART_OF`].
pub const PLATFORM: &str = "tally";
/// Which role: `gateway`, `worker`, `replica`.
pub const COMPONENT: &str = "app.kubernetes.io/component";
/// What workers and replicas compute: `add`.
pub const OPERATION: &str = "tally.dev/operation";
/// The set they belong to: `add-3`.
pub const SET: &str = "tally.dev/set";
/// Which occupant of its place a pod is, from 0.
pub const INCARNATION: &str = "tally.dev/incarnation";
/// Annotation with the place: `add-3/replica-0`; a label cannot hold a slash.
pub const NODE: &str = "tally.dev/node";
