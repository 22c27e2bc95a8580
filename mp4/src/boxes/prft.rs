use super::header::{
    put_u32_or_u64, put_version_and_flags, u32_or_u64, version_0_or_1, version_for,
};
use super::{FourCc, IsoBox};
use crate::Error;
use wire::{Reader, Writer};

/// The producer's wall clock at a media time (ISO/IEC 14496-12 §8.16.5).
///
/// ```text
/// version u8 | flags u24 | reference_track_ID u32 | ntp_timestamp u64 | media_time u32 or u64
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prft {
    /// What the clock was read at: 0 encoder input, 1 encoder output, 2 `moof` finished, 4 `moof` written.
    pub flags: u32,
    /// The track that the media time is of.
    pub reference_track_id: u32,
    /// Seconds since 1900-01-01 UTC, 32.32 fixed point.
    pub ntp_timestamp: u64,
    /// Decoding time, in ticks of the track.
    pub media_time: u64,
}

impl IsoBox for Prft {
    const TYPE: FourCc = FourCc(*b"prft");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (version, flags) = version_0_or_1(r)?;
        Ok(Self {
            flags,
            reference_track_id: r.u32("reference_track_ID")?,
            ntp_timestamp: r.u64("ntp_timestamp")?,
            media_time: u32_or_u64(r, version, "media_time")?,
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        let version = version_for(&[self.media_time]);
        put_version_and_flags(w, version, self.flags);
        w.u32(self.reference_track_id).u64(self.ntp_timestamp);
        put_u32_or_u64(w, version, self.media_time);
        Ok(())
    }

    fn body_len(&self) -> usize {
        if version_for(&[self.media_time]) == 0 {
            20
        } else {
            24
        }
    }
}
