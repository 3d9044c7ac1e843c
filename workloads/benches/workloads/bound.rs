//! The least time an expression can take here, from primitives timed in the same run.
//!
//! ```text
//! path  = http + 2 durable + d (hops rtt/2 + S sign + V verify)      one request, idle machine, endless cores
//! work  = (http + k (messages rtt/2 + S' sign + V' verify)) / cores        the same request as work for these cores
//! bound = max(path, work)
//! ```
//!
//! for an expression of `k` operations on `d` levels. What must be durable one after the other: the record that decides who
//! owns the id, and the answer in the store. The messages between them (`inbound`, the tasks of each level, `outbound`: d + 2)
//! become durable beside the computation. Without replicas a task is 2 hops (to the worker and back) and no cryptography. With `collect` and n = 3f+1 replicas
//! (counts of `tally_consensus`, one job per batch):
//!
//! | on the path of one level | hops | signs | verifies |
//! |---|---|---|---|
//! | control plane to worker, worker proposes to leader | 2 | 1 | |
//! | leader verifies the proposal, votes, orders | 1 | 1 | 1 |
//! | follower verifies proposal and vote, votes | 1 | 1 | 2 |
//! | leader verifies 2f votes, signs the reply | 1 | 1 | 2f |
//! | worker verifies the certificate, answers | 1 | | 2f+1 |
//! | scheduler verifies the certificate | | | 2f+1 |
//! | **n = 4** | **6** | **4** | **11** |
//!
//! and of work per operation n+2 signatures, 3n+2f-1 + 2f+1 verifications, 2n+2 messages. Executing, encoding, parsing,
//! queueing and scheduling count nothing, and neither does waking a process that sleeps, beyond what a round trip has of it.
//!
//! Primitives are timed as the requests come: one after the other for requests that come one after the other; for twenty requests a
//! second also twenty a second, when each finds the cores asleep. A latency is compared with primitives of its own pace; the hot
//! ones beside it say how much of a sparse request's time is the machine's sleep and how much is ours.

/// How tasks are certified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Certified {
    /// By nobody.
    Not,
    /// By `collect` among this many replicas.
    Collect(u32),
}

/// Medians of what was timed, in nanoseconds; of several blocks the smallest of each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Primitives {
    /// A request and its response over loopback TCP between two threads that wait for each other.
    pub(crate) round_trip: f64,
    /// `GET /healthz` at a gateway that does nothing else.
    pub(crate) http: f64,
    /// One signature.
    pub(crate) sign: f64,
    /// One verification.
    pub(crate) verify: f64,
    /// One page overwritten and `fdatasync`.
    pub(crate) durable: f64,
    /// One durable value in the embedded store, for comparison; not in the bound.
    pub(crate) put: f64,
}

impl Primitives {
    /// The quicker of each. Whatever else the machine does makes a primitive slower, never quicker, and a bound from slow
    /// primitives would flatter: a disk shared with a compiler takes forty times as long for the same write.
    pub(crate) fn quickest(self, other: Self) -> Self {
        Self {
            round_trip: self.round_trip.min(other.round_trip),
            http: self.http.min(other.http),
            sign: self.sign.min(other.sign),
            verify: self.verify.min(other.verify),
            durable: self.durable.min(other.durable),
            put: self.put.min(other.put),
        }
    }
}

/// What an expression needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Operations.
    pub(crate) operations: u32,
    /// Of them, the longest chain.
    pub(crate) levels: u32,
}

/// Messages, signatures and verifications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) hops: u32,
    pub(crate) signs: u32,
    pub(crate) verifies: u32,
}

impl Counts {
    fn time(self, primitives: &Primitives) -> f64 {
        f64::from(self.hops) * primitives.round_trip / 2.0
            + f64::from(self.signs) * primitives.sign
            + f64::from(self.verifies) * primitives.verify
    }
}

/// One after the other, for one level.
pub(crate) const fn path_of_level(certified: Certified) -> Counts {
    match certified {
        Certified::Not => Counts {
            hops: 2,
            signs: 0,
            verifies: 0,
        },
        Certified::Collect(n) => Counts {
            hops: 6,
            signs: 4,
            verifies: 1 + 2 + 2 * f(n) + 2 * (2 * f(n) + 1),
        },
    }
}

/// In all, for one operation.
pub(crate) const fn work_of_operation(certified: Certified) -> Counts {
    match certified {
        Certified::Not => Counts {
            hops: 2,
            signs: 0,
            verifies: 0,
        },
        Certified::Collect(n) => Counts {
            hops: 2 * n + 2,
            signs: n + 2,
            verifies: 3 * n + 2 * f(n) - 1 + 2 * f(n) + 1,
        },
    }
}

const fn f(n: u32) -> u32 {
    (n - 1) / 3
}

/// Writes that wait for each other.
pub(crate) const DURABLE_WRITES: u32 = 2;

/// The two terms, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bound {
    pub(crate) path: f64,
    pub(crate) work: f64,
}

impl Bound {
    /// For an expression on this many cores.
    pub(crate) fn of(shape: Shape, certified: Certified, primitives: &Primitives, cores: u32) -> Self {
        let levels = f64::from(shape.levels) * path_of_level(certified).time(primitives);
        let operations = f64::from(shape.operations) * work_of_operation(certified).time(primitives);
        Self {
            path: primitives.http + f64::from(DURABLE_WRITES) * primitives.durable + levels,
            work: (primitives.http + operations) / f64::from(cores),
        }
    }

    /// The larger one.
    pub(crate) const fn nanos(self) -> f64 {
        self.path.max(self.work)
    }
}

/// What a measured median says about the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    Reached,
    Missed,
    /// Below the bound: the primitives were disturbed, so there is no bound to compare with.
    Disturbed,
}

/// Most that a median may be, as a multiple of the bound.
pub(crate) const MOST: f64 = 4.0;

/// Judges the ratio of a median to the bound.
pub(crate) fn reach(ratio: f64) -> Reach {
    match ratio {
        below if below < 1.0 => Reach::Disturbed,
        within if within <= MOST => Reach::Reached,
        _ => Reach::Missed,
    }
}
