//! What a sample entry of an MP4 file tells of a codec that is passed through whole (ISO/IEC 14496-12 §12.1.3, §12.2.3).

use crate::FourCc;

/// What stands behind the header of a box that is all of `config`.
fn body(fourcc: FourCc, config: &[u8]) -> Option<&[u8]> {
    let (size, rest) = config.split_first_chunk()?;
    let (name, body) = rest.split_first_chunk()?;
    let is_whole = u32::from_be_bytes(*size) as usize == config.len() && *name == fourcc.0;
    is_whole.then_some(body)
}

fn u16_at(body: &[u8], at: usize) -> Option<u16> {
    let bytes = body.get(at..)?.first_chunk()?;
    Some(u16::from_be_bytes(*bytes))
}

/// Width and height of a visual sample entry.
pub(super) fn dimensions(fourcc: FourCc, config: &[u8]) -> Option<(u32, u32)> {
    let body = body(fourcc, config)?;
    let (width, height) = (u16_at(body, 24)?, u16_at(body, 26)?);
    (width > 0 && height > 0).then_some((width.into(), height.into()))
}

/// Channels and samples per second of an audio sample entry, but for QuickTime's of version 2, which has them elsewhere.
pub(super) fn sound(fourcc: FourCc, config: &[u8]) -> Option<(u16, u32)> {
    let body =
        body(fourcc, config).filter(|body| u16_at(body, 8).is_some_and(|version| version < 2))?;
    // AMR has one channel, whatever stands there (3GPP TS 26.244 §6.5).
    let channels = match &fourcc.0 {
        b"samr" | b"sawb" => 1,
        _ => u16_at(body, 16)?,
    };
    Some((channels, u16_at(body, 24)?.into()))
}
