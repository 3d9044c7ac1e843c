//! What things cost in virtual time: every constant of the model in one place.
//!
//! The defaults are those of the local world on a small machine (two cores, processes over loopback, one file on disk); the
//! parity test and `tally sim` against `tally run` tell how well they fit. Machines themselves compute in no time, except for the
//! signatures they make and check.

use std::time::Duration;

/// The cost model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Costs {
    /// One way of a packet between two processes of the platform (gRPC over loopback, both wake-ups included).
    pub hop: Duration,
    /// One way between a client and the gateway (HTTP over loopback).
    pub door: Duration,
    /// A question to queue or store that needs no disk.
    pub local: Duration,
    /// One durable commit. Writes that wait while one runs share the next (group commit), so this is no bound on their rate.
    pub commit: Duration,
    /// How long a send that nobody waits for waits for a commit to ride on (`tally_embedded`, `LINGER`).
    pub linger: Duration,
    /// From a change of a key to the watcher that is told.
    pub watch: Duration,
    /// From the creation of a pod to the moment it listens.
    pub pod_start: Duration,
    /// Opening a stream to a pod.
    pub dial: Duration,
    /// Making one signature.
    pub sign: Duration,
    /// Checking one signature.
    pub verify: Duration,
    /// From the end of the control plane's process to the next one that serves.
    pub restart: Duration,
}

impl Default for Costs {
    fn default() -> Self {
        Self {
            hop: Duration::from_micros(150),
            door: Duration::from_micros(200),
            local: Duration::from_micros(30),
            commit: Duration::from_micros(1_200),
            linger: Duration::from_millis(3),
            watch: Duration::from_micros(100),
            pod_start: Duration::from_millis(60),
            dial: Duration::from_micros(800),
            sign: Duration::from_micros(25),
            verify: Duration::from_micros(55),
            restart: Duration::from_millis(150),
        }
    }
}
