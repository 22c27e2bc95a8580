use super::{FragmentIndex, Movie, MovieTrack, SampleTable, Timeline};
use crate::boxes::{
    Children, Edit, Elst, FourCc, Hdlr, Header, IsoBox, Mdhd, Mvhd, SampleEntry, Stsd, Tkhd, Trex,
};
use crate::codec::describe;
use crate::{Error, Limits};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use core::num::NonZeroU32;
use media::{Codec, Kind, Language, Timescale, Track, TrackId, Warning};
use once_cell::race::OnceBox;
use wire::Reader;

/// Warnings kept; a file of nothing but damage has no more to tell.
const WARNINGS: usize = 64;

impl Movie {
    /// Reads a `moov`, whole or cut off, that lies at an offset in its file.
    ///
    /// # Errors
    /// [`Error::Type`] and [`Error::Short`] where it does not begin with the header of a `moov`.
    pub fn parse(bytes: Bytes, offset: u64, limits: &Limits) -> Result<Self, Error> {
        let mut r = Reader::new(&bytes);
        let header = Header::decode(&mut r)?;
        if header.box_type.0 != *b"moov" {
            return Err(Error::Type {
                expected: FourCc(*b"moov"),
                found: header.box_type,
            });
        }
        let mut walk = Walk {
            bytes: &bytes,
            offset,
            warnings: Vec::new(),
        };
        let mut mvhd = None;
        let (mut traks, mut trexs, mut fragmented) = (Vec::new(), Vec::new(), false);
        let body_len = header.body_len().and_then(|len| usize::try_from(len).ok());
        let body = r.sub(body_len.unwrap_or(usize::MAX).min(r.left()), "moov")?;
        walk.each(*b"moov", body, |walk, name, body| match &name.0 {
            b"mvhd" => walk.one::<Mvhd>(&mut mvhd, body),
            b"trak" if traks.len() < limits.tracks => traks.push(Trak::read(walk, body)),
            b"trak" => walk.warn(body.offset(), "there are more tracks than the limit".into()),
            b"mvex" => {
                fragmented = true;
                walk.each(*b"mvex", body, |walk, name, body| {
                    let mut trex = None;
                    if name == Trex::TYPE {
                        walk.one::<Trex>(&mut trex, body);
                    }
                    trexs.extend(trex);
                });
            }
            _ => {}
        });
        let mvhd = mvhd.unwrap_or_else(|| {
            walk.warn(0, "moov has no valid mvhd".into());
            Mvhd::new(1000, 1)
        });
        let mut tracks = Vec::with_capacity(traks.len());
        for trak in traks {
            let at = trak.offset;
            match trak.finish(&mvhd, &trexs, &tracks) {
                Ok(track) => tracks.push(track),
                Err(why) => walk.warn(at, why),
            }
        }
        let set = tracks.iter().map(|track| track.track.clone()).collect();
        let warnings = walk.warnings;
        Ok(Self {
            bytes,
            offset,
            mvhd,
            tracks,
            set,
            fragmented,
            warnings,
            fragments: FragmentIndex::default(),
            file_len: u64::MAX,
        })
    }
}

/// A walk over the boxes of a `moov` that goes on past damage.
struct Walk<'a> {
    bytes: &'a Bytes,
    offset: u64,
    warnings: Vec<Warning>,
}

impl<'a> Walk<'a> {
    fn warn(&mut self, at: usize, what: String) {
        if self.warnings.len() < WARNINGS {
            let at = self.offset.saturating_add(at as u64);
            self.warnings.push(Warning::new(what).at(at));
        }
    }

