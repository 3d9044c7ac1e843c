//! The public HTTP door: requests in, answers and events out, with limits.
