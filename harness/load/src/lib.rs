//! The open-loop generator and its own lag record.
//!
//! A schedule ([`Shots`], or a [`Source`] that makes its requests as they are needed) is fixed before the run; [`run`] sends it from its own OS threads, whatever comes back, and
//! reports for every request when it was meant, sent and answered ([`Sent`]), and how well the schedule was kept
//! ([`Report`]). Latency counts from the intended time, so a stalled server cannot hide its stall; lag is published
//! beside it, so a stalled generator cannot blame the server. [`AnswerStream`] hears the answers, [`Client`] asks for them.

mod agenda;
mod answers;
mod block;
mod client;
mod clock;
mod control;
mod dispatch;
mod event_stream;
mod exchange;
mod inbox;
mod options;
mod pool;
mod prefetch;
mod realtime;
mod report;
mod request;
mod response;
mod retry;
mod run;
mod sender;
mod sent;
mod settle;
mod shot;
mod standby;
mod supply;
mod tally;
mod validity;
mod window;

pub use answers::{Answer, AnswerStream, StreamEvent};
pub use client::{Client, ClientError, Reply};
pub use control::Control;
pub use options::{Loop, Options, RetryPolicy, Spin};
pub use realtime::realtime_allowed;
pub use report::Report;
pub use request::{Submission, serialise, serialise_get};
pub use run::{LoadError, run};
pub use sent::{SendError, Sent};
pub use shot::{Shot, Shots, Source};
pub use tally::nanos_histogram;
pub use validity::{LAG_FLOOR, is_valid, lag_bound, sent_beyond};
