//! Protobuf schema and conversions: the only room that knows bytes on the wire.
