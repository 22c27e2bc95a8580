use super::header::{
    put_u32_or_u64, put_version_and_flags, u32_or_u64, version_0_or_1, version_for,
};
use super::{FourCc, IsoBox};
use crate::Error;
use wire::{Reader, Writer};

/// The matrix that moves and turns nothing: 16.16 fixed point, the last column 2.30.
pub const IDENTITY_MATRIX: [i32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];

pub(super) fn read_matrix(r: &mut Reader<'_>) -> Result<[i32; 9], wire::Short> {
    let bytes = r.array::<36>("matrix")?;
    let (values, _) = bytes.as_chunks::<4>();
    let mut matrix = [0; 9];
    matrix
        .iter_mut()
        .zip(values)
        .for_each(|(to, from)| *to = i32::from_be_bytes(*from));
    Ok(matrix)
}

pub(super) fn put_matrix(w: &mut Writer<'_>, matrix: &[i32; 9]) {
    matrix.iter().for_each(|value| _ = w.i32(*value));
}

/// Facts about the whole movie (ISO/IEC 14496-12 §8.2.2).
///
/// ```text
/// version u8 | flags u24 = 0 | creation_time, modification_time u32 or u64 | timescale u32 | duration u32 or u64
/// rate i32 (16.16) | volume i16 (8.8) | reserved 10 bytes | matrix 9 x i32 | pre_defined 24 bytes | next_track_ID u32
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mvhd {
    /// Seconds since 1904-01-01 UTC; 0 where it is not known.
    pub creation_time: u64,
    /// Seconds since 1904-01-01 UTC; 0 where it is not known.
    pub modification_time: u64,
    /// Ticks per second of `duration` here, in `tkhd` and in `elst`.
    pub timescale: u32,
    /// Ticks of the longest track; 0 where only fragments have samples.
    pub duration: u64,
    /// Speed of play, 16.16 fixed point.
    pub rate: i32,
    /// Volume, 8.8 fixed point.
    pub volume: i16,
    /// How the picture is moved and turned.
    pub matrix: [i32; 9],
    /// A number that no track has yet.
    pub next_track_id: u32,
}

impl Mvhd {
    /// For a movie whose samples are all in fragments.
    #[must_use]
    pub const fn new(timescale: u32, next_track_id: u32) -> Self {
        Self {
            creation_time: 0,
            modification_time: 0,
            timescale,
            duration: 0,
            rate: 0x1_0000,
            volume: 0x100,
            matrix: IDENTITY_MATRIX,
            next_track_id,
        }
    }

    fn version(&self) -> u8 {
        version_for(&[self.creation_time, self.modification_time, self.duration])
    }
}

impl IsoBox for Mvhd {
    const TYPE: FourCc = FourCc(*b"mvhd");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (version, _) = version_0_or_1(r)?;
        let creation_time = u32_or_u64(r, version, "creation_time")?;
        let modification_time = u32_or_u64(r, version, "modification_time")?;
        let timescale = r.u32("timescale")?;
        let duration = u32_or_u64(r, version, "duration")?;
        let rate = r.i32("rate")?;
        let volume = r.i16("volume")?;
        r.skip(10, "reserved")?;
        let matrix = read_matrix(r)?;
        r.skip(24, "pre_defined")?;
        let next_track_id = r.u32("next_track_ID")?;
        Ok(Self {
            creation_time,
            modification_time,
            timescale,
            duration,
            rate,
            volume,
            matrix,
            next_track_id,
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        let version = self.version();
        put_version_and_flags(w, version, 0);
        put_u32_or_u64(w, version, self.creation_time);
        put_u32_or_u64(w, version, self.modification_time);
        w.u32(self.timescale);
        put_u32_or_u64(w, version, self.duration);
        w.i32(self.rate).i16(self.volume).zeros(10);
        put_matrix(w, &self.matrix);
        w.zeros(24).u32(self.next_track_id);
        Ok(())
    }

    fn body_len(&self) -> usize {
        if self.version() == 0 { 100 } else { 112 }
    }
}
