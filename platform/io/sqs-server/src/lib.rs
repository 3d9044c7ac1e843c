//! A durable queue server that speaks the JSON protocol of SQS, over the embedded queues.
//!
//! It answers what the AWS SDKs and the AWS command line ask of standard queues: what was acknowledged survives `kill -9`,
//! leases and delays end with the process. It checks no signature and keeps no policy, so it belongs on a network where
//! everybody is trusted. What it does not offer (FIFO queues, encryption, policies, tags) it refuses by name.
//!
//! Source of every name, limit and error: the Amazon SQS API reference, version 2012-11-05, and the AWS JSON 1.0 protocol
//! with query-compatible errors (Smithy 2.0, `aws.protocols#awsQueryCompatible`).

mod act;
mod attributes;
mod batch;
mod config;
mod digest;
mod envelope;
mod fault;
mod http;
mod input;
mod metrics;
mod process;
mod registry;
mod serve;
mod service;

pub use config::ServerConfig;
pub use process::serve;
pub use serve::{Error, Server};
