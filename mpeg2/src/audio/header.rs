use crate::Error;
use wire::ShortBits;

/// `ID`, with the bit before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// 3: ISO/IEC 11172-3.
    Mpeg1,
    /// 2: ISO/IEC 13818-3, half the sampling frequencies.
    Mpeg2,
    /// 0: no standard, a quarter of the sampling frequencies.
    Mpeg25,
}

/// `layer`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layer {
    /// 3.
    I,
    /// 2.
    II,
    /// 1.
    III,
}

/// `mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChannelMode {
    /// 0.
    Stereo,
    /// 1: with intensity stereo, or middle and side.
    JointStereo,
    /// 2: two programmes.
    DualChannel,
    /// 3: one channel.
    SingleChannel,
}

/// `header()` of a frame (ISO/IEC 11172-3 §2.4.1.3).
///
/// ```text
/// 11 syncword, 2 version, 2 layer, 1 protection_bit
///  4 bitrate_index, 2 sampling_frequency, 1 padding_bit, 1 private_bit
///  2 mode, 2 mode_extension, 1 copyright, 1 original/copy, 2 emphasis
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Header {
    /// Which standard.
    pub version: Version,
    /// Which layer.
    pub layer: Layer,
    /// Whether a check follows: `protection_bit` is 0.
    pub has_crc: bool,
    /// 4 bits: 0 is free format, 15 is forbidden.
    pub bitrate_index: u8,
    /// 2 bits: 3 is reserved.
    pub sampling_frequency_index: u8,
    /// Whether the frame has a slot more.
    pub padding: bool,
    /// For private use.
    pub private: bool,
    /// Channels.
    pub mode: ChannelMode,
    /// What joint stereo does, 2 bits.
    pub mode_extension: u8,
    /// Whether it is under copyright.
    pub copyright: bool,
    /// Whether it is the original.
    pub original: bool,
    /// De-emphasis, 2 bits.
    pub emphasis: u8,
}

