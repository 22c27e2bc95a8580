use super::header::{count, put_version_and_flags, version_0_or_1};
use super::{FourCc, IsoBox};
use crate::Error;
use alloc::vec::Vec;
use wire::{Reader, Writer};

/// The edit list: how a track's time line is laid on the movie's (ISO/IEC 14496-12 §8.6.6).
///
/// ```text
/// version u8 | flags u24 = 0 | entry_count u32
/// each: segment_duration u32 or u64 | media_time i32 or i64 | media_rate i32 (16.16)
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Elst {
    /// The edits, in order.
    pub edits: Vec<Edit>,
}

/// A piece of the movie's time line, and what of the track is shown there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edit {
    /// How long, in ticks of the movie; 0 in the last edit before fragments: to the end.
    pub segment_duration: u64,
    /// From where on the track's time line, in ticks of the track; -1: nothing is shown.
    pub media_time: i64,
    /// Speed, 16.16 fixed point; 0: the picture stands.
    pub media_rate: i32,
}

impl Edit {
    /// Shows the track from `media_time` to its end, at normal speed.
    #[must_use]
    pub const fn from(media_time: i64) -> Self {
        Self {
            segment_duration: 0,
            media_time,
            media_rate: 0x1_0000,
        }
    }
}

impl Elst {
    fn version(&self) -> u8 {
        let small = |edit: &Edit| {
            u32::try_from(edit.segment_duration).is_ok() && i32::try_from(edit.media_time).is_ok()
        };
        u8::from(!self.edits.iter().all(small))
    }
}

impl IsoBox for Elst {
    const TYPE: FourCc = FourCc(*b"elst");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (version, _) = version_0_or_1(r)?;
        let entry_count = r.u32("entry_count")?;
        let mut edits = Vec::new();
        for _ in 0..entry_count {
            let (segment_duration, media_time) = match version {
                0 => (
                    r.u32("segment_duration")?.into(),
                    r.i32("media_time")?.into(),
                ),
                _ => (r.u64("segment_duration")?, r.i64("media_time")?),
            };
            edits.push(Edit {
                segment_duration,
                media_time,
                media_rate: r.i32("media_rate")?,
            });
        }
        Ok(Self { edits })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        let version = self.version();
        put_version_and_flags(w, version, 0);
        w.u32(count("elst entries", self.edits.len())?);
        for edit in &self.edits {
            match (
                u32::try_from(edit.segment_duration),
                i32::try_from(edit.media_time),
            ) {
                (Ok(segment_duration), Ok(media_time)) if version == 0 => {
                    w.u32(segment_duration).i32(media_time)
                }
                _ => w.u64(edit.segment_duration).i64(edit.media_time),
            };
            w.i32(edit.media_rate);
        }
        Ok(())
    }

    fn body_len(&self) -> usize {
        let entry = if self.version() == 0 { 12 } else { 20 };
        self.edits.len().saturating_mul(entry).saturating_add(8)
    }
}
