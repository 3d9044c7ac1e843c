//! Durable queues and metadata in one file: the default that needs no service.
