//! What a playlist holds: segments, whole and open, and the ranges of time that it tells of.

use super::config::{PartAddressing, UriTemplate};
use super::line;
use crate::tag::{DateRange, Part};
use crate::{ByteRange, Decimal, Tag};
use alloc::borrow::ToOwned;
use alloc::collections::VecDeque;
use alloc::string::String;
use media::PartInfo;

/// A segment in the window.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) number: u64,
    pub(super) init: u32,
    pub(super) nanos: u64,
    /// Unix time at which it starts, in nanoseconds, if that is known.
    pub(super) wall: Option<i64>,
    pub(super) discontinuity: bool,
    pub(super) parts: u64,
    /// The lines before its `EXT-X-MAP`, before its parts, of its parts, and after them.
    pub(super) before_map: String,
    pub(super) head: String,
    pub(super) part_lines: String,
    pub(super) tail: String,
}

/// The segment at the end, as long as it is not whole.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) number: u64,
    pub(super) init: u32,
    pub(super) wall: Option<i64>,
    pub(super) discontinuity: bool,
    pub(super) nanos: u64,
    pub(super) bytes: u64,
    pub(super) parts: u64,
    pub(super) before_map: String,
    pub(super) head: String,
    pub(super) part_lines: String,
}

impl Open {
    pub(super) fn push(
        &mut self,
        info: &PartInfo,
        duration: Decimal,
        uris: &UriTemplate,
        addressing: PartAddressing,
    ) {
        let uri;
        let mut part = match addressing {
            PartAddressing::Uris => {
                uri = uris.part_uri(self.number, self.parts);
                Part::new(&uri, duration)
            }
            PartAddressing::ByteRanges => {
                uri = uris.uri(self.number);
                let mut part = Part::new(&uri, duration);
                part.byte_range = Some(ByteRange {
                    length: info.size,
                    offset: Some(self.bytes),
                });
                part
            }
        };
        part.independent = info.independent;
        part.gap = info.size == 0;
        line(&mut self.part_lines, Tag::Part(part));
        self.parts = self.parts.saturating_add(1);
        self.bytes = self.bytes.saturating_add(info.size);
        self.nanos = self
            .nanos
            .saturating_add(duration.as_nanos().unsigned_abs());
    }
}

/// Date ranges that are told; more are not kept.
const MOST_DATE_RANGES: usize = 1000;

/// The ranges of time that a playlist tells of (§4.4.5.1).
#[derive(Debug, Default)]
pub(super) struct DateRanges {
    told: VecDeque<Told>,
    /// Identifiers of those that left, and how much media had come by then.
    removed: VecDeque<(String, u64)>,
}

#[derive(Debug)]
struct Told {
    id: String,
    text: String,
    /// Unix time at which it is over, in nanoseconds; `None` where that is not known.
    end: Option<i64>,
    /// How much media had come when it was told.
    since: u64,
}

impl DateRanges {
    pub(super) fn push(&mut self, range: &DateRange<'_>, pushed: u64) {
        let nanos = |duration: Decimal| duration.as_nanos();
        let start = range.start_date.map(crate::DateTime::unix_nanos);
        let lasts = range.duration.or(range.planned_duration).map(nanos);
        let end = range.end_date.map(crate::DateTime::unix_nanos);
        let end = end.or_else(|| Some(start?.saturating_add(lasts?)));
        if end.is_some() {
            // What was told of it before is over then, too.
            let same = self.told.iter_mut().filter(|told| told.id == range.id);
            same.for_each(|told| told.end = end);
        }
        let mut text = String::new();
        line(&mut text, Tag::DateRange(*range));
        self.told.push_back(Told {
            id: range.id.to_owned(),
            text,
            end,
            since: pushed,
        });
        if self.told.len() > MOST_DATE_RANGES
            && let Some(told) = self.told.pop_front()
        {
            self.removed.push_back((told.id, pushed));
        }
    }

    /// Lets those go that were over before the window starts.
    pub(super) fn slide(&mut self, start: Option<i64>, pushed: u64, boundary: u64) {
        if let Some(start) = start {
            let removed = &mut self.removed;
            self.told.retain_mut(|told| {
                let over = told.end.is_some_and(|end| end < start);
                if over {
                    removed.push_back((core::mem::take(&mut told.id), pushed));
                }
                !over
            });
        }
        while self
            .removed
            .front()
            .is_some_and(|(_, at)| at.saturating_add(boundary) < pushed)
        {
            self.removed.pop_front();
        }
    }

    /// The lines of those that were told after so much media had come.
    pub(super) fn write(&self, since: u64, text: &mut String) {
        for told in self.told.iter().filter(|told| told.since >= since) {
            text.push_str(&told.text);
        }
    }

    /// Identifiers of those that left lately, as `RECENTLY-REMOVED-DATERANGES` wants them.
    pub(super) fn removed(&self) -> Option<String> {
        let mut list = String::new();
        for (id, _) in &self.removed {
            let known = list.split('\t').any(|known| known == id);
            if !known && !self.told.iter().any(|told| told.id == *id) {
                if !list.is_empty() {
                    list.push('\t');
                }
                list.push_str(id);
            }
        }
        (!list.is_empty()).then_some(list)
    }
}
