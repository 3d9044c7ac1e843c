//! The stable codes of this crate's diagnostics, `F041x`.

/// The text does not follow the grammar.
pub const SYNTAX: &str = "F0410";
/// More text or more nodes than the limits allow.
pub const TOO_LARGE: &str = "F0411";
/// A divisor is always 0 (from [`crate::lint`]; such an expression still parses).
pub const ZERO_DIVISOR: &str = "F0412";
/// More parentheses and unary minuses open at once than the limits allow.
pub const TOO_DEEP: &str = "F0413";
/// A character outside the grammar; its code point is named.
pub const CHARACTER: &str = "F0414";
/// A way to write numbers that is known and not supported: exponents, other bases, separators, infinities.
pub const NUMBER: &str = "F0415";
/// A number whose numerator or denominator has more bits than the limits allow.
pub const OVERFLOW: &str = "F0416";
/// A text that is not in the report's form `"string": (expression)`.
pub const REPORT_FORM: &str = "F0417";
