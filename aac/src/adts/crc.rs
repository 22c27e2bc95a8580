/// The check of ADTS, generator x^16 + x^15 + x^2 + 1, started with ones (ISO/IEC 14496-3 §1.A.3.2.2).
pub(super) fn crc16(parts: &[&[u8]]) -> u16 {
    parts
        .iter()
        .flat_map(|part| part.iter())
        .fold(!0, |crc, &byte| {
            (0..8).fold(crc ^ u16::from(byte) << 8, |crc, _| {
                let carry = crc & 0x8000 != 0;
                crc << 1 ^ if carry { 0x8005 } else { 0 }
            })
        })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_catalogued_check_value() {
        assert_eq!(super::crc16(&[b"1234", b"56789"]), 0xAEE7);
    }
}
