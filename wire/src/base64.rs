//! Base64 (RFC 4648 §4), as descriptions, tunnels and authentication have it. The letters of the form for URLs (§5) are read too.
//!
//! It is not made for secrets: how long it takes depends on the letters.

use alloc::string::String;
use alloc::vec::Vec;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn symbol(bits: u32) -> char {
    let index = usize::try_from(bits & 63).unwrap_or_default();
    ALPHABET.get(index).copied().map_or('A', char::from)
}

/// Bytes in base64, with padding.
#[must_use]
pub fn encode(data: &[u8]) -> String {
    let mut out = String::with_capacity(data.len().div_ceil(3).saturating_mul(4));
    let (whole, rest) = data.as_chunks::<3>();
    for [a, b, c] in whole {
        let group = u32::from_be_bytes([0, *a, *b, *c]);
        for shift in [18, 12, 6, 0] {
            out.push(symbol(group >> shift));
        }
    }
    match rest {
        [a] => {
            let group = u32::from(*a) << 16;
            out.push(symbol(group >> 18));
            out.push(symbol(group >> 12));
            out.push_str("==");
        }
        [a, b] => {
            let group = u32::from_be_bytes([0, *a, *b, 0]);
            for shift in [18, 12, 6] {
                out.push(symbol(group >> shift));
            }
            out.push('=');
        }
        _ => {}
    }
    out
}

/// Decodes what comes in pieces. A tunnel's client encodes each request by itself, so padding can be followed by more;
/// line ends count for nothing.
#[derive(Debug, Clone, Default)]
pub struct Decoder {
    bits: u32,
    /// Symbols in `bits`, padding included.
    count: u8,
    padding: u8,
}

impl Decoder {
    /// Appends the bytes of this piece to `out`.
    ///
    /// # Errors
    /// The first letter that is none of the alphabet's, or that stands behind padding.
    pub fn push(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), u8> {
        for byte in data {
            let value = match byte {
                b'A'..=b'Z' => byte.wrapping_sub(b'A'),
                b'a'..=b'z' => byte.wrapping_sub(b'a').wrapping_add(26),
                b'0'..=b'9' => byte.wrapping_sub(b'0').wrapping_add(52),
                b'+' | b'-' => 62,
                b'/' | b'_' => 63,
                b'=' => {
                    self.padding = self.padding.saturating_add(1);
                    0
                }
                b'\r' | b'\n' | b' ' | b'\t' => continue,
                other => return Err(*other),
            };
            if self.padding > 2 || (self.padding > 0 && *byte != b'=') {
                return Err(*byte);
            }
            self.bits = (self.bits << 6) | u32::from(value);
            self.count = self.count.wrapping_add(1);
            if self.count == 4 {
                let [_, a, b, c] = self.bits.to_be_bytes();
                match self.padding {
                    0 => out.extend_from_slice(&[a, b, c]),
                    1 => out.extend_from_slice(&[a, b]),
                    _ => out.push(a),
                }
                *self = Self::default();
            }
        }
        Ok(())
    }

    /// Gives out what an end without padding has left.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let [_, a, b, _] =
            (self.bits << (6 * u32::from(4_u8.saturating_sub(self.count)))).to_be_bytes();
        match (self.count, self.padding) {
            (2, 0) => out.push(a),
            (3, 0) => out.extend_from_slice(&[a, b]),
            _ => {}
        }
        *self = Self::default();
    }
}

/// Bytes of a whole text; padding may be missing. `None` where a letter is none of the alphabet's.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut decoder = Decoder::default();
    decoder.push(text.as_bytes(), &mut out).ok()?;
    decoder.finish(&mut out);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_vectors_of_rfc_4648() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encode(plain.as_bytes()), coded);
            assert_eq!(decode(coded).unwrap(), plain.as_bytes());
            assert_eq!(
                decode(coded.trim_end_matches('=')).unwrap(),
                plain.as_bytes()
            );
        }
        // One message after the other, each padded.
        assert_eq!(decode("Zg==Zm8=\r\nZm9v").unwrap(), b"ffofoo");
        assert_eq!(decode("Z!"), None);
        assert_eq!(decode("Zg=a"), None);
        assert_eq!(decode("===="), None);
    }

    proptest::proptest! {
        #[test]
        fn cut_anywhere(data in proptest::collection::vec(0_u8.., 0..200), size in 1_usize..9) {
            let text = encode(&data);
            let (mut decoder, mut out) = (Decoder::default(), Vec::new());
            for piece in text.as_bytes().chunks(size) {
                decoder.push(piece, &mut out).unwrap();
            }
            assert_eq!(out, data);
        }
    }
}
