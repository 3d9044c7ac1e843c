//! The tally command line: one binary for the platform and the harness.
