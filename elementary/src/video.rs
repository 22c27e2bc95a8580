use crate::demuxer::TRACK;
use alloc::collections::VecDeque;
use alloc::format;
use bytes::Bytes;
use core::num::NonZeroU32;
use h264::stream;
use media::{Codec, Event, Flags, Sample, Timescale, Track, Warning, codec};
use mpeg2::video::{
    FrameRate, Picture, PictureSplitter, Sequence, StartCode, Timeline, Timing, units,
};
use wire::framing::Piece;

/// MPEG-1 or MPEG-2 video: pictures with the times of the display process.
#[derive(Debug, Default)]
pub(crate) struct MpegVideo {
    splitter: PictureSplitter,
    timeline: Timeline<(Bytes, Flags)>,
    track: Option<Track>,
    /// Ticks that a field lasts; those of the first sequence, whose clock all others use too.
    field: i64,
    before: u64,
    ended: bool,
}

impl MpegVideo {
    pub(crate) const fn start_at(&mut self, bytes: u64) {
        self.before = self.before.saturating_add(bytes);
    }

    pub(crate) fn handle_input(&mut self, data: &[u8]) {
        self.splitter.handle_input(data);
    }

    pub(crate) fn handle_eof(&mut self) {
        self.splitter.handle_eof();
        self.ended = true;
    }

    pub(crate) fn buffered_len(&self) -> usize {
        self.splitter.buffered_len()
    }

    pub(crate) fn parse(&mut self, events: &mut VecDeque<Event>, most: usize) {
        while events.len() < most {
            let Some(piece) = self.splitter.poll_piece() else {
                if self.ended {
                    self.timeline.finish();
                    self.give(events);
                }
                return;
            };
            let (at, skipped, what) = match piece {
                Piece::Junk { offset, len } => (offset, len, "bytes that are no picture".into()),
                Piece::Frame { offset, frame } => {
                    let told = tell(&frame, &mut self.track, &mut self.field, events);
                    let flags = flags(&frame);
                    let data = Bytes::copy_from_slice(frame.data);
                    let len = frame.data.len() as u64;
                    let pushed = match told {
                        Ok(()) if self.track.is_none() => continue,
                        Ok(()) => self.timeline.push(&frame, (data, flags)),
                        Err(error) => Err(error),
                    };
                    match pushed {
                        Ok(()) => {
                            self.give(events);
                            continue;
                        }
                        Err(error) => (offset, len, format!("MPEG video: {error}")),
                    }
                }
            };
            let at = self.before.saturating_add(at);
            events.push_back(Event::Warning(
                Warning::new(what).on(TRACK).at(at).skipping(skipped),
            ));
        }
    }

    fn give(&mut self, events: &mut VecDeque<Event>) {
        while let Some((timing, (data, flags))) = self.timeline.pop() {
            let Timing { dts, pts, duration } = timing;
            let duration = i64::from(duration).saturating_mul(self.field);
            events.push_back(Event::Sample(Sample {
                track: TRACK,
                dts: dts.saturating_mul(self.field),
                pts: pts.saturating_mul(self.field),
                duration: u32::try_from(duration).ok().and_then(NonZeroU32::new),
                flags,
                data,
            }));
        }
    }
}

fn flags(picture: &Picture<'_>) -> Flags {
    use mpeg2::video::PictureType;
    let first = picture.headers().next().and_then(Result::ok);
    first.map_or(Flags::NONE, |(header, _)| {
        Flags::SYNC.when(header.picture_coding_type == PictureType::I)
            | Flags::DISPOSABLE.when(header.picture_coding_type == PictureType::B)
    })
}

