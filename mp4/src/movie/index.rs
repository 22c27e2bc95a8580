use super::table::Sizes;
use super::{Cursor, MovieTrack, SampleTable, Samples};
use alloc::vec::Vec;

/// Entries of a table between two marks.
const STEP: usize = 64;

/// Marks in the tables of a track that are run-length coded, so that a sample or a time is found in O(log n). Tables of
/// fewer than 64 entries need none.
#[derive(Debug, Clone, Default)]
pub struct Index {
    /// At every 64th entry of `stts`: the first sample of it, its decoding time, and how long the one before lasts.
    times: Vec<(u32, i64, u32)>,
    /// At every 64th entry of `ctts`: the first sample of it.
    offsets: Vec<u32>,
    /// At every 64th entry of `stsc`: the first sample of it.
    chunks: Vec<u32>,
}

impl Index {
    pub(super) fn new(table: &SampleTable) -> Self {
        let mut index = Self::default();
        let (mut sample, mut dts, mut delta) = (0u32, 0i64, 0u32);
        if table.times.len() > STEP {
            for (at, entry) in table.times.iter().enumerate() {
                if at.is_multiple_of(STEP) {
                    index.times.push((sample, dts, delta));
                }
                if entry.sample_count > 0 {
                    delta = entry.sample_delta;
                }
                sample = sample.saturating_add(entry.sample_count);
                let run = i64::from(entry.sample_count).saturating_mul(entry.sample_delta.into());
                dts = dts.saturating_add(run);
            }
        }
        if table.offsets.len() > STEP {
            let mut sample = 0u32;
            for (at, entry) in table.offsets.iter().enumerate() {
                if at.is_multiple_of(STEP) {
                    index.offsets.push(sample);
                }
                sample = sample.saturating_add(entry.sample_count);
            }
        }
        if table.chunks.len() > STEP {
            let mut cursor = Cursor::default();
            let mut sample = 0u32;
            for at in 0..table.chunks.len() {
                if at.is_multiple_of(STEP) {
                    index.chunks.push(sample);
                }
                let (chunks, per_chunk) = cursor.pass_run(table, at);
                sample = sample.saturating_add(chunks.saturating_mul(per_chunk));
            }
        }
        index
    }

    /// The number of the sample that is decoded at a time: the last that does not begin after it.
    #[must_use]
    pub fn sample_at(&self, table: &SampleTable, dts: i64) -> u32 {
        let (mut at, mut sample, mut start) = (0, 0u32, 0i64);
        let after = self.times.partition_point(|(_, start, _)| *start <= dts);
        if let Some((mark, found)) = after
            .checked_sub(1)
            .and_then(|mark| Some((mark, self.times.get(mark)?)))
        {
            (at, sample, start) = (mark.saturating_mul(STEP), found.0, found.1);
        }
        while let Some(entry) = table.times.get(at) {
            let delta = i64::from(entry.sample_delta);
            let run = i64::from(entry.sample_count).saturating_mul(delta);
            let end = start.saturating_add(run);
            if dts < end {
                let within = dts.saturating_sub(start).max(0).checked_div(delta);
                let within = u32::try_from(within.unwrap_or(0)).unwrap_or(u32::MAX);
                return sample.saturating_add(within);
            }
            sample = sample.saturating_add(entry.sample_count);
            start = end;
            at = at.saturating_add(1);
        }
        sample.min(table.len()).saturating_sub(1)
    }

