//! How plain values cross from a worker to the page: bytes of our own, written and read by the same build.
//!
//! Numbers are LEB128 (`bool` and `u8` one byte, `u16` and floats as they are, little-endian), texts and lists begin
//! with their length, options and enums with a byte. `serde` with `postcard` does the same in three times the code,
//! which every visitor would download.
//!
//! A reader never fails in the middle: what is missing or wrong is read as nothing, and [`from_bytes`] says so at the
//! end. A list is never longer than the bytes that are left.

/// A value that crosses.
pub trait Wire: Sized {
    /// Writes it.
    fn put(&self, out: &mut Vec<u8>);

    /// Reads it; anything where the bytes say nothing, which the reader remembers.
    fn get(from: &mut Reader<'_>) -> Self;

    /// Writes many of them, without their number.
    fn put_all(list: &[Self], out: &mut Vec<u8>) {
        list.iter().for_each(|value| value.put(out));
    }

    /// Reads `count` of them, which are no more than there are bytes.
    fn get_all(count: usize, from: &mut Reader<'_>) -> Vec<Self> {
        let mut list = Vec::with_capacity(count.min(256));
        while list.len() < count && !from.failed {
            list.push(Self::get(from));
        }
        list
    }
}

/// The bytes of a value.
pub fn to_bytes(value: &impl Wire) -> Vec<u8> {
    let mut out = Vec::new();
    value.put(&mut out);
    out
}

/// Bytes that are not what [`to_bytes`] has written for the type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Garbled;

impl std::fmt::Display for Garbled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the message between page and worker cannot be read: their files are of different versions")
    }
}

impl std::error::Error for Garbled {}

/// A value from its bytes.
///
/// # Errors
/// [`Garbled`] when the bytes end too early or too late, or hold what the type does not have.
pub fn from_bytes<T: Wire>(bytes: &[u8]) -> Result<T, Garbled> {
    let mut from = Reader { rest: bytes, failed: false };
    let value = T::get(&mut from);
    if from.failed || !from.rest.is_empty() { Err(Garbled) } else { Ok(value) }
}

/// What is left to read.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    failed: bool,
}

impl<'a> Reader<'a> {
    /// Remembers that the bytes are wrong.
    pub fn fail(&mut self) {
        self.failed = true;
        self.rest = &[];
    }

    /// The next byte; 0 when there is none.
    pub fn byte(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or_default()
    }

    fn bytes(&mut self, count: usize) -> &'a [u8] {
        if let Some((taken, rest)) = self.rest.split_at_checked(count) {
            self.rest = rest;
            return taken;
        }
        self.fail();
        &[]
    }

    fn number(&mut self) -> u64 {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte();
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return value;
            }
        }
        self.fail();
        0
    }

    /// The length of a list whose elements take a byte at least.
    fn length(&mut self) -> usize {
        let length = self.number();
        if length > self.rest.len() as u64 {
            self.fail();
            return 0;
        }
        length as usize
    }
}

fn put_number(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

impl Wire for u8 {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(*self);
    }

    fn get(from: &mut Reader<'_>) -> Self {
        from.byte()
    }

    fn put_all(list: &[Self], out: &mut Vec<u8>) {
        out.extend_from_slice(list);
    }

    fn get_all(count: usize, from: &mut Reader<'_>) -> Vec<Self> {
        from.bytes(count).to_vec()
    }
}

impl Wire for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn get(from: &mut Reader<'_>) -> Self {
        let byte = from.byte();
        if byte > 1 {
            from.fail();
        }
        byte == 1
    }
}

impl Wire for u16 {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }

    fn get(from: &mut Reader<'_>) -> Self {
        from.bytes(2).try_into().map_or(0, Self::from_le_bytes)
    }
}

impl Wire for u32 {
    fn put(&self, out: &mut Vec<u8>) {
        put_number((*self).into(), out);
    }

    fn get(from: &mut Reader<'_>) -> Self {
        Self::try_from(from.number()).unwrap_or_else(|_| {
            from.fail();
            0
        })
    }
}

impl Wire for u64 {
    fn put(&self, out: &mut Vec<u8>) {
        put_number(*self, out);
    }

    fn get(from: &mut Reader<'_>) -> Self {
        from.number()
    }
}

impl Wire for i64 {
    fn put(&self, out: &mut Vec<u8>) {
        // Zigzag: small numbers of either sign are short.
        put_number((*self << 1 ^ *self >> 63) as u64, out);
    }

