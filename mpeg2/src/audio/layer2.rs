//! How many bits of a frame of layer II its check covers.

use super::{Header, Version};
use wire::BitReader;

/// Bits of the allocation of each subband (ISO/IEC 11172-3 Table 3-B.2, ISO/IEC 13818-3 Table B.1).
fn allocation_bits(header: Header) -> Option<(&'static [u8], usize)> {
    const LONG: [u8; 30] = [
        4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 2, 2, 2, 2, 2, 2, 2,
    ];
    const SHORT: [u8; 12] = [4, 4, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3];
    const LOW: [u8; 30] = [
        4, 4, 4, 4, 3, 3, 3, 3, 3, 3, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    ];
    if header.version != Version::Mpeg1 {
        return Some((&LOW, 30));
    }
    let rate = header.sampling_frequency()?;
    let kbps = header
        .bit_rate()
        .map(|rate| rate / 1000 / u32::from(header.channels()));
    Some(match (kbps, rate) {
        (Some(..=48), 32_000) => (&SHORT, 12),
        (Some(..=48), _) => (&SHORT, 8),
        (Some(..=80), _) | (_, 48_000) => (&LONG, 27),
        _ => (&LONG, 30),
    })
}

/// Bits of allocation and `scfsi`.
pub(super) fn protected_bits(header: Header, data: &[u8]) -> Option<usize> {
    let (widths, subbands) = allocation_bits(header)?;
    let channels = usize::from(header.channels());
    let bound = header.intensity_bound();
    let mut r = BitReader::new(data);
    let mut selections = 0;
    for (subband, &width) in widths.iter().take(subbands).enumerate() {
        let coded = if subband < bound { channels } else { 1 };
        for _ in 0..coded {
            if r.bits(width.into(), "allocation").ok()? != 0 {
                selections += channels / coded;
            }
        }
    }
    usize::try_from(r.position())
        .ok()
        .map(|bits| bits + 2 * selections)
}
