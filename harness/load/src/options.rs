//! How the generator behaves; what it sends is in [`crate::Shots`].

use std::net::SocketAddr;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use crate::Sent;

/// How the last microseconds before a due time are spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spin {
    /// Asleep: costs no CPU, lags by the wake-up time (20-70 us).
    Off,
    /// Spinning for this long.
    Fixed(Duration),
    /// Spinning for as long as wake-ups have been seen to take, at most this.
    Adaptive(Duration),
}

/// What happens to an attempt that brought no answer.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// Attempts per request, the first included; 1 turns retries off.
    pub attempts: u16,
    /// An attempt without a complete response after this long is given up and its connection closed.
    pub attempt_timeout: Duration,
    /// Pause before the second attempt; doubles from then on. Half to one and a half of it is drawn.
    pub base: Duration,
    /// No pause is longer than this.
    pub cap: Duration,
    /// Whether 429 and 503 are tried again (after `Retry-After`) rather than being the outcome.
    pub busy: bool,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 64,
            attempt_timeout: Duration::from_secs(5),
            base: Duration::from_millis(10),
            cap: Duration::from_millis(500),
            busy: false,
        }
    }
}

/// Whether the schedule or the answers decide when the next request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loop {
    /// Every shot at its own time, whatever comes back.
    Open,
    /// This many virtual users; each thinks for the shot's `due_ns`, sends it, and waits until it is answered.
    Closed {
        /// At least 1.
        users: u32,
        /// Whether 202 ends a user's wait, or only [`crate::Control::answered`].
        wait_for_answer: bool,
    },
}

/// How to run a schedule.
#[derive(Clone, Debug)]
pub struct Options {
    /// The gateway.
    pub target: SocketAddr,
    /// Sending threads; each has its own connections. One is enough for 50,000 requests a second. A closed loop uses one.
    pub threads: usize,
    /// Connections each thread opens before the run.
    pub connections_min: usize,
    /// Connections each thread may have open. When all are busy, due requests wait and their lag says so.
    pub connections_max: usize,
    /// Sent once on every connection opened before the run, and its response read: a warm path. None sends nothing.
    pub warm_up: Option<Vec<u8>>,
    /// See [`Spin`].
    pub spin: Spin,
    /// Whether to ask for `SCHED_FIFO`; refused silently without the right to it, see [`crate::Report::realtime`].
    pub realtime: bool,
    /// Whether a second thread sends what a sending thread of an open loop is 20 us late for. The two stay on different cores, so
    /// that it takes two; there is no second one with [`Spin::Off`], where being so late is usual.
    pub standby: bool,
    /// The zero of every time in the run; shots are due relative to it. Leave about 50 ms for warming.
    pub start: Instant,
    /// A request that is not resolved this long after its intended time is given up.
    pub deadline: Duration,
    /// See [`RetryPolicy`].
    pub retry: RetryPolicy,
    /// Seeds the jitter of retries.
    pub seed: u64,
    /// Open or closed.
    pub mode: Loop,
    /// Gets a copy of every resolved request as it happens. A full channel never delays sending: what does not fit is forwarded
    /// later and counted in [`crate::Report::spilled`]. The run ends when all are forwarded, so the other end has to be emptied
    /// by another thread, or dropped.
    pub live: Option<SyncSender<Sent>>,
    /// Whether the report lists every request. Of a long run that costs more memory than everything else.
    pub keep: bool,
}

impl Options {
    /// Open loop to `target`, one thread, starting in 100 ms, with retries for 30 s.
    pub fn to(target: SocketAddr) -> Self {
        Self {
            target,
            threads: 1,
            connections_min: 16,
            connections_max: 1024,
            warm_up: None,
            spin: Spin::Adaptive(Duration::from_micros(60)),
            realtime: true,
            standby: true,
            start: Instant::now() + Duration::from_millis(100),
            deadline: Duration::from_secs(30),
            retry: RetryPolicy::default(),
            seed: 0,
            mode: Loop::Open,
            live: None,
            keep: true,
        }
    }
}
