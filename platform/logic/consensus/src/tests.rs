//! A set in memory: one client, n replicas, and a network that does what a test tells it to.

mod certificates;
mod costs;
mod faults;
mod forgeries;
mod hearsay;
mod liars;
mod network;
mod normal;
