/// `samplingFrequencyIndex` 0 to 12, in Hz (ISO/IEC 14496-3 Table 1.18).
pub(crate) const SAMPLING_FREQUENCIES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];

/// The index that stands for a rate exactly.
pub(crate) fn sampling_frequency_index(hz: u32) -> Option<u8> {
    let index = SAMPLING_FREQUENCIES.iter().position(|&rate| rate == hz)?;
    u8::try_from(index).ok()
}

/// Channels of a `channelConfiguration` (ISO/IEC 14496-3 Table 1.19); `None` where it is 0 or reserved.
pub(crate) const fn channels(configuration: u8) -> Option<u16> {
    Some(match configuration {
        1..=6 => configuration as u16,
        7 | 12 | 14 => 8,
        11 => 7,
        13 => 24,
        _ => return None,
    })
}

/// The `channelConfiguration` that players expect for a number of channels.
pub(crate) const fn channel_configuration(channels: u16) -> Option<u8> {
    Some(match channels {
        1 => 1,
        2 => 2,
        3 => 3,
        4 => 4,
        5 => 5,
        6 => 6,
        7 => 11,
        8 => 7,
        24 => 13,
        _ => return None,
    })
}
