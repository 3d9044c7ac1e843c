//! A supervisor that parents real processes on loopback: control plane, workers, replicas.
