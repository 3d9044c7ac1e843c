//! What an expression may cost: every bound of this crate in one place (design decision 2).

/// Longest text, in bytes of UTF-8; one more is `too_large`.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;

/// Most parentheses and unary minuses open at one place; one more is `too_deep`.
///
/// This is nesting of the text. A sum of a thousand terms has a deep tree and a nesting of 0.
pub const MAX_DEPTH: usize = 256;

/// Most nodes (numbers, unary minuses and operations); one more is `too_large`.
pub const MAX_NODES: usize = 8_192;

/// Most bits of a numerator or a denominator in lowest terms, the sign not counted; one more is `overflow`.
pub const MAX_BITS: u64 = 4_096;

/// Most diagnostics of one text; the first ones are kept.
pub const MAX_DIAGNOSTICS: usize = 8;

/// Most decimal digits of an integer of [`MAX_BITS`] bits: more digits without leading zeros cannot fit.
pub(crate) const MAX_DIGITS: usize = 1_234;

// A task is an operation, so its index fits the `u16` that travels in a `TaskId`.
const _: () = assert!(MAX_NODES <= u16::MAX as usize);

/// The bounds of one parse. Only tests of the machinery itself use others than [`Limits::PUBLIC`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// See [`MAX_TEXT_BYTES`].
    pub(crate) text: usize,
    /// See [`MAX_DEPTH`].
    pub(crate) depth: usize,
    /// See [`MAX_NODES`].
    pub(crate) nodes: usize,
}

impl Limits {
    /// The documented bounds.
    pub(crate) const PUBLIC: Self = Self {
        text: MAX_TEXT_BYTES,
        depth: MAX_DEPTH,
        nodes: MAX_NODES,
    };
}
