//! Agrees.
