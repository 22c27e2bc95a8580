//! MPEG-4 part 2 video (ISO/IEC 14496-2): what its headers tell of the pictures, and which of these need no other one.

use super::Error;
use alloc::format;
use alloc::string::String;
use bytes::Bytes;
// Its start codes are those of MPEG-2 (§6.2.1).
use mpeg2::video::units;
use wire::BitReader;

/// `visual_object_sequence_start_code`.
const SEQUENCE: u8 = 0xB0;
/// `group_of_vop_start_code`.
const GROUP: u8 = 0xB3;
/// `vop_start_code`.
const VOP: u8 = 0xB6;

/// MPEG-4 part 2 video: the headers up to the first picture, with their bytes, as a `DecoderSpecificInfo` has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mpeg4Video {
    raw: Bytes,
    profile_and_level_indication: Option<u8>,
    layer: VideoObjectLayer,
}

/// `VideoObjectLayer()` (§6.2.3) of rectangular pictures, as far as containers need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct VideoObjectLayer {
    /// `vop_time_increment_resolution`, 16 bits: ticks in a second.
    pub vop_time_increment_resolution: u16,
    /// `fixed_vop_time_increment`: ticks from one picture to the next, where they are all as many.
    pub fixed_vop_time_increment: Option<u16>,
    /// `video_object_layer_width`, 13 bits.
    pub width: u16,
    /// `video_object_layer_height`, 13 bits.
    pub height: u16,
}

/// How a picture is coded: `vop_coding_type` (§6.3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VopCodingType {
    /// By itself.
    I,
    /// From one before it.
    P,
    /// From one before it and one behind it; none is coded from it.
    B,
    /// From a sprite, or with global motion.
    S,
}

impl Mpeg4Video {
    /// `objectTypeIndication` (ISO/IEC 14496-1, table 5).
    pub const OBJECT_TYPE_INDICATION: u8 = 0x20;

    /// Reads headers, start codes included. A first picture behind them is left out.
    ///
    /// # Errors
    /// [`Error::Invalid`] where there is no layer, or one of pictures that are no rectangles; what reading it gives where it ends early.
    pub fn parse(headers: &[u8]) -> Result<Self, Error> {
        Self::try_from(Bytes::copy_from_slice(
            Self::find(headers).unwrap_or(headers),
        ))
    }

    /// The headers before the first picture of a sample; `None` where there are none that tell of a layer.
    #[must_use]
    pub fn find(sample: &[u8]) -> Option<&[u8]> {
        let mut has_layer = false;
        for unit in units(sample) {
            match unit.code.0 {
                0x20..=0x2F => has_layer = true,
                GROUP | VOP => return sample.get(..unit.offset).filter(|_| has_layer),
                _ => {}
            }
        }
        None
    }

    /// The headers, as they came in.
    #[must_use]
    pub const fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// What the layer's header says.
    #[must_use]
    pub const fn layer(&self) -> &VideoObjectLayer {
        &self.layer
    }

    /// The codec's element of a `CODECS` string after `mp4v.` (RFC 6381 §3.3): `20`, and `profile_and_level_indication` in decimal digits.
    #[must_use]
    pub fn rfc6381(&self) -> String {
        match self.profile_and_level_indication {
            Some(profile) => format!("20.{profile}"),
            None => String::from("20"),
        }
    }

    /// `vop_coding_type` of the first picture in a sample; `None` where there is none.
    #[must_use]
    pub fn coding_type(sample: &[u8]) -> Option<VopCodingType> {
        let picture = units(sample).find(|unit| unit.code.0 == VOP)?;
        Some(match picture.data.first()? >> 6 {
            0 => VopCodingType::I,
            1 => VopCodingType::P,
            2 => VopCodingType::B,
            _ => VopCodingType::S,
        })
    }
}

/// When pictures are shown, by their own headers (§6.3.4, §6.3.5): all of them are told, in decoding order.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock {
    /// Seconds that the last picture counts from that is no B-VOP, and the one before it.
    base: (u32, u32),
}

impl Clock {
    /// Before the first picture.
    #[must_use]
    pub const fn new() -> Self {
        Self { base: (0, 0) }
    }

