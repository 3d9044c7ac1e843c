//! Scaling policies as pure functions of the same observations.