/// Tells of the track where a picture brings a sequence header that is another than before.
fn tell(
    picture: &Picture<'_>,
    track: &mut Option<Track>,
    field: &mut i64,
    events: &mut VecDeque<Event>,
) -> Result<(), mpeg2::Error> {
    let Some(sequence) = picture.sequence()? else {
        return Ok(());
    };
    let headers = headers(picture);
    let same = |track: &Track| match &track.codec {
        Codec::Mpeg2Video(config) => config.raw() == headers,
        _ => false,
    };
    if track.as_ref().is_some_and(same) {
        return Ok(());
    }
    let Ok(config) = codec::MpegVideo::parse(headers) else {
        return Ok(());
    };
    let timescale = match track {
        Some(old) => old.timescale,
        None => {
            let rate = rate(&sequence);
            *field = rate.seconds.into();
            Timescale::new(rate.frames.saturating_mul(2)).unwrap_or(Timescale::KHZ_90)
        }
    };
    let new = Track::new(TRACK, timescale, Codec::Mpeg2Video(config));
    events.push_back(Event::Tracks([new.clone()].into_iter().collect()));
    *track = Some(new);
    Ok(())
}

/// The frame rate; 25 where its code is reserved.
fn rate(sequence: &Sequence) -> FrameRate {
    sequence.frame_rate().unwrap_or(FrameRate {
        frames: 25,
        seconds: 1,
    })
}

/// The sequence header of a picture with its extensions.
fn headers<'a>(picture: &Picture<'a>) -> &'a [u8] {
    let belongs = |code| matches!(code, StartCode::SEQUENCE_HEADER | StartCode::EXTENSION);
    let mut units = units(picture.data).skip_while(|unit| unit.code != StartCode::SEQUENCE_HEADER);
    let start = units.next().map_or(0, |unit| unit.offset);
    let end = units
        .find(|unit| !belongs(unit.code))
        .map(|unit| unit.offset);
    picture
        .data
        .get(start..end.unwrap_or(picture.data.len()))
        .unwrap_or_default()
}

/// H.264 with start codes.
#[derive(Debug)]
pub(crate) struct H264 {
    demuxer: stream::Demuxer,
    before: u64,
}

impl Default for H264 {
    fn default() -> Self {
        Self {
            demuxer: stream::Demuxer::new(stream::Limits::default()),
            before: 0,
        }
    }
}

impl H264 {
    pub(crate) const fn start_at(&mut self, bytes: u64) {
        self.before = self.before.saturating_add(bytes);
    }

    pub(crate) fn handle_input(&mut self, data: &[u8]) {
        self.demuxer.handle_input(data);
    }

    pub(crate) fn handle_eof(&mut self) {
        self.demuxer.handle_eof();
    }

    pub(crate) fn buffered_len(&self) -> usize {
        self.demuxer.buffered_len()
    }

    pub(crate) fn parse(&mut self, events: &mut VecDeque<Event>, most: usize) {
        while events.len() < most {
            let Some(event) = self.demuxer.poll_event() else {
                return;
            };
            events.push_back(match event {
                stream::Event::Config { config, timescale } => {
                    let timescale = Timescale::new(timescale).unwrap_or(Timescale::KHZ_90);
                    let track = Track::new(TRACK, timescale, Codec::H264(config));
                    Event::Tracks([track].into_iter().collect())
                }
                stream::Event::AccessUnit(unit) => Event::Sample(Sample {
                    track: TRACK,
                    dts: unit.dts,
                    pts: unit.pts,
                    duration: NonZeroU32::new(unit.duration),
                    flags: Flags::SYNC.when(unit.summary.is_sync())
                        | Flags::DISPOSABLE.when(!unit.summary.reference),
                    data: unit.data,
                }),
                stream::Event::Warning(warning) => {
                    let at = self.before.saturating_add(warning.offset);
                    // Nothing is passed over where a parameter set cannot be read.
                    let of = if warning.skipped == 0 {
                        "parameter set: "
                    } else {
                        ""
                    };
                    let what = Warning::new(format!("H.264: {of}{}", warning.error));
                    Event::Warning(what.on(TRACK).at(at).skipping(warning.skipped as u64))
                }
                _ => continue,
            });
        }
    }
}