    fn get(from: &mut Reader<'_>) -> Self {
        let value = from.number();
        (value >> 1) as Self ^ -((value & 1) as Self)
    }
}

impl Wire for f32 {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }

    fn get(from: &mut Reader<'_>) -> Self {
        from.bytes(4).try_into().map_or(0.0, Self::from_le_bytes)
    }
}

impl Wire for f64 {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }

    fn get(from: &mut Reader<'_>) -> Self {
        from.bytes(8).try_into().map_or(0.0, Self::from_le_bytes)
    }
}

impl Wire for String {
    fn put(&self, out: &mut Vec<u8>) {
        put_number(self.len() as u64, out);
        out.extend_from_slice(self.as_bytes());
    }

    fn get(from: &mut Reader<'_>) -> Self {
        let length = from.length();
        let bytes = from.bytes(length);
        std::str::from_utf8(bytes).map(str::to_owned).unwrap_or_else(|_| {
            from.fail();
            Self::new()
        })
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        put_number(self.len() as u64, out);
        T::put_all(self, out);
    }

    fn get(from: &mut Reader<'_>) -> Self {
        let length = from.length();
        T::get_all(length, from)
    }
}

impl<T: Wire> Wire for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.is_some()));
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn get(from: &mut Reader<'_>) -> Self {
        bool::get(from).then(|| T::get(from))
    }
}

impl<T: Wire, E: Wire> Wire for Result<T, E> {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.is_err()));
        match self {
            Ok(value) => value.put(out),
            Err(error) => error.put(out),
        }
    }

    fn get(from: &mut Reader<'_>) -> Self {
        if bool::get(from) { Err(E::get(from)) } else { Ok(T::get(from)) }
    }
}

impl<T: Wire> Wire for Box<T> {
    fn put(&self, out: &mut Vec<u8>) {
        (**self).put(out);
    }

    fn get(from: &mut Reader<'_>) -> Self {
        Self::new(T::get(from))
    }
}

impl<T: Wire, const N: usize> Wire for [T; N] {
    fn put(&self, out: &mut Vec<u8>) {
        T::put_all(self, out);
    }

    fn get(from: &mut Reader<'_>) -> Self {
        std::array::from_fn(|_| T::get(from))
    }
}

impl<A: Wire, B: Wire> Wire for (A, B) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }

    fn get(from: &mut Reader<'_>) -> Self {
        (A::get(from), B::get(from))
    }
}

impl<A: Wire, B: Wire, C: Wire> Wire for (A, B, C) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
        self.2.put(out);
    }

    fn get(from: &mut Reader<'_>) -> Self {
        (A::get(from), B::get(from), C::get(from))
    }
}

/// Implements [`Wire`] for a struct: its fields in their order, and after `;` those that stay behind.
#[macro_export]
macro_rules! wire_struct {
    ($name:ident { $($field:ident),* $(,)? $(; $($left:ident),*)? }) => {
        impl $crate::wire::Wire for $name {
            fn put(&self, out: &mut Vec<u8>) {
                $($crate::wire::Wire::put(&self.$field, out);)*
            }

            fn get(from: &mut $crate::wire::Reader<'_>) -> Self {
                Self { $($field: $crate::wire::Wire::get(from),)* $($($left: Default::default(),)*)? }
            }
        }
    };
}

/// Implements [`Wire`] for an enum, by a byte for each variant; `else` is what is read where there is no such byte.
#[macro_export]
macro_rules! wire_enum {
    (@get $part:ident $from:ident) => { $crate::wire::Wire::get($from) };
    ($name:ident {
        $($tag:literal $variant:ident $(($($part:ident),*))? $({ $($field:ident),* })?),* $(,)?
    } else $fallback:expr) => {
        impl $crate::wire::Wire for $name {
            fn put(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$variant $(($($part),*))? $({ $($field),* })? => {
                        out.push($tag);
                        $($($crate::wire::Wire::put($part, out);)*)?
                        $($($crate::wire::Wire::put($field, out);)*)?
                    })*
                }
            }

            fn get(from: &mut $crate::wire::Reader<'_>) -> Self {
                match from.byte() {
                    $($tag => Self::$variant
                        $(($($crate::wire_enum!(@get $part from)),*))?
                        $({ $($field: $crate::wire::Wire::get(from)),* })?,)*
                    _ => {
                        from.fail();
                        $fallback
                    }
                }
            }
        }
    };
}

pub use crate::{wire_enum, wire_struct};

mod shapes;

#[cfg(test)]
mod tests;
