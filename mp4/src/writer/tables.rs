use crate::boxes::{
    Co64, CompositionOffset, Cslg, SampleToChunk, Sdtp, Stbl, Stco, Stsc, Stsd, Stss, Stsz, Stts,
    Table, TimeToSample,
};
use alloc::vec::Vec;
use core::num::NonZeroU32;

/// What the tables say of one sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// Ticks until the next sample is decoded.
    pub(super) delta: u32,
    /// Ticks from decoding to presentation.
    pub(super) offset: i32,
    pub(super) size: u32,
    pub(super) is_sync: bool,
    pub(super) is_disposable: bool,
}

/// The sample tables of a track as they grow: times and places by runs, sizes by 4 bytes where they differ.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tables {
    count: u32,
    deltas: Vec<TimeToSample>,
    offsets: Vec<CompositionOffset>,
    sizes: Sizes,
    /// Numbers of the sync samples; `None` while all are.
    syncs: Option<Vec<u32>>,
    /// What the samples depend on: a byte of `sdtp`, and how many samples have it.
    dependencies: Vec<(u8, u32)>,
    chunks: Vec<u64>,
    runs: Vec<SampleToChunk>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Sizes {
    Same(u32),
    Each(Vec<u32>),
}

impl Default for Sizes {
    fn default() -> Self {
        Self::Same(0)
    }
}

/// `sample_depends_on` of a sync sample, and of another one; `sample_is_depended_on` of one that nobody needs.
const INDEPENDENT: u8 = 0x20;
const DEPENDENT: u8 = 0x10;
const NOBODY_NEEDS: u8 = 0x08;

impl Tables {
    /// Number of samples.
    pub(super) const fn count(&self) -> u32 {
        self.count
    }

    /// Ticks from the last sample to the one after it.
    pub(super) fn last_delta(&self) -> u32 {
        self.deltas.last().map_or(1, |run| run.sample_delta)
    }

    /// Appends a sample.
    pub(super) fn push(&mut self, entry: Entry) {
        match self.deltas.last_mut() {
            Some(run) if run.sample_delta == entry.delta => {
                run.sample_count = run.sample_count.saturating_add(1);
            }
            _ => self.deltas.push(TimeToSample {
                sample_count: 1,
                sample_delta: entry.delta,
            }),
        }
        match self.offsets.last_mut() {
            Some(run) if run.sample_offset == entry.offset => {
                run.sample_count = run.sample_count.saturating_add(1);
            }
            _ => self.offsets.push(CompositionOffset {
                sample_count: 1,
                sample_offset: entry.offset,
            }),
        }
        self.sizes.push(entry.size, self.count);
        self.count = self.count.saturating_add(1);
        match &mut self.syncs {
            Some(syncs) if entry.is_sync => syncs.push(self.count),
            None if !entry.is_sync => self.syncs = Some((1..self.count).collect()),
            _ => {}
        }
        let depends = if entry.is_sync {
            INDEPENDENT
        } else {
            DEPENDENT
        };
        let needed = if entry.is_disposable { NOBODY_NEEDS } else { 0 };
        match self.dependencies.last_mut() {
            Some((byte, count)) if *byte == depends | needed => *count = count.saturating_add(1),
            _ => self.dependencies.push((depends | needed, 1)),
        }
    }

    /// Says that the next `samples` samples lie from `offset` on, one after the other, and what describes them.
    pub(super) fn push_chunk(&mut self, offset: u64, samples: u32, description: u32) {
        self.chunks.push(offset);
        let same = self.runs.last().is_some_and(|run| {
            run.samples_per_chunk == samples && run.sample_description_index == description
        });
        if !same {
            self.runs.push(SampleToChunk {
                first_chunk: u32::try_from(self.chunks.len()).unwrap_or(u32::MAX),
                samples_per_chunk: samples,
                sample_description_index: description,
            });
        }
    }

    /// Bytes that they take in memory, but for small change.
    pub(super) fn len(&self) -> usize {
        let sizes = match &self.sizes {
            Sizes::Same(_) => 0,
            Sizes::Each(sizes) => sizes.len(),
        };
        let words = [
            self.deltas.len().saturating_mul(2),
            self.offsets.len().saturating_mul(2),
            sizes,
            self.syncs.as_ref().map_or(0, Vec::len),
            self.dependencies.len().saturating_mul(2),
            self.chunks.len().saturating_mul(2),
            self.runs.len().saturating_mul(3),
        ];
        words
            .into_iter()
            .fold(0, usize::saturating_add)
            .saturating_mul(4)
    }

    /// Ticks from the first sample's decoding to the end of the last sample.
    pub(super) fn duration(&self) -> u64 {
        let each = self.deltas.iter();
        each.map(|run| u64::from(run.sample_count).saturating_mul(run.sample_delta.into()))
            .fold(0, u64::saturating_add)
    }

    /// The least and the greatest composition offset.
    fn offset_range(&self) -> (i32, i32) {
        let offsets = || self.offsets.iter().map(|run| run.sample_offset);
        (offsets().min().unwrap_or(0), offsets().max().unwrap_or(0))
    }

