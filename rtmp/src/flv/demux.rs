use super::grid::{Clock, Grid, frame_rate};
use super::metadata::{self, Told};
use super::{AudioTagHeader, AvcHeader, SOUND_FORMAT_AAC, VideoTagHeader};
use crate::{Error, Limits, Message, TypeId, slice};
use aac::AudioSpecificConfig;
use alloc::borrow::Cow;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use h264::DecoderConfig;
use h264::access_unit::Canonical;
use media::{Codec, Event, Flags, Sample, Timescale, Track, TrackId, Tracks, Warning};
use wire::Reader;

/// The track of the video.
const VIDEO: TrackId = TrackId(1);
/// The track of the audio.
const AUDIO: TrackId = TrackId(2);

/// Milliseconds of media after which the first tracks are told without the missing one.
const PATIENCE: i64 = 1000;
/// Milliseconds that times must go back to count as a jump; less is jitter.
const JUMP: i64 = 1000;

/// Makes samples of the messages of one stream: H.264 on track 1, AAC on track 2.
///
/// * The first [`Tracks`] wait until the sequence headers of all tracks that the metadata tells of have come, of both kinds where it
///   tells nothing, at most for a second of media or [`Limits::held_samples`].
/// * H.264 is brought into the canonical form; parameter sets in the stream go to the codec's configuration.
/// * Audio is put on the grid of its frames, without drift; video on that of the frame rate which metadata or parameter sets tell, as
///   long as the timestamps are within 5 ms of it. Otherwise the milliseconds stand as they are.
/// * Times that jump back by more than a second give a [`Discontinuity`](Event::Discontinuity).
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
    video: Input<Video>,
    audio: Input<Audio>,
    /// Samples that wait for the first tracks; none once those are out.
    held: Option<Vec<Unit>>,
    held_bytes: usize,
}

/// What is known of one kind of media.
#[derive(Debug)]
struct Input<C> {
    /// The sequence header as it came.
    header: Bytes,
    config: Option<C>,
    /// A codec that was complained about.
    refused: Option<u8>,
    /// Whether a frame before the header was complained about.
    headless: bool,
    /// Milliseconds of the last frame.
    last: Option<i64>,
}

#[derive(Debug)]
struct Video {
    config: DecoderConfig,
    /// As in the frames; `config` is for the samples.
    length_size: u8,
    grid: Grid,
}

#[derive(Debug)]
struct Audio {
    config: AudioSpecificConfig,
    grid: Grid,
}

/// A sample whose times are still milliseconds.
#[derive(Debug)]
struct Unit {
    track: TrackId,
    millis: i64,
    composition_time: i32,
    flags: Flags,
    data: Bytes,
}

