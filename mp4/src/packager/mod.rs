//! Segments and parts of fragmented MP4 (CMAF) from the cut samples of a [`Segmenter`](media::Segmenter).
//!
//! ```text
//! Segmented::Tracks ──► Output::Init       ftyp moov                before the first part of them
//! Segmented::Cut    ──► Output::Part       [styp] moof mdat      one at least in each segment
//! Segmented::End    ──► Output::Segment    the parts of it, in one list
//! ```
//!
//! Timed ID3, SCTE 35 and KLV are `emsg` boxes before the next fragment of the pictures, with times on the presentation's line.
//!
//! A player that gets an init segment and then the segments that name it, or their parts, has a file. The init segment
//! comes with the first part, for it tells where the tracks begin: where a stream starts before zero, as with pictures
//! that are decoded before the first one is shown, all times of that track are later by that much, so that decoding
//! starts at zero, and an edit list takes it back; so it does with a track's [`priming`](media::Track::priming). Other
//! times are written as they are, in 64 bits. Where decoding goes below zero only later, after a discontinuity,
//! composition offsets are negative.
//!
//! ```
//! use fluvial_mp4::packager::{Config, Output, Packager};
//! use media::{Codec, Event, Flags, Sample, Segmenter, Time, Timescale, Track, TrackId, segmenter};
//!
//! let codec = Codec::Aac(aac::AudioSpecificConfig::lc(48_000, 2)?);
//! let track = Track::new(TrackId(1), Timescale::new(48_000).unwrap(), codec);
//! let mut segmenter = Segmenter::new(segmenter::Config::segments(Time::from_millis(1000)));
//! let mut packager = Packager::new(Config::muxed());
//! let mut names = Vec::new();
//!
//! segmenter.handle_event(&Event::Tracks([track].into_iter().collect()));
//! for n in 0..100 {
//!     let (dts, data) = (n * 1024, [0x21, 0x10].as_slice().into());
//!     let sample = Sample { track: TrackId(1), dts, pts: dts, duration: None, flags: Flags::SYNC, data };
//!     segmenter.handle_event(&Event::Sample(sample));
//! }
//! segmenter.finish();
//! while let Some(segmented) = segmenter.poll_output() {
//!     packager.handle(&segmented)?;
//!     while let Some(output) = packager.poll_output() {
//!         match output {
//!             Output::Init(init) => names.push(init.name()),
//!             Output::Part(_) => {}
//!             Output::Segment(segment) => names.push(segment.name()),
//!         }
//!     }
//! }
//! assert_eq!(names, ["init-0.mp4", "segment-0.m4s", "segment-1.m4s", "segment-2.m4s"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub(crate) mod events;
pub(crate) mod fragment;
mod init;
mod names;
mod on_demand;
mod protect;
mod stream;

use crate::Error;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::Bytes;
pub use events::is_event;
use media::{PartInfo, Sample, SegmentInfo, Segmented, Time, Track, TrackId, Tracks, WallClock};
pub use on_demand::OnDemand;
use protect::Protectors;
use stream::Stream;

/// How tracks are laid on files.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// How tracks are laid on files.
    pub layout: Layout,
    /// Whether the samples of a part are given as they are, for who can write many pieces at once (`writev`): a part's bytes are
    /// then its [`data`](Part::data) and its [`payload`](Part::payload). Default: not.
    pub scattered: bool,
    /// How tracks are encrypted: for each the first of these that is for its kind; those without one stay clear.
    #[cfg(feature = "cenc")]
    pub encryption: Vec<crate::cenc::Encryption>,
}

/// How tracks are laid on files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// All tracks in the same segments.
    Muxed,
    /// Each track in segments of its own, as CMAF has it.
    PerTrack,
}

impl Config {
    /// All tracks in the same segments; the first video track, or else the first audio track, cuts the parts.
    #[must_use]
    pub const fn muxed() -> Self {
        Self::new(Layout::Muxed)
    }

