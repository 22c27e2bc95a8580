use super::{Cursor, Movie, MovieTrack, SampleInfo, Span};
use alloc::sync::Arc;
use alloc::vec::Vec;
use media::{Codec, Kind, Time, TrackId};

/// In which order samples of several tracks are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// As they lie in the file: what is read is read once, from front to back.
    #[default]
    File,
    /// By decoding time, however the file has them.
    Time,
}

/// Frames of uncompressed sound that are given as one sample.
const FRAMES: u32 = 1024;

/// A sample with its times on the movie's line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Placed {
    /// Index of the track.
    pub(crate) track: usize,
    pub(crate) info: SampleInfo,
    pub(crate) dts: i64,
    pub(crate) pts: i64,
    /// It is decoded, but lies outside of what the edit list shows.
    pub(crate) hidden: bool,
}

/// The samples of a movie, merged over its tracks.
#[derive(Debug)]
pub(crate) struct Merge {
    movie: Arc<Movie>,
    order: Order,
    lanes: Vec<Lane>,
    /// Bytes of samples that may still be told.
    left: u64,
}

/// How many times a file's bytes its samples may have: edit lists may show some of them again, and tables may name the same
/// bytes any number of times.
const TIMES: u64 = 8;
/// Bytes of samples that any file may have.
const ALWAYS: u64 = 64 << 20;

#[derive(Debug)]
struct Lane {
    track: usize,
    cursor: Cursor,
    /// The piece of the edit list in use.
    span: usize,
    /// Number of the first sample behind which that shows nothing, once its end was come to.
    until: Option<u32>,
    /// No sample may be decoded before this one.
    last_dts: i64,
    next: Option<Placed>,
    /// By what the next sample comes before those of other lanes: its time, or its place.
    key: i128,
}

impl Merge {
    pub(crate) fn new(movie: Arc<Movie>, order: Order, wanted: impl Fn(TrackId) -> bool) -> Self {
        let tracks = movie.tracks.iter().enumerate();
        let tracks =
            tracks.filter(|(_, track)| wanted(track.track.id) && !track.samples.is_empty());
        let mut lanes: Vec<_> = tracks.map(|(at, track)| Lane::new(at, track)).collect();
        for lane in &mut lanes {
            lane.advance(&movie, order);
        }
        Self {
            left: movie.file_len.saturating_mul(TIMES).saturating_add(ALWAYS),
            movie,
            order,
            lanes,
        }
    }

    /// Whether samples are left that are not told, as they have far more bytes than the file.
    pub(crate) const fn is_exhausted(&self) -> bool {
        self.left == 0
    }

    /// The next sample.
    pub(crate) fn next(&mut self) -> Option<Placed> {
        let lanes = self.lanes.iter_mut().filter(|lane| lane.next.is_some());
        // The first of equals.
        let lane = lanes.min_by_key(|lane| lane.key)?;
        let placed = lane.next?;
        // What goes past the end is not read.
        let end = placed.info.offset.saturating_add(placed.info.size.into());
        let size = Some(placed.info.size).filter(|_| end <= self.movie.file_len);
        self.left = self.left.saturating_sub(size.unwrap_or(0).max(1).into());
        if self.left == 0 {
            return None;
        }
        lane.advance(&self.movie, self.order);
        Some(placed)
    }

    /// The track of a sample.
    pub(crate) fn track(&self, placed: &Placed) -> Option<&MovieTrack> {
        self.movie.tracks.get(placed.track)
    }

    /// How many samples the tables of its tracks have.
    pub(crate) fn count(&self) -> u64 {
        let tracks = self
            .lanes
            .iter()
            .filter_map(|lane| self.movie.tracks.get(lane.track));
        tracks.map(|track| u64::from(track.samples.len())).sum()
    }

    /// Where the next sample lies.
    pub(crate) fn next_offset(&self) -> Option<u64> {
        let next = self.lanes.iter().filter_map(|lane| lane.next);
        next.map(|next| next.info.offset).min()
    }

