/// How a number of [`Pcm`] is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PcmFormat {
    /// Whole numbers of two's complement, of 8 bits too.
    Signed,
    /// Whole numbers above zero, as WAV has those of 8 bits.
    Unsigned,
    /// IEEE 754.
    Float,
    /// A-law of ITU-T G.711, 8 bits.
    ALaw,
    /// µ-law of ITU-T G.711, 8 bits.
    MuLaw,
}

/// Uncompressed sound, and that of ITU-T G.711. A sample of a track holds any number of whole frames: a number for each
/// channel, interleaved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pcm {
    /// How numbers are coded.
    pub format: PcmFormat,
    /// Bits of a number, a multiple of 8.
    pub bits: u8,
    /// Whether the least significant byte comes first.
    pub little_endian: bool,
    /// Frames per second.
    pub sample_rate: u32,
    /// Channels.
    pub channels: u16,
}

impl Pcm {
    /// Whole numbers of `bits` bits.
    #[must_use]
    pub const fn signed(bits: u8, little_endian: bool, sample_rate: u32, channels: u16) -> Self {
        Self {
            format: PcmFormat::Signed,
            bits,
            little_endian,
            sample_rate,
            channels,
        }
    }

    /// A-law or µ-law.
    #[must_use]
    pub const fn g711(format: PcmFormat, sample_rate: u32, channels: u16) -> Self {
        Self {
            format,
            bits: 8,
            little_endian: false,
            sample_rate,
            channels,
        }
    }

    /// Bytes of a frame.
    #[must_use]
    pub fn frame_len(&self) -> usize {
        usize::from(self.bits.div_ceil(8)) * usize::from(self.channels)
    }
}