    /// Each track in segments of its own (CMAF tracks).
    #[must_use]
    pub const fn per_track() -> Self {
        Self::new(Layout::PerTrack)
    }

    const fn new(layout: Layout) -> Self {
        Self {
            layout,
            scattered: false,
            #[cfg(feature = "cenc")]
            encryption: Vec::new(),
        }
    }

    /// With encryption.
    #[cfg(feature = "cenc")]
    #[must_use]
    pub fn encrypted(mut self, encryption: crate::cenc::Encryption) -> Self {
        self.encryption.push(encryption);
        self
    }
}

/// What a [`Packager`] gives, in an order in which it can be put into a playlist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// What the segments after it need; a new one whenever a track's configuration changes.
    Init(Init),
    /// A part of a segment, as soon as it is complete. A segment that was not cut has one.
    Part(Part),
    /// A segment, after the last of its parts.
    Segment(Segment),
}

/// An init segment: `ftyp` and `moov`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Init {
    /// The track; `None` where it describes all of them.
    pub track: Option<TrackId>,
    /// Its number, from 0; [`SegmentInfo::init`] refers to it.
    pub number: u32,
    /// Its bytes.
    pub data: Bytes,
}

/// A part of a segment: `moof` and `mdat`, in the first one after a `styp`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What a playlist says of it.
    pub info: PartInfo,
    /// Its bytes; where the packager [scatters](Config::scattered), those before the first long sample.
    pub data: Bytes,
    /// What follows them where the packager scatters, in order: long samples, without a copy, and what stands between them. Else
    /// empty.
    pub payload: Vec<Bytes>,
}

impl Part {
    /// All its bytes, in pieces.
    pub fn pieces(&self) -> impl Iterator<Item = &Bytes> {
        core::iter::once(&self.data).chain(&self.payload)
    }
}

/// A segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// What a playlist says of it.
    pub info: SegmentInfo,
    /// Its bytes: those of its parts, shared with them, one after the other.
    pub data: Vec<Bytes>,
}

/// Makes segments and parts of fragmented MP4. See the [module](self).
#[derive(Debug)]
pub struct Packager {
    layout: Layout,
    scattered: bool,
    protectors: Protectors,
    streams: Vec<Stream>,
    /// Tracks whose samples are events in the stream that leads.
    event_tracks: Vec<Track>,
    events: u32,
    clock: Option<(Time, WallClock)>,
    output: VecDeque<Output>,
    ended: bool,
}

