//! The actions, by what they act on.

pub(crate) mod messages;
pub(crate) mod queues;
pub(crate) mod receipts;
pub(crate) mod sending;
