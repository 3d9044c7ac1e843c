//! What the protocol promises, one promise per test.

mod byzantine;
mod catching_up;
mod costs;
mod crashes;
mod epochs;
mod forgeries;
mod normal;
mod openings;
mod weather;
