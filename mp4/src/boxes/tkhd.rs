use super::header::{
    put_u32_or_u64, put_version_and_flags, u32_or_u64, version_0_or_1, version_for,
};
use super::mvhd::{put_matrix, read_matrix};
use super::{FourCc, IDENTITY_MATRIX, IsoBox};
use crate::Error;
use wire::{Reader, Writer};

/// A track's number, place and size (ISO/IEC 14496-12 §8.3.2).
///
/// ```text
/// version u8 | flags u24 | creation_time, modification_time u32 or u64 | track_ID u32 | reserved u32
/// duration u32 or u64 | reserved u64 | layer i16 | alternate_group i16 | volume i16 (8.8) | reserved u16
/// matrix 9 x i32 | width u32 (16.16) | height u32 (16.16)
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tkhd {
    /// 24 bits: [`ENABLED`](Self::ENABLED), [`IN_MOVIE`](Self::IN_MOVIE), ...
    pub flags: u32,
    /// Seconds since 1904-01-01 UTC; 0 where it is not known.
    pub creation_time: u64,
    /// Seconds since 1904-01-01 UTC; 0 where it is not known.
    pub modification_time: u64,
    /// Its number, never 0.
    pub track_id: u32,
    /// In ticks of the movie; 0 where only fragments have samples.
    pub duration: u64,
    /// Order from front (low) to back.
    pub layer: i16,
    /// Tracks with the same number other than 0 are alternatives of each other.
    pub alternate_group: i16,
    /// Volume, 8.8 fixed point; 0 for tracks without sound.
    pub volume: i16,
    /// How the picture is moved and turned.
    pub matrix: [i32; 9],
    /// Width on the screen, 16.16 fixed point.
    pub width: u32,
    /// Height on the screen, 16.16 fixed point.
    pub height: u32,
}

impl Tkhd {
    /// Flag: the track is to be played.
    pub const ENABLED: u32 = 1;
    /// Flag: the track is part of the presentation.
    pub const IN_MOVIE: u32 = 2;

    /// An enabled track without sound or size.
    #[must_use]
    pub const fn new(track_id: u32) -> Self {
        Self {
            flags: Self::ENABLED | Self::IN_MOVIE,
            creation_time: 0,
            modification_time: 0,
            track_id,
            duration: 0,
            layer: 0,
            alternate_group: 0,
            volume: 0,
            matrix: IDENTITY_MATRIX,
            width: 0,
            height: 0,
        }
    }

    /// The matrix, where it does more than show the picture as it is coded.
    #[cfg(feature = "media")]
    pub(crate) fn turn(&self) -> Option<[i32; 9]> {
        (self.matrix != IDENTITY_MATRIX && self.width > 0).then_some(self.matrix)
    }

    fn version(&self) -> u8 {
        version_for(&[self.creation_time, self.modification_time, self.duration])
    }
}

impl IsoBox for Tkhd {
    const TYPE: FourCc = FourCc(*b"tkhd");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (version, flags) = version_0_or_1(r)?;
        let creation_time = u32_or_u64(r, version, "creation_time")?;
        let modification_time = u32_or_u64(r, version, "modification_time")?;
        let track_id = r.u32("track_ID")?;
        r.skip(4, "reserved")?;
        let duration = u32_or_u64(r, version, "duration")?;
        r.skip(8, "reserved")?;
        let layer = r.i16("layer")?;
        let alternate_group = r.i16("alternate_group")?;
        let volume = r.i16("volume")?;
        r.skip(2, "reserved")?;
        Ok(Self {
            flags,
            creation_time,
            modification_time,
            track_id,
            duration,
            layer,
            alternate_group,
            volume,
            matrix: read_matrix(r)?,
            width: r.u32("width")?,
            height: r.u32("height")?,
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        let version = self.version();
        put_version_and_flags(w, version, self.flags);
        put_u32_or_u64(w, version, self.creation_time);
        put_u32_or_u64(w, version, self.modification_time);
        w.u32(self.track_id).u32(0);
        put_u32_or_u64(w, version, self.duration);
        w.zeros(8)
            .i16(self.layer)
            .i16(self.alternate_group)
            .i16(self.volume)
            .zeros(2);
        put_matrix(w, &self.matrix);
        w.u32(self.width).u32(self.height);
        Ok(())
    }

    fn body_len(&self) -> usize {
        if self.version() == 0 { 84 } else { 96 }
    }
}
