use super::header::{count, put_version_and_flags, version_and_flags};
use super::{FourCc, IsoBox};
use crate::Error;
use alloc::vec::Vec;
use bytes::Bytes;
use wire::{Reader, TooLong, Writer};

/// Initialization vectors and maps of clear and encrypted bytes of a fragment's samples (ISO/IEC 23001-7 §7.2).
///
/// ```text
/// version u8 = 0 | flags u24 (2: maps) | sample_count u32
/// each: InitializationVector, Per_Sample_IV_Size bytes
///       with maps: subsample_count u16 | each: BytesOfClearData u16 | BytesOfProtectedData u32
/// ```
///
/// How long the vectors are, the box does not say; so the table is kept as it is, and read by
/// [`samples`](Self::samples).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Senc {
    has_subsamples: bool,
    sample_count: u32,
    table: Bytes,
}

/// What one sample says of its encryption: an entry of [`Senc`], or of the place that `saio` points to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SampleInfo {
    /// The initialization vector: 0, 8 or 16 bytes, then zeros.
    pub iv: [u8; 16],
    /// Pieces of the sample in order. Empty: all of it is protected.
    pub subsamples: Vec<SencSubsample>,
}

/// A piece of a sample: clear bytes, then protected ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SencSubsample {
    /// Bytes that are clear.
    pub clear: u16,
    /// Bytes after them that are encrypted, all of them or by the track's pattern.
    pub protected: u32,
}

const USE_SUBSAMPLES: u32 = 2;

impl SampleInfo {
    /// Reads one entry.
    ///
    /// # Errors
    /// [`Error::Short`] where it ends too early.
    pub fn decode(r: &mut Reader<'_>, iv_size: u8, has_subsamples: bool) -> Result<Self, Error> {
        let mut info = Self::default();
        let iv = r.take(iv_size.into(), "InitializationVector")?;
        info.iv
            .iter_mut()
            .zip(iv)
            .for_each(|(to, from)| *to = *from);
        if has_subsamples {
            for _ in 0..r.u16("subsample_count")? {
                info.subsamples.push(SencSubsample {
                    clear: r.u16("BytesOfClearData")?,
                    protected: r.u32("BytesOfProtectedData")?,
                });
            }
        }
        Ok(info)
    }

    /// Appends one entry.
    ///
    /// # Errors
    /// [`Error::TooLong`] for more than 65 535 pieces.
    pub fn encode(
        &self,
        iv_size: u8,
        has_subsamples: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let mut w = Writer::new(out);
        w.bytes(self.iv.get(..iv_size.into()).unwrap_or(&self.iv));
        if has_subsamples {
            let len = self.subsamples.len();
            let too_long = TooLong {
                what: "subsample_count",
                value: len as u64,
                max: u16::MAX.into(),
            };
            w.u16(u16::try_from(len).map_err(|_| too_long)?);
            for piece in &self.subsamples {
                w.u16(piece.clear).u32(piece.protected);
            }
        }
        Ok(())
    }

    /// Bytes that [`encode`](Self::encode) appends.
    #[must_use]
    pub fn encoded_len(&self, iv_size: u8, has_subsamples: bool) -> usize {
        let map = match has_subsamples {
            true => self.subsamples.len().saturating_mul(6).saturating_add(2),
            false => 0,
        };
        map.saturating_add(iv_size.into())
    }
}

impl Senc {
    /// A table of these samples.
    ///
    /// # Errors
    /// [`Error::TooLong`] for a sample with too many pieces.
    pub fn new(samples: &[SampleInfo], iv_size: u8) -> Result<Self, Error> {
        let has_subsamples = samples.iter().any(|sample| !sample.subsamples.is_empty());
        let mut table = Vec::new();
        for sample in samples {
            sample.encode(iv_size, has_subsamples, &mut table)?;
        }
        Ok(Self {
            has_subsamples,
            sample_count: count("sample_count", samples.len())?,
            table: table.into(),
        })
    }

    /// Number of samples.
    #[must_use]
    pub const fn sample_count(&self) -> u32 {
        self.sample_count
    }

    /// Whether samples have maps of clear and protected bytes.
    #[must_use]
    pub const fn has_subsamples(&self) -> bool {
        self.has_subsamples
    }

    /// The samples in order, where each has a vector of `iv_size` bytes. Ends where the table does, after an error
    /// for a sample that is not whole.
    pub fn samples(&self, iv_size: u8) -> impl Iterator<Item = Result<SampleInfo, Error>> + '_ {
        let mut at = Some(0);
        (0..self.sample_count).map_while(move |_| {
            let (info, next) = self.sample_at(at?, iv_size).map_or_else(
                |error| (Err(error), None),
                |(info, next)| (Ok(info), Some(next)),
            );
            at = next;
            Some(info)
        })
    }

    /// The sample at a place in the table, in bytes, and the place of the next one.
    ///
    /// # Errors
    /// [`Error::Short`] where the table ends too early.
    pub fn sample_at(&self, at: usize, iv_size: u8) -> Result<(SampleInfo, usize), Error> {
        let mut r = Reader::new(&self.table);
        r.skip(at, "senc entries")?;
        let info = SampleInfo::decode(&mut r, iv_size, self.has_subsamples)?;
        Ok((info, r.offset()))
    }

    /// The entries, which end the box.
    #[must_use]
    pub const fn table(&self) -> &Bytes {
        &self.table
    }
}

impl IsoBox for Senc {
    const TYPE: FourCc = FourCc(*b"senc");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (_, flags) = version_and_flags(r)?;
        let sample_count = r.u32("sample_count")?;
        Ok(Self {
            has_subsamples: flags & USE_SUBSAMPLES != 0,
            sample_count,
            table: Bytes::copy_from_slice(r.rest()),
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        let flags = if self.has_subsamples {
            USE_SUBSAMPLES
        } else {
            0
        };
        put_version_and_flags(w, 0, flags);
        w.u32(self.sample_count).bytes(&self.table);
        Ok(())
    }

    fn body_len(&self) -> usize {
        self.table.len().saturating_add(8)
    }
}
