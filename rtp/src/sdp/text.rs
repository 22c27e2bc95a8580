//! Base64 (RFC 4648 §4) and hexadecimal, as parameters of formats have them.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Bytes as base64.
pub(super) fn to_base64(data: &[u8]) -> String {
    let mut out = String::with_capacity(data.len().div_ceil(3).saturating_mul(4));
    let mut rest = data;
    while !rest.is_empty() {
        let (group, after) = rest.split_at_checked(3).unwrap_or((rest, &[]));
        let byte = |n: usize| u32::from(group.get(n).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for n in 0..4usize {
            let index = usize::try_from(bits >> (18 - 6 * n) & 63).unwrap_or(0);
            match ALPHABET.get(index) {
                Some(letter) if n <= group.len() => out.push(char::from(*letter)),
                _ => out.push('='),
            }
        }
        rest = after;
    }
    out
}

/// Base64 as bytes; padding may be missing. `None` for other letters.
pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0u32, 0u32);
    for letter in text.trim_end_matches('=').bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            let [.., byte] = (bits >> count).to_be_bytes();
            out.push(byte);
        }
    }
    Some(out)
}

/// Bytes as hexadecimal digits.
pub(super) fn to_hex(data: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or('0');
    data.iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// Hexadecimal digits as bytes; a digit too few counts as 0 at the end, as some encoders count bits.
pub(super) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| u8::try_from(digit.to_digit(16)?).ok())
        .collect();
    let mut digits = digits?.into_iter();
    let pair = || {
        let high = digits.next()?;
        Some(high << 4 | digits.next().unwrap_or(0))
    };
    Some(core::iter::from_fn(pair).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn vectors_of_the_rfc() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(to_base64(bytes.as_bytes()), text);
            assert_eq!(from_base64(text).unwrap(), bytes.as_bytes());
        }
        assert_eq!(from_base64("Zg").unwrap(), b"f");
        assert_eq!(from_base64("Z!"), None);
        assert_eq!(to_hex(&[0x12, 0xAF]), "12af");
        assert_eq!(from_hex("12aF5").unwrap(), [0x12, 0xAF, 0x50]);
        assert_eq!(from_hex("1g"), None);
    }

    proptest! {
        #[test]
        fn there_and_back(bytes: Vec<u8>) {
            prop_assert_eq!(from_base64(&to_base64(&bytes)).unwrap(), &bytes[..]);
            prop_assert_eq!(from_hex(&to_hex(&bytes)).unwrap(), bytes);
        }
    }
}
