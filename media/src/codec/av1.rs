use super::Error;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt::Write as _;
use wire::{BitReader, Reader};

/// `obu_type` (AV1 §6.2.2).
const SEQUENCE_HEADER: u8 = 1;
const FRAME_HEADER: u8 = 3;
const FRAME: u8 = 6;

/// AV1, passed through: an `AV1CodecConfigurationRecord` (AV1 in ISOBMFF §2.3.3) with its bytes.
///
/// ```text
/// 1 marker = 1, 7 version = 1 | 3 seq_profile, 5 seq_level_idx_0
/// 1 seq_tier_0, 1 high_bitdepth, 1 twelve_bit, 1 monochrome, 1 chroma_subsampling_x, 1 chroma_subsampling_y,
/// 2 chroma_sample_position | 3 reserved, 1 initial_presentation_delay_present, 4 initial_presentation_delay_minus_one
/// configOBUs
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Av1 {
    raw: Bytes,
    fields: [u8; 2],
    sequence: Option<SequenceHeader>,
}

impl Av1 {
    /// Reads the record.
    ///
    /// # Errors
    /// [`Error::Short`] where it ends early, [`Error::Invalid`] for another marker or version. A sequence header that cannot be
    /// read is no error: the size of the picture is not known then.
    pub fn parse(record: &[u8]) -> Result<Self, Error> {
        Self::try_from(Bytes::copy_from_slice(record))
    }

    /// Makes the record out of the first sequence header in a temporal unit, which goes into it; `None` where there is none.
    ///
    /// # Errors
    /// What reading the sequence header gives.
    pub fn from_temporal_unit(data: &[u8]) -> Result<Option<Self>, Error> {
        let Some(obu) = obus(data).find(|obu| obu.kind == SEQUENCE_HEADER) else {
            return Ok(None);
        };
        let sequence = SequenceHeader::parse(obu.payload)?;
        let fields = [
            sequence.profile << 5 | sequence.level,
            u8::from(sequence.tier) << 7 | sequence.format,
        ];
        let mut raw = Vec::new();
        raw.extend([0x81, fields[0], fields[1], 0]);
        // An OBU of a record tells its size.
        raw.push(SEQUENCE_HEADER << 3 | 2);
        put_leb128(&mut raw, obu.payload.len());
        raw.extend_from_slice(obu.payload);
        Ok(Some(Self {
            raw: raw.into(),
            fields,
            sequence: Some(sequence),
        }))
    }

    /// The record, as it came in.
    #[must_use]
    pub const fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// `seq_profile`, 3 bits: 0 Main, 1 High, 2 Professional.
    #[must_use]
    pub const fn profile(&self) -> u8 {
        self.fields[0] >> 5
    }

    /// `seq_level_idx_0`, 5 bits.
    #[must_use]
    pub const fn level(&self) -> u8 {
        self.fields[0] & 0x1F
    }

    /// Bits of a sample: 8, 10 or 12.
    #[must_use]
    pub const fn bit_depth(&self) -> u8 {
        match self.fields[1] >> 5 & 3 {
            0 | 1 => 8,
            2 => 10,
            _ => 12,
        }
    }

    /// `max_frame_width_minus_1` and `max_frame_height_minus_1`, plus 1, where the record has a sequence header.
    #[must_use]
    pub fn dimensions(&self) -> Option<(u32, u32)> {
        Some(self.sequence.as_ref()?.dimensions)
    }

    /// The codec's element of a `CODECS` string after `av01.` (AV1 in ISOBMFF §5), such as `0.04M.08`; with monochrome,
    /// subsampling and colours where they are known and not the usual ones.
    #[must_use]
    pub fn rfc6381(&self) -> String {
        let format = self.fields[1];
        let tier = if format & 0x80 != 0 { 'H' } else { 'M' };
        let mut text = format!(
            "{}.{:02}{tier}.{:02}",
            self.profile(),
            self.level(),
            self.bit_depth()
        );
        let subsampling = [format >> 3 & 1, format >> 2 & 1, format & 3];
        let colour = self.sequence.as_ref().map_or([1, 1, 1, 0], |s| s.colour);
        let monochrome = format >> 4 & 1;
        let unspecified = [2, 2, 2, colour[3]];
        let usual = monochrome == 0
            && matches!(subsampling, [1, 1, _])
            && (colour == [1, 1, 1, 0] || (colour == unspecified && colour[3] == 0));
        if !usual {
            let [x, y, position] = subsampling;
            // The position of chroma samples is only meaningful in 4:2:0.
            let position = if [x, y] == [1, 1] { position } else { 0 };
            let [primaries, transfer, matrix, full] = colour;
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                ".{monochrome}.{x}{y}{position}.{primaries:02}.{transfer:02}.{matrix:02}.{full}"
            );
        }
        text
    }

    /// Whether decoding can start at a temporal unit: whether its first frame is a key frame that is shown (AV1 §7.6.3), with
    /// or without a sequence header.
    #[must_use]
    pub fn is_sync(sample: &[u8]) -> bool {
        let mut reduced = false;
        for obu in obus(sample) {
            match (obu.kind, obu.payload) {
                // `reduced_still_picture_header`: all frames are key frames, and say nothing.
                (SEQUENCE_HEADER, [first, ..]) => reduced = first & 0x08 != 0,
                // show_existing_frame 0, frame_type 0, show_frame 1.
                (FRAME_HEADER | FRAME, [first, ..]) => return reduced || first & 0xF0 == 0x10,
                _ => {}
            }
        }
        false
    }
}

