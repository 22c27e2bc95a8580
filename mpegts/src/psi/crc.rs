//! The check of sections: CRC-32/MPEG-2 (ISO/IEC 13818-1 Annex A), generator 0x04C11DB7, started with ones, nothing reflected.

const GENERATOR: u32 = 0x04C1_1DB7;

/// `TABLES[n][byte]`: what a byte leaves in the register `n` bytes after it. Eight bytes are then eight look-ups which do not wait
/// for each other.
static TABLES: [[u32; 256]; 8] = {
    let mut tables = [[0; 256]; 8];
    let mut rest: &mut [[u32; 256]] = &mut tables;
    let mut bytes = 1;
    while let [table, more @ ..] = rest {
        let mut entries: &mut [u32] = table;
        let mut first: u8 = 0;
        while let [entry, others @ ..] = entries {
            let mut crc = u32::from_be_bytes([first, 0, 0, 0]);
            let mut bit = 0;
            while bit < 8 * bytes {
                let carry = crc >> 31;
                crc = (crc << 1) ^ (GENERATOR * carry);
                bit += 1;
            }
            *entry = crc;
            entries = others;
            first = first.wrapping_add(1);
        }
        rest = more;
        bytes += 1;
    }
    tables
};

#[inline(always)]
fn look_up(table: &[u32; 256], byte: u8) -> u32 {
    // An index of 8 bits is always within: this compiles to a plain load.
    table.get(usize::from(byte)).copied().unwrap_or_default()
}

/// The CRC-32 of sections over some bytes; 0 over a whole section with its `CRC_32` at the end.
///
/// ```
/// assert_eq!(fluvial_mpegts::psi::crc32(b"123456789"), 0x0376_E6E7);
/// ```
#[must_use]
pub fn crc32(data: &[u8]) -> u32 {
    let [t0, t1, t2, t3, t4, t5, t6, t7] = &TABLES;
    let (eights, rest) = data.as_chunks::<8>();
    let mut crc = u32::MAX;
    for &[a, b, c, d, e, f, g, h] in eights {
        let [w, x, y, z] = (crc ^ u32::from_be_bytes([a, b, c, d])).to_be_bytes();
        crc = look_up(t7, w)
            ^ look_up(t6, x)
            ^ look_up(t5, y)
            ^ look_up(t4, z)
            ^ look_up(t3, e)
            ^ look_up(t2, f)
            ^ look_up(t1, g)
            ^ look_up(t0, h);
    }
    rest.iter().fold(crc, |crc, byte| {
        let [high, low @ ..] = crc.to_be_bytes();
        let [a, b, c] = low;
        look_up(t0, high ^ byte) ^ u32::from_be_bytes([a, b, c, 0])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Bit by bit, as Annex A draws the register.
    fn by_bits(data: &[u8]) -> u32 {
        let mut crc = u32::MAX;
        for byte in data {
            for bit in (0..8).rev() {
                let feedback = (crc >> 31) ^ u32::from(byte >> bit & 1);
                crc = (crc << 1) ^ if feedback == 1 { GENERATOR } else { 0 };
            }
        }
        crc
    }

    #[test]
    fn the_catalogued_check_value() {
        assert_eq!(crc32(b"123456789"), 0x0376_E6E7);
        assert_eq!(crc32(b""), u32::MAX);
    }

    proptest! {
        #[test]
        fn eight_at_once_is_the_same_as_bit_by_bit(data: Vec<u8>) {
            prop_assert_eq!(crc32(&data), by_bits(&data));
        }

        #[test]
        fn a_check_at_the_end_gives_zero(mut data: Vec<u8>) {
            data.extend(crc32(&data).to_be_bytes());
            prop_assert_eq!(crc32(&data), 0);
        }
    }
}
