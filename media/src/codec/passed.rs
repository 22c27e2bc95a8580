//! What the start of a frame tells of a codec that is passed through: where a container has no configuration for it, as FLV and
//! transport streams, [`Codec::Other`](super::Codec::Other) has those bytes for one.

use crate::FourCc;
use wire::BitReader;

/// Width and height of the picture.
pub(super) fn dimensions(fourcc: FourCc, frame: &[u8]) -> Option<(u32, u32)> {
    let (width, height) = match &fourcc.0 {
        b"FLV1" => sorenson(frame)?,
        b"VP6F" => {
            let (adjustment, frame) = frame.split_first()?;
            vp6(*adjustment, frame)?
        }
        // Where the transparency begins stands before the picture.
        b"VP6A" => {
            let (adjustment, rest) = frame.split_first()?;
            vp6(*adjustment, rest.get(3..)?)?
        }
        b"FSV1" | b"FSV2" => screen(frame)?,
        _ => return None,
    };
    (width > 0 && height > 0).then_some((width, height))
}

/// Channels and samples per second.
pub(super) fn sound(fourcc: FourCc, frame: &[u8]) -> Option<(u16, u32)> {
    match &fourcc.0 {
        b"dtsc" | b"dtsh" => dts(frame),
        // All that is kept of these is the first byte of their tags in FLV.
        b"ADPS" | b"NELL" | b"SPXN" => flv_sound(*frame.first()?),
        _ => None,
    }
}

/// `SoundFormat` 4, `SoundRate` 2, `SoundSize` 1, `SoundType` 1 (Adobe Flash Video File Format Specification 10.1, §E.4.2.1).
const fn flv_sound(byte: u8) -> Option<(u16, u32)> {
    Some(match byte >> 4 {
        // Mono, whatever the other fields say.
        4 | 11 => (1, 16_000),
        5 => (1, 8000),
        _ => (
            1 + (byte & 1) as u16,
            match byte >> 2 & 3 {
                0 => 5512,
                1 => 11_025,
                2 => 22_050,
                _ => 44_100,
            },
        ),
    })
}

/// The picture header of Sorenson's H.263 (the same specification, §E.4.3.1 "H263VIDEOPACKET").
fn sorenson(frame: &[u8]) -> Option<(u32, u32)> {
    let mut r = BitReader::new(frame);
    if r.bits(17, "PictureStartCode").ok()? != 1 {
        return None;
    }
    r.bits(5, "Version").ok()?;
    r.bits(8, "TemporalReference").ok()?;
    Some(match r.bits(3, "PictureSize").ok()? {
        size @ (0 | 1) => {
            let len = if size == 0 { 8 } else { 16 };
            let mut custom = || r.bits(len, "Custom").ok();
            (custom()?, custom()?)
        }
        2 => (352, 288),
        3 => (176, 144),
        4 => (128, 96),
        5 => (320, 240),
        6 => (160, 120),
        _ => return None,
    })
}

/// A keyframe of VP6 behind the byte that says by how much it is cropped; whole macroblocks of 16 samples are counted.
///
/// ```text
/// FrameType 1 = 0, QuantizerLevel 6, SeparatedCoeff 1 | Version 5, Profile 2, Interlaced 1
/// [offset u16, where SeparatedCoeff is set or Profile is 0] | rows u8 | columns u8 | ...
/// ```
fn vp6(adjustment: u8, frame: &[u8]) -> Option<(u32, u32)> {
    let (first, rest) = frame.split_first()?;
    let (second, rest) = rest.split_first()?;
    if first & 0x80 != 0 {
        return None;
    }
    let has_offset = first & 1 != 0 || second & 6 == 0;
    let rest = rest.get(if has_offset { 2 } else { 0 }..)?;
    let &[rows, columns] = rest.first_chunk()?;
    let size = |blocks: u8, less: u8| (u32::from(blocks) * 16).checked_sub(less.into());
    Some((
        size(columns, adjustment >> 4)?,
        size(rows, adjustment & 0xF)?,
    ))
}

