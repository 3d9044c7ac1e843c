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

/// The page of a code, for `tally explain CODE`.
pub fn code_help(code: &str) -> Option<&'static str> {
    Some(match code {
        SYNTAX => {
            "The text is not an expression. There are numbers such as `3` or `0.25`, the operations + - * /, unary minus and parentheses."
        }
        TOO_LARGE => {
            "The expression has more text or more operations than the platform takes: 64 KiB, 8,192 nodes. Split it into several."
        }
        ZERO_DIVISOR => {
            "A divisor is 0 whatever happens. The platform takes such an expression and answers `error:div_by_zero`, an answer like any other."
        }
        TOO_DEEP => {
            "More than 256 parentheses and unary minuses are open at once. Write `a+b+c` where `(a+(b+c))` is not needed."
        }
        CHARACTER => {
            "A character that no expression has. It is named by its code point, because many look like another: U+2212 looks like '-', U+00D7 like 'x'."
        }
        NUMBER => {
            "A way to write numbers that is known and not taken: exponents, other bases, separators of thousands, infinities. Write the number out."
        }
        OVERFLOW => {
            "A numerator or denominator has more than 4,096 bits. Arithmetic is exact, so numbers are bounded instead of rounded."
        }
        REPORT_FORM => {
            "The report's form is `\"string\": (expression)`, one pair. The bare expression is taken as well."
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever meets a code can look it up.
    #[test]
    fn every_code_has_a_page() {
        for code in [
            SYNTAX,
            TOO_LARGE,
            ZERO_DIVISOR,
            TOO_DEEP,
            CHARACTER,
            NUMBER,
            OVERFLOW,
            REPORT_FORM,
        ] {
            assert!(code_help(code).is_some(), "{code}");
        }
        assert_eq!(code_help("F0499"), None);
    }
}
