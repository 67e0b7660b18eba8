//! The list of the indexes that are asked as one: shards of more records than one index should hold, and overlays.
//!
//! It is published in the place of a root and names the roots of its indexes, the lowest first.

use crate::bytes::{Reader, put_text, put_varint, seal, unseal};
use crate::root::{FORMAT_VERSION, IndexError};

const MAGIC: &[u8; 4] = b"CTSL";

/// The names of the roots that lie beside a list, the lowest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shards {
    /// Names of files.
    pub roots: Vec<String>,
}

impl Shards {
    /// The bytes that stand for it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        put_varint(&mut out, FORMAT_VERSION);
        put_varint(&mut out, self.roots.len() as u64);
        self.roots.iter().for_each(|root| put_text(&mut out, root));
        seal(&mut out);
        out
    }

    /// Reads a list; `None` for bytes that are something else, such as the root of a single index.
    ///
    /// # Errors
    /// [`IndexError`] when it is of another version, damaged, or names a file outside its folder.
    pub fn read(bytes: &[u8]) -> Result<Option<Self>, IndexError> {
        let Some(after_magic) = bytes.strip_prefix(MAGIC) else { return Ok(None) };
        let damaged = |what| IndexError::Damaged { what };
        let found = Reader::new(after_magic).varint().ok_or(damaged("it ends in its version"))?;
        if found != FORMAT_VERSION {
            return Err(IndexError::Version { found });
        }
        let content = unseal(bytes).ok_or(damaged("its checksum is wrong"))?;
        let roots = names(content.get(MAGIC.len()..).unwrap_or_default()).ok_or(damaged("a name is cut"))?;
        if !roots.iter().all(|root| is_plain_name(root)) {
            return Err(damaged("it names a file outside its folder"));
        }
        Ok(Some(Self { roots }))
    }
}

fn names(content: &[u8]) -> Option<Vec<String>> {
    let mut reader = Reader::new(content);
    reader.varint()?;
    let names = (0..reader.len()?).map(|_| Some(reader.text()?.to_owned())).collect::<Option<_>>()?;
    reader.is_empty().then_some(names)
}

/// Whether a name that an index gives is that of a file beside it, on a disk and in a URL.
pub fn is_plain_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', ':', '?', '#'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_comes_back_and_a_damaged_one_is_named() {
        let list = Shards { roots: vec!["root-1.bin".to_owned(), "root-2.bin".to_owned()] };
        let bytes = list.to_bytes();
        assert_eq!(Shards::read(&bytes), Ok(Some(list)));
        assert_eq!(Shards::read(b"CTSI and so on"), Ok(None));
        assert_eq!(Shards::read(b""), Ok(None));
        for len in 4..bytes.len() {
            assert!(Shards::read(&bytes[..len]).is_err(), "cut to {len}");
        }
        for bit in 32..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(Shards::read(&changed).is_err(), "bit {bit}");
        }
        for name in ["", "../root.bin", "a/b", "https:x", ".", "a?b", "a#b", "a\\b"] {
            let outside = Shards { roots: vec![name.to_owned()] };
            assert!(Shards::read(&outside.to_bytes()).is_err(), "{name}");
        }
    }
}
