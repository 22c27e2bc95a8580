//! The five bytes of a 33-bit time stamp (ISO/IEC 13818-1 §2.4.3.6, §2.4.3.4).
//!
//! ```text
//! prefix 4, stamp[32..30] 3, marker_bit 1, stamp[29..15] 15, marker_bit 1, stamp[14..0] 15, marker_bit 1
//! ```

/// The time stamp in the five bytes; marker bits are not looked at, as damage elsewhere is worse.
#[inline]
pub(crate) const fn read(bytes: &[u8; 5]) -> u64 {
    let [a, b, c, d, e] = *bytes;
    ((a >> 1 & 7) as u64) << 30
        | ((u16::from_be_bytes([b, c]) >> 1) as u64) << 15
        | (u16::from_be_bytes([d, e]) >> 1) as u64
}

/// The five bytes of a time stamp, the low 33 bits of `stamp`, behind a 4-bit prefix.
#[inline]
pub(crate) const fn bytes(prefix: u8, stamp: u64) -> [u8; 5] {
    let [.., top] = (stamp >> 30 & 7).to_be_bytes();
    let [.., b, c] = (stamp >> 15 << 1 | 1).to_be_bytes();
    let [.., d, e] = (stamp << 1 | 1).to_be_bytes();
    [prefix << 4 | top << 1 | 1, b, c, d, e]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_stamp_by_hand() {
        assert_eq!(bytes(2, 0x1_2345_6789), [0x29, 0x8D, 0x15, 0xCF, 0x13]);
        assert_eq!(read(&[0x29, 0x8D, 0x15, 0xCF, 0x13]), 0x1_2345_6789);
    }

    proptest! {
        #[test]
        fn stamps_round_trip(prefix in 0u8..16, stamp in 0u64..1 << 33) {
            let field = bytes(prefix, stamp);
            prop_assert_eq!(read(&field), stamp);
            prop_assert_eq!(field[0] >> 4, prefix);
            prop_assert!(field[0] & field[2] & field[4] & 1 == 1);
        }
    }
}
