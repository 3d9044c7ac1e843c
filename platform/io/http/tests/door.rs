//! The door over real sockets, in front of the real gateway machine and a store in memory.

#[path = "door/abuse.rs"]
mod abuse;
#[path = "door/requests.rs"]
mod requests;
#[path = "door/streaming.rs"]
mod streaming;
#[path = "door/world.rs"]
mod world;