impl TryFrom<Bytes> for Av1 {
    type Error = Error;

    /// As [`parse`](Av1::parse), without a copy.
    fn try_from(raw: Bytes) -> Result<Self, Error> {
        let mut r = Reader::new(&raw);
        match r.u8("version")? {
            0x81 => {}
            version => {
                return Err(Error::Invalid {
                    field: "version",
                    value: version.into(),
                });
            }
        }
        let fields = *r.array("seq_profile")?;
        r.skip(1, "initial_presentation_delay_present")?;
        let sequence = obus(r.rest())
            .find(|obu| obu.kind == SEQUENCE_HEADER)
            .and_then(|obu| SequenceHeader::parse(obu.payload).ok());
        Ok(Self {
            raw,
            fields,
            sequence,
        })
    }
}

/// An open bitstream unit without its header and size (AV1 §5.3).
struct Obu<'a> {
    kind: u8,
    payload: &'a [u8],
}

/// The OBUs of a temporal unit in the low-overhead format (AV1 §5.2), up to the first that is damaged.
fn obus(data: &[u8]) -> impl Iterator<Item = Obu<'_>> {
    let mut r = Reader::new(data);
    core::iter::from_fn(move || {
        let header = r.u8("obu_header").ok()?;
        if header & 0x04 != 0 {
            r.skip(1, "obu_extension_header").ok()?;
        }
        let payload = if header & 0x02 != 0 {
            let len = leb128(&mut r)?;
            r.take(len, "obu").ok()?
        } else {
            r.rest()
        };
        Some(Obu {
            kind: header >> 3 & 0xF,
            payload,
        })
    })
}

/// Reads a `leb128()` of at most 8 bytes (AV1 §4.10.5).
fn leb128(r: &mut Reader<'_>) -> Option<usize> {
    let mut value = 0_u64;
    for shift in (0..56).step_by(7) {
        let byte = r.u8("leb128").ok()?;
        value |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return usize::try_from(value).ok();
        }
    }
    None
}

fn put_leb128(out: &mut Vec<u8>, mut value: usize) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            return out.push(low & 0x7F);
        }
        out.push(low | 0x80);
    }
}

/// What is used of `sequence_header_obu()` (AV1 §5.5).
#[derive(Debug, Clone, PartialEq, Eq)]
struct SequenceHeader {
    profile: u8,
    level: u8,
    tier: bool,
    /// The second byte of a record's fields without the tier.
    format: u8,
    /// `color_primaries`, `transfer_characteristics`, `matrix_coefficients`, `color_range`.
    colour: [u8; 4],
    dimensions: (u32, u32),
}

fn byte(r: &mut BitReader<'_>, n: u32, what: &'static str) -> Result<u8, Error> {
    let value = r.bits(n, what)?;
    u8::try_from(value).map_err(|_| Error::Invalid {
        field: what,
        value: value.into(),
    })
}

impl SequenceHeader {
    fn parse(payload: &[u8]) -> Result<Self, Error> {
        let mut r = BitReader::new(payload);
        let r = &mut r;
        let profile = byte(r, 3, "seq_profile")?;
        r.skip(1, "still_picture")?;
        let reduced = r.bit("reduced_still_picture_header")?;
        let (level, tier) = if reduced {
            (byte(r, 5, "seq_level_idx")?, false)
        } else {
            operating_points(r)?
        };
        let width_bits = r.bits(4, "frame_width_bits_minus_1")? + 1;
        let height_bits = r.bits(4, "frame_height_bits_minus_1")? + 1;
        let dimensions = (
            r.bits(width_bits, "max_frame_width_minus_1")? + 1,
            r.bits(height_bits, "max_frame_height_minus_1")? + 1,
        );
        if !reduced && r.bit("frame_id_numbers_present_flag")? {
            r.skip(4 + 3, "additional_frame_id_length_minus_1")?;
        }
        r.skip(3, "enable_intra_edge_filter")?;
        if !reduced {
            tools(r)?;
        }
        r.skip(3, "enable_restoration")?;
        let (format, colour) = color_config(r, profile)?;
        Ok(Self {
            profile,
            level,
            tier,
            format,
            colour,
            dimensions,
        })
    }
}