    /// The samples from a number on.
    #[must_use]
    pub fn seek<'a>(&self, table: &'a SampleTable, sample: u32) -> Samples<'a> {
        Samples {
            table,
            cursor: self.cursor(table, sample),
        }
    }

    pub(crate) fn cursor(&self, table: &SampleTable, sample: u32) -> Cursor {
        let mut cursor = Cursor {
            sample,
            ..Cursor::default()
        };
        self.seek_time(table, &mut cursor);
        self.seek_offset(table, &mut cursor);
        if let Some(sync) = &table.sync {
            let number = sample.saturating_add(1);
            cursor.sync_next = sync
                .chunks()
                .partition_point(|entry| u32::from_be_bytes(*entry) < number);
        }
        self.seek_chunk(table, &mut cursor);
        cursor
    }

    fn seek_time(&self, table: &SampleTable, cursor: &mut Cursor) {
        let after = self
            .times
            .partition_point(|(first, ..)| *first <= cursor.sample);
        let mark = after.saturating_sub(1);
        let mark_at = self.times.get(mark).copied().unwrap_or_default();
        let (mut first, mut dts, delta) = mark_at;
        cursor.delta = delta;
        cursor.times_next = mark.saturating_mul(STEP);
        while let Some(entry) = table.times.get(cursor.times_next) {
            cursor.times_next = cursor.times_next.saturating_add(1);
            if entry.sample_count > 0 {
                cursor.delta = entry.sample_delta;
            }
            let into = cursor.sample.saturating_sub(first);
            let passed = into.min(entry.sample_count);
            dts = dts.saturating_add(i64::from(passed).saturating_mul(entry.sample_delta.into()));
            first = first.saturating_add(passed);
            if into < entry.sample_count {
                cursor.times_left = entry.sample_count.saturating_sub(into);
                cursor.dts = dts;
                return;
            }
        }
        // Past the last entry, as the cursor goes on there.
        let into = i64::from(cursor.sample.saturating_sub(first));
        cursor.dts = dts.saturating_add(into.saturating_mul(cursor.delta.into()));
        cursor.times_left = u32::MAX;
    }

    fn seek_offset(&self, table: &SampleTable, cursor: &mut Cursor) {
        let after = self
            .offsets
            .partition_point(|first| *first <= cursor.sample);
        let mark = after.saturating_sub(1);
        let mut first = self.offsets.get(mark).copied().unwrap_or_default();
        cursor.offsets_next = mark.saturating_mul(STEP);
        while let Some(entry) = table.offsets.get(cursor.offsets_next) {
            cursor.offsets_next = cursor.offsets_next.saturating_add(1);
            let into = cursor.sample.saturating_sub(first);
            if into < entry.sample_count {
                cursor.offsets_left = entry.sample_count.saturating_sub(into);
                cursor.composition_offset = entry.sample_offset;
                return;
            }
            first = first.saturating_add(entry.sample_count);
        }
        cursor.offsets_left = u32::MAX;
    }

    fn seek_chunk(&self, table: &SampleTable, cursor: &mut Cursor) {
        let after = self.chunks.partition_point(|first| *first <= cursor.sample);
        let mark = after.saturating_sub(1);
        let mut first = self.chunks.get(mark).copied().unwrap_or_default();
        let mut run = mark.saturating_mul(STEP);
        if run > 0 {
            // The runs before end where this one's first chunk says.
            let entry = table.chunks.get(run);
            cursor.chunk = entry.map_or(0, |entry| entry.first_chunk.saturating_sub(1));
        }
        while run < table.chunks.len() {
            let start = cursor.chunk;
            let (chunks, per_chunk) = cursor.pass_run(table, run);
            let into = cursor.sample.saturating_sub(first);
            let Some(passed) = into
                .checked_div(per_chunk)
                .filter(|passed| *passed < chunks)
            else {
                first = first.saturating_add(chunks.saturating_mul(per_chunk));
                run = run.saturating_add(1);
                continue;
            };
            cursor.chunk = start.saturating_add(passed);
            cursor.chunks_left = chunks.saturating_sub(passed);
            cursor.chunks_next = run.saturating_add(1);
            let within = into.saturating_sub(passed.saturating_mul(per_chunk));
            cursor.enter_chunk(table, within);
            return;
        }
        // Past the last chunk.
        cursor.chunks_next = table.chunks.len();
        cursor.chunks_left = 0;
        cursor.in_chunk = 0;
    }
}

impl Cursor {
    /// Goes past a run of chunks; gives how many they are, and how many samples each has.
    fn pass_run(&mut self, table: &SampleTable, run: usize) -> (u32, u32) {
        let Some(entry) = table.chunks.get(run) else {
            return (0, 0);
        };
        let end = table
            .chunks
            .get(run.saturating_add(1))
            .map_or(table.places.len(), |next| {
                next.first_chunk.saturating_sub(1)
            });
        let chunks = end.min(table.places.len()).saturating_sub(self.chunk);
        self.chunk = self.chunk.max(end);
        self.samples_per_chunk = entry.samples_per_chunk;
        self.description = entry.sample_description_index;
        (chunks, entry.samples_per_chunk)
    }

    /// This cursor, or one behind the chunk where that has samples of one size.
    pub(super) fn skip_chunk(&self, track: &MovieTrack) -> Self {
        let table = &track.samples;
        match table.sizes {
            Sizes::Same { .. } if self.in_chunk > 0 => {
                let next = self.sample.saturating_add(self.in_chunk);
                track.index().cursor(table, next)
            }
            _ => *self,
        }
    }