    /// Goes to the last sync sample of the leading track that is shown at or before a time, and in the other tracks to the
    /// same time; gives that time.
    pub(crate) fn seek(&mut self, time: Time) -> Time {
        let video = |lane: &&mut Lane| {
            let track = self.movie.tracks.get(lane.track);
            track.is_some_and(|track| track.track.codec.kind() == Kind::Video)
        };
        let mut from = time;
        let lead = self.lanes.iter_mut().find(video).map(|lane| lane.track);
        for lane in &mut self.lanes {
            if Some(lane.track) == lead {
                from = lane.seek(&self.movie, time, self.order).min(time);
            }
        }
        for lane in &mut self.lanes {
            if Some(lane.track) != lead {
                lane.seek(&self.movie, from, self.order);
            }
        }
        from
    }
}

impl Lane {
    fn new(at: usize, track: &MovieTrack) -> Self {
        let mut lane = Self {
            track: at,
            cursor: Cursor::default(),
            span: 0,
            until: None,
            last_dts: i64::MIN,
            next: None,
            key: 0,
        };
        lane.enter(track);
        lane
    }

    fn span(&self, track: &MovieTrack) -> Option<Span> {
        track.timeline.spans.get(self.span).copied()
    }

    /// Goes to where decoding has to begin for the piece of the edit list.
    fn enter(&mut self, track: &MovieTrack) {
        self.until = None;
        let Some(span) = self.span(track) else { return };
        let kind = track.track.codec.kind();
        // A decoder of sound needs some of what comes before; behind a cut there is other sound before.
        let start = match kind {
            Kind::Audio if self.span == 0 => span
                .start
                .saturating_sub(track.track.timescale.get().into()),
            _ => span.start,
        };
        let first = track.samples.samples().next();
        if first.is_none_or(|first| first.pts().max(0) >= start) {
            self.cursor = Cursor::default();
            return;
        }
        let sample = sync_at(track, start);
        self.cursor = track.index().cursor(&track.samples, sample);
    }

    /// Goes to the last sync sample at or before a time on the movie's line; gives the time of that.
    fn seek(&mut self, movie: &Movie, time: Time, order: Order) -> Time {
        let Some(track) = movie.tracks.get(self.track) else {
            return time;
        };
        let timescale = track.track.timescale;
        let at = timescale.ticks(time);
        let mut spans = track.timeline.spans.iter().enumerate();
        let begins = |span: &Span| span.start.saturating_add(span.shift);
        let span = spans.rfind(|(at_span, span)| *at_span == 0 || begins(span) <= at);
        let Some((index, span)) = span else {
            return time;
        };
        (self.span, self.until, self.last_dts) = (index, None, i64::MIN);
        let media = at.saturating_sub(span.shift).max(span.start);
        let sample = sync_at(track, media);
        self.cursor = track.index().cursor(&track.samples, sample);
        self.advance(movie, order);
        self.next
            .map_or(time, |next| timescale.time(next.pts.min(next.dts)))
    }

    fn advance(&mut self, movie: &Movie, order: Order) {
        let track = movie.tracks.get(self.track);
        self.next = track.and_then(|track| self.find(track, movie.file_len));
        if let (Some(track), Some(next)) = (track, &self.next) {
            self.key = match order {
                Order::File => next.info.offset.into(),
                Order::Time => track.track.timescale.time(next.dts).as_nanos().into(),
            };
        }
    }

