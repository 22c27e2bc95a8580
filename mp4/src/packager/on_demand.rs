//! A presentation in one file with an index in front, whose segments players fetch by ranges: what DASH's on-demand profile
//! (ISO/IEC 23009-1 §8.3) and byte ranges of HLS are made for.
//!
//! ```text
//! ftyp moov sidx free moof mdat moof mdat ...
//! ```
//!
//! It takes what a [`Packager`](super::Packager) gives for one of its streams, and gives writes at offsets of a file. The
//! index is known last, so room is kept for it. Where there are more segments than it has room for, it tells of
//! several of them together, twice as many each time.

use super::Output;
use crate::Error;
use crate::boxes::{Children, FourCc, Ftyp, IsoBox, Moof, Moov, Reference, Sidx, Styp, Trex};
use crate::check::Sum;
use crate::movie::slice;
use crate::writer::Write;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::Bytes;
use core::ops::Range;
use media::TrackId;
use wire::Reader;

/// Writes one file with an index, as its segments come.
///
/// ```
/// use fluvial_mp4::packager::{Config, OnDemand, Packager};
/// use media::{Codec, Event, Flags, Sample, Segmenter, Time, Timescale, Track, TrackId, segmenter};
///
/// let codec = Codec::Aac(aac::AudioSpecificConfig::lc(48_000, 2)?);
/// let track = Track::new(TrackId(1), Timescale::new(48_000).unwrap(), codec);
/// let mut segmenter = Segmenter::new(segmenter::Config::segments(Time::from_millis(1000)));
/// let mut packager = Packager::new(Config::per_track());
/// let mut file = OnDemand::new(Some(TrackId(1)), 100);
///
/// segmenter.handle_event(&Event::Tracks([track].into_iter().collect()));
/// for n in 0..100 {
///     let (dts, data) = (n * 1024, [0x21, 0x10].as_slice().into());
///     let sample = Sample { track: TrackId(1), dts, pts: dts, duration: None, flags: Flags::SYNC, data };
///     segmenter.handle_event(&Event::Sample(sample));
/// }
/// segmenter.finish();
/// while let Some(segmented) = segmenter.poll_output() {
///     packager.handle(&segmented)?;
///     while let Some(output) = packager.poll_output() {
///         file.handle(&output)?;
///     }
/// }
/// file.finish()?;
/// // To be written each at its offset.
/// let writes: Vec<_> = core::iter::from_fn(|| file.poll_output()).collect();
/// assert_eq!(writes.len(), 5);
/// // What a manifest says as `indexRange`: before it stands the init segment.
/// assert_eq!(file.index().unwrap().end - file.index().unwrap().start, 32 + 3 * 12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct OnDemand {
    track: Option<TrackId>,
    /// Pieces that the index has room for.
    room: usize,
    head: Option<Head>,
    pieces: Vec<Piece>,
    /// Segments in a piece, and those in the last one.
    stride: u32,
    in_last: u32,
    /// Where the file ends.
    end: u64,
    output: VecDeque<Write>,
    index: Option<Range<u64>>,
    finished: bool,
}

/// What the init segment tells.
#[derive(Debug)]
struct Head {
    number: u32,
    /// The track that the index goes by.
    reference_id: u32,
    timescale: u32,
    /// Where the presentation begins on the track's time line.
    media_time: i64,
    /// Where the place of the index begins.
    index: u64,
}

/// What one reference of the index tells of.
#[derive(Debug, Clone, Copy)]
struct Piece {
    size: u64,
    /// When its first sample is shown, and when all have been.
    shown: (i64, i64),
    /// Kind of the point that it starts with; 0: decoding cannot start there.
    sap_type: u8,
}

/// Bytes of an index without its references, in 64 bits; in 32 it has 8 less.
const INDEX: usize = 40;

impl OnDemand {
    /// A file of one track, or of the segments of all (`None`), whose index has room for so many pieces.
    #[must_use]
    pub fn new(track: Option<TrackId>, pieces: u16) -> Self {
        Self {
            track,
            room: pieces.max(2).into(),
            head: None,
            pieces: Vec::new(),
            stride: 1,
            in_last: 0,
            end: 0,
            output: VecDeque::new(),
            index: None,
            finished: false,
        }
    }

