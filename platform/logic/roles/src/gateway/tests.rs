//! The gateway against a store and queues that do as they are told.

mod accepting;
mod collecting;
mod earlier;
mod fake;
mod forgetting;
mod reading;
mod sweeping;