/// From `timing_info_present_flag` to the last operating point; level and tier of the first.
fn operating_points(r: &mut BitReader<'_>) -> Result<(u8, bool), Error> {
    let mut delay_bits = None;
    if r.bit("timing_info_present_flag")? {
        r.skip(64, "time_scale")?;
        if r.bit("equal_picture_interval")? {
            // uvlc() (§4.10.3).
            let mut zeros = 0;
            while !r.bit("num_ticks_per_picture_minus_1")? {
                zeros += 1;
            }
            if zeros < 32 {
                r.skip(zeros, "num_ticks_per_picture_minus_1")?;
            }
        }
        if r.bit("decoder_model_info_present_flag")? {
            delay_bits = Some(u64::from(r.bits(5, "buffer_delay_length_minus_1")? + 1));
            r.skip(32 + 5 + 5, "frame_presentation_time_length_minus_1")?;
        }
    }
    let display_delay = r.bit("initial_display_delay_present_flag")?;
    let mut first = None;
    for _ in 0..=r.bits(5, "operating_points_cnt_minus_1")? {
        r.skip(12, "operating_point_idc")?;
        let level = byte(r, 5, "seq_level_idx")?;
        let tier = level > 7 && r.bit("seq_tier")?;
        first = first.or(Some((level, tier)));
        if let Some(bits) = delay_bits
            && r.bit("decoder_model_present_for_this_op")?
        {
            r.skip(2 * bits + 1, "operating_parameters_info")?;
        }
        if display_delay && r.bit("initial_display_delay_present_for_this_op")? {
            r.skip(4, "initial_display_delay_minus_1")?;
        }
    }
    Ok(first.unwrap_or_default())
}

/// From `enable_interintra_compound` to `order_hint_bits_minus_1`.
fn tools(r: &mut BitReader<'_>) -> Result<(), Error> {
    r.skip(4, "enable_dual_filter")?;
    let order_hint = r.bit("enable_order_hint")?;
    if order_hint {
        r.skip(2, "enable_ref_frame_mvs")?;
    }
    let screen_content =
        r.bit("seq_choose_screen_content_tools")? || r.bit("seq_force_screen_content_tools")?;
    if screen_content && !r.bit("seq_choose_integer_mv")? {
        r.skip(1, "seq_force_integer_mv")?;
    }
    if order_hint {
        r.skip(3, "order_hint_bits_minus_1")?;
    }
    Ok(())
}

/// `color_config()` (AV1 §5.5.2): bit depth, monochrome and subsampling as a record has them, and the colours.
fn color_config(r: &mut BitReader<'_>, profile: u8) -> Result<(u8, [u8; 4]), Error> {
    let high = r.bit("high_bitdepth")?;
    let twelve = profile == 2 && high && r.bit("twelve_bit")?;
    let monochrome = profile != 1 && r.bit("mono_chrome")?;
    let mut colour = [2, 2, 2, 0];
    if r.bit("color_description_present_flag")? {
        for (value, what) in colour.iter_mut().zip([
            "color_primaries",
            "transfer_characteristics",
            "matrix_coefficients",
        ]) {
            *value = byte(r, 8, what)?;
        }
    }
    let [primaries, transfer, matrix, _] = colour;
    let (mut x, mut y, mut position) = (true, true, 0);
    let full = if !monochrome && [primaries, transfer, matrix] == [1, 13, 0] {
        // sRGB.
        (x, y) = (false, false);
        true
    } else {
        let full = r.bit("color_range")?;
        if !monochrome {
            (x, y) = match profile {
                0 => (true, true),
                1 => (false, false),
                _ if twelve => {
                    let x = r.bit("subsampling_x")?;
                    (x, x && r.bit("subsampling_y")?)
                }
                _ => (true, false),
            };
            if x && y {
                position = byte(r, 2, "chroma_sample_position")?;
            }
        }
        full
    };
    colour[3] = full.into();
    let flags = [high, twelve, monochrome, x, y];
    let bits = flags
        .iter()
        .fold(0, |bits, &flag| bits << 1 | u8::from(flag));
    Ok((bits << 2 | position, colour))
}
