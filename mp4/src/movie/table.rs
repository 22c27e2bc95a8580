use super::{Cursor, Index, Samples};
use crate::boxes::{CompositionOffset, FourCc, IsoBox, SampleToChunk, Stz2, Table, TimeToSample};
use alloc::format;
use alloc::string::String;
use bytes::Bytes;
use core::num::NonZeroU32;
use wire::Reader;

/// The sample tables of a track, as they lie in `moov`: nothing is expanded, a sample is put together when it is looked
/// at. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct SampleTable {
    pub(super) times: Table<TimeToSample, 8>,
    pub(super) offsets: Table<CompositionOffset, 8>,
    pub(super) chunks: Table<SampleToChunk, 12>,
    pub(super) sizes: Sizes,
    pub(super) places: Places,
    /// Without it all samples are sync samples.
    pub(super) sync: Option<Table<u32, 4>>,
    pub(super) partial_sync: Table<u32, 4>,
    pub(super) dependencies: Bytes,
    /// Bytes that each sample takes, where the tables count frames of uncompressed sound.
    pub(super) frame_len: Option<NonZeroU32>,
}

/// `stsz` or `stz2`.
#[derive(Debug, Clone)]
pub(super) enum Sizes {
    Same { size: NonZeroU32, count: u32 },
    Each(Table<u32, 4>),
    Small(Stz2),
}

impl Default for Sizes {
    fn default() -> Self {
        Self::Each(Table::default())
    }
}

impl Sizes {
    #[inline(always)]
    pub(super) fn get(&self, index: u32) -> Option<u32> {
        match self {
            Self::Each(sizes) => sizes.get(usize::try_from(index).ok()?),
            Self::Same { size, count } => (index < *count).then_some(size.get()),
            Self::Small(stz2) => stz2.get(usize::try_from(index).ok()?),
        }
    }

    fn len(&self) -> u32 {
        match self {
            Self::Each(sizes) => u32::try_from(sizes.len()).unwrap_or(u32::MAX),
            Self::Same { count, .. } => *count,
            Self::Small(stz2) => stz2.sample_count(),
        }
    }
}

/// `stco` or `co64`.
#[derive(Debug, Clone)]
pub(super) enum Places {
    Stco(Table<u32, 4>),
    Co64(Table<u64, 8>),
}

impl Default for Places {
    fn default() -> Self {
        Self::Stco(Table::default())
    }
}

impl Places {
    #[inline]
    pub(super) fn get(&self, chunk: u32) -> Option<u64> {
        let chunk = usize::try_from(chunk).ok()?;
        match self {
            Self::Stco(places) => places.get(chunk).map(u64::from),
            Self::Co64(places) => places.get(chunk),
        }
    }

    pub(super) fn len(&self) -> u32 {
        let len = match self {
            Self::Stco(places) => places.len(),
            Self::Co64(places) => places.len(),
        };
        u32::try_from(len).unwrap_or(u32::MAX)
    }
}

