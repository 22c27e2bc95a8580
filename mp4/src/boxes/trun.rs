use super::header::{put_version_and_flags, version_and_flags};
use super::{FourCc, IsoBox, SampleFlags};
use crate::Error;
use alloc::vec::Vec;
use wire::{Reader, Writer};

/// A run of samples that lie one after the other (ISO/IEC 14496-12 §8.8.8).
///
/// ```text
/// version u8 | flags u24 | sample_count u32 | if flagged: data_offset i32 | first_sample_flags u32
/// each sample, if flagged: sample_duration u32 | sample_size u32 | sample_flags u32
///                          sample_composition_time_offset u32 (version 0) or i32 (version 1)
/// ```
///
/// The table is kept as it is in the box and read as [`samples`](Self::samples) goes over it, so that a run of
/// any claimed length takes no more memory than its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trun {
    /// Where the first sample lies, from the base that [`Tfhd`](super::Tfhd) names; `None`: after the run before.
    pub data_offset: Option<i32>,
    /// Flags of the first sample; the others have theirs or the default.
    pub first_sample_flags: Option<SampleFlags>,
    version: u8,
    fields: TrunFields,
    sample_count: u32,
    table: Vec<u8>,
}

/// Which fields each sample of a [`Trun`] has of its own; for the others the defaults hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are the flags of the box"
)]
pub struct TrunFields {
    /// `sample_duration`.
    pub duration: bool,
    /// `sample_size`.
    pub size: bool,
    /// `sample_flags`.
    pub flags: bool,
    /// `sample_composition_time_offset`.
    pub composition_time_offset: bool,
}

/// One sample of a [`Trun`]: what it does not say, the defaults of `tfhd` or `trex` do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TrunSample {
    /// Ticks of the track until the next sample is decoded.
    pub duration: Option<u32>,
    /// Bytes.
    pub size: Option<u32>,
    /// Dependencies.
    pub flags: Option<SampleFlags>,
    /// Ticks of the track from decoding to presentation: 32 bits, unsigned in version 0, signed in version 1.
    pub composition_time_offset: Option<i64>,
}

const DATA_OFFSET: u32 = 0x001;
const FIRST_SAMPLE_FLAGS: u32 = 0x004;
const SAMPLE_DURATION: u32 = 0x100;
const SAMPLE_SIZE: u32 = 0x200;
const SAMPLE_FLAGS: u32 = 0x400;
const SAMPLE_COMPOSITION_TIME_OFFSET: u32 = 0x800;

impl TrunFields {
    fn from_flags(flags: u32) -> Self {
        Self {
            duration: flags & SAMPLE_DURATION != 0,
            size: flags & SAMPLE_SIZE != 0,
            flags: flags & SAMPLE_FLAGS != 0,
            composition_time_offset: flags & SAMPLE_COMPOSITION_TIME_OFFSET != 0,
        }
    }

    fn to_flags(self) -> u32 {
        let flag = |set: bool, flag: u32| if set { flag } else { 0 };
        flag(self.duration, SAMPLE_DURATION)
            | flag(self.size, SAMPLE_SIZE)
            | flag(self.flags, SAMPLE_FLAGS)
            | flag(self.composition_time_offset, SAMPLE_COMPOSITION_TIME_OFFSET)
    }

    /// Bytes that a sample takes in the table.
    fn sample_len(self) -> usize {
        4 * self.to_flags().count_ones() as usize
    }
}

impl Trun {
    /// A run without samples yet, whose samples will have `fields`. Version 1, so that composition offsets may be
    /// negative.
    #[must_use]
    pub const fn new(fields: TrunFields) -> Self {
        Self {
            data_offset: None,
            first_sample_flags: None,
            version: 1,
            fields,
            sample_count: 0,
            table: Vec::new(),
        }
    }

    /// As [`new`](Self::new), with room for a number of samples.
    #[must_use]
    pub fn with_capacity(fields: TrunFields, samples: usize) -> Self {
        let mut trun = Self::new(fields);
        trun.table
            .reserve(samples.saturating_mul(fields.sample_len()));
        trun
    }

    /// Appends a sample. Of its fields, those are written that the run has; one that it does not give is 0.
    ///
    /// # Errors
    /// [`Error::TooLong`] where the composition offset does not fit its field or there are 2^32 samples.
    #[inline]
    pub fn push(&mut self, sample: TrunSample) -> Result<(), Error> {
        let Some(sample_count) = self.sample_count.checked_add(1) else {
            return Err(too_long("sample_count", 1 << 32, u32::MAX).into());
        };
        let offset = if self.fields.composition_time_offset {
            self.offset_field(sample.composition_time_offset.unwrap_or_default())?
        } else {
            0
        };
        self.sample_count = sample_count;
        let mut put = |present: bool, value: u32| {
            if present {
                self.table.extend_from_slice(&value.to_be_bytes());
            }
        };
        put(self.fields.duration, sample.duration.unwrap_or_default());
        put(self.fields.size, sample.size.unwrap_or_default());
        put(self.fields.flags, sample.flags.unwrap_or_default().0);
        put(self.fields.composition_time_offset, offset);
        Ok(())
    }

