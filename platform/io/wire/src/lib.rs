//! Protobuf schema and conversions: the only room that knows bytes on the wire.
//!
//! [`encode`] and [`decode`] carry a [`Packet`]; [`services`] is the generated code of the gRPC services. What does not
//! keep its bounds is an [`Error`] that names the field; no input makes the decoder panic or reserve more than it was given.

mod error;
mod inward;
mod noun;
mod outward;
mod set_message;

use prost::Message as _;
use tally_roles::packet::Packet;

pub use error::Error;

/// Generated from `proto/services.proto`.
#[allow(
    missing_docs,
    unreachable_pub,
    missing_debug_implementations,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    clippy::disallowed_types,
    reason = "generated code"
)]
pub mod services {
    tonic::include_proto!("tally.v1");
}

/// Generated from `proto/packet.proto`.
#[allow(
    missing_docs,
    unreachable_pub,
    missing_debug_implementations,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "generated code"
)]
pub(crate) mod proto {
    tonic::include_proto!("tally.packet.v1");
}

/// Bytes of the largest packet: a batch of 64 jobs whose operands and outcomes have the most digits they may have.
pub const MAX_PACKET: usize = 1024 * 1024;

/// The bytes of a packet.
pub fn encode(packet: &Packet) -> Vec<u8> {
    outward::packet(packet).encode_to_vec()
}

/// The packet the bytes are.
///
/// # Errors
/// [`Error`] if they are none, or if something in them is beyond its bound.
pub fn decode(bytes: &[u8]) -> Result<Packet, Error> {
    if bytes.len() > MAX_PACKET {
        return Err(Error::TooLarge(bytes.len()));
    }
    inward::packet(proto::Packet::decode(bytes)?)
}
