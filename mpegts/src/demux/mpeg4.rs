//! MPEG-4 part 2 video out of PES packets (ISO/IEC 14496-2 §6.2): pictures with the headers before them. A packet may have several, or a
//! piece of one; then times follow from those before.

use super::frame::{Frame, Input, Out, Times};
use alloc::collections::VecDeque;
use alloc::string::ToString;
use alloc::vec::Vec;
use bytes::Bytes;
use media::codec::Mpeg4Video as Config;
use media::codec::mpeg4::{Clock, VideoObjectLayer, VopCodingType};
use media::{Codec, Flags, Timescale};
use mpeg2::video::units;

/// Reads a stream of pictures.
#[derive(Debug)]
pub(super) struct Mpeg4Video {
    /// From the first header of the picture that is open.
    data: Vec<u8>,
    /// Up to where start codes were looked for.
    scanned: usize,
    has_picture: bool,
    /// The times of the packet in which the picture begins that is open, if it is the first that does.
    own: Option<Times>,
    /// Where later packets begin, with their times.
    marks: VecDeque<(usize, Option<Times>)>,
    config: Option<Config>,
    clock: Clock,
    /// The last picture whose packet told its times, and when it is shown by its own header.
    anchor: Option<(u64, Times)>,
    /// When the last picture is shown that others may be coded from.
    reference: Option<i64>,
    /// Pictures are decoded in another order than they are shown in.
    reorders: bool,
    told: bool,
    gap: bool,
    limit: usize,
}

/// `vop_start_code`.
const VOP: u8 = 0xB6;

/// Whether a picture ends before a unit with this code: with a header of the next one, or that itself.
const fn begins(code: u8) -> bool {
    matches!(code, 0x00..=0x2F | 0xB0 | 0xB2 | 0xB3 | 0xB5 | VOP)
}

impl Mpeg4Video {
    pub(super) const fn new(limit: usize) -> Self {
        Self {
            data: Vec::new(),
            scanned: 0,
            has_picture: false,
            own: None,
            marks: VecDeque::new(),
            config: None,
            clock: Clock::new(),
            anchor: None,
            reference: None,
            reorders: false,
            told: false,
            gap: false,
            limit,
        }
    }

    pub(super) const fn buffered_len(&self) -> usize {
        self.data.len()
    }

    pub(super) fn handle(&mut self, input: &Input, out: &mut Vec<Out>) {
        self.gap |= input.gap;
        match self.data.is_empty() {
            true => self.own = input.times,
            false => self.marks.push_back((self.data.len(), input.times)),
        }
        self.data.extend_from_slice(&input.data);
        self.cut(out);
        if self.data.len() > self.limit {
            out.push(Out::Warning("a picture passes the limit".into()));
            self.clear();
        }
    }

    /// The time line jumps.
    pub(super) fn handle_discontinuity(&mut self, out: &mut Vec<Out>) {
        self.finish(out);
        (self.anchor, self.reference) = (None, None);
    }

    pub(super) fn finish(&mut self, out: &mut Vec<Out>) {
        if self.has_picture {
            self.give(0, self.data.len(), out);
            self.data.clear();
        }
        self.clear();
    }

    fn clear(&mut self) {
        self.gap |= !self.data.is_empty();
        self.data.clear();
        self.marks.clear();
        (self.scanned, self.has_picture) = (0, false);
    }

    /// Gives the pictures that are whole.
    #[expect(clippy::disallowed_methods, reason = "`start` is within")]
    fn cut(&mut self, out: &mut Vec<Out>) {
        let mut start = 0;
        while let Some(end) = self.end() {
            self.give(start, end, out);
            start = end;
        }
        // All at once: a packet may have very many pictures.
        self.data.drain(..start.min(self.data.len()));
        self.scanned = self.scanned.saturating_sub(start);
        for (at, _) in &mut self.marks {
            *at = at.saturating_sub(start);
        }
    }

