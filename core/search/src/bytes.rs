//! Numbers and texts in bytes: variable-length integers, bit fields, Rice-coded ascending lists, texts, checksums.
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
    #[inline]
    pub(crate) fn varint(&mut self) -> Option<u64> {
        let first = self.u8()?;
        if first < 0x80 {
            return Some(first.into());
        }
        let mut value = u64::from(first & 0x7F);
        for shift in (7..64).step_by(7) {
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

/// The greatest number that can end a text.
const MAX_ENDING: usize = 0x3F;
/// With such bits at its front a byte goes on with a character: where one would begin, it ends the text instead.
const ENDING: u8 = 0x80;

impl<'a> Reader<'a> {
    /// Reads what [`put_ended`] wrote: the bytes of a text, and the number that ends it.
    #[inline]
    pub(crate) fn ended(&mut self) -> Option<(&'a [u8], usize)> {
        let mut len = 0;
        let ending = loop {
            len += ascii_len(self.bytes.get(len..)?);
            len += match *self.bytes.get(len)? {
                ending @ ..0xC0 => break ending,
                0xC0..0xE0 => 2,
                0xE0..0xF0 => 3,
                0xF0.. => 4,
            };
        };
        let text = self.take(len)?;
        self.u8()?;
        Some((text, usize::from(ending ^ ENDING)))
    }
}

/// How many bytes at the front are ASCII, eight of them looked at together: dictionaries are full of short texts.
#[inline]
fn ascii_len(bytes: &[u8]) -> usize {
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    let mut len = 0;
    while let Some(eight) = bytes.get(len..).and_then(<[u8]>::first_chunk) {
        let others = u64::from_le_bytes(*eight) & HIGH_BITS;
        if others != 0 {
            return len + others.trailing_zeros() as usize / 8;
        }
        len += 8;
    }
    let rest = bytes.get(len..).unwrap_or_default();
    len + rest.iter().take_while(|byte| byte.is_ascii()).count()
}

/// Appends whole characters and a number of at most 63 that ends them. Where a text ends can be told from its letters:
/// this compresses better than its length before it.
pub(crate) fn put_ended(out: &mut Vec<u8>, text: &[u8], number: usize) {
    out.extend_from_slice(text);
    out.push(ENDING | number as u8);
}

/// Bytes of the characters at the front of two texts that are the same, at most as many as can end a text.
pub(crate) fn shared_front(a: &[u8], b: &[u8]) -> usize {
    let mut shared = common_prefix(a, b).min(MAX_ENDING);
    while b.get(shared).is_some_and(|byte| byte & 0xC0 == ENDING) {
        shared -= 1;
    }
    shared
}

/// How many bytes two byte strings share at their front.
pub(crate) fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
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
    let (first, end) = (at / 8, (at + width as usize).div_ceil(8));
    let raw = match bytes.get(first..).and_then(<[u8]>::first_chunk) {
        Some(raw) => *raw,
        None => {
            let mut raw = [0_u8; 8];
            let slice = bytes.get(first..end)?;
            raw.get_mut(..slice.len())?.copy_from_slice(slice);
            raw
        }
    };
    Some(u64::from_le_bytes(raw) >> (at % 8) & (u64::MAX >> (64 - width)))
}

/// In the first byte of a list: its first value is told by the distance from a base.
const FROM_BASE: u8 = 0x20;
/// The other bits of that byte.
const RICE_PARAMETER: u8 = 0x1F;

/// Bits that values and the gaps between them take with a Rice parameter.
fn rice_bits(gaps: impl Iterator<Item = u32>, k: u32) -> u64 {
    gaps.map(|gap| u64::from(gap >> k) + 1 + u64::from(k)).sum()
}

/// Strictly ascending values as the gaps between them, less one; the first is its own gap.
fn gaps(values: &[u32]) -> impl Iterator<Item = u32> + Clone {
    let rest = values.windows(2).map(|pair| pair[1] - pair[0] - 1);
    values.first().copied().into_iter().chain(rest)
}

/// The Rice parameter with which gaps take the fewest bits, and how many.
fn best_parameter(gaps: &(impl Iterator<Item = u32> + Clone)) -> (u32, u64) {
    let (count, sum) = gaps.clone().fold((0_u64, 0_u64), |(count, sum), gap| (count + 1, sum + u64::from(gap)));
    let about = bits_for(sum / count.max(1));
    let parameters = about.saturating_sub(2)..=about.min(31);
    parameters.map(|k| (k, rice_bits(gaps.clone(), k))).min_by_key(|(_, bits)| *bits).unwrap_or_default()
}

/// A value by its distance from a base, up and down in turn.
pub(crate) fn distance(base: u32, value: u32) -> u64 {
    let distance = i64::from(value) - i64::from(base);
    (distance << 1 ^ distance >> 63) as u64
}

/// The value at a [`distance`].
pub(crate) fn at_distance(base: u32, distance: u64) -> Option<u32> {
    let distance = (distance >> 1) as i64 ^ -((distance & 1) as i64);
    u32::try_from(i64::from(base).checked_add(distance)?).ok()
}

/// Appends strictly ascending values, whose number is told elsewhere. One alone is told by its distance from `base`;
/// of several the gaps less one are Golomb–Rice coded, with the parameter that suits them, and the first as whatever is
/// shorter. A byte before them says how.
pub(crate) fn put_ascending(out: &mut Vec<u8>, values: &[u32], base: u32) {
    let [first, rest @ ..] = values else { return };
    if rest.is_empty() {
        put_varint(out, distance(base, *first));
        return;
    }
    let mut from_base = Vec::new();
    put_varint(&mut from_base, distance(base, *first));
    let (all, all_bits) = best_parameter(&gaps(values));
    let (after_first, after_first_bits) = best_parameter(&gaps(values).skip(1));
    let is_near = from_base.len() as u64 * 8 + after_first_bits < all_bits;
    let k = if is_near { after_first } else { all };
    out.push(k as u8 | if is_near { FROM_BASE } else { 0 });
    if is_near {
        out.extend(from_base);
    }
    let mut bits = BitWriter::default();
    for gap in gaps(values).skip(usize::from(is_near)) {
        for _ in 0..gap >> k {
            bits.put_bit(true);
        }
        bits.put_bit(false);
        bits.put(u64::from(gap), k);
    }
    out.extend(bits.finish());
}

impl Reader<'_> {
    /// Reads `n` values of [`put_ascending`] and hands each to `each`. Answers `None` when the bytes end too early or a
    /// value reaches `universe`.
    pub(crate) fn ascending(&mut self, n: usize, base: u32, universe: u32, each: &mut dyn FnMut(u32)) -> Option<()> {
        let mut next = 0_u64;
        let mut left = n;
        let head = if n > 1 { self.u8()? } else { FROM_BASE };
        if n > 0 && head & FROM_BASE > 0 {
            let first = at_distance(base, self.varint()?).filter(|value| *value < universe)?;
            each(first);
            next = u64::from(first) + 1;
            left -= 1;
        }
        let k = u32::from(head & RICE_PARAMETER);
        let bit_len = self.bytes.len() * 8;
        let mut at = 0_usize;
        for _ in 0..left {
            let mut high = 0_u32;
            loop {
                let width = (bit_len.checked_sub(at)?).min(32) as u32;
                if width == 0 {
                    return None;
                }
                let ones = (!bits_at(self.bytes, at, width)?).trailing_zeros().min(width);
                high = high.checked_add(ones)?;
                at += ones as usize;
                if ones < width {
                    at += 1;
                    break;
                }
            }
            let gap = u64::from(high) << k | bits_at(self.bytes, at, k)?;
            at += k as usize;
            let value = u32::try_from(next.checked_add(gap)?).ok().filter(|value| *value < universe)?;
            each(value);
            next = u64::from(value) + 1;
        }
        self.take(at.div_ceil(8)).map(drop)
    }
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

/// The content of a sealed block, or `None` when its checksum is wrong. A fuzzer, which could not guess it, reaches what
/// lies behind: whoever publishes an index can write any checksum.
pub(crate) fn unseal(block: &[u8]) -> Option<&[u8]> {
    let (content, sum) = block.split_last_chunk::<4>()?;
    (cfg!(feature = "fuzzing") || checksum(content) == u32::from_le_bytes(*sum)).then_some(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ascending_lists_come_back_and_take_few_bits() {
        for (values, base, max_bytes) in [
            (vec![], 10, 0),
            (vec![0], 0, 1),
            (vec![62_000], 62_040, 2),
            (vec![62_000], 0, 3),
            ((0..1000).collect::<Vec<u32>>(), 0, 126),
            ((0..100).map(|i| i * 617).collect(), 0, 150),
            ((0..100).map(|i| 60_000 + i * 3).collect(), 60_001, 42),
            (vec![62_000, 62_001, 62_003], 62_001, 3),
            (vec![5, 62_499], 62_499, 7),
            (vec![0, u32::MAX - 2], 7, 10),
        ] {
            let universe = u32::MAX;
            let mut bytes = Vec::new();
            put_ascending(&mut bytes, &values, base);
            assert!(bytes.len() <= max_bytes, "{} bytes for {} values from {base}", bytes.len(), values.len());
            let read = |bytes: &[u8], universe: u32| {
                let mut back = Vec::new();
                let mut reader = Reader::new(bytes);
                reader.ascending(values.len(), base, universe, &mut |value| back.push(value))?;
                Some((back, reader.is_empty()))
            };
            assert_eq!(read(&bytes, universe), Some((values.clone(), true)));
            if let Some(last) = values.last() {
                assert_eq!(read(&bytes[..bytes.len() - 1], universe), None);
                assert_eq!(read(&bytes, *last), None);
            }
        }
    }

    #[test]
    fn ended_texts_come_back_and_share_whole_characters() {
        for (text, next, shared) in [
            ("", "", 0),
            ("ab", "abc", 2),
            ("中山路", "中山街", 6),
            ("é", "è", 0),
            ("mannerheimintie 中 kamppi", "mannerheimintie 丰", 16),
            ("a😀", "a😁", 1),
            ("中".repeat(30).as_str(), "中".repeat(31).as_str(), 63),
        ] {
            assert_eq!(shared_front(text.as_bytes(), next.as_bytes()), shared, "{text} {next}");
            let mut bytes = Vec::new();
            put_ended(&mut bytes, text.as_bytes(), shared);
            assert_eq!(Reader::new(&bytes).ended(), Some((text.as_bytes(), shared)));
            for len in 0..bytes.len() {
                assert_eq!(Reader::new(&bytes[..len]).ended(), None, "{text}");
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
