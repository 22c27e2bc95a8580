use crate::asc::Fields;
use crate::{AudioSpecificConfig, Error, ObjectType, tables};
use core::fmt;
use wire::{ShortBits, TooLong};

/// The header of an ADTS frame: `adts_fixed_header()` and `adts_variable_header()`, 56 bits (ISO/IEC 14496-3 Tables 1.A.5 to 1.A.7).
///
/// ```text
/// 12 syncword 0xFFF          4 sampling_frequency_index    1 copyright_identification_bit
///  1 ID (1: MPEG-2)          1 private_bit                 1 copyright_identification_start
///  2 layer 0                 3 channel_configuration      13 aac_frame_length, header included
///  1 protection_absent       1 original_copy              11 adts_buffer_fullness
///  2 profile_ObjectType      1 home                        2 number_of_raw_data_blocks_in_frame, less 1
/// ```
///
/// It is a checked view of these bits: it has a sync word, a layer of 0, a sampling frequency and a frame that is longer
/// than its headers.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Header(u64);

/// `syncword` and `layer`, which are the same in all headers.
const CONSTANT: u64 = 0xFFF6 << 40;
const SYNC: u64 = 0xFFF0 << 40;
/// Bits of the variable header, below those of the fixed one.
const VARIABLE: u32 = 28;
const FRAME_LENGTH: u32 = 13;
/// `adts_buffer_fullness` of a stream with variable bit rate.
const VARIABLE_RATE: u64 = 0x7FF;

impl Header {
    /// Bytes of the header, without the checks that may follow it.
    pub const LEN: usize = 7;

    /// The largest `aac_frame_length`.
    pub const MAX_FRAME_LENGTH: usize = 0x1FFF;

