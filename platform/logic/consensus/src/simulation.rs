//! The suite of simulated worlds: digests and tags that cost next to nothing and keep nobody out.
//!
//! A simulated liar holds no keys but its own and never computes another's tag, so a tag that depends on key and bytes tells as
//! much there as a signature does. Real worlds cannot choose it (see [`tally_model::Suite::Simulation`]).

/// Two lanes of multiply and rotate (as FxHash), enough that no two inputs of a simulation meet.
#[derive(Clone, Copy)]
struct Mixer([u64; 2]);

impl Mixer {
    fn word(&mut self, word: u64) {
        let [a, b] = &mut self.0;
        *a = (a.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
        *b = (b.rotate_left(29) ^ *a).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            let mut word = [0; 8];
            word.copy_from_slice(chunk);
            self.word(u64::from_le_bytes(word));
        }
        let mut last = [0; 8];
        let rest = chunks.remainder();
        last[..rest.len()].copy_from_slice(rest);
        self.word(u64::from_le_bytes(last));
        self.word(bytes.len() as u64);
    }

    /// Sixteen bytes in which every input bit has had its say (the finaliser of MurmurHash3).
    fn finish(self) -> [u8; 16] {
        let [a, b] = self.0.map(|lane| {
            let lane = (lane ^ (lane >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
            let lane = (lane ^ (lane >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
            lane ^ (lane >> 33)
        });
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&a.to_le_bytes());
        bytes[8..].copy_from_slice(&(b ^ a.rotate_left(32)).to_le_bytes());
        bytes
    }
}

/// A digest of parts under a domain; it fills 16 of 32 bytes.
pub(crate) fn digest(domain: u64, tell: impl FnOnce(&mut dyn FnMut(&[u8]))) -> [u8; 32] {
    let mut mixer = Mixer([domain, 0x243f_6a88_85a3_08d3]);
    tell(&mut |part| mixer.bytes(part));
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(&mixer.finish());
    bytes
}

/// What stands in for a signature.
pub(crate) fn tag(key: &[u8; 32], bytes: &[u8]) -> [u8; 16] {
    let mut mixer = Mixer([0x1319_8a2e_0370_7344, 0xa409_3822_299f_31d0]);
    mixer.bytes(key);
    mixer.bytes(bytes);
    mixer.finish()
}

#[cfg(test)]
mod tests {
    use tally_model::Suite;

    use crate::{KeyError, Keys, PublicKey};

    /// A tag holds for its key and its bytes only; the text form of a key is read back.
    #[test]
    fn tags_tell_keys_and_bytes_apart() {
        let (one, two) = (Keys::simulated([1; 32]), Keys::simulated([2; 32]));
        let tag = one.sign(b"x");
        assert!(one.public_key().verify(b"x", &tag));
        assert!(!one.public_key().verify(b"y", &tag));
        assert!(!two.public_key().verify(b"x", &tag));
        let text = one.public_key().to_string();
        assert_eq!(
            PublicKey::parse(Suite::Simulation, &text).as_ref(),
            Ok(one.public_key())
        );
    }

    /// No real world can come by it: no name, no configuration, no generated key leads there.
    #[test]
    fn no_real_world_can_choose_the_suite() {
        assert_eq!(Suite::from_name("simulation"), None);
        assert_eq!(
            Keys::generate(Suite::Simulation, [1; 32]).map(drop),
            Err(KeyError::Simulation)
        );
        let keys = Keys::simulated([1; 32]).public_key().to_string();
        assert!(PublicKey::parse(Suite::Modern, &keys).is_err());
    }
}
