//! Transport, health and cluster service over gRPC.
