//! What PBFT with four replicas reaches of what its cryptography and its messages allow.
//!
//! `cargo bench --bench agreement [-- MILLISECONDS]`. In process: all machines in one thread, messages in a queue. Over gRPC: every
//! machine in a task with a stream to every other, on loopback. Both against the lower bound of the work that was really done
//! (counted signatures, verifications, MACs and messages) times primitives that are timed in the same block, just before and
//! just after. `share` is the bound's time over the time taken.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on has failed, and prints"
)]

use std::time::Duration;

use tally_model::Suite;

mod loopback;
mod primitives;
mod set;

use primitives::Primitives;
use set::Spent;

/// One line of the table.
#[derive(Debug)]
struct Line {
    way: &'static str,
    suite: Suite,
    batch: u32,
    spent: Spent,
    /// Processors that could share the work.
    cores: f64,
    before: Primitives,
    after: Primitives,
}

impl Line {
    fn print(&self) {
        let primitives = self.before.quicker(&self.after);
        let (operations, cores) = (self.spent.operations as f64, self.cores);
        let rate = operations / self.spent.time.as_secs_f64();
        let crypto = cores * operations / self.spent.crypto(self.suite, &primitives).as_secs_f64();
        let each = if self.way == "gRPC" {
            primitives.packet
        } else {
            primitives.hop
        };
        let messages = cores * operations / (each * self.spent.messages as u32).as_secs_f64();
        println!(
            "| {} | {} | {} | {rate:.0} | {crypto:.0} | {messages:.0} | {:.0} % | {:.2} + {:.2} | {:.2} + {:.2} | {:.2} |",
            self.way,
            self.suite,
            self.batch,
            100.0 * rate / crypto.min(messages),
            self.spent.signed as f64 / operations,
            self.spent.verified as f64 / operations,
            self.spent.made as f64 / operations,
            self.spent.checked as f64 / operations,
            self.spent.messages as f64 / operations,
        );
    }
}

fn main() {
    let millis = std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(2_000);
    let length = Duration::from_millis(millis);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let cores = std::thread::available_parallelism().map_or(1.0, |count| count.get().min(2) as f64);
    println!("pbft, n = 4; {millis} ms per line; bounds for 1 core in process, {cores} over gRPC\n");
    println!(
        "| way | suite | jobs per request | op/s | crypto limit | message limit | share of the lower | signed + verified | MACs | messages |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for suite in [Suite::Modern, Suite::Report] {
        for batch in [1, 64] {
            let before = Primitives::measure(suite, &runtime);
            let spent = set::Set::new(suite).run(batch, length);
            let between = Primitives::measure(suite, &runtime);
            let line = Line {
                way: "process",
                suite,
                batch,
                spent,
                cores: 1.0,
                before,
                after: between,
            };
            line.print();
            let spent = runtime.block_on(loopback::run(suite, batch, length));
            let after = Primitives::measure(suite, &runtime);
            let line = Line {
                way: "gRPC",
                suite,
                batch,
                spent,
                cores,
                before: between,
                after,
            };
            line.print();
        }
    }
    println!();
    primitives::print_ed25519();
}
