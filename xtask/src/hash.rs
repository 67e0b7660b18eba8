//! A name for a content.

/// FNV-1a, 64 bits: no adversary picks the bytes that are named here, and it stays the same for ever.
pub(crate) struct Fnv1a(u64);

impl Default for Fnv1a {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv1a {
    /// Takes in one piece. The border between two pieces counts.
    pub(crate) fn eat(&mut self, bytes: &[u8]) {
        for byte in bytes.iter().chain(&(bytes.len() as u64).to_le_bytes()) {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// Sixteen hexadecimal digits.
    pub(crate) fn hex(&self) -> String {
        format!("{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_changes_with_any_piece_and_any_border_between_pieces() {
        let hash = |pieces: &[&str]| {
            let mut hash = Fnv1a::default();
            pieces.iter().for_each(|piece| hash.eat(piece.as_bytes()));
            hash.hex()
        };
        let one = hash(&["a.js", "x", "b.js", "y"]);
        assert_eq!(one, hash(&["a.js", "x", "b.js", "y"]));
        for other in [&["a.js", "x", "b.js", "z"][..], &["a.js", "xb.js", "", "y"], &["a.js", "x"]] {
            assert_ne!(one, hash(other), "{other:?}");
        }
    }
}
