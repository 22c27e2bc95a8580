use super::date_range::DateRanges;
use super::{Check, Findings, Variables, Versions};
use crate::tag::{HintType, Key, KeyMethod, Part, PlaylistType, RenditionReport, ServerControl};
use crate::{ByteRange, Decimal, Tag};
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// What a media playlist has said so far.
#[derive(Debug, Default)]
pub(super) struct Media {
    versions: Versions,
    target_duration: Option<u64>,
    part_target: Option<Decimal>,
    /// Line and value.
    server_control: Option<(usize, Control)>,
    is_vod: Option<usize>,
    is_i_frames_only: bool,
    is_ended: bool,
    segments: u64,
    has_discontinuity: bool,
    /// Line and duration of an `EXTINF` that waits for its URI.
    inf: Option<(usize, Decimal)>,
    /// Durations that the target has to cover, as long as that is not known.
    durations: Vec<(usize, Decimal)>,
    byte_range: Option<(usize, ByteRange)>,
    /// The resource that the last byte range was of.
    last_range: Option<String>,
    /// Parts of the segment that is open: line, duration, whether it is a gap.
    parts: Vec<(usize, Decimal, bool)>,
    part_lines: Option<usize>,
    map: Option<usize>,
    hints: [bool; 2],
    date_ranges: DateRanges,
    has_dates: bool,
    /// Line of an `EXT-X-START`, and its offset.
    start: Option<(usize, Decimal)>,
    /// Whether the key of now is of `AES-128` and has no vector of its own.
    key_without_vector: bool,
    /// All segments, in nanoseconds.
    length: i64,
    variables: Variables,
    /// The resource that the part before was a range of.
    part_range: Option<String>,
}

/// What is needed of `EXT-X-SERVER-CONTROL`.
#[derive(Debug)]
struct Control {
    can_skip_until: Option<Decimal>,
    hold_back: Option<Decimal>,
    part_hold_back: Option<Decimal>,
    can_skip_dateranges: bool,
}

impl Media {
    fn key(&mut self, line: usize, key: &Key<'_>, findings: &mut Findings) {
        self.key_without_vector = key.method == KeyMethod::Aes128 && key.iv.is_none();
        if key.method == KeyMethod::None {
            let others = [key.uri, key.key_format, key.key_format_versions];
            if others.iter().any(Option::is_some) || key.iv.is_some() {
                findings.error(
                    line,
                    "EXT-X-KEY",
                    "METHOD=NONE goes with no other attribute",
                    "4.4.4.4",
                );
            }
        }
        if key.iv.is_some() {
            self.versions
                .need(2, line, "EXT-X-KEY", "initialization vectors");
            if key.iv.is_some_and(|iv| iv.to_u128().is_none()) {
                findings.error(line, "EXT-X-KEY", "IV is not of 128 bits", "4.4.4.4");
            }
        }
        if key.key_format.is_some() || key.key_format_versions.is_some() {
            self.versions.need(5, line, "EXT-X-KEY", "key formats");
        }
    }

    fn part(&mut self, line: usize, part: &Part<'_>, findings: &mut Findings) {
        const NAME: &str = "EXT-X-PART";
        self.part_lines.get_or_insert(line);
        if let Some(target) = self.part_target
            && part.duration.as_nanos() > target.as_nanos()
        {
            let what = format!(
                "{} s is more than the part target of {target} s",
                part.duration
            );
            findings.error(line, NAME, what, "4.4.4.9");
        }
        // All but the last one of a segment have to come near the target.
        if let (Some(target), Some((line, before, gap))) = (self.part_target, self.parts.last())
            && !gap
            && !part.gap
            && before.as_nanos() < target.as_nanos() / 100 * 85
        {
            let what = format!("{before} s is less than 85 % of the part target of {target} s");
            findings.error(*line, NAME, what, "4.4.4.9");
        }
        self.parts.push((line, part.duration, part.gap));
        if let Some(range) = part.byte_range
            && range.offset.is_none()
            && self.part_range.as_deref() != Some(part.uri)
        {
            let what = "no offset, and no range of the same resource before it";
            findings.error(line, NAME, what, "4.4.4.9");
        }
        self.part_range = part.byte_range.map(|_| part.uri.to_owned());
    }

    fn report(line: usize, report: &RenditionReport<'_>, findings: &mut Findings) {
        const NAME: &str = "EXT-X-RENDITION-REPORT";
        const CLAUSE: &str = "4.4.5.4";
        match report.uri {
            None => findings.error(line, NAME, "URI is missing", CLAUSE),
            Some(uri) if uri.contains("://") => {
                findings.error(line, NAME, "URI is not relative to the playlist", CLAUSE);
            }
            Some(_) => {}
        }
        if report.last_msn.is_none() {
            findings.error(line, NAME, "LAST-MSN is missing", CLAUSE);
        }
    }

    fn control(control: &ServerControl<'_>) -> Control {
        Control {
            can_skip_until: control.can_skip_until,
            hold_back: control.hold_back,
            part_hold_back: control.part_hold_back,
            can_skip_dateranges: control.can_skip_dateranges,
        }
    }

