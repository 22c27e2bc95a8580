//! The text of a playlist, whole and as a delta update.

use super::config::{LowLatency, PartAddressing};
use super::{Playlist, Report, Skip, line};
use crate::tag::{
    HintType, Map, PartInf, PreloadHint, RenditionReport, ServerControl, Skip as SkipTag,
};
use crate::{Decimal, Tag};
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;

impl LowLatency {
    /// What `PART-TARGET` is, in nanoseconds.
    pub(super) fn target(&self, longest: u64) -> u64 {
        match longest {
            0 => u64::try_from(self.part_target.as_nanos()).unwrap_or(u64::MAX),
            longest => longest,
        }
    }
}

impl Playlist {
    /// The text to serve with the reports of the other renditions, without what a request lets be left out: a delta update
    /// (§6.2.5.1) where there is anything to leave out.
    #[must_use]
    pub fn document(&self, skip: Skip, reports: &[Report]) -> Bytes {
        let skipped = self.skippable(skip);
        if skipped == 0 && (reports.is_empty() || self.ended) {
            return self.to_bytes();
        }
        let mut text = if skipped == 0 {
            let whole = self.to_bytes();
            let mut text = Vec::with_capacity(whole.len() + 80 * reports.len());
            text.extend_from_slice(&whole);
            text
        } else {
            self.text(skip, skipped).into_bytes()
        };
        if !self.ended {
            let mut lines = String::new();
            for report in reports {
                let mut tag = RenditionReport::new();
                tag.uri = Some(&report.uri);
                tag.last_msn = Some(report.edge.msn);
                tag.last_part = report.edge.part;
                line(&mut lines, Tag::RenditionReport(tag));
            }
            text.extend_from_slice(lines.as_bytes());
        }
        text.into()
    }

    /// Nanoseconds of `CAN-SKIP-UNTIL`.
    pub(super) const fn skip_boundary(&self) -> u64 {
        self.target_duration.saturating_mul(6_000_000_000)
    }

    /// How many segments a delta update leaves out: those that are over before the skip boundary.
    fn skippable(&self, skip: Skip) -> usize {
        if skip == Skip::Nothing || self.config.low_latency.is_none() || self.ended {
            return 0;
        }
        let open = self.open.as_ref().map_or(0, |open| open.nanos);
        let mut behind = self.window_nanos.saturating_add(open);
        let boundary = self.skip_boundary();
        let old = self.window.iter().take_while(|entry| {
            behind = behind.saturating_sub(entry.nanos);
            behind > boundary
        });
        old.count()
    }

    /// What was rendered does not hold any more.
    pub(super) fn changed(&mut self) {
        self.rendered.take();
    }

    pub(super) fn text(&self, skip: Skip, skipped: usize) -> String {
        let mut text =
            String::with_capacity(100 * self.window.len().saturating_sub(skipped) + 4096);
        line(&mut text, Tag::ExtM3u);
        let version = match (skip, &self.config.low_latency, &self.config.init_uri) {
            (Skip::DateRanges, ..) => 10,
            // What delta updates need (§8).
            (_, Some(_), _) => 9,
            // 6 is what EXT-X-MAP before any kind of segment asks for (§8).
            (_, None, Some(_)) => 6,
            (_, None, None) => 3,
        };
        line(&mut text, Tag::Version(version));
        line(&mut text, Tag::TargetDuration(self.target_duration));
        if let Some(low_latency) = &self.config.low_latency {
            self.control(low_latency, &mut text);
        }
        line(&mut text, Tag::MediaSequence(self.media_sequence));
        if self.discontinuity_sequence > 0 {
            line(
                &mut text,
                Tag::DiscontinuitySequence(self.discontinuity_sequence),
            );
        }
        if let Some(kind) = self.config.playlist_type {
            line(&mut text, Tag::PlaylistType(kind));
        }
        if self.independent {
            line(&mut text, Tag::IndependentSegments);
        }
        let mut told_since = 0;
        if skipped > 0 {
            let mut tag = SkipTag::new(skipped as u64);
            let removed = self.date_ranges.removed();
            if skip == Skip::DateRanges {
                tag.recently_removed_dateranges = removed.as_deref();
                told_since = self.pushed_nanos.saturating_sub(self.skip_boundary());
            }
            line(&mut text, Tag::Skip(tag));
        }
        self.date_ranges.write(told_since, &mut text);
        let mut init = None;
        for entry in self.window.iter().skip(skipped) {
            text.push_str(&entry.before_map);
            self.map(&mut init, entry.init, &mut text);
            text.push_str(&entry.head);
            text.push_str(&entry.part_lines);
            text.push_str(&entry.tail);
        }
        if let Some(open) = &self.open {
            text.push_str(&open.before_map);
            self.map(&mut init, open.init, &mut text);
            text.push_str(&open.head);
            text.push_str(&open.part_lines);
        }
        if self.ended {
            line(&mut text, Tag::EndList);
        } else if let Some(low_latency) = &self.config.low_latency {
            self.hint(low_latency, &mut text);
        }
        text
    }

    fn control(&self, low_latency: &LowLatency, text: &mut String) {
        let target = low_latency.target(self.longest_part);
        let told = i64::try_from(low_latency.part_hold_back.as_nanos()).unwrap_or(i64::MAX);
        let target = i64::try_from(target).unwrap_or(i64::MAX);
        let hold_back = told.max(target.saturating_mul(3));
        let boundary = i64::try_from(self.skip_boundary()).unwrap_or(i64::MAX);
        let mut control = ServerControl::new();
        control.can_block_reload = true;
        control.can_skip_until = Some(Decimal::from_nanos(boundary));
        control.can_skip_dateranges = true;
        control.part_hold_back = Some(Decimal::from_nanos(hold_back));
        line(text, Tag::ServerControl(control));
        line(
            text,
            Tag::PartInf(PartInf::new(Decimal::from_nanos(target))),
        );
    }

    fn map(&self, before: &mut Option<u32>, init: u32, text: &mut String) {
        if let Some(template) = &self.config.init_uri
            && before.replace(init) != Some(init)
        {
            line(text, Tag::Map(Map::new(&template.uri(init.into()))));
        }
    }

    /// What comes next, if it comes: the segment may as well be over.
    fn hint(&self, low_latency: &LowLatency, text: &mut String) {
        let Some(last) = self.last_number else { return };
        let (number, part, offset) = match &self.open {
            Some(open) => (open.number, open.parts, open.bytes),
            None => (last.saturating_add(1), 0, 0),
        };
        let uris = &self.config.segment_uri;
        let uri = match low_latency.addressing {
            PartAddressing::Uris => uris.part_uri(number, part),
            PartAddressing::ByteRanges => uris.uri(number),
        };
        let mut hint = PreloadHint::new(HintType::Part, &uri);
        if low_latency.addressing == PartAddressing::ByteRanges {
            hint.byte_range_start = Some(offset);
        }
        line(text, Tag::PreloadHint(hint));
    }
}