    fn find(&mut self, track: &MovieTrack, file_len: u64) -> Option<Placed> {
        loop {
            let span = self.span(track)?;
            let info = match (&track.track.codec, track.samples.frame_len) {
                (Codec::Pcm(_), Some(len)) => {
                    self.cursor.next_frames(&track.samples, FRAMES, len.get())
                }
                _ => self.cursor.next(&track.samples),
            };
            if let Some(info) = &info
                && info.offset.saturating_add(info.size.into()) > file_len
            {
                // The rest of the chunk lies there too, and may be of any number where all have one size.
                self.cursor = self.cursor.skip_chunk(track);
            }
            let Some(info) = info.filter(|info| !self.is_behind(track, &span, info)) else {
                self.span = self.span.checked_add(1)?;
                self.span(track)?;
                self.enter(track);
                continue;
            };
            let dts = info.dts.saturating_add(span.shift);
            // Behind a cut decoding may have to begin before what was decoded last: it goes on in the least steps then.
            let dts = if self.span > 0 {
                dts.max(self.last_dts.saturating_add(1))
            } else {
                dts
            };
            self.last_dts = dts;
            let pts = info.pts();
            let end = pts.saturating_add(info.duration.into());
            // What sound has before its first piece is told as priming.
            let before = if track.track.codec.kind() == Kind::Video || self.span > 0 {
                pts < span.start && end <= span.start
            } else {
                false
            };
            let behind = pts >= span.end;
            let shown = pts.saturating_add(span.shift);
            let shown = match self.is_between(track, before, behind) {
                false if self.span > 0 => shown.max(dts),
                false => shown,
                // Who cannot hide it shows it in the last ticks before what comes next.
                true => {
                    let end = if before { span.start } else { span.end };
                    let index = track.index().sample_at(&track.samples, end);
                    let ahead = index.saturating_sub(info.index).saturating_add(1);
                    let last = end.saturating_add(span.shift);
                    last.saturating_sub(ahead.into()).max(dts)
                }
            };
            return Some(Placed {
                track: self.track,
                info,
                dts,
                pts: shown,
                hidden: before || behind,
            });
        }
    }

    /// Whether a sample is hidden before or behind what a piece of the edit list shows, and another piece is there.
    fn is_between(&self, track: &MovieTrack, before: bool, behind: bool) -> bool {
        let is_last = self.span.saturating_add(1) >= track.timeline.spans.len();
        before && self.span > 0 || behind && !is_last
    }

    /// Whether the piece of the edit list is over: what is decoded behind its end is told as far as something shown comes after it,
    /// which may need it, and no further.
    fn is_behind(&mut self, track: &MovieTrack, span: &Span, info: &SampleInfo) -> bool {
        /// More samples than are decoded before others that are shown earlier: 16 frames in the codecs known, in fields 32.
        const AHEAD: usize = 64;
        if info.pts() < span.end {
            return false;
        }
        let until = self.until.get_or_insert_with(|| {
            let mut cursor = self.cursor;
            let ahead = core::iter::from_fn(|| cursor.next(&track.samples)).take(AHEAD);
            let shown = ahead.filter(|next| next.pts() < span.end);
            shown.last().map_or(info.index, |last| last.index)
        });
        info.index >= *until
    }
}

/// The last sync sample that is shown at or before a time on the track's line.
fn sync_at(track: &MovieTrack, time: i64) -> u32 {
    /// Sync samples that are looked at beside the nearest: more lie out of order in no real file.
    const STEPS: u32 = 64;
    let (table, index) = (&track.samples, track.index());
    let mut sample = table.sync_before(index.sample_at(table, time));
    // The next one may be decoded later and shown in time all the same, where offsets are negative; and this one may
    // be shown later.
    let pts = |sample: u32| index.seek(table, sample).next().map(|info| info.pts());
    for _ in 0..STEPS {
        let next = table.sync_after(sample).filter(|next| *next > sample);
        match next {
            Some(next) if pts(next).is_some_and(|pts| pts <= time) => sample = next,
            _ => break,
        }
    }
    for _ in 0..STEPS {
        if sample == 0 || pts(sample).is_none_or(|pts| pts <= time) {
            break;
        }
        sample = table.sync_before(sample.saturating_sub(1));
    }
    sample
}