impl Packager {
    /// A packager that waits for its tracks.
    #[must_use]
    #[cfg_attr(
        not(feature = "cenc"),
        expect(clippy::needless_pass_by_value, reason = "with encryption it is kept")
    )]
    pub fn new(config: Config) -> Self {
        Self {
            layout: config.layout,
            scattered: config.scattered,
            #[cfg(feature = "cenc")]
            protectors: Protectors::new(config.encryption),
            #[cfg(not(feature = "cenc"))]
            protectors: Protectors,
            streams: Vec::new(),
            event_tracks: Vec::new(),
            events: 0,
            clock: None,
            output: VecDeque::new(),
            ended: false,
        }
    }

    /// Takes what a [`Segmenter`](media::Segmenter) gave. The samples' bytes are shared until their part is
    /// written, and copied once then, if they are.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a track whose codec cannot be written; [`Error::Invalid`] for a track with
    /// number 0, or for a sample before the start of its time line; [`Error::TooLong`] for a composition offset
    /// past 32 bits or a part past 2 GiB; [`Error::State`] for a sample before the first cut of its track, or
    /// without a duration, and for anything after the end. After an error no more output comes from the part that
    /// it was found in.
    pub fn handle(&mut self, segmented: &Segmented) -> Result<(), Error> {
        if self.ended {
            return Err(Error::State("the stream has ended"));
        }
        match segmented {
            Segmented::Tracks(tracks) => self.set_tracks(tracks),
            Segmented::Cut { track, .. } if self.event_track(*track).is_some() => Ok(()),
            Segmented::Sample(sample) if self.event_track(sample.track).is_some() => {
                self.event(sample);
                Ok(())
            }
            Segmented::Cut { track, cut } => find(&mut self.streams, *track)?.cut(
                *track,
                cut,
                &mut self.protectors,
                &mut self.output,
            ),
            Segmented::Sample(sample) => find(&mut self.streams, sample.track)?.push(sample),
            Segmented::End => {
                self.ended = true;
                self.finish_segments()
            }
        }
    }

    /// Says what a clock on the wall shows at a time of the presentation: parts that are written from here on tell it, as it goes
    /// on from there (`prft`, ISO/IEC 14496-12 §8.16.5). Without it none does.
    pub fn set_clock(&mut self, time: Time, wall: WallClock) {
        self.clock = Some((time, wall));
        for stream in &mut self.streams {
            stream.clock = self.clock;
        }
    }

    /// The next output; `None` until more goes in.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    /// Bytes of samples held for parts that are not complete, and of outputs not taken yet.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        let queued = self.output.iter().map(|output| match output {
            Output::Init(init) => init.data.len(),
            Output::Part(part) => part.pieces().map(Bytes::len).sum(),
            // Shared with its parts.
            Output::Segment(_) => 0,
        });
        queued
            .chain(self.streams.iter().map(Stream::held_bytes))
            .fold(0, usize::saturating_add)
    }

    fn finish_segments(&mut self) -> Result<(), Error> {
        self.streams
            .iter_mut()
            .try_for_each(|stream| stream.finish(&mut self.protectors, &mut self.output))
    }

    fn event_track(&self, id: TrackId) -> Option<&Track> {
        self.event_tracks.iter().find(|track| track.id == id)
    }

    /// Lays an event before the next part of the stream that leads: of its pictures, or else of its first track.
    fn event(&mut self, sample: &Sample) {
        let id = self.events;
        let emsg = self.event_track(sample.track);
        let emsg = emsg.and_then(|track| events::emsg(track, sample, id));
        let lead = self.streams.iter().position(Stream::has_video).unwrap_or(0);
        if let (Some(emsg), Some(stream)) = (emsg, self.streams.get_mut(lead)) {
            self.events = id.wrapping_add(1);
            stream.events.push(emsg);
        }
    }

    fn set_tracks(&mut self, tracks: &Tracks) -> Result<(), Error> {
        self.finish_segments()?;
        let (events, others): (Vec<_>, Vec<_>) = tracks
            .iter()
            .cloned()
            .partition(|track| events::scheme(&track.codec).is_some());
        // Without a track to be an event of, it is refused as any other that cannot be written.
        let tracks = if others.is_empty() {
            tracks
        } else {
            self.event_tracks = events;
            &others.into_iter().collect()
        };
        self.protectors.set_tracks(tracks)?;
        let sets: Vec<(Option<TrackId>, Tracks)> = match self.layout {
            Layout::Muxed => [(None, tracks.clone())].into(),
            Layout::PerTrack => tracks
                .iter()
                .map(|track| (Some(track.id), core::iter::once(track.clone()).collect()))
                .collect(),
        };
        let mut old = core::mem::take(&mut self.streams);
        for (name, tracks) in sets {
            let before = old.extract_if(.., |stream| stream.track == name).next();
            let mut stream = Stream::new(name, &tracks, before, &self.protectors)?;
            stream.clock = self.clock;
            stream.scattered = self.scattered;
            self.streams.push(stream);
        }
        Ok(())
    }
}

fn find(streams: &mut [Stream], track: TrackId) -> Result<&mut Stream, Error> {
    let stream = streams.iter_mut().find(|stream| stream.has(track));
    stream.ok_or(Error::State(
        "a cut or a sample of a track that was not announced",
    ))
}
