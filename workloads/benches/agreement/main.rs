//! What PBFT with four replicas reaches of what its cryptography and its messages allow, and what a peer reaches beside it.
//!
//! `cargo bench --bench agreement [-- [MILLISECONDS] [WORDS]]`; with words, only the lines that begin with one. `process`: all machines in one
//! thread, messages in a queue. `gRPC`: every machine in a thread with a stream to every other, on loopback. Both against the lower bound of the
//! work that was really done (counted signatures, verifications, MACs and messages) times primitives that are timed in the same
//! block, just before and just after. `share` is the rate over the lower of both limits; `both` over what is left where the same cores do
//! the cryptography and carry the messages, one after the other. `hotstuff_rs`: four replicas of that crate, see
//! [`peer`].

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on has failed, and prints"
)]

use std::time::Duration;

use tally as _; // The allocator of the program.
use tally_model::Suite;

mod loopback;
mod peer;
mod primitives;
mod set;

use primitives::Primitives;
use set::Spent;

/// One line of the table.
#[derive(Debug)]
struct Line {
    way: Way,
    suite: Suite,
    batch: u32,
    spent: Spent,
    before: Primitives,
    after: Primitives,
}

/// How machines are connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Process,
    Grpc,
}

impl Way {
    const fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Grpc => "gRPC",
        }
    }

    fn run(self, suite: Suite, batch: u32, length: Duration) -> Spent {
        match self {
            Self::Process => set::Set::new(suite).run(batch, length),
            Self::Grpc => loopback::run(suite, batch, length),
        }
    }

    /// Processors that can share the work.
    fn cores(self) -> f64 {
        match self {
            Self::Process => 1.0,
            Self::Grpc => cores(),
        }
    }
}

impl Line {
    fn print(&self) {
        let primitives = self.before.quicker(&self.after);
        let (operations, cores) = (self.spent.operations as f64, self.way.cores());
        let rate = operations / self.spent.time.as_secs_f64();
        let crypto = cores * operations / self.spent.crypto(self.suite, &primitives).as_secs_f64();
        let each = match self.way {
            Way::Grpc => primitives.packet,
            Way::Process => primitives.hop,
        };
        let messages = cores * operations / (each.as_secs_f64() * self.spent.messages as f64);
        println!(
            "| {} | {} | {} | {rate:.0} | {:.0} | {crypto:.0} | {messages:.0} | {:.0} % | {:.0} % | {:.2} + {:.2} | {:.2} + {:.2} | {:.2} |",
            self.way.name(),
            self.suite,
            self.batch,
            operations / self.spent.processor.as_secs_f64(),
            100.0 * rate / crypto.min(messages),
            100.0 * rate * (1.0 / crypto + 1.0 / messages),
            self.spent.signed as f64 / operations,
            self.spent.verified as f64 / operations,
            self.spent.made as f64 / operations,
            self.spent.checked as f64 / operations,
            self.spent.messages as f64 / operations,
        );
    }
}

/// Processors of this machine, at most two: a set has more threads than that, but the limits are of two.
fn cores() -> f64 {
    std::thread::available_parallelism().map_or(1.0, |count| count.get().min(2) as f64)
}

/// What all threads of this process have taken of processors.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|it| !it.starts_with("--"))
        .collect();
    let millis = arguments.iter().find_map(|it| it.parse().ok()).unwrap_or(2_000);
    let words: Vec<&String> = arguments.iter().filter(|it| it.parse::<u64>().is_err()).collect();
    let wanted = |line: &str| words.is_empty() || words.iter().any(|word| line.starts_with(word.as_str()));
    let length = Duration::from_millis(millis);
    println!(
        "pbft, n = 4; {millis} ms per line; limits of 1 core in process, of {} over gRPC\n",
        cores()
    );
    println!(
        "| way | suite | jobs per request | op/s | op per processor second | crypto limit | message limit | share of the lower | of both | signed + verified | MACs | messages |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
    for suite in [Suite::Modern, Suite::Report] {
        for batch in [1, 64] {
            for way in [Way::Process, Way::Grpc] {
                if !wanted(&format!("{} {suite} {batch}", way.name())) {
                    continue;
                }
                let before = Primitives::measure(suite);
                let spent = way.run(suite, batch, length);
                let after = Primitives::measure(suite);
                Line {
                    way,
                    suite,
                    batch,
                    spent,
                    before,
                    after,
                }
                .print();
            }
            if suite == Suite::Modern && wanted(&format!("hotstuff_rs modern {batch}")) {
                peer::print(batch, length);
            }
        }
    }
    if wanted("Ed25519") {
        println!();
        primitives::print_ed25519();
    }
}
