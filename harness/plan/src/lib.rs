//! Experiment file to timeline of requests and faults, each with its due time.
