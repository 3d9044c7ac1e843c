//! What the protocol promises, one promise per test.

mod normal;
