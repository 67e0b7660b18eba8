//! Numbers in bytes: variable-length integers, bit fields, Rice-coded ascending lists, checksums.
//!
//! Everything that reads here is handed untrusted bytes: it answers `None` instead of panicking, and allocates no more
//! than a small multiple of the bytes that are there.

/// Reads a byte slice from its front.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    pub(crate) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (front, back) = self.bytes.split_at_checked(len)?;
        self.bytes = back;
        Some(front)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        let (&first, back) = self.bytes.split_first()?;
        self.bytes = back;
        Some(first)
    }

    pub(crate) fn f64(&mut self) -> Option<f64> {
        Some(f64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    /// LEB128, at most 64 bits.
    pub(crate) fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// A varint that must fit a `u32`.
    pub(crate) fn varint32(&mut self) -> Option<u32> {
        u32::try_from(self.varint()?).ok()
    }

    /// A varint used as a length of something in this very slice.
    pub(crate) fn len(&mut self) -> Option<usize> {
        let len = usize::try_from(self.varint()?).ok()?;
        (len <= self.bytes.len()).then_some(len)
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        let len = self.len()?;
        std::str::from_utf8(self.take(len)?).ok()
    }
}

/// Appends a LEB128 integer.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a text with its length in bytes before it.
pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_varint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// Number of bits that hold every value up to `max`.
pub(crate) fn bits_for(max: u64) -> u32 {
    64 - max.leading_zeros()
}

/// Writes bit fields, lowest bit first.
#[derive(Default)]
pub(crate) struct BitWriter {
    bytes: Vec<u8>,
    bit: u32,
}

impl BitWriter {
    pub(crate) fn put(&mut self, value: u64, width: u32) {
        for i in 0..width {
            self.put_bit(value >> i & 1 == 1);
        }
    }

    fn put_bit(&mut self, set: bool) {
        if self.bit == 0 {
            self.bytes.push(0);
        }
        if let (true, Some(last)) = (set, self.bytes.last_mut()) {
            *last |= 1 << self.bit;
        }
        self.bit = (self.bit + 1) % 8;
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// The `width` (at most 56) bits that start at bit `at`; `None` past the end.
pub(crate) fn bits_at(bytes: &[u8], at: usize, width: u32) -> Option<u64> {
    debug_assert!(width <= 56);
    if width == 0 {
        return Some(0);
    }
    let first = at / 8;
    let end = (at + width as usize).div_ceil(8);
    let mut raw = [0_u8; 8];
    let slice = bytes.get(first..end)?;
    raw.get_mut(..slice.len())?.copy_from_slice(slice);
    Some(u64::from_le_bytes(raw) >> (at % 8) & (u64::MAX >> (64 - width)))
}

/// The Rice parameter for `n` ascending values below `universe`.
fn rice_parameter(n: usize, universe: u32) -> u32 {
    let gap = u64::from(universe) * 2 / 3 / (n.max(1) as u64);
    bits_for(gap).saturating_sub(1).min(31)
}

/// Appends strictly ascending values below `universe`: gaps less one, Golomb–Rice coded.
pub(crate) fn put_ascending(out: &mut Vec<u8>, values: &[u32], universe: u32) {
    let k = rice_parameter(values.len(), universe);
    let mut bits = BitWriter::default();
    let mut next = 0;
    for &value in values {
        let gap = value - next;
        for _ in 0..gap >> k {
            bits.put_bit(true);
        }
        bits.put_bit(false);
        bits.put(u64::from(gap), k);
        next = value + 1;
    }
    out.extend(bits.finish());
}

/// Reads `n` values of [`put_ascending`] and hands each to `each` until it answers `false`. Answers `None` when the
/// bytes end too early or a value reaches `universe`.
pub(crate) fn each_ascending(bytes: &[u8], n: usize, universe: u32, mut each: impl FnMut(u32) -> bool) -> Option<()> {
    let k = rice_parameter(n, universe);
    let bit_len = bytes.len() * 8;
    let mut at = 0_usize;
    let mut next = 0_u32;
    for _ in 0..n {
        let mut high = 0_u32;
        loop {
            let width = (bit_len.checked_sub(at)?).min(32) as u32;
            if width == 0 {
                return None;
            }
            let ones = (!bits_at(bytes, at, width)?).trailing_zeros().min(width);
            high = high.checked_add(ones)?;
            at += ones as usize;
            if ones < width {
                at += 1;
                break;
            }
        }
        let gap = u64::from(high) << k | bits_at(bytes, at, k)?;
        at += k as usize;
        let value = u32::try_from(u64::from(next) + gap).ok().filter(|value| *value < universe)?;
        if !each(value) {
            return Some(());
        }
        next = value + 1;
    }
    Some(())
}

/// A 32-bit checksum against accidents (not against attackers): multiply and rotate over 8-byte words.
pub(crate) fn checksum(bytes: &[u8]) -> u32 {
    const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut hash = bytes.len() as u64 ^ 0x5EED;
    let (words, tail) = bytes.as_chunks::<8>();
    for word in words {
        hash = (hash.rotate_left(23) ^ u64::from_le_bytes(*word)).wrapping_mul(MULTIPLIER);
    }
    for &byte in tail {
        hash = (hash.rotate_left(23) ^ u64::from(byte)).wrapping_mul(MULTIPLIER);
    }
    hash ^= hash >> 32;
    (hash.wrapping_mul(MULTIPLIER) >> 32) as u32
}

/// Appends the checksum of everything that is in `block` so far.
pub(crate) fn seal(block: &mut Vec<u8>) {
    let sum = checksum(block);
    block.extend_from_slice(&sum.to_le_bytes());
}

/// The content of a sealed block, or `None` when its checksum is wrong.
pub(crate) fn unseal(block: &[u8]) -> Option<&[u8]> {
    let (content, sum) = block.split_last_chunk::<4>()?;
    (checksum(content) == u32::from_le_bytes(*sum)).then_some(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ascending_lists_come_back_and_take_few_bits() {
        for (values, universe, max_bytes) in [
            (vec![], 10, 0),
            (vec![0], 1, 1),
            (vec![9], 10, 1),
            ((0..1000).collect::<Vec<u32>>(), 1000, 126),
            ((0..100).map(|i| i * 617).collect(), 62_500, 140),
            (vec![62_499], 62_500, 3),
            (vec![0, u32::MAX - 2], u32::MAX, 9),
        ] {
            let mut bytes = Vec::new();
            put_ascending(&mut bytes, &values, universe);
            assert!(bytes.len() <= max_bytes, "{} bytes for {} values", bytes.len(), values.len());
            let mut back = Vec::new();
            each_ascending(&bytes, values.len(), universe, |value| {
                back.push(value);
                true
            })
            .unwrap();
            assert_eq!(back, values);
            if !values.is_empty() {
                assert_eq!(each_ascending(&bytes[..bytes.len() - 1], values.len(), universe, |_| true), None);
            }
        }
    }

    #[test]
    fn a_flipped_bit_breaks_the_seal() {
        let mut block = b"some twenty bytes of content".to_vec();
        seal(&mut block);
        assert!(unseal(&block).is_some());
        for bit in 0..block.len() * 8 {
            block[bit / 8] ^= 1 << (bit % 8);
            assert!(unseal(&block).is_none(), "bit {bit}");
            block[bit / 8] ^= 1 << (bit % 8);
        }
    }

    #[test]
    fn varints_end() {
        assert_eq!(Reader::new(&[0xFF; 20]).varint(), None);
        assert_eq!(Reader::new(&[0x80]).varint(), None);
        for value in [0, 127, 128, u64::from(u32::MAX), u64::MAX] {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            assert_eq!(Reader::new(&out).varint(), Some(value));
        }
    }
}
