use super::Error;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use wire::{BitReader, Reader};

/// VP8 or VP9, passed through: a `VPCodecConfigurationRecord` (VP Codec ISO Media File Format Binding, version 1) with its bytes,
/// and the size of the picture, which the record lacks.
///
/// ```text
/// profile u8 | level u8 | 4 bitDepth, 3 chromaSubsampling, 1 videoFullRangeFlag
/// colourPrimaries u8 | transferCharacteristics u8 | matrixCoefficients u8 | codecInitializationDataSize u16 | data
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vp {
    raw: Bytes,
    fields: [u8; 6],
    dimensions: Option<(u32, u32)>,
}

impl Vp {
    /// Reads the content of a `vpcC` box after its version and flags.
    ///
    /// # Errors
    /// [`Error::Short`] where it ends early.
    pub fn parse(record: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(record);
        let fields = *r.array("profile")?;
        let size = r.u16("codecInitializationDataSize")?;
        r.skip(size.into(), "codecInitializationData")?;
        Ok(Self {
            raw: Bytes::copy_from_slice(record),
            fields,
            dimensions: None,
        })
    }

    /// Makes the record out of a key frame of VP8; `None` where it is none.
    #[must_use]
    pub fn from_vp8(frame: &[u8]) -> Option<Self> {
        let frame = Vp8KeyFrame::parse(frame)?;
        Some(Self::new(
            frame.version,
            8,
            0,
            false,
            [2, 2, 2],
            frame.dimensions,
        ))
    }

    /// Makes the record out of a key frame of VP9, or a superframe that starts with one; `None` where it is none.
    #[must_use]
    pub fn from_vp9(frame: &[u8]) -> Option<Self> {
        let frame = Vp9KeyFrame::parse(frame)?;
        Some(Self::new(
            frame.profile,
            frame.bit_depth,
            frame.subsampling,
            frame.full_range,
            frame.colour,
            frame.dimensions,
        ))
    }

    fn new(
        profile: u8,
        bit_depth: u8,
        subsampling: u8,
        full_range: bool,
        colour: [u8; 3],
        dimensions: (u32, u32),
    ) -> Self {
        /// Level by the samples of a picture (VP9 levels); what the frame rate asks for is not known here.
        const LEVELS: [(u64, u8); 10] = [
            (36_864, 10),
            (73_728, 11),
            (122_880, 20),
            (245_760, 21),
            (552_960, 30),
            (983_040, 31),
            (2_228_224, 40),
            (8_912_896, 50),
            (35_651_584, 60),
            (u64::MAX, 62),
        ];
        let samples = u64::from(dimensions.0) * u64::from(dimensions.1);
        let level = LEVELS.iter().find(|(most, _)| samples <= *most);
        let format = bit_depth << 4 | subsampling << 1 | u8::from(full_range);
        let [primaries, transfer, matrix] = colour;
        let level = level.map_or(0, |(_, level)| *level);
        let fields = [profile, level, format, primaries, transfer, matrix];
        let mut raw = Vec::from(fields);
        raw.extend([0, 0]);
        Self {
            raw: raw.into(),
            fields,
            dimensions: Some(dimensions),
        }
    }

    /// With the size of the picture, as a sample entry or a key frame tells it.
    #[must_use]
    pub const fn with_dimensions(mut self, width: u32, height: u32) -> Self {
        self.dimensions = Some((width, height));
        self
    }

    /// The record, as it came in.
    #[must_use]
    pub const fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// `profile`, 0 to 3.
    #[must_use]
    pub const fn profile(&self) -> u8 {
        self.fields[0]
    }

    /// `level`: 10 times the number of the level; 0 where it is not known.
    #[must_use]
    pub const fn level(&self) -> u8 {
        self.fields[1]
    }

    /// `bitDepth`: 8, 10 or 12.
    #[must_use]
    pub const fn bit_depth(&self) -> u8 {
        self.fields[2] >> 4
    }

    /// Width and height of the picture, where a key frame or a sample entry told them.
    #[must_use]
    pub const fn dimensions(&self) -> Option<(u32, u32)> {
        self.dimensions
    }

