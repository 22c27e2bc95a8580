//! Bytes as hexadecimal digits (RFC 4648 §8).

use alloc::string::String;
use alloc::vec::Vec;

/// Bytes as digits, in small letters.
#[must_use]
pub fn encode(data: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or('0');
    data.iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// Digits, of either case, as bytes; a digit too few counts as 0 at the end, as encoders that count bits have it. `None` where
/// there is something else.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
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
    fn digits_of_either_case() {
        assert_eq!(encode(&[0x12, 0xAF]), "12af");
        assert_eq!(decode("12aF5").unwrap(), [0x12, 0xAF, 0x50]);
        assert_eq!(decode("1g"), None);
    }

    proptest! {
        #[test]
        fn there_and_back(bytes: Vec<u8>) {
            prop_assert_eq!(decode(&encode(&bytes)).unwrap(), bytes);
        }
    }
}
