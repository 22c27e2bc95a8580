//! Telephone sound: 8 bits for what takes 14 (ITU-T G.711).

/// A number of µ-law, as a share of the greatest one.
pub(super) fn mulaw(code: u8) -> f32 {
    let code = !code;
    let magnitude = ((i16::from(code & 0x0f) << 3) + 0x84) << (code >> 4 & 7);
    signed(magnitude - 0x84, code & 0x80 != 0)
}

/// A number of A-law, as a share of the greatest one.
pub(super) fn alaw(code: u8) -> f32 {
    // Every other bit is turned on the line.
    let code = code ^ 0x55;
    let step = (i16::from(code & 0x0f) << 4) + 8;
    let magnitude = match code >> 4 & 7 {
        0 => step,
        exponent => (step + 0x100) << (exponent - 1),
    };
    signed(magnitude, code & 0x80 == 0)
}

fn signed(magnitude: i16, is_negative: bool) -> f32 {
    let value = f32::from(magnitude) / 32_768.0;
    if is_negative { -value } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ends and the middle of the tables (G.711, Tables 1 and 2).
    #[test]
    fn codes_are_what_the_tables_say() {
        let whole = |value: f32| (value * 32_768.0) as i32;
        let mulaw = [0x00, 0x7f, 0x80, 0xff, 0xef].map(|code| whole(mulaw(code)));
        assert_eq!(mulaw, [-32_124, 0, 32_124, 0, 132]);
        let alaw = [0x2a, 0xaa, 0x55, 0xd5, 0xd4].map(|code| whole(alaw(code)));
        assert_eq!(alaw, [-32_256, 32_256, -8, 8, 24]);
    }
}
