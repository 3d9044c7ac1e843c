//! One short text that is equal exactly when two workloads are.

/// How many requests of a workload its fingerprint covers in the golden files.
pub const FINGERPRINTED: usize = 1_000;

/// Separates this hash from every other use of BLAKE3.
const CONTEXT: &str = "tally workloads 2026-01 fingerprint";

/// BLAKE3 over requests in the order they are due: number, due time and text, each text with its length.
#[derive(Clone, Debug)]
pub struct Fingerprint(blake3::Hasher);

impl Default for Fingerprint {
    fn default() -> Self {
        Self(blake3::Hasher::new_derive_key(CONTEXT))
    }
}

impl Fingerprint {
    /// Adds one request.
    pub fn add(&mut self, n: u64, due_ns: u64, expression: &str) {
        let mut head = [0_u8; 24];
        head[..8].copy_from_slice(&n.to_le_bytes());
        head[8..16].copy_from_slice(&due_ns.to_le_bytes());
        head[16..].copy_from_slice(&(expression.len() as u64).to_le_bytes());
        self.0.update(&head);
        self.0.update(expression.as_bytes());
    }

    /// Adds a fact that is not a request, under a name.
    pub fn add_fact(&mut self, name: &str, value: &str) {
        self.0.update(&[0xff]);
        for part in [name, value] {
            self.0.update(&(part.len() as u64).to_le_bytes());
            self.0.update(part.as_bytes());
        }
    }

    /// 32 lower-case hexadecimal digits.
    pub fn finish(&self) -> String {
        self.0.finalize().to_hex().chars().take(32).collect()
    }
}

/// The fingerprint of the first `first` requests of `(n, due_ns, expression)`: 32 lower-case hexadecimal digits.
pub fn fingerprint<'a>(requests: impl IntoIterator<Item = (u64, u64, &'a str)>, first: usize) -> String {
    let mut fingerprint = Fingerprint::default();
    for (n, due, expression) in requests.into_iter().take(first) {
        fingerprint.add(n, due, expression);
    }
    fingerprint.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Any change of a number, a time, a text or a border between texts shows; what lies beyond `first` does not.
    #[test]
    fn every_covered_change_shows() {
        let base = [(0, 10, "1+1"), (1, 20, "2+2")];
        let print = |requests: &[(u64, u64, &'static str)]| fingerprint(requests.iter().copied(), 2);
        let changed = [
            [(9, 10, "1+1"), (1, 20, "2+2")],
            [(0, 11, "1+1"), (1, 20, "2+2")],
            [(0, 10, "1+2"), (1, 20, "2+2")],
            [(0, 10, "1+12"), (1, 20, "+2")],
        ];
        assert!(changed.iter().all(|other| print(other) != print(&base)));
        assert_eq!(print(&base), print(&[base[0], base[1], (2, 30, "3+3")]));
        assert_eq!(print(&base).len(), 32);
    }
}