    /// The codec's element of a `CODECS` string after `vp08.` or `vp09.` (VP Codec ISO Media File Format Binding, "Codecs
    /// Parameter String"), such as `00.31.08`; with subsampling and colours where they are not the usual ones.
    #[must_use]
    pub fn rfc6381(&self) -> String {
        let [profile, level, format, primaries, transfer, matrix] = self.fields;
        let text = format!("{profile:02}.{level:02}.{:02}", format >> 4);
        let (subsampling, full) = (format >> 1 & 7, format & 1);
        let usual = subsampling <= 1
            && full == 0
            && matches!([primaries, transfer, matrix], [1, 1, 1] | [2, 2, 2]);
        if usual {
            return text;
        }
        format!("{text}.{subsampling:02}.{primaries:02}.{transfer:02}.{matrix:02}.{full:02}")
    }
}

/// Whether decoding can start at a frame of VP8 (RFC 6386 §9.1).
pub(super) fn is_sync_vp8(frame: &[u8]) -> bool {
    frame.first().is_some_and(|first| first & 1 == 0)
}

/// Whether decoding can start at a frame of VP9 (VP9 bitstream §7.2).
pub(super) fn is_sync_vp9(frame: &[u8]) -> bool {
    Vp9KeyFrame::parse(frame).is_some()
}

/// The start of a key frame of VP8 (RFC 6386 §9.1).
struct Vp8KeyFrame {
    version: u8,
    dimensions: (u32, u32),
}

impl Vp8KeyFrame {
    fn parse(frame: &[u8]) -> Option<Self> {
        let (tag, rest) = frame.split_first_chunk::<3>()?;
        let [0x9D, 0x01, 0x2A, w0, w1, h0, h1, ..] = *rest else {
            return None;
        };
        // The upper two bits ask a player for scaling.
        let size = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3FFF);
        is_sync_vp8(tag).then_some(Self {
            version: tag[0] >> 1 & 7,
            dimensions: (size(w0, w1), size(h0, h1)),
        })
    }
}

/// The start of a key frame of VP9: `uncompressed_header()` (VP9 bitstream §6.2).
struct Vp9KeyFrame {
    profile: u8,
    bit_depth: u8,
    /// `chromaSubsampling` as a record has it: 0 and 1 are 4:2:0, 2 is 4:2:2, 3 is 4:4:4.
    subsampling: u8,
    full_range: bool,
    /// Primaries, transfer characteristics and matrix as a record has them.
    colour: [u8; 3],
    dimensions: (u32, u32),
}

impl Vp9KeyFrame {
    fn parse(frame: &[u8]) -> Option<Self> {
        let mut r = BitReader::new(frame);
        let mut bits = |n| r.bits(n, "uncompressed_header").ok();
        let profile = match bits(4)? {
            0b1000 => 0,
            0b1010 => 1,
            0b1001 => 2,
            0b1011 if bits(1)? == 0 => 3,
            _ => return None,
        };
        // show_existing_frame and frame_type 0, then show_frame and error_resilient_mode.
        if bits(2)? != 0 || bits(2).is_none() || bits(24)? != 0x0049_8342 {
            return None;
        }
        let bit_depth = match profile {
            0 | 1 => 8,
            _ if bits(1)? == 0 => 10,
            _ => 12,
        };
        let color_space = bits(3)?;
        let odd = profile & 1 == 1;
        let (full_range, subsampling) = if color_space == 7 {
            if odd {
                bits(1)?;
            }
            (true, 3)
        } else {
            let full = bits(1)? == 1;
            let subsampling = if odd {
                match bits(3)? >> 1 {
                    0b00 => 3,
                    0b10 => 2,
                    _ => 1,
                }
            } else {
                1
            };
            (full, subsampling)
        };
        let colour = match color_space {
            1 => [5, 6, 5],
            2 => [1, 1, 1],
            3 => [6, 6, 6],
            4 => [7, 7, 7],
            5 => [9, 14, 9],
            7 => [1, 13, 0],
            _ => [2, 2, 2],
        };
        let dimensions = (bits(16)? + 1, bits(16)? + 1);
        Some(Self {
            profile,
            bit_depth,
            subsampling,
            full_range,
            colour,
            dimensions,
        })
    }
}