    /// Calls `take` with the type and the body of each child. The last may be cut off.
    fn each(
        &mut self,
        parent: [u8; 4],
        body: Reader<'a>,
        mut take: impl FnMut(&mut Self, FourCc, Reader<'a>),
    ) {
        let mut children = Children::new(body);
        while let Some(child) = children.next() {
            if let Ok(child) = child {
                take(self, child.header.box_type, child.body());
                continue;
            }
            let mut rest = children.rest();
            let at = rest.offset();
            // QuickTime ends some containers with four zeros.
            if rest.peek() == [0; 4] {
                return;
            }
            let name = FourCc(parent);
            let header = Header::decode(&mut rest)
                .ok()
                .filter(|header| header.box_type.is_printable());
            // Where its size is wrong, what follows is there still.
            let next = next_child(parent, rest.peek());
            let own = rest.sub(next.unwrap_or(rest.left()), "box");
            match (header, own) {
                (Some(header), Ok(own)) => {
                    let box_type = header.box_type;
                    self.warn(at, format!("{box_type} in {name} is cut off"));
                    take(self, box_type, own);
                }
                _ => self.warn(at, format!("bytes in {name} that are no box")),
            }
            if next.is_some() {
                children = Children::new(rest);
            }
        }
    }

    /// Reads a box that there is one of.
    fn one<B: IsoBox>(&mut self, slot: &mut Option<B>, body: Reader<'a>) {
        if slot.is_some() {
            return;
        }
        match B::decode_body(&mut body.clone()) {
            Ok(value) => *slot = Some(value),
            Err(error) => self.warn(
                body.offset(),
                format!("{} cannot be read: {error}", B::TYPE),
            ),
        }
    }
}

/// Where the next child of a box begins, behind one whose size cannot be right: boxes follow from there that end where it does.
fn next_child(parent: [u8; 4], bytes: &[u8]) -> Option<usize> {
    /// Places that are looked at, and boxes behind each: more are in no file but one that is made to cost time.
    const PLACES: usize = 256;
    const BOXES: usize = 1024;
    let children: &[[u8; 4]] = match &parent {
        b"moov" => &[*b"mvhd", *b"trak", *b"mvex", *b"udta", *b"meta"],
        b"trak" => &[*b"tkhd", *b"edts", *b"tref", *b"mdia", *b"udta", *b"meta"],
        b"mdia" => &[*b"mdhd", *b"hdlr", *b"minf"],
        b"minf" => &[*b"vmhd", *b"smhd", *b"nmhd", *b"gmhd", *b"dinf", *b"stbl"],
        b"stbl" => &[
            *b"stsd", *b"stts", *b"ctts", *b"stsc", *b"stsz", *b"stz2", *b"stco", *b"co64",
            *b"stss",
        ],
        _ => return None,
    };
    let is_child = |at: &usize| {
        let name = bytes.get(at.saturating_add(4)..);
        name.and_then(|name| name.first_chunk())
            .is_some_and(|name: &[u8; 4]| children.contains(name))
    };
    let ends_there = |at: &usize| {
        let mut rest = bytes.get(*at..).unwrap_or_default();
        for _ in 0..BOXES {
            let Some(size) = rest.first_chunk::<4>() else {
                break;
            };
            let size = usize::try_from(u32::from_be_bytes(*size)).unwrap_or(usize::MAX);
            match rest.get(size..) {
                Some(behind) if size >= 8 => rest = behind,
                _ => return false,
            }
        }
        rest.is_empty()
    };
    let mut places = (0..bytes.len()).filter(is_child).take(PLACES);
    places.find(ends_there)
}

/// A `trak` as it is read, before it is known whether it is a track.
#[derive(Default)]
struct Trak {
    offset: usize,
    tkhd: Option<Tkhd>,
    mdhd: Option<Mdhd>,
    hdlr: Option<Hdlr>,
    entries: Vec<SampleEntry>,
    edits: Vec<Edit>,
    references: Vec<(FourCc, Vec<u32>)>,
    samples: SampleTable,
}

impl Trak {
    fn read<'a>(walk: &mut Walk<'a>, body: Reader<'a>) -> Self {
        let mut trak = Self {
            offset: body.offset(),
            ..Self::default()
        };
        walk.each(*b"trak", body, |walk, name, body| match &name.0 {
            b"tkhd" => walk.one(&mut trak.tkhd, body),
            b"edts" => walk.each(*b"edts", body, |walk, name, body| {
                let mut elst = None;
                if name == Elst::TYPE {
                    walk.one::<Elst>(&mut elst, body);
                }
                trak.edits
                    .extend(elst.into_iter().flat_map(|elst| elst.edits));
            }),
            b"tref" => walk.each(*b"tref", body, |_, name, body| {
                let ids = body.peek().as_chunks::<4>().0.iter();
                let ids = ids.map(|id| u32::from_be_bytes(*id)).collect();
                trak.references.push((name, ids));
            }),
            b"mdia" => trak.mdia(walk, body),
            _ => {}
        });
        trak
    }

