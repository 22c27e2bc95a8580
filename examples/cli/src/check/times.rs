//! When the media of segments begin and how long they last, beside what a playlist or a manifest says.

use super::{Finding, Severity};
use crate::format::Format;
use crate::input::{self, Keys, Segment, packed};
use media::{Event, Kind, Time, Track, TrackId, Tracks};

/// What nobody hears or sees: a list that is further off is told.
const HEARD: i64 = 100_000_000;
/// What makes players stall.
const STALLS: i64 = 500_000_000;
/// Where the clock of transport streams starts anew: 33 bits of 90 kHz.
const WRAP: i64 = 95_443_717_688_889;

/// Where the media of a segment are on their time line, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Measured {
    start: i64,
    end: i64,
}

/// The samples of one track.
#[derive(Debug, Clone, Copy)]
struct Extent {
    start: i64,
    last: i64,
    end: i64,
    count: i64,
}

impl Extent {
    /// `None` where an edit list hides it: what comes before zero is not shown.
    fn of(track: &Track, sample: &media::Sample) -> Option<Self> {
        let time = |ticks| track.timescale.time(ticks).as_nanos();
        let start = time(sample.pts);
        let lasts = sample.duration.map_or(0, |ticks| i64::from(ticks.get()));
        let end = time(sample.pts.saturating_add(lasts));
        let is_shown = start >= 0 || end > 0;
        is_shown.then_some(Self {
            start: start.max(0),
            last: start,
            end,
            count: 1,
        })
    }

    fn join(&mut self, other: &Self) {
        self.start = self.start.min(other.start);
        self.last = self.last.max(other.last);
        self.end = self.end.max(other.end);
        self.count += 1;
    }

    /// A last sample that does not say how long it lasts, lasts as the others do.
    fn measured(&self) -> Measured {
        let mean = (self.last - self.start) / (self.count - 1).max(1);
        let end = match self.end > self.last {
            true => self.end,
            false => self.last + mean,
        };
        Measured {
            start: self.start,
            end,
        }
    }
}

/// The extent of the pictures in a segment, or else of the sound; adds what codecs there are.
fn measure(
    format: Format,
    init: Option<&[u8]>,
    data: &[u8],
    codecs: &mut Vec<(Kind, String)>,
) -> Option<Measured> {
    let mut demuxer = input::demuxer(format, &Keys::default()).ok()?;
    let rest = match format {
        Format::Raw(_) => packed::split_tag(data).1,
        _ => data,
    };
    let mut tracks = Tracks::default();
    let mut extents: Vec<(TrackId, Extent)> = Vec::new();
    let mut poll = |demuxer: &mut dyn input::Demuxer| -> Option<()> {
        // What is wrong with the media, other rules tell.
        while let Some(event) = demuxer.poll_event().ok()? {
            match event {
                Event::Tracks(told) => tracks = told,
                Event::Sample(sample) => {
                    let Some(track) = tracks.find(sample.track) else {
                        continue;
                    };
                    let Some(extent) = Extent::of(track, &sample) else {
                        continue;
                    };
                    match extents.iter_mut().find(|(id, _)| *id == sample.track) {
                        Some((_, known)) => known.join(&extent),
                        None => extents.push((sample.track, extent)),
                    }
                }
                _ => {}
            }
        }
        Some(())
    };
    for part in init.into_iter().chain([rest]) {
        // Demuxers hold no more than a few events.
        for chunk in part.chunks(128 << 10) {
            demuxer.handle_input(chunk);
            poll(demuxer.as_mut())?;
        }
    }
    demuxer.handle_eof();
    poll(demuxer.as_mut())?;
    for (id, _) in &extents {
        let codec = tracks.find(*id).map(|track| &track.codec);
        let codec = codec.map(|codec| (codec.kind(), codec.rfc6381()));
        codecs.extend(codec.filter(|codec| !codecs.contains(codec)));
    }
    let mut kinds = [Kind::Video, Kind::Audio].into_iter();
    kinds.find_map(|kind| {
        let of_kind = |(id, _): &&(TrackId, Extent)| {
            tracks
                .find(*id)
                .is_some_and(|track| track.codec.kind() == kind)
        };
        extents
            .iter()
            .find(of_kind)
            .map(|(_, extent)| extent.measured())
    })
}

