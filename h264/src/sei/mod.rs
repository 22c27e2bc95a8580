//! Supplemental enhancement information (ISO/IEC 14496-10 §7.3.2.3, Annex D).

use wire::BitReader;

/// `payloadType` of a recovery point.
const RECOVERY_POINT: u32 = 6;

/// `recovery_frame_cnt` of the recovery point message in a NAL unit of type 6, if it holds one.
pub(crate) fn recovery_frame_cnt(nal: &[u8]) -> Option<u16> {
    let mut bits = BitReader::escaped(nal);
    bits.skip(8, "nal_unit_header").ok()?;
    while bits.more_rbsp_data() {
        let payload_type = extensible(&mut bits)?;
        let payload_size = extensible(&mut bits)?;
        if payload_type == RECOVERY_POINT {
            return u16::try_from(bits.ue("recovery_frame_cnt").ok()?).ok();
        }
        bits.skip(u64::from(payload_size) * 8, "sei_payload").ok()?;
    }
    None
}

/// A number as a sum of bytes, of which all but the last are 255.
fn extensible(bits: &mut BitReader<'_, true>) -> Option<u32> {
    let mut sum = 0u32;
    loop {
        let byte = bits.bits(8, "ff_byte").ok()?;
        sum = sum.checked_add(byte)?;
        if byte < 255 {
            return Some(sum);
        }
    }
}
