//! The cluster service.
