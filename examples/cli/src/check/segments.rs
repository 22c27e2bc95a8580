//! The segments behind a playlist or a manifest.

use super::promises::Found;
use super::times::Times;
use super::{Finding, Severity, iso_file, transport_stream};
use crate::format::Format;
use crate::input::{self, Lock, Piece, Reads, Segment};
use crate::net::Place;
use mp4::check::Checker;
use std::collections::HashMap;

/// Goes through what a playlist or a manifest refers to.
pub struct Walk {
    pub findings: Vec<Finding>,
    /// Nothing behind the first document is looked at.
    pub is_shallow: bool,
    reads: Reads,
    /// How often each rule was broken in segments.
    counts: HashMap<String, usize>,
}

/// Findings of one rule in segments that are told; the rest is counted.
const SAME: usize = 10;

/// Fragmented MP4 that goes on from segment to segment.
struct Movie {
    checker: Checker,
    init: Option<Piece>,
    /// Where in what the checker was given each piece begins.
    starts: Vec<(u64, Place)>,
    len: u64,
}

impl Movie {
    fn push(&mut self, place: &Place, data: &[u8], walk: &mut Walk) {
        self.starts.push((self.len, place.clone()));
        self.len += data.len() as u64;
        self.checker.handle_input(data);
        self.tell(walk);
    }

    /// Tells what was found, each where it is in its own file.
    fn tell(&mut self, walk: &mut Walk) {
        for (offset, mut finding) in iso_file::findings(&mut self.checker) {
            let at = self.starts.partition_point(|(start, _)| *start <= offset);
            if let Some((start, place)) = at.checked_sub(1).and_then(|at| self.starts.get(at)) {
                let here = format!("offset {}", offset - start);
                finding.place = finding
                    .place
                    .replacen(&format!("offset {offset}"), &here, 1);
                finding = finding.within(&place.to_string());
            }
            walk.push(finding);
        }
    }

    fn finish(mut self, walk: &mut Walk) {
        self.checker.handle_eof();
        self.tell(walk);
    }
}

impl Walk {
    pub fn new(is_shallow: bool) -> Self {
        Self {
            findings: Vec::new(),
            is_shallow,
            reads: Reads::default(),
            counts: HashMap::new(),
        }
    }

    /// Tells a finding in a segment, unless there were enough like it.
    pub fn push(&mut self, finding: Finding) {
        let rule = finding.rule.split(':').next().unwrap_or_default();
        let count = self.counts.entry(rule.to_owned()).or_default();
        *count += 1;
        if *count <= SAME {
            self.findings.push(finding);
        } else if *count == SAME + 1 {
            self.findings.push(Finding {
                severity: Severity::Warning,
                rule: format!("{rule}: more of these in segments are not told"),
                place: "segments".into(),
                clause: finding.clause,
            });
        }
    }

    /// Tells that something cannot be had.
    pub fn unreadable(&mut self, name: &str, error: &anyhow::Error) {
        self.push(Finding {
            severity: Severity::Error,
            rule: format!("unreadable: {error:#}"),
            place: name.to_owned(),
            clause: "RFC 8216bis §6.2.1, ISO/IEC 23009-1 §5.3.9".into(),
        });
    }

    /// Checks the segments of a rendition. Those of a stream that is still being made may be gone already.
    pub fn rendition(&mut self, segments: Vec<Segment>, is_live: bool) -> Found {
        let mut found = Found::default();
        let mut movie: Option<Movie> = None;
        let mut times = Times::default();
        for segment in segments {
            if crate::stop::is_asked() {
                found.is_partial = true;
                break;
            }
            let place = &segment.piece.place;
            let data = match self.reads.read(&segment.piece) {
                Ok(data) => data,
                Err(error) => {
                    if !is_live || !input::is_missing(&error) {
                        self.unreadable(&place.to_string(), &error);
                    }
                    times.pass();
                    found.is_partial = true;
                    continue;
                }
            };
            let init = match &segment.init {
                None => None,
                Some(init) => match self.reads.read(init) {
                    Ok(data) => Some(data),
                    Err(error) => {
                        self.unreadable(&init.place.to_string(), &error);
                        found.is_partial = true;
                        continue;
                    }
                },
            };
            let start = init.as_deref().unwrap_or(&data);
            let format = Format::sniff(start).or_else(|| Format::by_name(place.name()));
            // Samples that are encrypted tell their times in MP4 only.
            let in_samples = segment
                .piece
                .lock
                .as_ref()
                .is_some_and(|Lock { whole, .. }| !whole);
            match format {
                Some(format) if !in_samples || format == Format::Mp4 => {
                    for finding in times.look(&segment, format, init.as_deref(), &data) {
                        self.push(finding.within(&place.to_string()));
                    }
                }
                _ => times.pass(),
            }
            match segment.told.duration.or(times.lasts) {
                Some(lasts) => found.segments.push((data.len() as u64, lasts)),
                None => found.is_partial = true,
            }
            match format {
                Some(Format::Ts | Format::M2ts) => self.transport_stream(place, &data),
                Some(Format::Mp4) => {
                    let goes_on = movie
                        .as_ref()
                        .is_some_and(|movie| movie.init == segment.init);
                    if (segment.discontinuity || !goes_on)
                        && let Some(movie) = movie.take()
                    {
                        movie.finish(self);
                    }
                    let is_new = movie.is_none();
                    let movie = movie.get_or_insert_with(|| Movie {
                        checker: Checker::new(mp4::Limits::default()),
                        init: segment.init.clone(),
                        starts: Vec::new(),
                        len: 0,
                    });
                    if let (true, Some(init), Some(data)) = (is_new, &segment.init, &init) {
                        movie.push(&init.place, data, self);
                    }
                    movie.push(place, &data, self);
                }
                // Sound without a container, text: there are no rules for them here.
                Some(Format::Raw(_)) => {}
                _ if data.starts_with(b"WEBVTT") || data.starts_with(b"\xEF\xBB\xBFWEBVTT") => {}
                _ if start.starts_with(b"\x1A\x45\xDF\xA3") => self.push(Finding {
                    severity: Severity::Warning,
                    rule: "not-checked: WebM is not read here".into(),
                    place: place.to_string(),
                    clause: "ISO/IEC 23009-1 §4.4".into(),
                }),
                _ => self.push(Finding {
                    severity: Severity::Error,
                    rule: "segment-format: a format that no segment has".into(),
                    place: place.to_string(),
                    clause: "RFC 8216bis §3.1".into(),
                }),
            }
        }
        if let Some(movie) = movie {
            movie.finish(self);
        }
        found.codecs = times.codecs;
        found
    }

    fn transport_stream(&mut self, place: &Place, data: &[u8]) {
        match transport_stream::check(data, true) {
            Ok(findings) => {
                for finding in findings {
                    self.push(finding.within(&place.to_string()));
                }
            }
            Err(error) => self.unreadable(&place.to_string(), &error),
        }
    }
}
