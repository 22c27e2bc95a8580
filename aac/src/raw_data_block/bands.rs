//! Scale factor bands (ISO/IEC 14496-3 §4.5.4, Tables 4.129 to 4.147): how wide they are.

/// How many bands come next, and how many lines each of them has.
type Widths = &'static [(u8, u8)];

/// The bands of a rate.
#[derive(Clone, Copy)]
pub(super) struct Bands {
    /// Of a window of 1024 lines.
    pub(super) long: Widths,
    /// Of a window of 128 lines.
    pub(super) short: Widths,
}

impl Bands {
    /// By `samplingFrequencyIndex`, 0 to 12.
    pub(super) const fn new(sampling_frequency_index: u8) -> Self {
        let long = match sampling_frequency_index {
            0 | 1 => LONG_96,
            2 => LONG_64,
            3 | 4 => LONG_48,
            5 => LONG_32,
            6 | 7 => LONG_24,
            8..=10 => LONG_16,
            _ => LONG_8,
        };
        let short = match sampling_frequency_index {
            0..=2 => SHORT_96,
            3..=5 => SHORT_48,
            6 | 7 => SHORT_24,
            8..=10 => SHORT_16,
            _ => SHORT_8,
        };
        Self { long, short }
    }
}

/// The lines below a band.
pub(super) fn offset(widths: Widths, band: u8) -> u16 {
    let (mut left, mut lines) = (band, 0_u16);
    for &(count, width) in widths {
        let taken = count.min(left);
        lines += u16::from(taken) * u16::from(width);
        left -= taken;
    }
    lines
}

/// The number of bands.
pub(super) fn count(widths: Widths) -> u8 {
    widths.iter().map(|&(count, _)| count).sum()
}

const LONG_96: Widths = &[
    (14, 4),
    (5, 8),
    (5, 12),
    (2, 16),
    (1, 24),
    (1, 28),
    (1, 36),
    (1, 44),
    (11, 64),
];
const LONG_64: Widths = &[
    (14, 4),
    (4, 8),
    (3, 12),
    (3, 16),
    (1, 20),
    (2, 24),
    (1, 28),
    (1, 36),
    (18, 40),
];
const LONG_48: Widths = &[
    (10, 4),
    (7, 8),
    (4, 12),
    (2, 16),
    (2, 20),
    (2, 24),
    (2, 28),
    (19, 32),
    (1, 96),
];
const LONG_32: Widths = &[
    (10, 4),
    (7, 8),
    (4, 12),
    (2, 16),
    (2, 20),
    (2, 24),
    (2, 28),
    (22, 32),
];
const LONG_24: Widths = &[
    (11, 4),
    (10, 8),
    (4, 12),
    (3, 16),
    (2, 20),
    (2, 24),
    (2, 28),
    (1, 32),
    (2, 36),
    (1, 40),
    (1, 44),
    (1, 48),
    (2, 52),
    (5, 64),
];
const LONG_16: Widths = &[
    (11, 8),
    (9, 12),
    (4, 16),
    (3, 20),
    (2, 24),
    (2, 28),
    (1, 32),
    (1, 36),
    (2, 40),
    (1, 44),
    (1, 48),
    (1, 52),
    (1, 56),
    (1, 60),
    (3, 64),
];
const LONG_8: Widths = &[
    (13, 12),
    (7, 16),
    (4, 20),
    (3, 24),
    (2, 28),
    (1, 32),
    (2, 36),
    (1, 40),
    (1, 44),
    (1, 48),
    (1, 52),
    (1, 56),
    (1, 60),
    (1, 64),
    (1, 80),
];
const SHORT_96: Widths = &[(6, 4), (3, 8), (1, 16), (1, 28), (1, 36)];
const SHORT_48: Widths = &[(5, 4), (3, 8), (3, 12), (3, 16)];
const SHORT_24: Widths = &[(7, 4), (3, 8), (2, 12), (2, 16), (1, 20)];
const SHORT_16: Widths = &[(8, 4), (2, 8), (2, 12), (1, 16), (2, 20)];
const SHORT_8: Widths = &[(7, 4), (4, 8), (1, 12), (1, 16), (2, 20)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_fill_their_window() {
        for index in 0..=12 {
            let Bands { long, short } = Bands::new(index);
            assert_eq!(offset(long, count(long)), 1024, "{index}");
            assert_eq!(offset(short, count(short)), 128, "{index}");
        }
    }
}
