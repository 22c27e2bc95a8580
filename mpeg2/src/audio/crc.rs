//! `crc_check`, generator x^16 + x^15 + x^2 + 1, started with ones (ISO/IEC 11172-3 §2.4.3.1).

/// Takes the first `bits` bits of some bytes.
pub(super) fn crc16(start: u16, data: &[u8], bits: usize) -> u16 {
    let bits = data
        .iter()
        .flat_map(|&byte| (0..8).rev().map(move |n| byte >> n & 1))
        .take(bits);
    bits.fold(start, |crc, bit| {
        let feedback = crc >> 15 ^ u16::from(bit);
        crc << 1 ^ feedback.wrapping_neg() & 0x8005
    })
}

/// The check of a LAME tag: the same generator, bits reversed, started with zeros.
pub(super) fn crc16_reversed(data: &[u8]) -> u16 {
    data.iter().fold(0, |crc, &byte| {
        (0..8).fold(crc ^ u16::from(byte), |crc, _| {
            crc >> 1 ^ (crc & 1).wrapping_neg() & 0xA001
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogued_check_values() {
        // CRC-16/CMS and CRC-16/ARC.
        assert_eq!(crc16(0xFFFF, b"123456789", 72), 0xAEE7);
        assert_eq!(crc16_reversed(b"123456789"), 0xBB3D);
    }
}