    /// The time of the first picture in a sample, in ticks of `vop_time_increment_resolution`; `None` where it cannot be read.
    pub fn time(&mut self, layer: &VideoObjectLayer, sample: &[u8]) -> Option<u64> {
        for unit in units(sample) {
            let mut r = BitReader::new(unit.data);
            let mut bits = |count| r.bits(count, "vop").ok();
            match unit.code.0 {
                GROUP => {
                    let (hours, minutes) = (bits(5)?, bits(6)?);
                    bits(1)?;
                    self.base.0 = (hours * 60 + minutes) * 60 + bits(6)?;
                }
                VOP => {
                    let is_b = bits(2)? == 2;
                    let mut seconds = 0_u32;
                    while bits(1)? == 1 {
                        seconds = seconds.saturating_add(1);
                    }
                    bits(1)?;
                    let ticks = bits(layer.increment_bits())?;
                    let base = match is_b {
                        true => self.base.1.saturating_add(seconds),
                        false => {
                            self.base = (self.base.0.saturating_add(seconds), self.base.0);
                            self.base.0
                        }
                    };
                    let resolution = u64::from(layer.vop_time_increment_resolution);
                    return Some(u64::from(base) * resolution + u64::from(ticks));
                }
                _ => {}
            }
        }
        None
    }
}

impl TryFrom<Bytes> for Mpeg4Video {
    type Error = Error;

    /// As [`parse`](Mpeg4Video::parse), without a copy, of headers alone.
    fn try_from(raw: Bytes) -> Result<Self, Error> {
        let mut profile_and_level_indication = None;
        for unit in units(&raw) {
            match unit.code.0 {
                SEQUENCE => profile_and_level_indication = unit.data.first().copied(),
                0x20..=0x2F => {
                    let layer = VideoObjectLayer::parse(unit.data)?;
                    return Ok(Self {
                        profile_and_level_indication,
                        layer,
                        raw,
                    });
                }
                _ => {}
            }
        }
        Err(Error::Invalid {
            field: "video_object_layer_start_code",
            value: 0,
        })
    }
}

impl VideoObjectLayer {
    /// Reads what follows the start code.
    fn parse(data: &[u8]) -> Result<Self, Error> {
        let mut r = BitReader::new(data);
        r.skip(1 + 8, "video_object_type_indication")?;
        if r.bit("is_object_layer_identifier")? {
            r.skip(4 + 3, "video_object_layer_verid")?;
        }
        if r.bits8(4, "aspect_ratio_info")? == 0xF {
            r.skip(16, "par_width")?;
        }
        if r.bit("vol_control_parameters")? {
            r.skip(2 + 1, "chroma_format")?;
            if r.bit("vbv_parameters")? {
                r.skip(79, "first_half_bit_rate")?;
            }
        }
        let shape = r.bits8(2, "video_object_layer_shape")?;
        if shape != 0 {
            return Err(Error::Invalid {
                field: "video_object_layer_shape",
                value: shape.into(),
            });
        }
        r.skip(1, "marker_bit")?;
        let resolution = r.bits16(16, "vop_time_increment_resolution")?;
        r.skip(1, "marker_bit")?;
        let mut fixed_vop_time_increment = None;
        if r.bit("fixed_vop_rate")? {
            let bits = increment_bits(resolution);
            fixed_vop_time_increment = Some(r.bits16(bits, "fixed_vop_time_increment")?);
        }
        r.skip(1, "marker_bit")?;
        let width = r.bits16(13, "video_object_layer_width")?;
        r.skip(1, "marker_bit")?;
        let height = r.bits16(13, "video_object_layer_height")?;
        for (field, size) in [
            ("video_object_layer_width", width),
            ("video_object_layer_height", height),
        ] {
            if size == 0 {
                return Err(Error::Invalid { field, value: 0 });
            }
        }
        Ok(Self {
            vop_time_increment_resolution: resolution,
            fixed_vop_time_increment,
            width,
            height,
        })
    }

    const fn increment_bits(&self) -> u32 {
        increment_bits(self.vop_time_increment_resolution)
    }

    /// Pictures, in so many seconds, where they all last as long.
    #[must_use]
    pub fn frame_rate(&self) -> Option<(u32, u32)> {
        let step = self.fixed_vop_time_increment.filter(|step| *step > 0)?;
        let resolution = self.vop_time_increment_resolution;
        (resolution > 0).then_some((resolution.into(), step.into()))
    }
}

