//! MPEG-1 and MPEG-2 video out of PES packets: pictures, whose times are told by some packets and follow from the pictures'
//! order for the others.

use super::frame::{Frame, Input, Out, Times};
use alloc::collections::VecDeque;
use alloc::string::ToString;
use alloc::vec::Vec;
use bytes::Bytes;
use media::codec::MpegVideo as Config;
use media::{Codec, Flags, Timescale};
use mpeg2::audio::Piece;
use mpeg2::video::{Picture, PictureSplitter, PictureType, StartCode, Timeline, Timing};

/// Reads a stream of pictures.
#[derive(Debug)]
pub(super) struct MpegVideo {
    splitter: PictureSplitter,
    /// Bytes of the stream so far.
    fed: u64,
    /// Where in the stream packets begin, with their times.
    marks: VecDeque<(u64, Option<Times>)>,
    timeline: Timeline<Item>,
    /// Pictures that wait for their times.
    waiting: usize,
    headers: Vec<u8>,
    /// The last picture whose packet told its times.
    anchor: Option<(Timing, Times)>,
    gap: bool,
}

#[derive(Debug)]
struct Item {
    times: Option<Times>,
    flags: Flags,
    data: Bytes,
}

impl MpegVideo {
    pub(super) fn new() -> Self {
        Self {
            splitter: PictureSplitter::new(),
            fed: 0,
            marks: VecDeque::new(),
            timeline: Timeline::new(),
            waiting: 0,
            headers: Vec::new(),
            anchor: None,
            gap: false,
        }
    }

    pub(super) fn buffered_len(&self) -> usize {
        self.splitter.buffered_len().saturating_add(self.waiting)
    }

    pub(super) fn handle(&mut self, input: &Input, out: &mut Vec<Out>) {
        self.gap |= input.gap;
        self.marks.push_back((self.fed, input.times));
        self.fed = self.fed.saturating_add(input.data.len() as u64);
        self.splitter.handle_input(&input.data);
        self.pictures(out);
    }

    /// The time line jumps, and the stream may be another.
    pub(super) fn handle_discontinuity(&mut self, out: &mut Vec<Out>) {
        self.finish(out);
        self.splitter = PictureSplitter::new();
        self.marks.clear();
        self.fed = 0;
        self.timeline = Timeline::new();
        self.anchor = None;
    }

    pub(super) fn finish(&mut self, out: &mut Vec<Out>) {
        self.splitter.handle_eof();
        self.pictures(out);
        self.timeline.finish();
        self.give(out);
    }

    fn pictures(&mut self, out: &mut Vec<Out>) {
        while let Some(piece) = self.splitter.poll_piece() {
            let (offset, picture) = match piece {
                Piece::Frame { offset, frame } => (offset, frame),
                Piece::Junk { len, .. } => {
                    let what = alloc::format!("{len} bytes of video that are no picture");
                    out.push(Out::Warning(what.into()));
                    self.gap = true;
                    continue;
                }
            };
            let mut times = None;
            while let Some((at, mark)) = self.marks.front()
                && *at <= offset
            {
                times = *mark;
                self.marks.pop_front();
            }
            match headers(&picture) {
                Some(headers) if headers != self.headers => {
                    match Config::parse(&headers) {
                        Ok(config) => {
                            let codec = Codec::Mpeg2Video(config);
                            out.push(Out::Codec(codec, Timescale::KHZ_90));
                        }
                        Err(error) => out.push(Out::Warning(error.to_string().into())),
                    }
                    self.headers = headers;
                }
                None if self.headers.is_empty() => {
                    self.gap = true;
                    continue;
                }
                _ => {}
            }
            let kind = match picture.headers().next() {
                Some(Ok((header, _))) => header.picture_coding_type,
                _ => PictureType::P,
            };
            let item = Item {
                times,
                flags: Flags::SYNC.when(kind == PictureType::I)
                    | Flags::DISPOSABLE.when(kind == PictureType::B)
                    | Flags::GAP.when(core::mem::take(&mut self.gap)),
                data: Bytes::copy_from_slice(picture.data),
            };
            let len = item.data.len();
            match self.timeline.push(&picture, item) {
                Ok(()) => self.waiting = self.waiting.saturating_add(len),
                Err(error) => {
                    out.push(Out::Warning(error.to_string().into()));
                    self.gap = true;
                }
            }
        }
        self.give(out);
    }

    fn give(&mut self, out: &mut Vec<Out>) {
        while let Some((timing, item)) = self.timeline.pop() {
            self.waiting = self.waiting.saturating_sub(item.data.len());
            let field = self.field();
            let own = item.times;
            let derived = self.anchor.map(|(at, times)| Times {
                dts: times
                    .dts
                    .saturating_add(timing.dts.saturating_sub(at.dts).saturating_mul(field) / 2),
                pts: times
                    .pts
                    .saturating_add(timing.pts.saturating_sub(at.pts).saturating_mul(field) / 2),
                has_dts: true,
            });
            let Some(times) = own.or(derived) else {
                self.gap = true;
                continue;
            };
            if own.is_some() {
                self.anchor = Some((timing, times));
            }
            out.push(Out::Frame(Frame {
                dts: times.dts,
                pts: times.pts,
                duration: None,
                flags: item.flags,
                data: item.data,
            }));
        }
    }

    /// Ticks of 90 kHz in two fields.
    fn field(&self) -> i64 {
        let rate = self
            .timeline
            .sequence()
            .and_then(mpeg2::video::Sequence::frame_rate);
        rate.and_then(|rate| {
            i64::from(rate.seconds)
                .saturating_mul(90_000)
                .checked_div(rate.frames.into())
        })
        .unwrap_or(3003)
    }
}

/// The sequence header before a picture and its extensions, if it has one.
fn headers(picture: &Picture<'_>) -> Option<Vec<u8>> {
    let mut found = None::<Vec<u8>>;
    for unit in picture.units() {
        match unit.code {
            StartCode::SEQUENCE_HEADER | StartCode::EXTENSION => {
                let is_first = unit.code == StartCode::SEQUENCE_HEADER;
                if !is_first && found.is_none() {
                    continue;
                }
                let headers = found.get_or_insert_default();
                headers.extend_from_slice(&unit.code.bytes());
                headers.extend_from_slice(unit.data);
            }
            StartCode::PICTURE | StartCode::GROUP => break,
            _ => {}
        }
    }
    found
}