    /// A composition offset as the 32 bits of its field.
    fn offset_field(&self, offset: i64) -> Result<u32, wire::TooLong> {
        let (field, max) = match self.version {
            0 => (u32::try_from(offset), u32::MAX),
            _ => (
                i32::try_from(offset).map(i32::cast_unsigned),
                i32::MAX.unsigned_abs(),
            ),
        };
        field.map_err(|_| too_long("sample_composition_time_offset", offset.unsigned_abs(), max))
    }

    /// Number of samples.
    #[must_use]
    pub const fn sample_count(&self) -> u32 {
        self.sample_count
    }

    /// Which fields the samples have of their own.
    #[must_use]
    pub const fn fields(&self) -> TrunFields {
        self.fields
    }

    /// Version of the box: in version 0 composition offsets are unsigned.
    #[must_use]
    pub const fn version(&self) -> u8 {
        self.version
    }

    /// The samples in order.
    #[must_use]
    pub fn samples(&self) -> TrunSamples<'_> {
        TrunSamples {
            table: Reader::new(&self.table),
            left: self.sample_count,
            fields: self.fields,
            signed: self.version > 0,
            first_flags: self.first_sample_flags,
        }
    }

    fn flags(&self) -> u32 {
        let data_offset = if self.data_offset.is_some() {
            DATA_OFFSET
        } else {
            0
        };
        let first_sample_flags = if self.first_sample_flags.is_some() {
            FIRST_SAMPLE_FLAGS
        } else {
            0
        };
        data_offset | first_sample_flags | self.fields.to_flags()
    }
}

#[cold]
fn too_long(what: &'static str, value: u64, max: u32) -> wire::TooLong {
    wire::TooLong {
        what,
        value,
        max: max.into(),
    }
}

impl IsoBox for Trun {
    const TYPE: FourCc = FourCc(*b"trun");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (version, flags) = version_and_flags(r)?;
        let sample_count = r.u32("sample_count")?;
        let data_offset = (flags & DATA_OFFSET != 0)
            .then(|| r.i32("data_offset"))
            .transpose()?;
        let first_sample_flags = (flags & FIRST_SAMPLE_FLAGS != 0)
            .then(|| r.u32("first_sample_flags"))
            .transpose()?
            .map(SampleFlags);
        let fields = TrunFields::from_flags(flags);
        let len = usize::try_from(sample_count)
            .unwrap_or(usize::MAX)
            .saturating_mul(fields.sample_len());
        let table = r.take(len, "samples")?.into();
        Ok(Self {
            data_offset,
            first_sample_flags,
            version,
            fields,
            sample_count,
            table,
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        put_version_and_flags(w, self.version, self.flags());
        w.u32(self.sample_count);
        if let Some(offset) = self.data_offset {
            w.i32(offset);
        }
        if let Some(flags) = self.first_sample_flags {
            w.u32(flags.0);
        }
        w.bytes(&self.table);
        Ok(())
    }

    fn body_len(&self) -> usize {
        let optional = (self.flags() & (DATA_OFFSET | FIRST_SAMPLE_FLAGS)).count_ones() as usize;
        self.table.len().saturating_add(8 + 4 * optional)
    }
}

/// The samples of a [`Trun`], in order.
#[derive(Debug, Clone)]
pub struct TrunSamples<'a> {
    table: Reader<'a>,
    left: u32,
    fields: TrunFields,
    signed: bool,
    first_flags: Option<SampleFlags>,
}

impl Iterator for TrunSamples<'_> {
    type Item = TrunSample;

    #[inline]
    fn next(&mut self) -> Option<TrunSample> {
        self.left = self.left.checked_sub(1)?;
        // The table was measured when it was read, so none of these is short.
        let mut field = |present: bool| {
            if present {
                self.table.u32("sample").ok()
            } else {
                None
            }
        };
        let duration = field(self.fields.duration);
        let size = field(self.fields.size);
        let flags = field(self.fields.flags).map(SampleFlags);
        let offset = field(self.fields.composition_time_offset);
        let signed = self.signed;
        Some(TrunSample {
            duration,
            size,
            flags: self.first_flags.take().or(flags),
            composition_time_offset: offset.map(|offset| {
                if signed {
                    offset.cast_signed().into()
                } else {
                    offset.into()
                }
            }),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.left).ok();
        (left.unwrap_or(usize::MAX), left)
    }
}