    /// Takes what the packager gave; what is of another track is passed over. Bytes are shared, not copied.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a second init segment: it would need another file; [`Error::State`] for a segment before
    /// the first, and after the end; those of the boxes where they are none that a packager makes.
    pub fn handle(&mut self, output: &Output) -> Result<(), Error> {
        if self.finished {
            return Err(Error::State("the file has ended"));
        }
        match output {
            Output::Init(init) if init.track == self.track => {
                if self
                    .head
                    .as_ref()
                    .is_some_and(|head| head.number != init.number)
                {
                    let what = "a change of tracks in one file with an index";
                    return Err(Error::Unsupported(what.into()));
                }
                self.begin(init.number, &init.data)
            }
            Output::Segment(segment) if segment.info.track == self.track => {
                self.segment(&segment.data)
            }
            _ => Ok(()),
        }
    }

    /// Writes the index.
    ///
    /// # Errors
    /// [`Error::State`] where no init segment came, and after the end; [`Error::TooLong`] for a piece of 2 GiB or of more
    /// than 2^32 ticks.
    pub fn finish(&mut self) -> Result<(), Error> {
        let Some(head) = self.head.as_ref().filter(|_| !self.finished) else {
            return Err(Error::State("no init segment came, or the file has ended"));
        };
        self.finished = true;
        let place = self.place();
        let presented = |time: i64| time.saturating_sub(head.media_time).max(0);
        let first = self
            .pieces
            .first()
            .map_or(0, |piece| presented(piece.shown.0));
        let mut sidx = Sidx {
            reference_id: head.reference_id,
            timescale: head.timescale,
            earliest_presentation_time: u64::try_from(first).unwrap_or(0),
            first_offset: 0,
            references: Vec::new(),
        };
        let last = self.pieces.iter().map(|piece| piece.shown.1).max();
        for (at, piece) in self.pieces.iter().enumerate() {
            let next = self.pieces.get(at.saturating_add(1));
            let end = next.map_or(last.unwrap_or(0), |next| next.shown.0);
            let duration = presented(end)
                .saturating_sub(presented(piece.shown.0))
                .max(0);
            sidx.references.push(Reference {
                is_index: false,
                referenced_size: field("referenced_size", piece.size)?,
                subsegment_duration: field("subsegment_duration", duration.unsigned_abs())?,
                starts_with_sap: piece.sap_type > 0,
                sap_type: piece.sap_type,
                sap_delta_time: 0,
            });
        }
        let start = head.index;
        let free = place.saturating_sub(sidx.encoded_len());
        sidx.first_offset = free as u64;
        let mut bytes = Vec::with_capacity(place);
        sidx.encode(&mut bytes)?;
        self.index = Some(start..start.saturating_add(bytes.len() as u64));
        put_free(&mut bytes, free)?;
        self.output.push_back(Write {
            offset: start,
            data: [bytes.into()].into(),
        });
        Ok(())
    }

    /// The next bytes to write; `None` until more goes in.
    pub fn poll_output(&mut self) -> Option<Write> {
        self.output.pop_front()
    }

    /// Where the index lies, once it is written; the init segment is all that stands before it.
    #[must_use]
    pub fn index(&self) -> Option<Range<u64>> {
        self.index.clone()
    }