    fn finish_control(&self, findings: &mut Findings) {
        const NAME: &str = "EXT-X-SERVER-CONTROL";
        const CLAUSE: &str = "4.4.3.8";
        let at_least = |value: Option<Decimal>, wanted: i64| {
            value.is_none_or(|value| value.as_nanos() >= wanted)
        };
        let target = i64::try_from(self.target_duration.unwrap_or(0)).unwrap_or(0);
        let target = target.saturating_mul(1_000_000_000);
        let part_target = self.part_target.map_or(0, Decimal::as_nanos);
        let Some((line, control)) = &self.server_control else {
            if self.part_target.is_some() {
                findings.error(0, NAME, "is missing where there are parts", "4.4.3.8");
            }
            return;
        };
        if !at_least(control.can_skip_until, target.saturating_mul(6)) {
            findings.error(
                *line,
                NAME,
                "CAN-SKIP-UNTIL is less than six target durations",
                CLAUSE,
            );
        }
        if control.can_skip_dateranges && control.can_skip_until.is_none() {
            findings.error(
                *line,
                NAME,
                "CAN-SKIP-DATERANGES needs CAN-SKIP-UNTIL",
                CLAUSE,
            );
        }
        if !at_least(control.hold_back, target.saturating_mul(3)) {
            findings.error(
                *line,
                NAME,
                "HOLD-BACK is less than three target durations",
                CLAUSE,
            );
        }
        if self.part_target.is_some() && control.part_hold_back.is_none() {
            findings.error(
                *line,
                NAME,
                "PART-HOLD-BACK is missing where there are parts",
                CLAUSE,
            );
        }
        if !at_least(control.part_hold_back, part_target.saturating_mul(2)) {
            findings.error(
                *line,
                NAME,
                "PART-HOLD-BACK is less than two part targets",
                CLAUSE,
            );
        } else if !at_least(control.part_hold_back, part_target.saturating_mul(3)) {
            findings.warn(
                *line,
                NAME,
                "PART-HOLD-BACK should be three part targets",
                CLAUSE,
            );
        }
    }

    fn finish_start(&self, findings: &mut Findings) {
        let Some((line, offset)) = self.start else {
            return;
        };
        let target = i64::try_from(self.target_duration.unwrap_or(0)).unwrap_or(0);
        let edge = target.saturating_mul(3_000_000_000);
        let offset = offset.as_nanos();
        let from_end = if offset < 0 {
            offset.saturating_neg()
        } else {
            self.length.saturating_sub(offset)
        };
        let what = if offset.saturating_abs() > self.length {
            "TIME-OFFSET is beyond the playlist"
        } else if !self.is_ended && from_end < edge {
            "TIME-OFFSET should not be within three target durations of the end"
        } else {
            return;
        };
        findings.warn(line, "EXT-X-START", what, "4.4.2.2");
    }

    fn inf(&mut self, line: usize, duration: Decimal, findings: &mut Findings) {
        if let Some((before, _)) = self.inf.replace((line, duration)) {
            findings.error(before, "EXTINF", "no URI behind it", "4.4.4.1");
        }
        if duration.digits() > 0 {
            self.versions
                .need(3, line, "EXTINF", "fractions of a second");
        }
        match self.target_duration {
            Some(target) => over_target(line, duration, target, findings),
            // Few playlists tell it late; those that never do are told once.
            None if self.durations.len() < 1000 => self.durations.push((line, duration)),
            None => {}
        }
    }

    fn range(&mut self, line: usize, uri: &str, range: ByteRange, findings: &mut Findings) {
        self.versions
            .need(4, line, "EXT-X-BYTERANGE", "byte ranges");
        if range.offset.is_none() && self.last_range.as_deref() != Some(uri) {
            let what = "no offset, and no range of the same resource before it";
            findings.error(line, "EXT-X-BYTERANGE", what, "4.4.4.2");
        }
        self.last_range = Some(uri.to_owned());
    }
}

/// The duration, rounded to whole seconds, must not be more than the target.
fn over_target(line: usize, duration: Decimal, target: u64, findings: &mut Findings) {
    if duration.round() > target {
        let what = format!("{duration} s, rounded, is more than the target duration of {target} s");
        findings.error(line, "EXTINF", what, "4.4.3.1");
    }
}