    /// Reads the header at the start of some bytes.
    ///
    /// # Errors
    /// [`Error::Short`] where there are fewer than 7, [`Error::Invalid`] where they are no header: without the sync word,
    /// with another layer, a reserved sampling frequency, or a frame length that leaves no room for the headers.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        if let Some(header) = Self::find(data) {
            return Ok(header);
        }
        let Some(bytes) = data.first_chunk() else {
            return Err(Error::Short(ShortBits {
                what: "adts_header",
                bit: 0,
                needed: 56,
                left: data.len() as u64 * 8,
            }));
        };
        let header = Self::load(bytes);
        let (field, value, bit) = if header.0 & SYNC != SYNC {
            ("syncword", header.field(44, 12), 12)
        } else if header.0 & CONSTANT != SYNC {
            ("layer", header.field(41, 2), 15)
        } else if !header.has_frequency() {
            ("sampling_frequency_index", header.field(34, 4), 22)
        } else {
            ("aac_frame_length", header.field(FRAME_LENGTH, 13), 43)
        };
        Err(Error::Invalid { field, value, bit })
    }

    /// As [`parse`](Self::parse), for who does not ask what is wrong.
    #[inline]
    pub(super) fn find(data: &[u8]) -> Option<Self> {
        let header = match data.first_chunk::<8>() {
            Some(bytes) => Self(u64::from_be_bytes(*bytes) >> 8),
            None => Self::load(data.first_chunk()?),
        };
        let valid = header.0 & CONSTANT == SYNC
            && header.has_frequency()
            && header.aac_frame_length() >= header.headers_len();
        valid.then_some(header)
    }

    #[inline]
    const fn load(bytes: &[u8; Self::LEN]) -> Self {
        let [a, b, c, d, e, f, g] = *bytes;
        Self(u64::from_be_bytes([0, a, b, c, d, e, f, g]))
    }

    /// The header of frames that belong to a configuration, still without a length.
    pub(super) fn of(config: &AudioSpecificConfig) -> Result<Self, Error> {
        let fields = config.fields();
        let invalid = |field, value| Error::Invalid {
            field,
            value,
            bit: 0,
        };
        let object_type = u64::from(fields.audio_object_type.number());
        if !(1..=4).contains(&object_type) {
            return Err(invalid("audioObjectType", object_type));
        }
        let hz = fields.sampling_frequency;
        let Some(index) = tables::sampling_frequency_index(hz) else {
            return Err(invalid("samplingFrequency", hz.into()));
        };
        if config.frame_length() != 1024 {
            return Err(invalid("frameLengthFlag", 1));
        }
        let channels = u64::from(fields.channel_configuration);
        if channels > 7 {
            return Err(TooLong {
                what: "channel_configuration",
                value: channels,
                max: 7,
            }
            .into());
        }
        let constant = SYNC | 1 << 40 | VARIABLE_RATE << 2;
        Ok(Self(
            constant | (object_type - 1) << 38 | u64::from(index) << 34 | channels << 30,
        ))
    }

    pub(super) fn with_frame(self, len: usize, blocks: usize) -> Result<Self, TooLong> {
        let fit = |what, value: usize, max: usize| match value <= max {
            true => Ok(value as u64),
            false => Err(TooLong {
                what,
                value: value as u64,
                max: max as u64,
            }),
        };
        let len = fit("aac_frame_length", len, Self::MAX_FRAME_LENGTH)?;
        let blocks = fit("number_of_raw_data_blocks_in_frame", blocks, 4)?;
        let old = 0x1FFF << FRAME_LENGTH | 3;
        Ok(Self(
            self.0 & !old | len << FRAME_LENGTH | blocks.saturating_sub(1),
        ))
    }

    #[inline]
    const fn field(self, shift: u32, bits: u32) -> u64 {
        self.0 >> shift & ((1 << bits) - 1)
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "fields have at most 13 bits"
    )]
    #[inline]
    const fn small(self, shift: u32, bits: u32) -> u16 {
        self.field(shift, bits) as u16
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "at most 4 bits are asked for"
    )]
    #[inline]
    const fn tiny(self, shift: u32, bits: u32) -> u8 {
        self.field(shift, bits) as u8
    }

    #[inline]
    const fn flag(self, shift: u32) -> bool {
        self.field(shift, 1) != 0
    }

    #[inline]
    const fn has_frequency(self) -> bool {
        self.field(34, 4) < tables::SAMPLING_FREQUENCIES.len() as u64
    }

    /// The bytes.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; Self::LEN] {
        let [_, bytes @ ..] = self.0.to_be_bytes();
        bytes
    }

    /// `ID`: MPEG-2 AAC (ISO/IEC 13818-7), not MPEG-4.
    #[must_use]
    pub const fn is_mpeg2(self) -> bool {
        self.flag(43)
    }

    /// `protection_absent`: no check follows.
    #[must_use]
    #[inline]
    pub const fn protection_absent(self) -> bool {
        self.flag(40)
    }

    /// `profile_ObjectType`, 2 bits, as the object type that it stands for: Main, LC, SSR or LTP.
    #[must_use]
    pub const fn object_type(self) -> ObjectType {
        match self.field(38, 2) {
            0 => ObjectType::AAC_MAIN,
            1 => ObjectType::AAC_LC,
            2 => ObjectType::AAC_SSR,
            _ => ObjectType::AAC_LTP,
        }
    }

    /// `sampling_frequency_index`, 0 to 12.
    #[must_use]
    pub const fn sampling_frequency_index(self) -> u8 {
        self.tiny(34, 4)
    }

    /// Samples per second of the core coder: with implicit SBR, half of what is put out.
    #[must_use]
    pub fn sampling_frequency(self) -> u32 {
        let index = usize::from(self.sampling_frequency_index());
        tables::SAMPLING_FREQUENCIES
            .get(index)
            .copied()
            .unwrap_or_default()
    }

    /// `private_bit`.
    #[must_use]
    pub const fn private_bit(self) -> bool {
        self.flag(33)
    }

    /// `channel_configuration`, 3 bits; 0: the layout is in the frames, as a program config element.
    #[must_use]
    pub const fn channel_configuration(self) -> u8 {
        self.tiny(30, 3)
    }

    /// `original_copy`.
    #[must_use]
    pub const fn original_copy(self) -> bool {
        self.flag(29)
    }

    /// `home`.
    #[must_use]
    pub const fn home(self) -> bool {
        self.flag(28)
    }

    /// `copyright_identification_bit`.
    #[must_use]
    pub const fn copyright_identification_bit(self) -> bool {
        self.flag(27)
    }

    /// `copyright_identification_start`.
    #[must_use]
    pub const fn copyright_identification_start(self) -> bool {
        self.flag(26)
    }

    /// `aac_frame_length`: bytes of the frame, this header included, 13 bits.
    #[must_use]
    #[inline]
    pub const fn aac_frame_length(self) -> usize {
        self.small(FRAME_LENGTH, 13) as usize
    }

    /// `adts_buffer_fullness`, 11 bits, in units of 32 bits per channel; 0x7FF: variable bit rate.
    #[must_use]
    pub const fn adts_buffer_fullness(self) -> u16 {
        self.small(2, 11)
    }

    /// Raw data blocks in the frame, 1 to 4 (`number_of_raw_data_blocks_in_frame` is one less).
    #[must_use]
    #[inline]
    pub const fn raw_data_blocks(self) -> usize {
        self.tiny(0, 2) as usize + 1
    }

    /// Samples per channel that the frame stands for, at the core's rate: 1024 per raw data block.
    #[must_use]
    pub const fn samples(self) -> u32 {
        1024 * (self.tiny(0, 2) as u32 + 1)
    }

    /// Bytes before the first raw data block: this header, then positions of the others and a check.
    #[must_use]
    #[inline]
    pub const fn headers_len(self) -> usize {
        match self.protection_absent() {
            true => Self::LEN,
            false => Self::LEN + 2 * self.raw_data_blocks(),
        }
    }

    /// Whether the fixed headers are the same.
    #[must_use]
    #[inline]
    pub const fn same_stream(self, other: Self) -> bool {
        self.0 >> VARIABLE == other.0 >> VARIABLE
    }

    /// What the header says of the configuration; without the layout where that is in the frame.
    pub(super) fn fields(self) -> Fields {
        Fields::ga(
            self.object_type(),
            self.sampling_frequency(),
            self.channel_configuration(),
        )
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Header")
            .field("is_mpeg2", &self.is_mpeg2())
            .field("protection_absent", &self.protection_absent())
            .field("object_type", &self.object_type())
            .field("sampling_frequency", &self.sampling_frequency())
            .field("channel_configuration", &self.channel_configuration())
            .field("aac_frame_length", &self.aac_frame_length())
            .field("adts_buffer_fullness", &self.adts_buffer_fullness())
            .field("raw_data_blocks", &self.raw_data_blocks())
            .finish_non_exhaustive()
    }
}