/// kbit/s by `bitrate_index`: MPEG-1 layers I, II, III, then the lower rates' layer I, and II and III.
const BIT_RATES: [[u16; 15]; 5] = [
    [
        0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448,
    ],
    [
        0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384,
    ],
    [
        0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320,
    ],
    [
        0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256,
    ],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

impl Header {
    /// Bytes of a header.
    pub const LEN: usize = 4;

    /// Reads a header.
    ///
    /// # Errors
    /// [`Error::Short`] where there are fewer than 4 bytes, [`Error::Invalid`] where there is no sync word, or a field has a
    /// reserved value.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let Some(&bytes) = data.first_chunk::<{ Self::LEN }>() else {
            return Err(Error::Short(ShortBits {
                what: "header",
                bit: 0,
                needed: 32,
                left: data.len() as u64 * 8,
            }));
        };
        Self::read(bytes).map_err(|(field, value, bit)| Error::Invalid {
            field,
            value: value.into(),
            bit,
        })
    }

    #[inline]
    pub(super) const fn read([a, b, c, d]: [u8; 4]) -> Result<Self, (&'static str, u16, u64)> {
        if a != 0xFF || b < 0xE0 {
            return Err(("syncword", u16::from_be_bytes([a, b]) >> 5, 11));
        }
        match (b >> 3 & 3, b >> 1 & 3, c >> 4, c >> 2 & 3) {
            (1, ..) => Err(("ID", 1, 13)),
            (_, 0, ..) => Err(("layer", 0, 15)),
            (_, _, 15, _) => Err(("bitrate_index", 15, 20)),
            (.., 3) => Err(("sampling_frequency", 3, 22)),
            _ => Ok(Self::of([a, b, c, d])),
        }
    }

    /// What bytes say that were checked.
    #[inline]
    pub(super) const fn of([_, b, c, d]: [u8; 4]) -> Self {
        Self {
            version: match b >> 3 & 3 {
                3 => Version::Mpeg1,
                2 => Version::Mpeg2,
                _ => Version::Mpeg25,
            },
            layer: match b >> 1 & 3 {
                3 => Layer::I,
                2 => Layer::II,
                _ => Layer::III,
            },
            has_crc: b & 1 == 0,
            bitrate_index: c >> 4,
            sampling_frequency_index: c >> 2 & 3,
            padding: c & 2 != 0,
            private: c & 1 != 0,
            mode: match d >> 6 {
                0 => ChannelMode::Stereo,
                1 => ChannelMode::JointStereo,
                2 => ChannelMode::DualChannel,
                _ => ChannelMode::SingleChannel,
            },
            mode_extension: d >> 4 & 3,
            copyright: d & 8 != 0,
            original: d & 4 != 0,
            emphasis: d & 3,
        }
    }

    /// The header's bytes.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a value that is reserved or does not fit its field.
    pub fn to_bytes(self) -> Result<[u8; 4], Error> {
        for (field, value, max) in [
            ("bitrate_index", self.bitrate_index, 14),
            ("sampling_frequency", self.sampling_frequency_index, 2),
            ("mode_extension", self.mode_extension, 3),
            ("emphasis", self.emphasis, 3),
        ] {
            if value > max {
                let value = value.into();
                return Err(Error::Invalid {
                    field,
                    value,
                    bit: 0,
                });
            }
        }
        let version = match self.version {
            Version::Mpeg1 => 3,
            Version::Mpeg2 => 2,
            Version::Mpeg25 => 0,
        };
        let layer = match self.layer {
            Layer::I => 3,
            Layer::II => 2,
            Layer::III => 1,
        };
        let mode = match self.mode {
            ChannelMode::Stereo => 0,
            ChannelMode::JointStereo => 1,
            ChannelMode::DualChannel => 2,
            ChannelMode::SingleChannel => 3,
        };
        Ok([
            0xFF,
            0xE0 | version << 3 | layer << 1 | u8::from(!self.has_crc),
            self.bitrate_index << 4
                | self.sampling_frequency_index << 2
                | u8::from(self.padding) << 1
                | u8::from(self.private),
            mode << 6
                | self.mode_extension << 4
                | u8::from(self.copyright) << 3
                | u8::from(self.original) << 2
                | self.emphasis,
        ])
    }

    /// Whether the frame's length is only to be found by looking for the next one.
    #[must_use]
    #[inline]
    pub const fn is_free_format(self) -> bool {
        self.bitrate_index == 0
    }

    /// Bits per second; `None` in free format.
    #[must_use]
    pub const fn bit_rate(self) -> Option<u32> {
        let [one_1, one_2, one_3, low_1, low_23] = &BIT_RATES;
        let rates = match (self.version, self.layer) {
            (Version::Mpeg1, Layer::I) => one_1,
            (Version::Mpeg1, Layer::II) => one_2,
            (Version::Mpeg1, Layer::III) => one_3,
            (_, Layer::I) => low_1,
            _ => low_23,
        };
        match self.bitrate_index as usize {
            0 => None,
            #[expect(clippy::indexing_slicing, reason = "it is less")]
            index if index < rates.len() => Some(rates[index] as u32 * 1000),
            _ => None,
        }
    }

    /// Samples per second; `None` for a reserved index.
    #[must_use]
    pub const fn sampling_frequency(self) -> Option<u32> {
        let hz = match self.sampling_frequency_index {
            0 => 44_100,
            1 => 48_000,
            2 => 32_000,
            _ => return None,
        };
        Some(match self.version {
            Version::Mpeg1 => hz,
            Version::Mpeg2 => hz >> 1,
            Version::Mpeg25 => hz >> 2,
        })
    }

    /// 1 or 2.
    #[must_use]
    pub const fn channels(self) -> u8 {
        match self.mode {
            ChannelMode::SingleChannel => 1,
            _ => 2,
        }
    }

    /// Samples per channel in a frame.
    #[must_use]
    pub const fn samples(self) -> u32 {
        match (self.layer, self.version) {
            (Layer::I, _) => 384,
            (Layer::III, Version::Mpeg2 | Version::Mpeg25) => 576,
            _ => 1152,
        }
    }

    /// Bytes of the frame, header included; `None` in free format.
    #[must_use]
    #[inline]
    pub const fn frame_len(self) -> Option<usize> {
        let slot = match self.layer {
            Layer::I => 4,
            _ => 1,
        };
        match (self.bit_rate(), self.sampling_frequency()) {
            (Some(rate), Some(frequency)) => {
                let slots = self.samples() / 8 / slot * rate / frequency;
                Some(((slots + self.padding as u32) * slot) as usize)
            }
            _ => None,
        }
    }

    /// Bytes of the side information of layer III (ISO/IEC 11172-3 §2.4.1.7).
    #[must_use]
    pub const fn side_info_len(self) -> usize {
        match (self.version, self.mode) {
            (Version::Mpeg1, ChannelMode::SingleChannel) => 17,
            (Version::Mpeg1, _) => 32,
            (_, ChannelMode::SingleChannel) => 9,
            _ => 17,
        }
    }

    /// The first subband in intensity stereo, in layers I and II.
    pub(super) const fn intensity_bound(self) -> usize {
        match self.mode {
            ChannelMode::JointStereo => 4 * (self.mode_extension as usize + 1),
            _ => 32,
        }
    }

    /// Whether both can belong to the same stream: they may differ in bit rate, padding, check, and what joint stereo does.
    #[must_use]
    #[inline]
    pub fn same_stream(self, other: Self) -> bool {
        self.version == other.version
            && self.layer == other.layer
            && self.sampling_frequency_index == other.sampling_frequency_index
            && self.channels() == other.channels()
            && self.is_free_format() == other.is_free_format()
    }
}