impl Check for Media {
    fn tag(&mut self, line: usize, tag: &Tag<'_>, findings: &mut Findings) {
        match tag {
            Tag::Version(version) => self.versions.told = Some(*version),
            Tag::TargetDuration(target) => {
                self.target_duration = Some(*target);
                for (line, duration) in core::mem::take(&mut self.durations) {
                    over_target(line, duration, *target, findings);
                }
            }
            Tag::MediaSequence(_) if self.segments > 0 => {
                findings.error(
                    line,
                    "EXT-X-MEDIA-SEQUENCE",
                    "stands behind a segment",
                    "4.4.3.2",
                );
            }
            Tag::DiscontinuitySequence(_) if self.segments > 0 || self.has_discontinuity => {
                let what = "stands behind a segment or an EXT-X-DISCONTINUITY";
                findings.error(line, "EXT-X-DISCONTINUITY-SEQUENCE", what, "4.4.3.3");
            }
            Tag::PlaylistType(PlaylistType::Vod) => self.is_vod = Some(line),
            Tag::EndList => self.is_ended = true,
            Tag::IFramesOnly => {
                self.is_i_frames_only = true;
                self.versions
                    .need(4, line, "EXT-X-I-FRAMES-ONLY", "playlists of I-frames");
            }
            Tag::PartInf(inf) => self.part_target = Some(inf.part_target),
            Tag::ServerControl(control) => {
                self.server_control = Some((line, Self::control(control)));
            }
            Tag::Inf(inf) => self.inf(line, inf.duration, findings),
            Tag::ByteRange(range) => self.byte_range = Some((line, *range)),
            Tag::Discontinuity => self.has_discontinuity = true,
            Tag::Key(key) => self.key(line, key, findings),
            Tag::Map(_) => {
                self.map.get_or_insert(line);
                if self.key_without_vector {
                    let what = "the EXT-X-KEY before it has no IV, which a section needs that is encrypted";
                    findings.error(line, "EXT-X-MAP", what, "4.4.4.5");
                }
            }
            Tag::Start(start) => self.start = Some((line, start.time_offset)),
            Tag::ProgramDateTime(_) => self.has_dates = true,
            Tag::RenditionReport(report) => Self::report(line, report, findings),
            Tag::Part(part) => self.part(line, part, findings),
            Tag::DateRange(range) => self.date_ranges.tag(line, range, findings),
            Tag::Skip(skip) => {
                self.versions.need(9, line, "EXT-X-SKIP", "delta updates");
                if skip.recently_removed_dateranges.is_some() {
                    self.versions
                        .need(10, line, "EXT-X-SKIP", "delta updates of date ranges");
                }
            }
            Tag::Define(define) => {
                self.variables.tag(line, define, findings);
                self.versions.need(8, line, "EXT-X-DEFINE", "variables");
                if define.query_param.is_some() {
                    self.versions
                        .need(11, line, "EXT-X-DEFINE", "variables out of queries");
                }
            }
            Tag::PreloadHint(hint) => {
                let kind = match hint.kind {
                    HintType::Part => self.hints.first_mut(),
                    HintType::Map => self.hints.last_mut(),
                    _ => None,
                };
                if kind.is_some_and(|seen| core::mem::replace(seen, true)) {
                    findings.error(
                        line,
                        "EXT-X-PRELOAD-HINT",
                        "a second one of its TYPE",
                        "4.4.5.3",
                    );
                }
            }
            _ => {}
        }
    }

    fn uri(&mut self, line: usize, uri: &str, findings: &mut Findings) {
        self.segments += 1;
        let inf = self.inf.take();
        if inf.is_none() {
            findings.error(line, "URI", "no EXTINF before the segment", "4.4.4.1");
        }
        match self.byte_range.take() {
            Some((line, range)) => self.range(line, uri, range, findings),
            None => self.last_range = None,
        }
        if let Some((_, duration)) = inf {
            self.length = self.length.saturating_add(duration.as_nanos());
        }
        let parts = core::mem::take(&mut self.parts);
        if let (Some((_, duration)), Some((at, ..))) = (inf, parts.first()) {
            let sum: i64 = parts
                .iter()
                .fold(0, |sum, (_, part, _)| sum.saturating_add(part.as_nanos()));
            if sum.abs_diff(duration.as_nanos()) > 50_000_000 {
                let what = "the parts do not last as long as their segment";
                findings.warn(*at, "EXT-X-PART", what, "4.4.4.9");
            }
        }
    }

    fn finish(&mut self, findings: &mut Findings) {
        if self.target_duration.is_none() {
            findings.error(0, "EXT-X-TARGETDURATION", "is missing", "4.4.3.1");
        }
        if let Some((line, _)) = self.inf {
            findings.error(line, "EXTINF", "no URI behind it", "4.4.4.1");
        }
        if let (Some(line), None) = (self.part_lines, self.part_target) {
            findings.error(line, "EXT-X-PART", "EXT-X-PART-INF is missing", "4.4.3.7");
        }
        if let (Some(line), false) = (self.is_vod, self.is_ended) {
            let what = "VOD without EXT-X-ENDLIST: a player waits for more";
            findings.warn(line, "EXT-X-PLAYLIST-TYPE", what, "4.4.3.5");
        }
        if let Some(line) = self.map {
            let (version, what) = if self.is_i_frames_only {
                (5, "media initialization sections of I-frames")
            } else {
                (6, "media initialization sections")
            };
            self.versions.need(version, line, "EXT-X-MAP", what);
        }
        if let (Some(line), false) = (self.date_ranges.first_line(), self.has_dates) {
            let what = "needs an EXT-X-PROGRAM-DATE-TIME in the playlist";
            findings.error(line, "EXT-X-DATERANGE", what, "4.4.5.1");
        }
        self.finish_start(findings);
        self.finish_control(findings);
        self.versions.finish(findings);
    }
}