impl<C> Input<C> {
    const fn new() -> Self {
        Self {
            header: Bytes::new(),
            config: None,
            refused: None,
            headless: false,
            last: None,
        }
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
            told: Told::NOTHING,
            video: Input::new(),
            audio: Input::new(),
            held: Some(Vec::new()),
            held_bytes: 0,
        }
    }

    /// Takes a message of the stream; what is no audio, video or metadata is passed over.
    pub fn handle_message(&mut self, message: &Message) {
        // A caller who never polls is told so, before memory runs out.
        if self.events.len() > self.max_events() {
            self.overflown = true;
            return;
        }
        match message.type_id {
            TypeId::AUDIO => self.handle_audio(message),
            TypeId::VIDEO => self.handle_video(message),
            TypeId::DATA => self.handle_data(message),
            _ => {}
        }
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

    fn handle_data(&mut self, message: &Message) {
        match metadata::parse(&message.payload, &self.limits) {
            Ok(Some(metadata)) => {
                self.told = Told::by(&metadata);
                self.events.push_back(Event::Metadata(metadata));
                self.start_if_complete();
            }
            Ok(None) => {}
            Err(error) => {
                let warning = Warning::new(format!("data message: {error}"));
                self.events.push_back(Event::Warning(
                    warning.skipping(message.payload.len() as u64),
                ));
            }
        }
    }

    fn handle_audio(&mut self, message: &Message) {
        // An empty body is how some encoders say silence.
        if message.payload.is_empty() {
            return;
        }
        let mut r = Reader::new(&message.payload);
        let header = match AudioTagHeader::decode(&mut r) {
            Ok(header) => header,
            Err(error) => {
                return self.warn(AUDIO, message.payload.len(), format!("audio: {error}"));
            }
        };
        match (header.sound_format, header.aac_packet_type) {
            (SOUND_FORMAT_AAC, Some(0)) => self.handle_audio_header(r.peek()),
            (SOUND_FORMAT_AAC, Some(1)) => {
                if r.is_empty() {
                    return;
                }
                if self.audio.config.is_none() {
                    if !core::mem::replace(&mut self.audio.headless, true) {
                        self.warn(
                            AUDIO,
                            r.left(),
                            String::from("AAC frames before their sequence header"),
                        );
                    }
                    return;
                }
                let Some(data) = slice(&message.payload, r.offset()..message.payload.len()) else {
                    return;
                };
                let millis = self.clock.unwrap(message.timestamp);
                self.push(Unit {
                    track: AUDIO,
                    millis,
                    composition_time: 0,
                    flags: Flags::SYNC,
                    data,
                });
            }
            (SOUND_FORMAT_AAC, _) => {}
            (format, _) => {
                if self.audio.refused.replace(format) != Some(format) {
                    self.warn(
                        AUDIO,
                        message.payload.len(),
                        format!("audio of SoundFormat {format} is left out"),
                    );
                }
                self.start_if_complete();
            }
        }
    }

    fn handle_audio_header(&mut self, header: &[u8]) {
        if self.audio.config.is_some() && *self.audio.header == *header {
            return;
        }
        let config = match AudioSpecificConfig::parse(header) {
            Ok(config) => config,
            Err(error) => {
                return self.warn(AUDIO, header.len(), format!("AudioSpecificConfig: {error}"));
            }
        };
        let Some(timescale) = Timescale::new(config.sampling_frequency()) else {
            return self.warn(
                AUDIO,
                header.len(),
                String::from("AudioSpecificConfig without a sampling frequency"),
            );
        };
        let grid = Grid::new(timescale, Some(config.frame_length()));
        self.audio.header = Bytes::copy_from_slice(header);
        let grid = match self.audio.config.take() {
            Some(old) => old.grid.followed_by(grid),
            None => grid,
        };
        self.audio.config = Some(Audio { config, grid });
        self.tell_tracks();
    }

    fn handle_video(&mut self, message: &Message) {
        if message.payload.is_empty() {
            return;
        }
        let mut r = Reader::new(&message.payload);
        let header = match VideoTagHeader::decode(&mut r) {
            Ok(header) => header,
            Err(error) => {
                return self.warn(VIDEO, message.payload.len(), format!("video: {error}"));
            }
        };
        match header.avc {
            Some(AvcHeader {
                avc_packet_type: 0, ..
            }) => self.handle_video_header(r.peek()),
            Some(AvcHeader {
                avc_packet_type: 1,
                composition_time,
            }) => {
                self.handle_access_unit(message, r.offset(), header.frame_type, composition_time);
            }
            Some(_) => {}
            None => {
                if self.video.refused.replace(header.codec_id) != Some(header.codec_id) {
                    let what = format!("video of CodecID {} is left out", header.codec_id);
                    self.warn(VIDEO, message.payload.len(), what);
                }
                self.start_if_complete();
            }
        }
    }

    fn handle_video_header(&mut self, header: &[u8]) {
        if self.video.config.is_some() && *self.video.header == *header {
            return;
        }
        let config = match DecoderConfig::parse(header) {
            Ok(config) => config,
            Err(error) => {
                return self.warn(
                    VIDEO,
                    header.len(),
                    format!("AVCDecoderConfigurationRecord: {error}"),
                );
            }
        };
        self.video.header = Bytes::copy_from_slice(header);
        let length_size = config.length_size();
        let config = config.with_length_size(4);
        let rate = self.told.frame_rate.and_then(frame_rate);
        let grid = Grid::of_frame_rate(rate.or_else(|| config.first_sps()?.frame_rate()));
        let grid = match self.video.config.take() {
            Some(old) => old.grid.followed_by(grid),
            None => grid,
        };
        self.video.config = Some(Video {
            config,
            length_size,
            grid,
        });
        self.tell_tracks();
    }

    fn handle_access_unit(
        &mut self,
        message: &Message,
        start: usize,
        frame_type: u8,
        composition_time: i32,
    ) {
        let left = message.payload.len().saturating_sub(start);
        let Some(video) = &mut self.video.config else {
            if !core::mem::replace(&mut self.video.headless, true) {
                self.warn(
                    VIDEO,
                    left,
                    String::from("H.264 frames before their sequence header"),
                );
            }
            return;
        };
        let body = message.payload.get(start..).unwrap_or_default();
        let unit = Canonical::from_length_prefixed(body, video.length_size, &mut video.config);
        let Canonical {
            data,
            summary,
            reconfigured,
            error,
        } = unit;
        if let Some(error) = error {
            return self.warn(VIDEO, left, format!("H.264 frame: {error}"));
        }
        let data = match data {
            Cow::Owned(data) => data.into(),
            Cow::Borrowed(_) => {
                slice(&message.payload, start..message.payload.len()).unwrap_or_default()
            }
        };
        if reconfigured {
            self.tell_tracks();
        }
        if data.is_empty() {
            return;
        }
        let millis = self.clock.unwrap(message.timestamp);
        let sync = frame_type == VideoTagHeader::KEY_FRAME || summary.is_sync();
        let disposable =
            !sync && (frame_type == VideoTagHeader::DISPOSABLE_INTER_FRAME || !summary.reference);
        let flags = Flags::SYNC.when(sync) | Flags::DISPOSABLE.when(disposable);
        self.push(Unit {
            track: VIDEO,
            millis,
            composition_time,
            flags,
            data,
        });
    }

    /// Tells the tracks again where they have been told, or for the first time where that was waited for.
    fn tell_tracks(&mut self) {
        if self.held.is_none() {
            let tracks = self.tracks();
            self.events.push_back(Event::Tracks(tracks));
        } else {
            self.start_if_complete();
        }
    }

    fn tracks(&self) -> Tracks {
        let video = self.video.config.as_ref().map(|video| {
            Track::new(
                VIDEO,
                video.grid.timescale(),
                Codec::H264(video.config.clone()),
            )
        });
        let audio = self.audio.config.as_ref().map(|audio| {
            Track::new(
                AUDIO,
                audio.grid.timescale(),
                Codec::Aac(audio.config.clone()),
            )
        });
        video.into_iter().chain(audio).collect()
    }

    fn start_if_complete(&mut self) {
        let Told { video, audio, .. } = self.told;
        let silent = !video && !audio;
        let has_video =
            self.video.config.is_some() || self.video.refused.is_some() || !(video || silent);
        let has_audio =
            self.audio.config.is_some() || self.audio.refused.is_some() || !(audio || silent);
        if has_video && has_audio {
            self.start();
        }
    }

    /// Tells the first tracks, if there are any, and lets go of what waited for them.
    fn start(&mut self) {
        let tracks = self.tracks();
        if tracks.is_empty() {
            return;
        }
        if let Some(held) = self.held.take() {
            self.held_bytes = 0;
            self.events.push_back(Event::Tracks(tracks));
            for unit in held {
                self.give(unit);
            }
        }
    }

    fn push(&mut self, unit: Unit) {
        let Some(held) = &mut self.held else {
            return self.give(unit);
        };
        let waited = held
            .first()
            .map_or(0, |first| unit.millis.saturating_sub(first.millis));
        self.held_bytes = self.held_bytes.saturating_add(unit.data.len());
        held.push(unit);
        if waited.abs() >= PATIENCE
            || held.len() >= self.limits.held_samples
            || self.held_bytes >= self.limits.incomplete_bytes
        {
            self.start();
        }
    }

    /// Gives a sample with its times in ticks.
    fn give(&mut self, unit: Unit) {
        let Unit {
            track,
            millis,
            composition_time,
            flags,
            data,
        } = unit;
        let last = if track == VIDEO {
            &mut self.video.last
        } else {
            &mut self.audio.last
        };
        if last
            .replace(millis)
            .is_some_and(|last| millis < last.saturating_sub(JUMP))
        {
            self.events.push_back(Event::Discontinuity);
            // The other track is about to jump too.
            (self.video.last, self.audio.last) = (None, None);
            self.video
                .config
                .iter_mut()
                .for_each(|video| video.grid.reset());
            self.audio
                .config
                .iter_mut()
                .for_each(|audio| audio.grid.reset());
        }
        let grid = match track {
            VIDEO => self.video.config.as_mut().map(|video| &mut video.grid),
            _ => self.audio.config.as_mut().map(|audio| &mut audio.grid),
        };
        if let Some(grid) = grid {
            let dts = grid.dts(millis);
            let pts = grid.pts(dts, composition_time);
            self.events.push_back(Event::Sample(Sample {
                track,
                dts,
                pts,
                duration: None,
                flags,
                data,
            }));
        }
    }
}
