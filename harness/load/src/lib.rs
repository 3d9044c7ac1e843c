//! The open-loop generator and its own lag record.
