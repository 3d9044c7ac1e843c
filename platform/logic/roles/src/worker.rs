//! Computes one operation and asks its replicas to agree.