/// `BlockWidth` 4, `ImageWidth` 12, `BlockHeight` 4, `ImageHeight` 12 (the same specification, §E.4.3.1 "SCREENVIDEOPACKET").
fn screen(frame: &[u8]) -> Option<(u32, u32)> {
    let &[a, b, c, d] = frame.first_chunk()?;
    let size = |high: u8, low: u8| u32::from(high & 0xF) << 8 | u32::from(low);
    Some((size(a, b), size(c, d)))
}

/// The header of a core frame of DTS (ETSI TS 102 114 §5.3).
fn dts(frame: &[u8]) -> Option<(u16, u32)> {
    /// Samples per second by `SFREQ`; 0 where it is reserved.
    const FREQUENCIES: [u32; 16] = [
        0, 8_000, 16_000, 32_000, 0, 0, 11_025, 22_050, 44_100, 0, 0, 12_000, 24_000, 48_000, 0, 0,
    ];
    /// Channels by `AMODE`, without the low frequencies.
    const CHANNELS: [u16; 16] = [1, 2, 2, 2, 2, 3, 3, 4, 4, 5, 6, 6, 6, 7, 8, 8];
    let mut r = BitReader::new(frame);
    let mut bits = |len| r.bits(len, "DTS header").ok();
    if bits(32)? != 0x7FFE_8001 {
        return None;
    }
    bits(28)?; // FTYPE, SHORT, CPF, NBLKS, FSIZE
    let channels = CHANNELS.get(usize::try_from(bits(6)?).ok()?)?;
    let rate = FREQUENCIES.get(usize::try_from(bits(4)?).ok()?)?;
    bits(15)?; // RATE, FixedBit, DYNF, TIMEF, AUXF, HDCD, EXT_AUDIO_ID, EXT_AUDIO, ASPF
    let low = u16::from(matches!(bits(2)?, 1 | 2));
    Some((channels.saturating_add(low), *rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A codec, the start of a frame, and the size of its picture.
    type Case = (&'static [u8; 4], &'static [u8], (u32, u32));

    /// The first bytes of frames of the corpus and of ffmpeg, and what ffprobe says of them.
    #[test]
    fn frames_tell_sizes() {
        let cases: &[Case] = &[
            (
                b"FLV1",
                &[0, 0, 0x84, 0, 0x80, 0xA0, 0, 0x74, 0x91],
                (320, 233),
            ),
            (b"FLV1", &[0, 0, 0x84, 0, 0x04, 0x04, 0x11, 0x26], (8, 8)),
            (b"FLV1", &[0, 0, 0x84, 0x02, 0x11, 0x26], (128, 96)),
            (b"VP6F", &[0x06, 0x78, 0x46, 10, 12, 10, 12], (192, 154)),
            (b"VP6F", &[0xAA, 0x78, 0x46, 22, 30, 22, 30], (470, 342)),
            (b"FSV1", &[0, 0x80, 0, 0x80, 0x90], (128, 128)),
        ];
        for (name, frame, size) in cases {
            assert_eq!(dimensions(FourCc(**name), frame), Some(*size));
            for len in 0..frame.len() {
                let cut = dimensions(FourCc(**name), &frame[..len]);
                assert!(cut.is_none_or(|cut| cut == *size));
            }
        }
        // A picture that needs others has no size.
        assert_eq!(dimensions(FourCc(*b"VP6F"), &[0xAA, 0xF8, 0x59, 35]), None);
    }

    #[test]
    fn frames_tell_of_sound() {
        // Five channels and one of low frequencies, as ffmpeg writes them.
        let core = [
            0x7F, 0xFE, 0x80, 0x01, 0xFC, 0x3C, 0x75, 0xB2, 0x76, 0xC0, 0x05, 0x38,
        ];
        assert_eq!(sound(FourCc(*b"dtsc"), &core), Some((6, 48_000)));
        assert_eq!(sound(FourCc(*b"dtsc"), &core[..9]), None);
        assert_eq!(sound(FourCc(*b"SPXN"), &[0xB2]), Some((1, 16_000)));
        assert_eq!(sound(FourCc(*b"NELL"), &[0x6E]), Some((1, 44_100)));
        assert_eq!(sound(FourCc(*b"ADPS"), &[0x17]), Some((2, 11_025)));
    }
}
