use super::container::container;
use super::header::{
    count, put_u32_or_u64, put_version_and_flags, u32_or_u64, version_0_or_1, version_and_flags,
    version_for,
};
use super::{FourCc, IsoBox};
use crate::Error;
use alloc::vec::Vec;
use wire::{Reader, Writer};

container! {
    /// At the end of a file, where its movie fragments lie (ISO/IEC 14496-12 §8.8.9).
    Mfra b"mfra" {
        /// The places, track by track.
        many tfras: Tfra,
        /// Its own size, last, so that it is found from the end of the file.
        optional mfro: Mfro,
    }
}

/// Sync samples of a track in movie fragments (ISO/IEC 14496-12 §8.8.10).
///
/// ```text
/// version u8 | flags u24 = 0 | track_ID u32 | reserved 26 bits | length_size_of_traf_num 2 bits
/// length_size_of_trun_num 2 bits | length_size_of_sample_num 2 bits | number_of_entry u32
/// each: time u32 or u64 | moof_offset u32 or u64 | traf_number, trun_number, sample_number: 1 to 4 bytes each
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tfra {
    /// Which track.
    pub track_id: u32,
    /// Bytes of `traf_number`, `trun_number` and `sample_number`, less 1: 6 bits.
    pub length_sizes: u8,
    /// The samples, by time.
    pub entries: Vec<RandomAccessPoint>,
}

/// A sync sample that [`Tfra`] tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RandomAccessPoint {
    /// Presentation time, in ticks of the track.
    pub time: u64,
    /// Where the `moof` begins in the file.
    pub moof_offset: u64,
    /// Which `traf`, from 1.
    pub traf_number: u32,
    /// Which `trun`, from 1.
    pub trun_number: u32,
    /// Which sample, from 1.
    pub sample_number: u32,
}

impl Tfra {
    /// Without entries, for numbers of one byte.
    #[must_use]
    pub const fn new(track_id: u32) -> Self {
        Self {
            track_id,
            length_sizes: 0,
            entries: Vec::new(),
        }
    }

    fn lens(&self) -> [usize; 3] {
        [4, 2, 0].map(|shift| usize::from(self.length_sizes >> shift & 3).saturating_add(1))
    }

    fn version(&self) -> u8 {
        let entries = self.entries.iter();
        let wide = |entry: &RandomAccessPoint| version_for(&[entry.time, entry.moof_offset]);
        entries.map(wide).max().unwrap_or(0)
    }
}

/// Reads a number of 1 to 4 bytes.
fn number(r: &mut Reader<'_>, len: usize, what: &'static str) -> Result<u32, wire::Short> {
    let bytes = r.take(len, what)?;
    Ok(bytes
        .iter()
        .fold(0, |number, byte| number << 8 | u32::from(*byte)))
}

fn put_number(
    w: &mut Writer<'_>,
    len: usize,
    value: u32,
    what: &'static str,
) -> Result<(), wire::TooLong> {
    let max = u32::MAX >> (8 * 4usize.saturating_sub(len));
    if value > max {
        return Err(wire::TooLong {
            what,
            value: value.into(),
            max: max.into(),
        });
    }
    let bytes = value.to_be_bytes();
    w.bytes(bytes.get(4usize.saturating_sub(len)..).unwrap_or_default());
    Ok(())
}

impl IsoBox for Tfra {
    const TYPE: FourCc = FourCc(*b"tfra");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (version, _) = version_0_or_1(r)?;
        let track_id = r.u32("track_ID")?;
        r.skip(3, "reserved")?;
        let mut tfra = Self::new(track_id);
        tfra.length_sizes = r.u8("length_sizes")? & 0x3F;
        let [traf, trun, sample] = tfra.lens();
        let number_of_entry = r.u32("number_of_entry")?;
        for _ in 0..number_of_entry {
            tfra.entries.push(RandomAccessPoint {
                time: u32_or_u64(r, version, "time")?,
                moof_offset: u32_or_u64(r, version, "moof_offset")?,
                traf_number: number(r, traf, "traf_number")?,
                trun_number: number(r, trun, "trun_number")?,
                sample_number: number(r, sample, "sample_number")?,
            });
        }
        Ok(tfra)
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        let version = self.version();
        let [traf, trun, sample] = self.lens();
        put_version_and_flags(w, version, 0);
        w.u32(self.track_id)
            .zeros(3)
            .u8(self.length_sizes & 0x3F)
            .u32(count("tfra entries", self.entries.len())?);
        for entry in &self.entries {
            put_u32_or_u64(w, version, entry.time);
            put_u32_or_u64(w, version, entry.moof_offset);
            put_number(w, traf, entry.traf_number, "traf_number")?;
            put_number(w, trun, entry.trun_number, "trun_number")?;
            put_number(w, sample, entry.sample_number, "sample_number")?;
        }
        Ok(())
    }

    fn body_len(&self) -> usize {
        let times = if self.version() == 0 { 8 } else { 16 };
        let entry = self.lens().into_iter().fold(times, usize::saturating_add);
        self.entries.len().saturating_mul(entry).saturating_add(16)
    }
}

/// The size of the [`Mfra`] that it ends (ISO/IEC 14496-12 §8.8.11).
///
/// ```text
/// version u8 = 0 | flags u24 = 0 | parent_size u32
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mfro {
    /// Bytes of the whole `mfra`.
    pub parent_size: u32,
}

impl Mfro {
    /// Bytes of the whole box, with which a file that has an `mfra` ends.
    pub const LEN: usize = 16;
}

impl IsoBox for Mfro {
    const TYPE: FourCc = FourCc(*b"mfro");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        version_and_flags(r)?;
        Ok(Self {
            parent_size: r.u32("parent_size")?,
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        put_version_and_flags(w, 0, 0);
        w.u32(self.parent_size);
        Ok(())
    }

    fn body_len(&self) -> usize {
        8
    }
}