    fn mdia<'a>(&mut self, walk: &mut Walk<'a>, body: Reader<'a>) {
        walk.each(*b"mdia", body, |walk, name, body| match &name.0 {
            b"mdhd" => walk.one(&mut self.mdhd, body),
            b"hdlr" => walk.one(&mut self.hdlr, body),
            b"minf" => walk.each(*b"minf", body, |walk, name, body| {
                if name.0 == *b"stbl" {
                    self.stbl(walk, body);
                }
            }),
            _ => {}
        });
    }

    fn stbl<'a>(&mut self, walk: &mut Walk<'a>, body: Reader<'a>) {
        walk.each(*b"stbl", body, |walk, name, body| {
            if name == Stsd::TYPE {
                let mut stsd = None;
                walk.one::<Stsd>(&mut stsd, body);
                if let Some(stsd) = stsd.filter(|_| self.entries.is_empty()) {
                    self.entries = stsd.entries;
                }
                return;
            }
            if let Err(what) = self.samples.take(name, walk.bytes, body) {
                walk.warn(body.offset(), what);
            }
        });
    }

    fn finish(
        self,
        mvhd: &Mvhd,
        trexs: &[Trex],
        tracks: &[MovieTrack],
    ) -> Result<MovieTrack, String> {
        let (Some(tkhd), Some(mdhd)) = (self.tkhd, self.mdhd) else {
            return Err("a track has no valid tkhd or mdhd".into());
        };
        let id = TrackId(tkhd.track_id);
        if tracks.iter().any(|track| track.track.id == id) {
            return Err(format!("track {id} has a number that is taken"));
        }
        let Some(timescale) = Timescale::new(mdhd.timescale) else {
            return Err(format!("track {id} has a timescale of 0"));
        };
        let trex = trexs.iter().find(|trex| trex.track_id == tkhd.track_id);
        let trex = trex.copied().unwrap_or(Trex::new(tkhd.track_id));
        let handler_type = self.hdlr.map_or(FourCc([0; 4]), |hdlr| hdlr.handler_type);
        let mut samples = self.samples;
        let first = match samples.chunks.get(0) {
            Some(entry) => entry.sample_description_index,
            None => trex.default_sample_description_index,
        };
        let at = usize::try_from(first.saturating_sub(1)).unwrap_or(usize::MAX);
        let entry = self.entries.get(at).or_else(|| self.entries.last());
        let Some(described) = entry.and_then(|entry| describe(entry, handler_type)) else {
            return Err(format!("track {id} has no sample description"));
        };
        if let Codec::Pcm(pcm) = &described.codec {
            let len = u32::try_from(pcm.frame_len()).ok();
            samples.frame_len = len.and_then(NonZeroU32::new);
        }
        let movie = Timescale::new(mvhd.timescale).unwrap_or(timescale);
        let timeline = Timeline::new(&self.edits, movie, timescale);
        let mut track = Track::new(id, timescale, described.codec);
        track.language = mdhd.language().and_then(Language::new).unwrap_or_default();
        track.matrix = tkhd.turn();
        if track.codec.kind() == Kind::Audio {
            let span = timeline.first();
            track.priming = u32::try_from(span.start).unwrap_or(0);
            // Of a track that is shown from later on, a second comes before.
            if let Some(from) = track.priming.checked_sub(timescale.get()) {
                let index = samples.index();
                let first = index.sample_at(&samples, from.into());
                let first = index.seek(&samples, first).next();
                let first = first.map_or(0, |first| first.dts);
                let priming = span.start.saturating_sub(first);
                track.priming = u32::try_from(priming).unwrap_or(0);
            }
            track.trim = trim(&samples, &timeline, &mdhd, movie.rescale(1, timescale));
        }
        Ok(MovieTrack {
            track,
            tkhd,
            mdhd,
            handler_type,
            entries: self.entries,
            edits: self.edits,
            references: self.references,
            trex,
            samples,
            timeline,
            length_size: described.length_size,
            index: OnceBox::new(),
        })
    }
}

/// Ticks of the last sample of sound that the edit list does not show.
fn trim(samples: &SampleTable, timeline: &Timeline, mdhd: &Mdhd, rounding: i64) -> u32 {
    let end = timeline.spans.last().map_or(i64::MAX, |span| span.end);
    let media_end = i64::try_from(mdhd.duration).unwrap_or(0);
    // An edit's duration is rounded to the movie's ticks.
    if media_end.saturating_sub(end) <= rounding {
        return 0;
    }
    let index = samples.index();
    let last = index.sample_at(samples, end.saturating_sub(1));
    let last = index.seek(samples, last).next();
    let last_end = last.map_or(end, |last| last.dts.saturating_add(last.duration.into()));
    u32::try_from(last_end.saturating_sub(end)).unwrap_or(0)
}