/// Bits of an increment: as many as the ticks of a second need that is not over (§6.3.3).
const fn increment_bits(resolution: u16) -> u32 {
    let bits = u16::BITS - resolution.saturating_sub(1).leading_zeros();
    if bits == 0 { 1 } else { bits }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    /// The start of what ffmpeg 5.1 writes: `-f lavfi -i testsrc2=size=128x96:rate=25 -c:v mpeg4 -bf 2 -f m4v`.
    const HEADERS: &[u8] = &[
        0, 0, 1, 0xB0, 0xF1, 0, 0, 1, 0xB5, 0xA9, 0x13, 0, 0, 1, 0, 0, 0, 1, 0x20, 8, 0xD4, 0x8D,
        8, 0, 0xCD, 4, 4, 0x0C, 0x14, 0x10, 0x3F, 0, 0, 1, 0xB2, b'L', b'a', b'v', b'c',
    ];
    const PICTURE: &[u8] = &[0, 0, 1, 0xB3, 0, 0x10, 7, 0, 0, 1, 0xB6, 0x10, 0x60];

    #[test]
    fn headers_tell_of_pictures() {
        let sample = [HEADERS, PICTURE].concat();
        assert_eq!(Mpeg4Video::find(&sample), Some(HEADERS));
        assert_eq!(Mpeg4Video::find(PICTURE), None);
        assert_eq!(Mpeg4Video::find(HEADERS), None);
        assert_eq!(Mpeg4Video::coding_type(&sample), Some(VopCodingType::I));
        assert_eq!(Mpeg4Video::coding_type(HEADERS), None);
        for (byte, kind) in [
            (0x50, VopCodingType::P),
            (0x90, VopCodingType::B),
            (0xD0, VopCodingType::S),
        ] {
            let sample = [0, 0, 1, 0xB6, byte];
            assert_eq!(Mpeg4Video::coding_type(&sample), Some(kind));
        }
        let video = Mpeg4Video::parse(&sample).unwrap();
        assert_eq!(video.raw(), HEADERS);
        assert_eq!(video.rfc6381(), "20.241");
        let layer = video.layer();
        assert_eq!((layer.width, layer.height), (128, 96));
        assert_eq!(layer.vop_time_increment_resolution, 25);
        assert_eq!(layer.frame_rate(), None);
        // Without the sequence before it; from a file of QuickTime.
        let other = [
            0, 0, 1, 0, 0, 0, 1, 0x20, 0, 0xC4, 0x8D, 0x8B, 0xA9, 0x85, 5, 0x84, 0x12, 0x14, 0x43,
        ];
        let video = Mpeg4Video::parse(&other).unwrap();
        assert_eq!((video.layer().width, video.layer().height), (176, 144));
        assert_eq!(video.rfc6381(), "20");
        for len in 0..other.len() - 2 {
            assert!(Mpeg4Video::parse(&other[..len]).is_err(), "{len}");
        }
    }

    /// A layer with every field that may be there.
    fn layer(width: u16, height: u16, resolution: u16, step: Option<u16>, options: u8) -> Vec<u8> {
        let mut bits = Vec::new();
        let mut put =
            |value: u32, len: u32| bits.extend((0..len).rev().map(|at| value >> at & 1 == 1));
        put(1, 9);
        let option = |put: &mut dyn FnMut(u32, u32), at: u8, fields: &[u32]| {
            let is_there = options >> at & 1 == 1;
            put(is_there.into(), 1);
            fields
                .iter()
                .filter(|_| is_there)
                .for_each(|len| put(u32::MAX >> (32 - len), *len));
            is_there
        };
        option(&mut put, 0, &[7]);
        if options & 2 == 0 {
            put(1, 4);
        } else {
            put(0xF, 4);
            put(0x1234, 16);
        }
        if option(&mut put, 2, &[3]) {
            option(&mut put, 3, &[32, 32, 15]);
        }
        put(0, 2);
        put(1, 1);
        put(resolution.into(), 16);
        put(1, 1);
        put(step.is_some().into(), 1);
        if let Some(step) = step {
            let most = u32::from(resolution.max(2)) - 1;
            put(step.into(), 32 - most.leading_zeros());
        }
        for size in [width, height] {
            put(1, 1);
            put(size.into(), 13);
        }
        bits.resize(bits.len().next_multiple_of(8) + 8, true);
        let bytes = bits
            .chunks(8)
            .map(|byte| byte.iter().fold(0, |all, bit| all << 1 | u8::from(*bit)));
        [0, 0, 1, 0x20].into_iter().chain(bytes).collect()
    }

    proptest! {
        #[test]
        fn layers_are_read(
            width in 1u16..0x2000,
            height in 1u16..0x2000,
            resolution in 1u16..,
            step in proptest::option::of(1u16..),
            options: u8,
        ) {
            let step = step.map(|step| step % resolution);
            let data = layer(width, height, resolution, step, options);
            // Two start codes are not one where numbers look like them: headers have marker bits against that.
            let video = Mpeg4Video::parse(&data).unwrap();
            let layer = video.layer();
            prop_assert_eq!((layer.width, layer.height), (width, height));
            prop_assert_eq!(layer.vop_time_increment_resolution, resolution);
            prop_assert_eq!(layer.fixed_vop_time_increment, step);
        }

        #[test]
        fn anything_is_survived(data: Vec<u8>) {
            let data = [HEADERS, &data].concat();
            let _ = (Mpeg4Video::parse(&data), Mpeg4Video::coding_type(&data));
            if let Some(headers) = Mpeg4Video::find(&data) {
                prop_assert!(data.starts_with(headers) && headers.starts_with(HEADERS));
            }
        }
    }
}
