//! Integers of one to ten bytes, seven bits each, the least significant first; the top bit says "more follows".
//!
//! Every number has exactly one encoding: a reader refuses a last byte of zero behind others, and bits beyond 64.

use crate::error::StreamError;

/// Appends `value`.
pub fn put(out: &mut Vec<u8>, value: u64) {
    let mut left = value;
    while left >= 0x80 {
        out.push(left as u8 | 0x80);
        left >>= 7;
    }
    out.push(left as u8);
}

/// Reads untrusted bytes.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    section: &'static str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// From the first byte of `bytes`; `section` is what errors call them.
    pub fn new(section: &'static str, bytes: &'a [u8]) -> Self {
        Self { section, bytes, at: 0 }
    }

    /// Bytes read so far.
    pub fn offset(&self) -> u64 {
        self.at as u64
    }

    /// Whether every byte was read.
    pub fn is_empty(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// The next byte, which stays unread.
    pub fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// [`StreamError::Truncated`] when there are fewer.
    pub fn take<const N: usize>(&mut self) -> Result<[u8; N], StreamError> {
        let left = &self.bytes[self.at..];
        let Some(bytes) = left.first_chunk::<N>() else {
            return Err(StreamError::Truncated {
                section: self.section,
                offset: self.offset(),
                wanted: N as u64,
                got: left.len() as u64,
            });
        };
        self.at += N;
        Ok(*bytes)
    }

    /// The next number.
    ///
    /// # Errors
    /// [`StreamError::Truncated`], or [`StreamError::Varint`] for an encoding that [`put`] does not make.
    pub fn varint(&mut self) -> Result<u64, StreamError> {
        let (offset, mut value) = (self.offset(), 0);
        for shift in (0..64).step_by(7) {
            let [byte] = self.take()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let overlong = byte == 0 && shift > 0;
                let beyond = shift == 63 && byte > 1;
                if overlong || beyond {
                    break;
                }
                return Ok(value);
            }
        }
        Err(StreamError::Varint { section: self.section, offset })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_has_one_encoding_only() {
        let too_long: [&[u8]; 5] = [
            &[0x80, 0],
            &[0xff, 0x80, 0],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2],
            &[0xff; 10],
            &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0],
        ];
        for bytes in too_long {
            let answer = Reader::new("test", bytes).varint();
            assert!(matches!(answer, Err(StreamError::Varint { offset: 0, .. })), "{bytes:x?}: {answer:?}");
        }
        assert!(matches!(Reader::new("test", &[0x80]).varint(), Err(StreamError::Truncated { .. })));
    }

    proptest! {
        #[test]
        fn numbers_come_back(values in prop::collection::vec(any::<u64>().prop_map(|v| v >> (v & 63)), 0..20)) {
            let mut bytes = Vec::new();
            values.iter().for_each(|v| put(&mut bytes, *v));
            let mut reader = Reader::new("test", &bytes);
            for value in values {
                prop_assert_eq!(reader.varint().ok(), Some(value));
            }
            prop_assert!(reader.is_empty());
        }
    }
}
