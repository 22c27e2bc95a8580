//! The checks of a sync frame, generator x^16 + x^15 + x^2 + 1, started with zeros (ATSC A/52 §7.10.1).

const GENERATOR: u16 = 0x8005;

const TABLE: [u16; 256] = {
    let mut table = [0; 256];
    let mut rest: &mut [u16] = &mut table;
    let mut first: u8 = 0;
    while let [entry, more @ ..] = rest {
        let mut crc = u16::from_be_bytes([first, 0]);
        let mut bit = 0;
        while bit < 8 {
            let carry = crc & 0x8000 != 0;
            crc <<= 1;
            if carry {
                crc ^= GENERATOR;
            }
            bit += 1;
        }
        *entry = crc;
        rest = more;
        first = first.wrapping_add(1);
    }
    table
};

/// The state after some bytes; 0 after bytes that end with their check.
pub(crate) fn crc16(data: &[u8]) -> u16 {
    data.iter().fold(0, |crc: u16, &byte| {
        let [high, low] = crc.to_be_bytes();
        let feedback = TABLE.get(usize::from(high ^ byte)).copied();
        feedback.unwrap_or_default() ^ u16::from_be_bytes([low, 0])
    })
}

/// The two bytes that have to stand in front of some others for the state to be 0 after all of them.
pub(crate) fn leading_crc16(data: &[u8]) -> u16 {
    // The register run backwards, from 0 after the last bit; then 16 bits more, which turn a state into the two bytes
    // that lead to it.
    data.iter().rev().chain(&[0, 0]).fold(0, |state, &byte| {
        (0..8).fold(state, |state: u16, bit| {
            let feedback = state & 1;
            let before = if feedback == 1 {
                state ^ GENERATOR
            } else {
                state
            } >> 1;
            before | (feedback ^ u16::from(byte >> bit & 1)) << 15
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogued_check_value() {
        assert_eq!(crc16(b"123456789"), 0xFEE8);
    }

    #[test]
    fn a_leading_check_makes_the_rest_come_out_at_zero() {
        for data in [&b""[..], b"a", b"123456789", &[0xFF; 300]] {
            let mut whole = leading_crc16(data).to_be_bytes().to_vec();
            whole.extend(data);
            assert_eq!(crc16(&whole), 0);
        }
    }
}
