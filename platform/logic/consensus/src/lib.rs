//! One replica of a set as a state machine: protocols, certificates and authenticators.