    /// Where the picture ends that is open.
    fn end(&mut self) -> Option<usize> {
        let rest = self.data.get(self.scanned..).unwrap_or_default();
        for unit in units(rest) {
            let (at, code) = (self.scanned.saturating_add(unit.offset), unit.code.0);
            if self.has_picture && begins(code) {
                self.scanned = at;
                return Some(at);
            }
            self.has_picture |= code == VOP;
        }
        // A start code may go on in the next packet.
        self.scanned = self.data.len().saturating_sub(3).max(self.scanned);
        None
    }

    /// Gives the picture from one place to another.
    fn give(&mut self, start: usize, end: usize, out: &mut Vec<Out>) {
        let data = self.data.get(start..end).unwrap_or_default();
        let data = Bytes::copy_from_slice(data);
        self.has_picture = false;
        let own = self.own.take();
        while let Some((at, times)) = self.marks.front()
            && *at <= end
        {
            self.own = *times;
            self.marks.pop_front();
        }
        if let Some(headers) = Config::find(&data)
            && self
                .config
                .as_ref()
                .is_none_or(|config| **config.raw() != *headers)
        {
            match Config::parse(headers) {
                Ok(config) => {
                    self.config = Some(config.clone());
                    out.push(Out::Codec(Codec::Mpeg4Video(config), Timescale::KHZ_90));
                }
                Err(error) => out.push(Out::Warning(error.to_string().into())),
            }
        }
        let Some(config) = &self.config else {
            if !core::mem::replace(&mut self.told, true) {
                let what = "pictures before the first headers are left out";
                out.push(Out::Warning(what.into()));
            }
            self.gap = true;
            return;
        };
        let layer = *config.layer();
        let kind = Config::coding_type(&data);
        let shown = self.clock.time(&layer, &data);
        let Some(times) = self.times(own, shown, &layer, kind) else {
            self.gap = true;
            return;
        };
        out.push(Out::Frame(Frame {
            dts: times.dts,
            pts: times.pts,
            duration: None,
            flags: Flags::SYNC.when(kind == Some(VopCodingType::I))
                | Flags::DISPOSABLE.when(kind == Some(VopCodingType::B))
                | Flags::GAP.when(core::mem::take(&mut self.gap)),
            data,
        }));
    }

