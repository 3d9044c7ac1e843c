//! The one async driver: event to machine to command to port; shutdown and tracing.
