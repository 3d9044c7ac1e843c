//! Watches who is alive and raises faults.
