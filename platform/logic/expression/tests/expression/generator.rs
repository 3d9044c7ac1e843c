//! Seeded expressions, from plain to hostile: every operation, nesting, minus signs, decimals, zeros, huge numbers.

/// SplitMix64 (Steele, Lea, Flood 2014): a small generator whose whole state is the seed.
#[derive(Clone, Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Below `bound`, which is more than 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// One expression of about `size` operations.
pub(crate) fn expression(random: &mut Random, size: u64) -> String {
    if size == 0 {
        return number(random);
    }
    let left_size = random.below(size);
    let left = operand(random, left_size);
    let right = operand(random, size - 1 - left_size);
    let operator = ["+", "-", "*", "/"][random.below(4) as usize];
    let space = [" ", "", "", "\t"][random.below(4) as usize];
    format!("{left}{space}{operator}{space}{right}")
}

fn operand(random: &mut Random, size: u64) -> String {
    let inner = expression(random, size);
    match random.below(8) {
        0 => format!("-({inner})"),
        1 if size == 0 => format!("-{inner}"),
        2 => format!("((({inner})))"),
        3..=5 => format!("({inner})"),
        _ => inner,
    }
}

fn number(random: &mut Random) -> String {
    let digits = |random: &mut Random, count: u64| -> String {
        (0..count)
            .map(|_| char::from(b'0' + random.below(10) as u8))
            .collect()
    };
    match random.below(24) {
        0..=9 => random.below(10).to_string(),
        10..=14 => random.below(1_000).to_string(),
        15..=17 => format!("{}.{}", random.below(20), random.below(100)),
        18 => format!("00{}.{}00", random.below(20), random.below(100)),
        19 => [
            "9223372036854775807",
            "9223372036854775808",
            "170141183460469231731687303715884105728",
        ][random.below(3) as usize]
            .to_owned(),
        20 => format!("0.{}", digits(random, 25)),
        21 => digits(random, 30),
        22 => digits(random, 400),
        _ => digits(random, 900),
    }
}
