//! The door over real sockets, in front of the real gateway machine and a store in memory.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "door/abuse.rs"]
mod abuse;
#[path = "door/requests.rs"]
mod requests;
#[path = "door/streaming.rs"]
mod streaming;
#[path = "door/unavailable.rs"]
mod unavailable;
#[path = "door/world.rs"]
mod world;
