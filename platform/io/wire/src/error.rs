//! Why bytes are not a packet.

use crate::MAX_PACKET;

/// Why bytes are not a packet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// More bytes than a packet has.
    #[error("a packet of {0} bytes; the limit is {MAX_PACKET}")]
    TooLarge(usize),
    /// Not protobuf of the schema.
    #[error("not a packet: {0}")]
    Schema(#[from] prost::DecodeError),
    /// A field that must be there is not.
    #[error("packet: field `{0}` is missing")]
    Missing(&'static str),
    /// A field whose value has no meaning or is beyond its bound.
    #[error("packet: field `{0}` is out of range")]
    OutOfRange(&'static str),
}