    /// The times of the next picture: its own, or else what its header tells beside the last one that had some.
    fn times(
        &mut self,
        own: Option<Times>,
        shown: Option<u64>,
        layer: &VideoObjectLayer,
        kind: Option<VopCodingType>,
    ) -> Option<Times> {
        let derived = || {
            let (at, anchor) = self.anchor?;
            let ticks = i64::try_from(shown?).ok()? - i64::try_from(at).ok()?;
            let resolution = i64::from(layer.vop_time_increment_resolution);
            let later = ticks.saturating_mul(90_000).checked_div(resolution)?;
            let pts = anchor.pts.saturating_add(later);
            let dts = match (kind, self.reference) {
                // Others are decoded when the one before of their kind is shown, as all that lie between come behind them.
                (kind, Some(before)) if self.reorders && kind != Some(VopCodingType::B) => {
                    before.min(pts)
                }
                _ => pts,
            };
            Some(Times {
                pts,
                dts,
                has_dts: true,
            })
        };
        let times = own.or_else(derived)?;
        if let (Some(own), Some(shown)) = (own, shown) {
            self.anchor = Some((shown, own));
        }
        if kind != Some(VopCodingType::B) {
            self.reference = Some(times.pts);
            self.reorders |= times.dts < times.pts;
        }
        Some(times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADERS: &[u8] = &[
        0, 0, 1, 0xB0, 0xF1, 0, 0, 1, 0xB5, 0xA9, 0x13, 0, 0, 1, 0, 0, 0, 1, 0x20, 8, 0xD4, 0x8D,
        8, 0, 0xCD, 4, 4, 0x0C, 0x14, 0x10, 0x3F,
    ];

    fn packet(times: Option<Times>, data: Vec<u8>) -> Input {
        Input {
            times,
            gap: false,
            lock: None,
            data,
            is_length_prefixed: false,
            open_end: None,
        }
    }

    /// Shown in so many 25ths of a second.
    fn picture(kind: u16, at: u16, headers: &[u8]) -> Vec<u8> {
        let bits = kind << 14 | 1 << 12 | at << 7 | 1 << 6;
        [headers, &[0, 0, 1, VOP], &bits.to_be_bytes(), &[1, 2, 3]].concat()
    }

    /// The same pictures at the same times, whatever packets they come in.
    #[test]
    fn pictures_are_found_across_packets() {
        let pictures = [
            picture(0, 0, HEADERS),
            picture(1, 2, &[]),
            picture(2, 1, &[]),
            picture(0, 3, HEADERS),
        ];
        let expected = [
            (0, 3600, Flags::SYNC),
            (3600, 10_800, Flags::default()),
            (7200, 7200, Flags::DISPOSABLE),
            (10_800, 14_400, Flags::SYNC),
        ];
        let stream = pictures.concat();
        for len in [1, 2, 3, 5, 7, 40, stream.len()] {
            let mut reader = Mpeg4Video::new(1 << 20);
            let mut out = Vec::new();
            for (n, piece) in stream.chunks(len).enumerate() {
                let first = Times {
                    pts: 3600,
                    dts: 0,
                    has_dts: true,
                };
                let times = Some(first).filter(|_| n == 0);
                reader.handle(&packet(times, piece.to_vec()), &mut out);
            }
            reader.finish(&mut out);
            assert_eq!(reader.buffered_len(), 0);
            let (mut frames, mut codecs) = (Vec::new(), 0);
            for out in out {
                match out {
                    Out::Frame(frame) => frames.push(frame),
                    Out::Codec(..) => codecs += 1,
                    Out::Warning(what) => panic!("{what}"),
                }
            }
            assert_eq!((frames.len(), codecs), (4, 1));
            for (n, frame) in frames.into_iter().enumerate() {
                assert_eq!(frame.data, pictures[n], "{len}");
                assert_eq!((frame.dts, frame.pts, frame.flags), expected[n], "{len}");
            }
        }
    }

    /// A packet whose first picture begins within it tells that one's times.
    #[test]
    fn times_are_of_the_first_picture_that_begins() {
        let stream = [
            picture(0, 0, HEADERS),
            picture(1, 1, &[]),
            picture(1, 2, &[]),
        ]
        .concat();
        let mut reader = Mpeg4Video::new(1 << 20);
        let mut out = Vec::new();
        let (first, second) = stream.split_at(HEADERS.len() + 8);
        for (at, piece) in [(0, first), (9000, second)] {
            let times = Times {
                pts: at,
                dts: at,
                has_dts: false,
            };
            reader.handle(&packet(Some(times), piece.to_vec()), &mut out);
        }
        reader.finish(&mut out);
        let times = out.iter().filter_map(|out| match out {
            Out::Frame(frame) => Some((frame.dts, frame.pts)),
            _ => None,
        });
        assert!(times.eq([(0, 0), (9000, 9000), (12_600, 12_600)]));
    }

    /// Time is that of the bytes, not of their square.
    #[test]
    fn a_packet_of_very_many_pictures_takes_no_longer_than_its_bytes() {
        const COUNT: usize = 300_000;
        let mut reader = Mpeg4Video::new(16 << 20);
        let mut out = Vec::new();
        let tiny = picture(1, 0, &[]).repeat(COUNT);
        reader.handle(&packet(None, [HEADERS, &tiny].concat()), &mut out);
        reader.finish(&mut out);
        // Nothing told their times.
        let codecs = out.iter().filter(|out| matches!(out, Out::Codec(..)));
        assert_eq!(codecs.count(), 1);
        assert_eq!(reader.buffered_len(), 0);
        assert!(reader.gap);
    }
}
