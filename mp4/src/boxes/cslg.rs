use super::header::{put_version_and_flags, version_0_or_1};
use super::{FourCc, IsoBox};
use crate::Error;
use wire::{Reader, Writer};

/// Bounds of the composition offsets and times of a track (ISO/IEC 14496-12 §8.6.1.4).
///
/// ```text
/// version u8 | flags u24 = 0 | compositionToDTSShift | leastDecodeToDisplayDelta | greatestDecodeToDisplayDelta
/// compositionStartTime | compositionEndTime: each i32 (version 0) or i64 (version 1)
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cslg {
    /// Ticks that, added to composition times, keep them from lying before decoding times.
    pub composition_to_dts_shift: i64,
    /// Smallest composition offset.
    pub least_decode_to_display_delta: i64,
    /// Largest composition offset.
    pub greatest_decode_to_display_delta: i64,
    /// Smallest composition time.
    pub composition_start_time: i64,
    /// Largest composition time plus duration; 0 where it is not known.
    pub composition_end_time: i64,
}

impl Cslg {
    fn fields(&self) -> [i64; 5] {
        [
            self.composition_to_dts_shift,
            self.least_decode_to_display_delta,
            self.greatest_decode_to_display_delta,
            self.composition_start_time,
            self.composition_end_time,
        ]
    }

    fn version(&self) -> u8 {
        let wide = |value: &i64| i32::try_from(*value).is_err();
        u8::from(self.fields().iter().any(wide))
    }
}

impl IsoBox for Cslg {
    const TYPE: FourCc = FourCc(*b"cslg");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (version, _) = version_0_or_1(r)?;
        let mut field = |what| match version {
            0 => r.i32(what).map(i64::from),
            _ => r.i64(what),
        };
        Ok(Self {
            composition_to_dts_shift: field("compositionToDTSShift")?,
            least_decode_to_display_delta: field("leastDecodeToDisplayDelta")?,
            greatest_decode_to_display_delta: field("greatestDecodeToDisplayDelta")?,
            composition_start_time: field("compositionStartTime")?,
            composition_end_time: field("compositionEndTime")?,
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        let version = self.version();
        put_version_and_flags(w, version, 0);
        for field in self.fields() {
            match i32::try_from(field) {
                Ok(field) if version == 0 => w.i32(field),
                _ => w.i64(field),
            };
        }
        Ok(())
    }

    fn body_len(&self) -> usize {
        if self.version() == 0 { 24 } else { 44 }
    }
}
