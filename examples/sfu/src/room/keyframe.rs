//! Where a picture starts that can be decoded by itself, seen in the RTP payload alone.

use rtp::payload::h264::{FU_A, STAP_A, stap_a_nals};
use str0m::format::Codec;
use str0m::rtp::Vp8Descriptor;

/// The first packet of a keyframe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Keyframe {
    /// Width and height, where the packet tells.
    pub(super) size: Option<(u32, u32)>,
}

/// What the packet begins, if that is a keyframe. Of codecs that are not looked into every packet counts, and of frames that are
/// encrypted end to end what their clear head tells.
pub(super) fn starts(codec: Codec, payload: &[u8]) -> Option<Keyframe> {
    match codec {
        Codec::Vp8 => vp8(payload),
        Codec::H264 => h264(payload),
        Codec::Vp9 => vp9(payload).then_some(Keyframe { size: None }),
        // The aggregation header's N: a new coded video sequence starts.
        Codec::Av1 => (payload.first()? & 0b1000 != 0).then_some(Keyframe { size: None }),
        _ => Some(Keyframe { size: None }),
    }
}

/// RFC 7741 §4.2, and RFC 6386 §9.1 for the size.
fn vp8(payload: &[u8]) -> Option<Keyframe> {
    let descriptor = Vp8Descriptor::parse(payload).ok()?;
    if !descriptor.starts_keyframe(payload) {
        return None;
    }
    // The start code stands three bytes into the frame, and only a keyframe has one.
    let at = payload
        .windows(3)
        .take(16)
        .position(|bytes| bytes == [0x9d, 0x01, 0x2a]);
    let side = |at: usize| {
        let bytes = payload.get(at..at + 2)?;
        Some(u32::from(bytes[0]) | u32::from(bytes[1] & 0x3f) << 8)
    };
    let size = at.and_then(|at| Some((side(at + 3)?, side(at + 5)?)));
    Some(Keyframe { size })
}

/// RFC 6184 §5.4: a parameter set, or the first piece of an IDR picture, alone or among several; a delimiter or messages may stand before it.
fn h264(payload: &[u8]) -> Option<Keyframe> {
    match payload.first()? & 0x1f {
        STAP_A => {
            let mut units = stap_a_nals(payload).map_while(Result::ok);
            units.find_map(h264_unit)
        }
        FU_A => {
            let head = *payload.get(1)?;
            let is_start = head & 0x80 != 0;
            (is_start && head & 0x1f == IDR).then_some(Keyframe { size: None })
        }
        _ => h264_unit(payload),
    }
}

const IDR: u8 = 5;
const SPS: u8 = 7;

fn h264_unit(unit: &[u8]) -> Option<Keyframe> {
    match unit.first()? & 0x1f {
        SPS => Some(Keyframe {
            size: h264::Sps::parse(unit)
                .ok()
                .map(|sps| (sps.width(), sps.height())),
        }),
        IDR => Some(Keyframe { size: None }),
        _ => None,
    }
}

/// RFC 9628 §4.2: not predicted, start of a frame, lowest spatial layer.
fn vp9(payload: &[u8]) -> bool {
    const I: u8 = 0x80;
    const P: u8 = 0x40;
    const L: u8 = 0x20;
    const B: u8 = 0x08;
    let Some(&first) = payload.first() else {
        return false;
    };
    if first & P != 0 || first & B == 0 {
        return false;
    }
    if first & L == 0 {
        return true;
    }
    let long = first & I != 0 && payload.get(1).is_some_and(|byte| byte & 0x80 != 0);
    let at = 1 + usize::from(first & I != 0) + usize::from(long);
    payload.get(at).is_some_and(|layer| layer >> 1 & 7 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vp8_keyframes_tell_their_size() {
        // S, 15-bit picture id, then a keyframe of 640 × 360.
        let head = [0x90, 0x80, 0x81, 0x02];
        let frame = [0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01];
        let packet = [&head[..], &frame].concat();
        let keyframe = starts(Codec::Vp8, &packet).unwrap();
        assert_eq!(keyframe.size, Some((640, 360)));
        let mut inter = packet.clone();
        inter[4] |= 1;
        assert_eq!(starts(Codec::Vp8, &inter), None);
        let mut second = packet;
        second[0] &= !0x10;
        assert_eq!(starts(Codec::Vp8, &second), None);
    }

    #[test]
    fn h264_keyframes_start_with_parameters_or_an_idr_slice() {
        let is = |bytes: &[u8]| starts(Codec::H264, bytes).is_some();
        assert!(is(&[0x67, 0x42, 0xc0, 0x1f]));
        assert!(is(&[24, 0, 2, 0x67, 0x42, 0, 1, 0x68]));
        let after_a_delimiter = [24, 0, 2, 0x09, 0xf0, 0, 2, 0x67, 0x42];
        assert!(is(&after_a_delimiter));
        assert!(!is(&after_a_delimiter[..6]), "a delimiter alone");
        assert!(is(&[0x7c, 0x85, 1, 2]));
        assert!(!is(&[0x7c, 0x05, 1, 2]), "in the middle");
        assert!(!is(&[0x7c, 0x81, 1, 2]), "another slice");
        assert!(!is(&[0x61, 1]));
        assert!(!is(&[24, 0, 9, 0x67]), "cut off");
        assert!(!is(&[]));
    }

    #[test]
    fn vp9_keyframes_are_not_predicted() {
        assert!(vp9(&[0x88, 0x01]));
        assert!(!vp9(&[0xc8, 0x01]));
        assert!(vp9(&[0xa8, 0x81, 0x01, 0x00]));
        assert!(!vp9(&[0xa8, 0x81, 0x01, 0x02]), "of an upper layer");
    }
}
