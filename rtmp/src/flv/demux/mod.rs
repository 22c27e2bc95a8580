//! Messages become samples: what stands in a body (`body`), what it means for its track (`frame`), and when it is given and at
//! which time (`timing`).

mod body;
mod frame;
mod timing;

use super::grid::{Clock, Stamp};
use super::metadata::Told;
use super::setup::{Format, Setup};
use crate::{Error, Limits, Message, TypeId};
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use core::ops::Range;
use media::{Event, Flags, Kind, TrackId, Warning};

/// Makes samples of the messages of one stream: video on track 1, audio on track 2; what Enhanced RTMP numbers as track `n` is video
/// on track `2 n + 1` and audio on `2 n + 2`.
///
/// * The first [`Tracks`](media::Tracks) wait until all tracks that the metadata tells of have told their decoder's configuration, one of both kinds
///   where it tells nothing, at most for a second of media or [`Limits::held_samples`].
/// * H.264 is brought into the canonical form; parameter sets in the stream go to the codec's configuration.
/// * Audio is put on the grid of its frames, without drift; video on that of the frame rate which metadata or parameter sets tell, as
///   long as the timestamps are within 5 ms of it. Otherwise the milliseconds stand as they are.
/// * Times that jump back by more than a second give a [`Discontinuity`](Event::Discontinuity).
/// * Data messages other than `onMetaData` (`onTextData`, `onCuePoint`, `onFI`, ...) are [`Metadata`](Event::Metadata) with one entry
///   of their name; so is `colorInfo` of Enhanced RTMP.
///
/// ```
/// use fluvial_rtmp::{Limits, Message, TypeId, flv::Demuxer};
/// use media::Event;
///
/// let mut demuxer = Demuxer::new(Limits::default());
/// let audio = |timestamp, payload: &'static [u8]| Message { timestamp, type_id: TypeId::AUDIO, stream_id: 1, payload: payload.into() };
/// demuxer.handle_message(&audio(0, &[0xAF, 0, 0x11, 0x90]));
/// demuxer.handle_message(&audio(0, &[0xAF, 1, 0x21]));
/// demuxer.handle_message(&audio(21, &[0xAF, 1, 0x22]));
/// demuxer.handle_eof();
/// assert!(matches!(demuxer.poll_event()?, Some(Event::Tracks(tracks)) if tracks[0].timescale.get() == 48_000));
/// for dts in [0, 1024] {
///     assert!(matches!(demuxer.poll_event()?, Some(Event::Sample(sample)) if sample.dts == dts));
/// }
/// # Ok::<(), fluvial_rtmp::Error>(())
/// ```
#[derive(Debug)]
pub struct Demuxer {
    limits: Limits,
    events: VecDeque<Event>,
    overflown: bool,
    clock: Clock,
    told: Told,
    inputs: Vec<Input>,
    /// Samples that wait for the first tracks; none once those are out.
    held: Option<Vec<Unit>>,
    held_bytes: usize,
}

/// What is known of one track.
#[derive(Debug)]
struct Input {
    id: TrackId,
    /// The sequence header as it came.
    header: Bytes,
    setup: Option<Setup>,
    /// How many channels `MultichannelConfig` tells.
    channels: Option<u8>,
    /// Whether it is of a codec that was complained about.
    refused: bool,
    /// Whether a frame before the header was complained about.
    headless: bool,
    /// Milliseconds of the last frame.
    last: Option<i64>,
}

/// A frame in a message.
#[derive(Debug, Clone)]
struct Frame {
    format: Format,
    /// `FrameType` of video; key frame for audio.
    frame_type: u8,
    composition_time: i32,
    nanos: u32,
    /// Where it stands in the message.
    range: Range<usize>,
}

/// A sample whose times are still milliseconds.
#[derive(Debug)]
struct Unit {
    track: TrackId,
    stamp: Stamp,
    composition: Stamp,
    flags: Flags,
    data: Bytes,
}

const fn track_id(kind: Kind, number: u8) -> TrackId {
    let base = match kind {
        Kind::Video => 1,
        _ => 2,
    };
    TrackId(number as u32 * 2 + base)
}

const fn kind_of(id: TrackId) -> Kind {
    if id.0 % 2 == 1 {
        Kind::Video
    } else {
        Kind::Audio
    }
}

impl Demuxer {
    /// A demuxer at the start of a stream.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self {
            limits,
            events: VecDeque::new(),
            overflown: false,
            clock: Clock::new(),
            told: Told::nothing(),
            inputs: Vec::new(),
            held: Some(Vec::new()),
            held_bytes: 0,
        }
    }

    /// Takes a message of the stream; what is no audio, video or data is passed over.
    pub fn handle_message(&mut self, message: &Message) {
        // A caller who never polls is told so, before memory runs out.
        if self.events.len() > self.max_events() {
            self.overflown = true;
            return;
        }
        match message.type_id {
            // An empty body is how some encoders say silence.
            TypeId::AUDIO | TypeId::VIDEO if message.payload.is_empty() => {}
            TypeId::AUDIO => self.handle_audio(message),
            TypeId::VIDEO => self.handle_video(message),
            TypeId::DATA | TypeId::DATA_AMF3 => self.handle_data(message),
            _ => {}
        }
    }

    /// What a file's header says there is; metadata says it better.
    pub(super) fn expect(&mut self, audio: bool, video: bool) {
        if self.told.tracks.is_empty() {
            self.told.tracks.extend(video.then_some(TrackId(1)));
            self.told.tracks.extend(audio.then_some(TrackId(2)));
        }
    }

    /// The next message is of another time.
    pub(super) fn handle_jump(&mut self) {
        self.clock = Clock::new();
        self.reset();
    }

    /// Held samples come all at once.
    fn max_events(&self) -> usize {
        self.limits.events.saturating_add(self.limits.held_samples)
    }

    /// The stream has ended: what was held back comes.
    pub fn handle_eof(&mut self) {
        self.start();
    }

    /// The next event.
    ///
    /// # Errors
    /// [`Error::Limit`] where events were not polled for too long, after those that there are.
    pub fn poll_event(&mut self) -> Result<Option<Event>, Error> {
        match self.events.pop_front() {
            Some(event) => Ok(Some(event)),
            None if self.overflown => Err(Error::Limit {
                limit: "events not polled",
                max: self.max_events() as u64,
            }),
            None => Ok(None),
        }
    }

    /// Bytes of samples held back or not polled yet.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        let unpolled = self.events.iter().map(|event| match event {
            Event::Sample(sample) => sample.data.len(),
            _ => 0,
        });
        unpolled.fold(self.held_bytes, usize::saturating_add)
    }

    fn warn(&mut self, track: TrackId, skipped: usize, what: String) {
        self.events.push_back(Event::Warning(
            Warning::new(what).on(track).skipping(skipped as u64),
        ));
    }
}
