use super::SampleTable;
use crate::boxes::SampleFlags;

/// A sample as the tables tell of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleInfo {
    /// Its number, from 0.
    pub index: u32,
    /// Where it lies in the file.
    pub offset: u64,
    /// Bytes.
    pub size: u32,
    /// Decoding time in ticks of the track, from 0, before the edit list.
    pub dts: i64,
    /// Ticks from decoding to presentation.
    pub composition_offset: i32,
    /// Ticks to the next sample's decoding.
    pub duration: u32,
    /// Whether decoding can start here.
    pub sync: bool,
    /// Its sample description, from 1.
    pub description: u32,
}

impl SampleInfo {
    /// Presentation time in ticks of the track, before the edit list.
    #[must_use]
    #[inline]
    pub fn pts(&self) -> i64 {
        self.dts.saturating_add(self.composition_offset.into())
    }
}

/// A place in a [`SampleTable`]: how far each of its tables has been walked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The next sample.
    pub(super) sample: u32,
    pub(super) dts: i64,
    /// The entry of `stts` after the one in use, and what is left of that.
    pub(super) times_next: usize,
    pub(super) times_left: u32,
    pub(super) delta: u32,
    pub(super) offsets_next: usize,
    pub(super) offsets_left: u32,
    pub(super) composition_offset: i32,
    pub(super) chunks_next: usize,
    pub(super) chunks_left: u32,
    pub(super) samples_per_chunk: u32,
    pub(super) description: u32,
    /// The chunk after the one in use, from 0.
    pub(super) chunk: u32,
    pub(super) in_chunk: u32,
    pub(super) place: u64,
    /// The next entry of `stss`.
    pub(super) sync_next: usize,
}

impl Cursor {
    /// The next sample, and goes past it.
    #[inline(always)]
    pub(crate) fn next(&mut self, table: &SampleTable) -> Option<SampleInfo> {
        if self.in_chunk == 0 {
            self.next_chunk(table)?;
        }
        let size = table.sizes.get(self.sample)?;
        if self.times_left == 0 {
            self.next_time(table);
        }
        if self.offsets_left == 0 {
            self.next_offset(table);
        }
        let index = self.sample;
        let info = SampleInfo {
            index,
            offset: self.place,
            size,
            dts: self.dts,
            composition_offset: self.composition_offset,
            duration: self.delta,
            sync: self.is_sync(table),
            description: self.description,
        };
        self.sample = self.sample.wrapping_add(1);
        self.in_chunk = self.in_chunk.wrapping_sub(1);
        self.times_left = self.times_left.saturating_sub(1);
        self.offsets_left = self.offsets_left.saturating_sub(1);
        self.place = self.place.saturating_add(size.into());
        self.dts = self.dts.saturating_add(self.delta.into());
        Some(info)
    }

    /// The next frames of uncompressed sound in one chunk as one sample, `most` at most.
    pub(crate) fn next_frames(
        &mut self,
        table: &SampleTable,
        most: u32,
        frame_len: u32,
    ) -> Option<SampleInfo> {
        let mut info = self.next(table)?;
        let more = most
            .saturating_sub(1)
            .min(self.in_chunk)
            .min(self.times_left)
            .min(table.len().saturating_sub(self.sample));
        self.sample = self.sample.saturating_add(more);
        self.in_chunk = self.in_chunk.saturating_sub(more);
        self.times_left = self.times_left.saturating_sub(more);
        self.offsets_left = self.offsets_left.saturating_sub(more);
        let duration = more.saturating_mul(self.delta);
        self.dts = self.dts.saturating_add(duration.into());
        info.duration = info.duration.saturating_add(duration);
        // The table may have the size of one number in it, not of a frame.
        info.size = more.saturating_add(1).saturating_mul(frame_len);
        self.place = info.offset.saturating_add(info.size.into());
        Some(info)
    }

    #[inline(always)]
    fn is_sync(&mut self, table: &SampleTable) -> bool {
        let Some(sync) = &table.sync else { return true };
        let number = self.sample.wrapping_add(1);
        while let Some(next) = sync.get(self.sync_next) {
            if next > number {
                return false;
            }
            self.sync_next = self.sync_next.wrapping_add(1);
            if next == number {
                return true;
            }
        }
        false
    }

    #[cold]
    fn next_time(&mut self, table: &SampleTable) {
        // Samples past the last entry last as long as the one before: such files exist.
        while let Some(entry) = table.times.get(self.times_next) {
            self.times_next = self.times_next.saturating_add(1);
            if entry.sample_count > 0 {
                self.delta = entry.sample_delta;
                self.times_left = entry.sample_count;
                return;
            }
        }
        self.times_left = u32::MAX;
    }

    #[inline]
    fn next_offset(&mut self, table: &SampleTable) {
        while let Some(entry) = table.offsets.get(self.offsets_next) {
            self.offsets_next = self.offsets_next.saturating_add(1);
            self.composition_offset = entry.sample_offset;
            self.offsets_left = entry.sample_count;
            if self.offsets_left > 0 {
                return;
            }
        }
        self.offsets_left = u32::MAX;
        self.composition_offset = 0;
    }

    #[inline]
    fn next_chunk(&mut self, table: &SampleTable) -> Option<()> {
        loop {
            if self.chunks_left == 0 {
                self.next_run(table)?;
                continue;
            }
            self.place = table.places.get(self.chunk)?;
            self.chunk = self.chunk.saturating_add(1);
            self.chunks_left = self.chunks_left.saturating_sub(1);
            self.in_chunk = self.samples_per_chunk;
            if self.in_chunk > 0 {
                return Some(());
            }
        }
    }

    /// The next run of chunks that are alike.
    fn next_run(&mut self, table: &SampleTable) -> Option<()> {
        let entry = table.chunks.get(self.chunks_next)?;
        self.chunks_next = self.chunks_next.saturating_add(1);
        self.samples_per_chunk = entry.samples_per_chunk;
        self.description = entry.sample_description_index;
        let end = table
            .chunks
            .get(self.chunks_next)
            .map_or(table.places.len(), |next| {
                next.first_chunk.saturating_sub(1)
            });
        self.chunks_left = end.saturating_sub(self.chunk);
        Some(())
    }
}

/// The samples of a [`SampleTable`], in decoding order.
#[derive(Debug, Clone)]
pub struct Samples<'a> {
    pub(super) table: &'a SampleTable,
    pub(super) cursor: Cursor,
}

impl Samples<'_> {
    /// What the sample with a number depends on, as `sdtp` tells it.
    #[must_use]
    pub fn dependencies(&self, index: u32) -> SampleFlags {
        self.table.depends(index)
    }
}

impl SampleTable {
    pub(crate) fn depends(&self, index: u32) -> SampleFlags {
        let at = usize::try_from(index).unwrap_or(usize::MAX);
        let byte = self.dependencies.get(at).copied().unwrap_or(0);
        SampleFlags(u32::from(byte) << 20)
    }
}

impl Iterator for Samples<'_> {
    type Item = SampleInfo;

    #[inline(always)]
    fn next(&mut self) -> Option<SampleInfo> {
        self.cursor.next(self.table)
    }
}