    /// Bytes held: outputs not taken yet, and the index.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        let queued = self.output.iter().flat_map(|write| &write.data);
        let pieces = self.pieces.len().saturating_mul(size_of::<Piece>());
        queued.map(Bytes::len).fold(pieces, usize::saturating_add)
    }

    /// Bytes between the init segment and the first fragment.
    fn place(&self) -> usize {
        // What is left free is 8 bytes at least, or nothing.
        self.room.saturating_mul(12).saturating_add(INDEX + 8)
    }

    fn begin(&mut self, number: u32, init: &Bytes) -> Result<(), Error> {
        if self.head.is_some() {
            return Ok(());
        }
        let mut r = Reader::new(init);
        Ftyp::decode(&mut r)?;
        let moov = Moov::decode(&mut r)?;
        let is_video = |handler: FourCc| handler == FourCc(*b"vide");
        let video = moov
            .traks
            .iter()
            .find(|trak| is_video(trak.mdia.hdlr.handler_type));
        let Some(lead) = video.or(moov.traks.first()) else {
            return Err(Error::State("an init segment without a track"));
        };
        let edits = lead.edts.as_ref().and_then(|edts| edts.elst.as_ref());
        let first = edits.and_then(|elst| elst.edits.iter().find(|edit| edit.media_time >= 0));
        let index = init.len() as u64;
        self.head = Some(Head {
            number,
            reference_id: lead.tkhd.track_id,
            timescale: lead.mdia.mdhd.timescale,
            media_time: first.map_or(0, |edit| edit.media_time),
            index,
        });
        let mut free = Vec::new();
        put_free(&mut free, self.place())?;
        self.end = index.saturating_add(free.len() as u64);
        self.output.push_back(Write {
            offset: 0,
            data: [init.clone(), free.into()].into(),
        });
        Ok(())
    }

    fn segment(&mut self, parts: &[Bytes]) -> Result<(), Error> {
        let Some(head) = &self.head else {
            return Err(Error::State("a segment before the init segment"));
        };
        let mut piece = Piece {
            size: 0,
            shown: (i64::MAX, i64::MIN),
            sap_type: 0,
        };
        let mut data = Vec::new();
        let mut is_first = true;
        for part in parts {
            let mut r = Reader::new(part);
            let mut children = Children::new(r);
            // Brands are told at the start of a segment of its own.
            if let Some(Ok(first)) = children.next()
                && first.header.box_type == Styp::TYPE
            {
                r = children.rest();
            }
            let start = r.offset();
            // Events may stand before it.
            let mut moof = Children::new(r).map_while(Result::ok);
            let Some(moof) = moof.find(|child| child.header.box_type == Moof::TYPE) else {
                continue;
            };
            let moof = Moof::decode_body(&mut moof.body())?;
            let own = |traf: &&crate::boxes::Traf| traf.tfhd.track_id == head.reference_id;
            for traf in moof.trafs.iter().filter(own) {
                let from = traf.tfdt.map_or(0, |tfdt| tfdt.base_media_decode_time);
                let mut sum = Sum::new(from);
                let trex = Trex::new(head.reference_id);
                for trun in &traf.truns {
                    sum.add(trun, traf, &trex);
                }
                let Some(first) = sum.first else { continue };
                if core::mem::take(&mut is_first) {
                    let run = traf.truns.first().and_then(|run| run.samples().next());
                    let offset = run
                        .and_then(|first| first.composition_time_offset)
                        .unwrap_or(0);
                    let shown = i64::try_from(from)
                        .unwrap_or(i64::MAX)
                        .saturating_add(offset);
                    // Pictures before the first may need what came before it.
                    let in_order = shown <= sum.shown_from;
                    piece.sap_type = match (first.is_sync(), in_order) {
                        (true, true) => 1,
                        (true, false) => 3,
                        (false, _) => 0,
                    };
                }
                piece.shown.0 = piece.shown.0.min(sum.shown_from);
                piece.shown.1 = piece.shown.1.max(sum.shown_to);
            }
            let part = slice(part, start, part.len().saturating_sub(start));
            piece.size = piece.size.saturating_add(part.len() as u64);
            data.push(part);
        }
        let offset = self.end;
        self.end = offset.saturating_add(piece.size);
        self.output.push_back(Write { offset, data });
        self.add(piece);
        Ok(())
    }

    fn add(&mut self, piece: Piece) {
        match self.pieces.last_mut() {
            // Nothing of the track is in it: it goes with what came before.
            Some(last) if self.in_last < self.stride || last.is_silent() || piece.is_silent() => {
                last.join(&piece);
            }
            _ => {
                self.in_last = 0;
                self.pieces.push(piece);
            }
        }
        self.in_last = self.in_last.saturating_add(1);
        if self.pieces.len() <= self.room {
            return;
        }
        // A piece more than there is room for: two become one.
        let odd = !self.pieces.len().is_multiple_of(2);
        let mut joined = Vec::with_capacity(self.room);
        for pair in self.pieces.as_chunks::<2>().0 {
            let [mut first, second] = *pair;
            first.join(&second);
            joined.push(first);
        }
        joined.extend(self.pieces.last().filter(|_| odd));
        self.in_last = if odd {
            self.in_last
        } else {
            self.in_last.saturating_add(self.stride)
        };
        self.pieces = joined;
        self.stride = self.stride.saturating_mul(2);
    }
}

impl Piece {
    /// Nothing of the track is in it.
    const fn is_silent(&self) -> bool {
        self.shown.1 == i64::MIN
    }

    fn join(&mut self, next: &Self) {
        self.size = self.size.saturating_add(next.size);
        self.shown.0 = self.shown.0.min(next.shown.0);
        self.shown.1 = self.shown.1.max(next.shown.1);
    }
}

fn field(what: &'static str, value: u64) -> Result<u32, Error> {
    let field = u32::try_from(value).map_err(|_| wire::TooLong {
        what,
        value,
        max: u32::MAX.into(),
    });
    Ok(field?)
}

/// A `free` box of so many bytes.
fn put_free(out: &mut Vec<u8>, len: usize) -> Result<(), Error> {
    out.extend_from_slice(&field("free", len as u64)?.to_be_bytes());
    out.extend_from_slice(b"free");
    let end = out.len().saturating_add(len.saturating_sub(8));
    out.resize(end, 0);
    Ok(())
}
