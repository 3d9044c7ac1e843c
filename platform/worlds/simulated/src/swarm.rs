//! Many small worlds, each with another mix of everything that can go wrong (swarm testing: Groce et al., ISSTA 2012; the ranges
//! are those of TigerBeetle's VOPR).
//!
//! A seed draws a platform, a load and a schedule of blows. In the safety phase the blows fall; then all is healed, and the platform
//! has to answer what it owes. Invariants are held against everything that is said on the way.

mod blow;
mod draw;
mod run;
mod scene;
mod shrink;

pub use blow::{Blow, Clock, What};
pub use draw::Draw;
pub use run::{Report, run};
pub use shrink::shrink;