    /// Enters the chunk that is next, at a sample of it.
    fn enter_chunk(&mut self, table: &SampleTable, within: u32) {
        self.place = table.places.get(self.chunk).unwrap_or(u64::MAX);
        self.chunk = self.chunk.saturating_add(1);
        self.chunks_left = self.chunks_left.saturating_sub(1);
        self.in_chunk = self.samples_per_chunk.saturating_sub(within);
        let first = self.sample.saturating_sub(within);
        if let Some(size) = table.frame_len {
            let passed = u64::from(within).saturating_mul(size.get().into());
            self.place = self.place.saturating_add(passed);
            return;
        }
        if let Sizes::Same { size, .. } = &table.sizes {
            let passed = u64::from(within).saturating_mul(size.get().into());
            self.place = self.place.saturating_add(passed);
            return;
        }
        for sample in first..self.sample {
            let Some(size) = table.sizes.get(sample) else {
                break;
            };
            self.place = self.place.saturating_add(size.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxes::{CompositionOffset, SampleToChunk, Table, TimeToSample};
    use crate::movie::SampleInfo;
    use crate::movie::table::Places;
    use core::num::NonZeroU32;
    use proptest::prelude::*;

    /// Tables that tell of up to some hundreds of samples, expanded as the standard says it.
    fn naive(table: &SampleTable) -> Vec<SampleInfo> {
        let mut deltas = table.times.iter().flat_map(|entry| {
            core::iter::repeat_n(entry.sample_delta, entry.sample_count as usize)
        });
        let mut offsets = table.offsets.iter().flat_map(|entry| {
            core::iter::repeat_n(entry.sample_offset, entry.sample_count as usize)
        });
        let (mut samples, mut dts, mut last) = (Vec::new(), 0, 0);
        for chunk in 0..table.places.len() {
            let run = table
                .chunks
                .iter()
                .rfind(|run| run.first_chunk <= chunk + 1);
            let Some(run) = run else { continue };
            let mut offset = table.places.get(chunk).unwrap();
            for _ in 0..run.samples_per_chunk {
                let index = samples.len() as u32;
                let Some(size) = table.sizes.get(index) else {
                    return samples;
                };
                last = deltas.next().unwrap_or(last);
                samples.push(SampleInfo {
                    index,
                    offset,
                    size,
                    dts,
                    composition_offset: offsets.next().unwrap_or(0),
                    duration: last,
                    sync: table
                        .sync
                        .as_ref()
                        .is_none_or(|sync| sync.iter().any(|number| number == index + 1)),
                    description: run.sample_description_index,
                });
                offset += u64::from(size);
                dts += i64::from(last);
            }
        }
        samples
    }

    prop_compose! {
        fn tables()(
            times in prop::collection::vec((0u32..4, 0u32..50), 0..200),
            offsets in prop::collection::vec((0u32..4, -40i32..40), 0..200),
            runs in prop::collection::vec((1u32..4, 0u32..5), 1..200),
            places in prop::collection::vec(any::<u32>(), 0..300),
            sizes in prop::collection::vec(0u32..1000, 0..500),
            same in prop::option::of((1u32..9, 0u32..400)),
            sync in prop::option::of(prop::collection::btree_set(1u32..500, 0..60)),
            wide: bool,
        ) -> SampleTable {
            let mut first_chunk = 1;
            let chunks = runs.into_iter().enumerate().map(|(at, (chunks, samples_per_chunk))| {
                let run = SampleToChunk { first_chunk, samples_per_chunk, sample_description_index: at as u32 % 3 + 1 };
                first_chunk += chunks;
                run
            });
            SampleTable {
                times: times.into_iter().map(|(sample_count, sample_delta)| TimeToSample { sample_count, sample_delta }).collect(),
                offsets: offsets.into_iter().map(|(sample_count, sample_offset)| CompositionOffset { sample_count, sample_offset }).collect(),
                chunks: chunks.collect(),
                sizes: match same {
                    Some((size, count)) => Sizes::Same { size: NonZeroU32::new(size).unwrap(), count },
                    None => Sizes::Each(sizes.into_iter().collect()),
                },
                places: if wide {
                    Places::Co64(places.iter().map(|place| u64::from(*place) << 20).collect())
                } else {
                    Places::Stco(places.into_iter().collect())
                },
                sync: sync.map(|sync| sync.into_iter().collect::<Table<u32, 4>>()),
                ..SampleTable::default()
            }
        }
    }

    proptest! {
        #[test]
        fn the_cursor_tells_what_the_tables_say(table in tables()) {
            let found: Vec<_> = table.samples().collect();
            prop_assert_eq!(&found, &naive(&table));
        }

        #[test]
        fn a_seek_leads_to_where_a_walk_does(table in tables()) {
            let all: Vec<_> = table.samples().collect();
            let index = table.index();
            for at in 0..=all.len() + 2 {
                let found: Vec<_> = index.seek(&table, at as u32).take(3).collect();
                let expected = all.get(at..).unwrap_or_default();
                prop_assert_eq!(&found, &expected[..expected.len().min(3)], "from sample {}", at);
            }
        }

        #[test]
        fn the_sample_at_a_time_is_the_last_that_has_begun(table in tables(), dts in 0i64..3000) {
            let all: Vec<_> = table.samples().collect();
            let timed: usize = table.times.iter().map(|entry| entry.sample_count as usize).sum();
            // Past the table of times nobody seeks.
            if all.len() > timed || all.len() != table.len() as usize {
                return Ok(());
            }
            let Some(end) = all.last().map(|last| last.dts + i64::from(last.duration)) else {
                return Ok(());
            };
            let dts = dts.rem_euclid(end.max(1)) - 1;
            let expected = all.iter().rev().find(|sample| sample.dts <= dts).map_or(0, |sample| sample.index);
            let found = table.index().sample_at(&table, dts);
            // Where samples last nothing, any of those at that time will do.
            prop_assert!(found == expected || all[found as usize].dts == all[expected as usize].dts, "{} {}", found, expected);
        }
    }
}