/// Goes through the segments of a rendition in their order.
#[derive(Debug, Default)]
pub struct Times {
    /// Where the one before ended, and what its format was.
    before: Option<(Format, i64)>,
    /// How far the list has gone from the media, over segments that follow each other.
    drift: i64,
    is_drift_told: bool,
    /// Kinds and names of the codecs that there were.
    pub codecs: Vec<(Kind, String)>,
    /// How long the last one lasts by its media, if that could be measured.
    pub lasts: Option<i64>,
}

fn seconds(nanos: i64) -> Time {
    Time::from_nanos(nanos)
}

impl Times {
    /// A segment is missing, or cannot be looked into.
    pub fn pass(&mut self) {
        self.lasts = None;
        self.before = None;
        self.drift = 0;
    }

    /// Looks at a segment.
    pub fn look(
        &mut self,
        segment: &Segment,
        format: Format,
        init: Option<&[u8]>,
        data: &[u8],
    ) -> Vec<Finding> {
        let mut found = Vec::new();
        let Some(measured) = measure(format, init, data, &mut self.codecs) else {
            self.pass();
            return found;
        };
        let told = &segment.told;
        if told.is_after_gap {
            self.pass();
        }
        let mut tell = |off: i64, slack: i64, clause: &str, rule: String| {
            let off = off.abs() - slack;
            if off > HEARD {
                found.push(Finding {
                    severity: match off > STALLS {
                        true => Severity::Error,
                        false => Severity::Warning,
                    },
                    rule,
                    place: "its media".into(),
                    clause: clause.into(),
                });
            }
        };
        let lasts = measured.end - measured.start;
        self.lasts = Some(lasts);
        if let Some(duration) = told.duration {
            let rule = format!(
                "segment-duration: {} by the list, {} by its media",
                seconds(duration),
                seconds(lasts)
            );
            tell(lasts - duration, told.slack, told.clause, rule);
        }
        if let Some(start) = told.start {
            let rule = format!(
                "segment-start: at {} by the manifest, at {} by its media",
                seconds(start),
                seconds(measured.start)
            );
            tell(measured.start - start, told.slack, told.clause, rule);
        }
        let is_clocked = !matches!(format, Format::Raw(_));
        match self.before {
            Some((before, end)) if before == format && is_clocked && !segment.discontinuity => {
                let mut jump = measured.start - end;
                if matches!(format, Format::Ts | Format::M2ts) {
                    jump = (jump + WRAP / 2).rem_euclid(WRAP) - WRAP / 2;
                }
                let rule = format!(
                    "segment-gap: begins {} off the end of the one before",
                    seconds(jump)
                );
                let clause = "RFC 8216bis §4.4.4.3, ISO/IEC 23009-1 §7.2.1";
                tell(jump, told.slack, clause, rule);
                self.drift += jump;
            }
            _ => self.drift = 0,
        }
        // Each may be right about, and all together wrong. What starts of segments tell does not add up.
        if let (Some(duration), None) = (told.duration, told.start) {
            self.drift += lasts - duration;
            if !self.is_drift_told && self.drift.abs() > STALLS + told.slack {
                self.is_drift_told = true;
                let rule = format!(
                    "segment-drift: the list is {} off its media from here on",
                    seconds(self.drift)
                );
                tell(self.drift, told.slack, told.clause, rule);
            }
        }
        self.before = Some((format, measured.end));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_last_sample_without_a_duration_lasts_as_the_others() {
        let extent = Extent {
            start: 100,
            last: 400,
            end: 400,
            count: 4,
        };
        let wanted = Measured {
            start: 100,
            end: 500,
        };
        assert_eq!(extent.measured(), wanted);
        let known = Extent { end: 430, ..extent };
        assert_eq!(known.measured().end, 430);
    }
}