impl SampleTable {
    /// Number of samples that the table of sizes has. Fewer may be in chunks.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.sizes.len()
    }

    /// Whether there is no sample.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0 || self.places.len() == 0 || self.chunks.is_empty()
    }

    /// The samples in decoding order.
    #[must_use]
    pub fn samples(&self) -> Samples<'_> {
        Samples {
            table: self,
            cursor: Cursor::default(),
        }
    }

    /// Ticks from the first sample's decoding to the end of the last one, as `stts` has them.
    #[must_use]
    pub fn duration(&self) -> u64 {
        let entries = self.times.iter();
        entries.fold(0, |sum, entry| {
            let run = u64::from(entry.sample_count).saturating_mul(entry.sample_delta.into());
            sum.saturating_add(run)
        })
    }

    /// An index over tables of many entries, for [`seek`](Index::seek).
    #[must_use]
    pub fn index(&self) -> Index {
        Index::new(self)
    }

    /// The sync sample at or before a sample, both counted from 0.
    #[must_use]
    pub fn sync_before(&self, sample: u32) -> u32 {
        let Some(sync) = &self.sync else {
            return sample;
        };
        let number = sample.saturating_add(1);
        let after = sync
            .chunks()
            .partition_point(|entry| u32::from_be_bytes(*entry) <= number);
        let at = after.checked_sub(1).and_then(|at| sync.get(at));
        at.unwrap_or(1).saturating_sub(1)
    }

    /// The sync sample after a sample, both counted from 0.
    pub(crate) fn sync_after(&self, sample: u32) -> Option<u32> {
        let Some(sync) = &self.sync else {
            return sample.checked_add(1);
        };
        let number = sample.saturating_add(1);
        let after = sync
            .chunks()
            .partition_point(|entry| u32::from_be_bytes(*entry) <= number);
        sync.get(after)?.checked_sub(1)
    }

    /// Takes a box of `stbl`, if it is one of the tables, as it lies in `moov`; says what is wrong with it. Of a table that
    /// is cut off, what is there is still good.
    pub(super) fn take(
        &mut self,
        box_type: FourCc,
        moov: &Bytes,
        body: Reader<'_>,
    ) -> Result<(), String> {
        let mut at = Lying {
            moov,
            body,
            is_cut: false,
        };
        match &box_type.0 {
            b"stts" => self.times = at.table(4),
            b"ctts" => self.offsets = at.table(4),
            b"stsc" => self.chunks = at.table(4),
            b"stco" => self.places = Places::Stco(at.table(4)),
            b"co64" => self.places = Places::Co64(at.table(4)),
            b"stss" => {
                let sync = at.table(4);
                // Nothing of it tells as little as if it were not there.
                self.sync = Some(sync).filter(|sync| !at.is_cut || !sync.is_empty());
            }
            b"stps" => self.partial_sync = at.table(4),
            b"sdtp" => self.dependencies = at.bytes(4, usize::MAX),
            b"stsz" => match at.fields() {
                Some([_, size, count]) => {
                    self.sizes = match NonZeroU32::new(size) {
                        Some(size) => Sizes::Same { size, count },
                        None => Sizes::Each(at.table(8)),
                    };
                }
                None => at.is_cut = true,
            },
            b"stz2" => match Stz2::decode_body(&mut at.body) {
                Ok(stz2) => self.sizes = Sizes::Small(stz2),
                Err(error) => return Err(format!("stz2: {error}")),
            },
            _ => {}
        }
        match at.is_cut {
            true => Err(format!("{box_type} has fewer entries than it claims")),
            false => Ok(()),
        }
    }
}

/// A body where it lies in `moov`.
struct Lying<'a> {
    moov: &'a Bytes,
    body: Reader<'a>,
    /// There is less than it claims.
    is_cut: bool,
}

impl Lying<'_> {
    /// The first numbers of the body.
    fn fields<const N: usize>(&self) -> Option<[u32; N]> {
        let (fields, _) = self.body.peek().as_chunks::<4>();
        let fields = fields.first_chunk::<N>()?;
        Some(fields.map(u32::from_be_bytes))
    }

    /// The bytes of the body from a place on, as many as there are, without a copy.
    fn bytes(&self, start: usize, len: usize) -> Bytes {
        let left = self.body.left().saturating_sub(start);
        slice(
            self.moov,
            self.body.offset().saturating_add(start),
            len.min(left),
        )
    }

    /// The entries of a table whose number stands at a place in the body: as many as are there.
    fn table<E: crate::boxes::Entry<N>, const N: usize>(&mut self, count_at: usize) -> Table<E, N> {
        let mut r = self.body;
        let count = r
            .skip(count_at, "fields")
            .and_then(|()| r.u32("entry_count"));
        let claimed = count.ok().map(|count| {
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            count.saturating_mul(N)
        });
        self.is_cut = claimed.is_none_or(|claimed| claimed > r.left());
        let entries = count_at.saturating_add(4);
        Table::new(self.bytes(entries, claimed.unwrap_or(0)))
    }
}

/// Some of the bytes, without a copy; nothing where they are not there.
#[expect(
    clippy::disallowed_methods,
    reason = "the range is checked to lie within the bytes"
)]
pub(crate) fn slice(bytes: &Bytes, start: usize, len: usize) -> Bytes {
    match start.checked_add(len) {
        Some(end) if end <= bytes.len() => bytes.slice(start..end),
        _ => Bytes::new(),
    }
}
