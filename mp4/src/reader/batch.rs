use super::Config;
use super::gather::Read;
use crate::movie::{Merge, Placed};
use alloc::collections::VecDeque;
use alloc::format;
use alloc::vec::Vec;
use bytes::Bytes;
use media::Warning;

/// Samples in a batch at most.
const SAMPLES: usize = 1024;

/// Samples that follow each other, and the reads that bring them.
#[derive(Debug)]
pub(super) struct Batch {
    /// The samples with the read that each is in; `None` for one without bytes.
    samples: VecDeque<(Placed, Option<usize>)>,
    pub(super) reads: Vec<Read>,
    /// Samples that cannot be read.
    pub(super) lost: Option<Lost>,
    last: bool,
}

/// Samples that lie where nothing can be read.
#[derive(Debug)]
pub(super) struct Lost {
    /// Index of each track that has some.
    pub(super) tracks: Vec<usize>,
    count: u64,
    bytes: u64,
    first: u64,
}

impl Lost {
    fn add(lost: &mut Option<Self>, placed: &Placed) {
        let lost = lost.get_or_insert(Self {
            tracks: Vec::new(),
            count: 0,
            bytes: 0,
            first: placed.info.offset,
        });
        lost.count = lost.count.saturating_add(1);
        lost.bytes = lost.bytes.saturating_add(placed.info.size.into());
        if !lost.tracks.contains(&placed.track) {
            lost.tracks.push(placed.track);
        }
    }

    pub(super) fn warning(&self) -> Warning {
        let what = format!(
            "{} samples lie past the end of the file, or are longer than the limit",
            self.count
        );
        Warning::new(what).at(self.first).skipping(self.bytes)
    }
}

impl Batch {
    /// Takes samples until there are enough for some reads.
    pub(super) fn plan(merge: &mut Merge, config: &Config, file_len: u64) -> Self {
        let mut batch = Self {
            samples: VecDeque::new(),
            reads: Vec::new(),
            lost: None,
            last: false,
        };
        let mut bytes = 0u64;
        while bytes < config.read_size && batch.samples.len() < SAMPLES {
            let Some(placed) = merge.next() else {
                batch.last = true;
                break;
            };
            let size = placed.info.size;
            let end = placed.info.offset.saturating_add(size.into());
            if size > config.limits.sample_size || end > file_len {
                Lost::add(&mut batch.lost, &placed);
                continue;
            }
            bytes = bytes.saturating_add(size.into());
            batch.samples.push_back((placed, None));
        }
        batch.make_reads(config);
        batch
    }

    /// Puts the samples together to ranges.
    fn make_reads(&mut self, config: &Config) {
        let mut by_place: Vec<usize> = (0..self.samples.len()).collect();
        by_place.sort_by_key(|at| self.samples.get(*at).map(|(placed, _)| placed.info.offset));
        let mut waste = 0u64;
        for at in by_place {
            let Some((placed, read)) = self.samples.get_mut(at) else {
                continue;
            };
            let (start, size) = (placed.info.offset, u64::from(placed.info.size));
            if size == 0 {
                continue;
            }
            let end = start.saturating_add(size);
            match self.reads.last_mut() {
                Some(last)
                    if start.saturating_sub(last.range.end) <= config.gap
                        && waste.saturating_add(start.saturating_sub(last.range.end))
                            <= config.read_size =>
                {
                    waste = waste.saturating_add(start.saturating_sub(last.range.end));
                    last.range.end = last.range.end.max(end);
                }
                _ => self.reads.push(Read::new(start..end)),
            }
            *read = self.reads.len().checked_sub(1);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.samples.is_empty() && self.lost.is_none()
    }

    /// No samples come after these.
    pub(super) const fn is_last(&self) -> bool {
        self.last
    }

    /// All its samples have been given.
    pub(super) fn is_over(&self) -> bool {
        self.samples.is_empty()
    }

    /// The next sample with its bytes, if those have come or will not: then there are none.
    pub(super) fn next(&mut self) -> Option<(Placed, Option<Bytes>)> {
        let (placed, read) = *self.samples.front()?;
        let data = match read {
            None => Some(Bytes::new()),
            Some(at) => {
                let read = self.reads.get(at)?;
                let len = usize::try_from(placed.info.size).unwrap_or(usize::MAX);
                let data = read.cut(placed.info.offset, len);
                if data.is_none() && !read.over {
                    return None;
                }
                data
            }
        };
        self.samples.pop_front();
        Some((placed, data))
    }

    pub(super) fn buffered_len(&self) -> usize {
        let reads = self.reads.iter().map(|read| read.bytes().len());
        reads.fold(0, usize::saturating_add)
    }
}