    /// The tables as boxes, all chunks moved by `shift` bytes and all times of presentation by `lift` ticks.
    pub(super) fn to_stbl(&self, stsd: Stsd, shift: u64, lift: i64, presented: (i64, i64)) -> Stbl {
        let lifted = |offset: i32| {
            let offset = i64::from(offset).saturating_add(lift);
            i32::try_from(offset).unwrap_or(i32::MAX)
        };
        let (least, greatest) = self.offset_range();
        let (least, greatest) = (lifted(least), lifted(greatest));
        let offsets = self.offsets.iter().map(|run| CompositionOffset {
            sample_offset: lifted(run.sample_offset),
            ..*run
        });
        let places = || self.chunks.iter().map(|chunk| chunk.saturating_add(shift));
        let small: Option<Stco> = places()
            .map(|place| u32::try_from(place).ok())
            .collect::<Option<Table<_, 4>>>()
            .map(|entries| Stco { entries });
        let disposable = self
            .dependencies
            .iter()
            .any(|(byte, _)| byte & NOBODY_NEEDS != 0);
        Stbl {
            stts: Some(Stts::from_iter(self.deltas.iter().copied())),
            ctts: ((least, greatest) != (0, 0)).then(|| offsets.collect()),
            // Where pictures are shown before they are decoded, this tells how to lay the two lines over each other.
            cslg: (least < 0).then_some(Cslg {
                composition_to_dts_shift: i64::from(least).saturating_neg(),
                least_decode_to_display_delta: least.into(),
                greatest_decode_to_display_delta: greatest.into(),
                composition_start_time: presented.0,
                composition_end_time: presented.1,
            }),
            stss: self
                .syncs
                .as_ref()
                .map(|syncs| syncs.iter().copied().collect::<Stss>()),
            sdtp: disposable.then(|| Sdtp {
                samples: self
                    .dependencies
                    .iter()
                    .flat_map(|(byte, count)| {
                        core::iter::repeat_n(*byte, usize::try_from(*count).unwrap_or(usize::MAX))
                    })
                    .collect(),
            }),
            stsc: Some(self.runs.iter().copied().collect::<Stsc>()),
            stsz: Some(self.sizes.to_stsz(self.count)),
            co64: small.is_none().then(|| places().collect::<Co64>()),
            stco: small,
            ..Stbl::new(stsd)
        }
    }
}

impl Sizes {
    fn push(&mut self, size: u32, before: u32) {
        match self {
            Self::Same(same) if *same == size || before == 0 => *same = size,
            Self::Same(same) => {
                let before = usize::try_from(before).unwrap_or(usize::MAX);
                let mut sizes = Vec::new();
                sizes.extend(core::iter::repeat_n(*same, before));
                sizes.push(size);
                *self = Self::Each(sizes);
            }
            Self::Each(sizes) => sizes.push(size),
        }
    }

    fn to_stsz(&self, sample_count: u32) -> Stsz {
        match self {
            Self::Same(size) => match NonZeroU32::new(*size) {
                Some(sample_size) => Stsz::Same {
                    sample_size,
                    sample_count,
                },
                // A size of 0 says that each sample has its own.
                None => Stsz::Each((0..sample_count).map(|_| 0).collect()),
            },
            Self::Each(sizes) => Stsz::Each(sizes.iter().copied().collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(delta: u32, offset: i32, size: u32) -> Entry {
        Entry {
            delta,
            offset,
            size,
            is_sync: true,
            is_disposable: false,
        }
    }

    fn stbl(tables: &Tables, shift: u64) -> Stbl {
        tables.to_stbl(
            Stsd {
                entries: Vec::new(),
            },
            shift,
            0,
            (0, 0),
        )
    }

    #[test]
    fn equal_samples_take_no_memory() {
        let mut tables = Tables::default();
        for chunk in 0..100 {
            (0..1000).for_each(|_| tables.push(entry(1024, 0, 7)));
            tables.push_chunk(chunk * 7000, 1000, 1);
        }
        assert!(tables.len() < 100 * 8 + 100, "{}", tables.len());
        assert_eq!(tables.duration(), 100_000 * 1024);
        let stbl = stbl(&tables, 50);
        assert!(
            stbl.ctts.is_none()
                && stbl.stss.is_none()
                && stbl.sdtp.is_none()
                && stbl.cslg.is_none()
        );
        assert!(matches!(
            stbl.stsz,
            Some(Stsz::Same {
                sample_count: 100_000,
                ..
            })
        ));
        assert_eq!(stbl.stco.unwrap().entries.get(1), Some(7050));
        assert_eq!(stbl.stsc.unwrap().entries.len(), 1);
    }

    #[test]
    fn places_past_4_gib_take_64_bits() {
        let mut tables = Tables::default();
        tables.push(entry(1, -3, 1));
        tables.push_chunk(u64::from(u32::MAX), 1, 1);
        assert!(stbl(&tables, 0).co64.is_none());
        let stbl = stbl(&tables, 1);
        assert!(stbl.stco.is_none());
        assert_eq!(stbl.co64.unwrap().entries.get(0), Some(1 << 32));
        assert_eq!(stbl.ctts.unwrap().version, 1);
        assert_eq!(stbl.cslg.unwrap().composition_to_dts_shift, 3);
    }

    #[test]
    fn sizes_differ_late() {
        let mut tables = Tables::default();
        for size in [5, 5, 6, 0] {
            tables.push(entry(1, 0, size));
        }
        let Some(Stsz::Each(sizes)) = stbl(&tables, 0).stsz else {
            panic!("they differ");
        };
        assert_eq!(sizes.iter().collect::<Vec<_>>(), [5, 5, 6, 0]);
    }
}
