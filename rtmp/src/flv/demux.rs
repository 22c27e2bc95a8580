use super::enhanced::{ExTagHeader, ExTrack, MultichannelConfig, PacketType};
use super::grid::{Clock, Stamp};
use super::metadata::{self, Told};
use super::setup::{self, Format, Setup};
use super::{AudioTagHeader, AvcHeader, FourCc, SOUND_FORMAT_AAC, VideoTagHeader};
use crate::{Error, Limits, Message, TypeId, slice};
use alloc::borrow::Cow;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use core::ops::Range;
use h264::access_unit::Canonical;
use media::{Codec, Event, Flags, Kind, Sample, Track, TrackId, Tracks, Warning};
use wire::Reader;

/// Milliseconds of media after which the first tracks are told without the missing one.
const PATIENCE: i64 = 1000;
/// Milliseconds that times must go back to count as a jump; less is jitter.
const JUMP: i64 = 1000;

/// Makes samples of the messages of one stream: video on track 1, audio on track 2; what Enhanced RTMP numbers as track `n` is video
/// on track `2 n + 1` and audio on `2 n + 2`.
///
/// * The first [`Tracks`] wait until all tracks that the metadata tells of have told their decoder's configuration, one of both kinds
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

    fn handle_data(&mut self, message: &Message) {
        let body = match (message.type_id, &*message.payload) {
            (TypeId::DATA_AMF3, [0, body @ ..]) => body,
            (_, body) => body,
        };
        match metadata::parse(body, &self.limits) {
            Ok((metadata, is_metadata)) => {
                if is_metadata {
                    self.told = Told::by(&metadata);
                }
                if is_metadata || !metadata.entries.is_empty() {
                    self.events.push_back(Event::Metadata(metadata));
                }
                self.start_if_complete();
            }
            Err(error) => {
                let warning = Warning::new(format!("data message: {error}"));
                self.events.push_back(Event::Warning(
                    warning.skipping(message.payload.len() as u64),
                ));
            }
        }
    }

    fn handle_audio(&mut self, message: &Message) {
        let id = track_id(Kind::Audio, 0);
        let mut r = Reader::new(&message.payload);
        if ExTagHeader::is_audio(&message.payload) {
            return match ExTagHeader::decode_audio(&mut r) {
                Ok(header) => self.handle_ex(message, Kind::Audio, &header, r),
                Err(error) => self.warn(id, message.payload.len(), format!("audio: {error}")),
            };
        }
        let header = match AudioTagHeader::decode(&mut r) {
            Ok(header) => header,
            Err(error) => {
                return self.warn(id, message.payload.len(), format!("audio: {error}"));
            }
        };
        let format = Format::of_sound(header);
        match (header.sound_format, header.aac_packet_type) {
            (SOUND_FORMAT_AAC, Some(0)) => self.handle_header(id, format, r.peek()),
            (SOUND_FORMAT_AAC, kind) if kind != Some(1) => {}
            _ => {
                let frame = Frame {
                    format,
                    frame_type: VideoTagHeader::KEY_FRAME,
                    composition_time: 0,
                    nanos: 0,
                    range: r.offset()..message.payload.len(),
                };
                self.handle_frame(message, id, &frame);
            }
        }
    }

    fn handle_video(&mut self, message: &Message) {
        let id = track_id(Kind::Video, 0);
        let mut r = Reader::new(&message.payload);
        if ExTagHeader::is_video(&message.payload) {
            return match ExTagHeader::decode_video(&mut r) {
                Ok(header) => self.handle_ex(message, Kind::Video, &header, r),
                Err(error) => self.warn(id, message.payload.len(), format!("video: {error}")),
            };
        }
        let header = match VideoTagHeader::decode(&mut r) {
            Ok(header) => header,
            Err(error) => {
                return self.warn(id, message.payload.len(), format!("video: {error}"));
            }
        };
        let format = Format::of_video(header.codec_id);
        let composition_time = match header.avc {
            // Commands are nothing to be shown.
            _ if header.frame_type == VideoTagHeader::COMMAND_FRAME => return,
            Some(AvcHeader {
                avc_packet_type: 0, ..
            }) => return self.handle_header(id, format, r.peek()),
            Some(AvcHeader {
                avc_packet_type: 1,
                composition_time,
            }) => composition_time,
            Some(_) => return,
            None => 0,
        };
        let frame = Frame {
            format,
            frame_type: header.frame_type,
            composition_time,
            nanos: 0,
            range: r.offset()..message.payload.len(),
        };
        self.handle_frame(message, id, &frame);
    }

    /// Takes a body whose codec a FourCC tells, track by track.
    fn handle_ex(
        &mut self,
        message: &Message,
        kind: Kind,
        header: &ExTagHeader,
        mut r: Reader<'_>,
    ) {
        loop {
            match header.track(&mut r) {
                Ok(Some(track)) => self.handle_ex_track(message, kind, header, track),
                Ok(None) => return,
                Err(error) => {
                    let what = format!("multitrack body: {error}");
                    return self.warn(track_id(kind, 0), r.left(), what);
                }
            }
        }
    }

    fn handle_ex_track(
        &mut self,
        message: &Message,
        kind: Kind,
        header: &ExTagHeader,
        track: ExTrack<'_>,
    ) {
        let ExTrack {
            track_id: number,
            four_cc,
            mut body,
        } = track;
        let (id, format) = (track_id(kind, number), Format::FourCc(four_cc));
        let mut composition_time = 0;
        match header.packet_type {
            PacketType::SequenceStart => return self.handle_header(id, format, body.peek()),
            PacketType::Mpeg2TsSequenceStart if four_cc == FourCc::AV1 => {
                return match setup::av1_record(body.peek()) {
                    Some(record) => self.handle_header(id, format, &record),
                    None => self.warn(id, body.left(), String::from("AV1 video descriptor")),
                };
            }
            PacketType::MultichannelConfig => {
                return match MultichannelConfig::decode(&mut body) {
                    Ok(config) => {
                        if let Some(input) = self.input(id) {
                            input.channels = Some(config.channel_count);
                        }
                    }
                    Err(error) => self.warn(id, body.left(), format!("channels: {error}")),
                };
            }
            PacketType::CodedFrames => {
                if kind == Kind::Video && four_cc.has_composition_time() {
                    composition_time = match body.i24("compositionTimeOffset") {
                        Ok(time) => time,
                        Err(error) => return self.warn(id, body.left(), format!("video: {error}")),
                    };
                }
            }
            PacketType::CodedFramesX => {}
            PacketType::Metadata => {
                return match metadata::parse(body.peek(), &self.limits) {
                    Ok((metadata, _)) => self.events.push_back(Event::Metadata(metadata)),
                    Err(error) => {
                        self.warn(id, body.left(), format!("video metadata: {error}"));
                    }
                };
            }
            PacketType::SequenceEnd | PacketType::Mpeg2TsSequenceStart | PacketType::Other(_) => {
                return;
            }
        }
        let frame = Frame {
            format,
            frame_type: header.frame_type.unwrap_or(VideoTagHeader::KEY_FRAME),
            composition_time,
            nanos: header.timestamp_offset_nano,
            range: body.offset()..body.offset().saturating_add(body.left()),
        };
        self.handle_frame(message, id, &frame);
    }

    /// The track with this id; none where there are too many.
    fn input(&mut self, id: TrackId) -> Option<&mut Input> {
        if self.inputs.iter().all(|input| input.id != id) {
            if self.inputs.len() >= self.limits.tracks {
                return None;
            }
            self.inputs.push(Input {
                id,
                header: Bytes::new(),
                setup: None,
                channels: None,
                refused: false,
                headless: false,
                last: None,
            });
            self.inputs.sort_by_key(|input| input.id);
        }
        self.inputs.iter_mut().find(|input| input.id == id)
    }

    fn handle_header(&mut self, id: TrackId, format: Format, header: &[u8]) {
        let told_rate = self.told.frame_rate;
        let Some(input) = self.input(id) else {
            return;
        };
        if input
            .setup
            .as_ref()
            .is_some_and(|setup| setup.format == format)
            && *input.header == *header
        {
            return;
        }
        match Setup::from_header(format, kind_of(id), header, told_rate) {
            Ok(Some(setup)) => {
                input.header = Bytes::copy_from_slice(header);
                self.set_up(id, setup);
            }
            Ok(None) => {}
            Err(error) => self.warn(id, header.len(), error),
        }
    }

    fn set_up(&mut self, id: TrackId, mut setup: Setup) {
        if let Some(input) = self.input(id) {
            if let Some(old) = &input.setup {
                setup.grid = old.grid.followed_by(setup.grid);
            }
            input.setup = Some(setup);
            self.tell_tracks();
        }
    }

    fn handle_frame(&mut self, message: &Message, id: TrackId, frame: &Frame) {
        let left = frame.range.len();
        if left == 0 {
            return;
        }
        let told_rate = self.told.frame_rate;
        let data = message.payload.get(frame.range.clone()).unwrap_or_default();
        let Some(input) = self.input(id) else {
            return;
        };
        let same = |setup: &Setup| setup.format == frame.format;
        if !input.setup.as_ref().is_some_and(same) {
            match Setup::from_frame(frame.format, data, told_rate, input.channels) {
                Ok(Some(setup)) => self.set_up(id, setup),
                Ok(None) => return self.complain(id, frame),
                Err(error) => return self.warn(id, left, error),
            }
        }
        let Some(setup) = self.input(id).and_then(|input| input.setup.as_mut()) else {
            return;
        };
        let (data, sync, needed) = if let Codec::H264(config) = &mut setup.codec {
            let unit = Canonical::from_length_prefixed(data, setup.length_size, config);
            if let Some(error) = unit.error {
                return self.warn(id, left, format!("H.264 frame: {error}"));
            }
            let summary = unit.summary;
            let data = match unit.data {
                Cow::Owned(data) => data.into(),
                Cow::Borrowed(_) => {
                    slice(&message.payload, frame.range.clone()).unwrap_or_default()
                }
            };
            if unit.reconfigured {
                self.tell_tracks();
            }
            (data, summary.is_sync(), summary.reference)
        } else {
            let data = slice(&message.payload, frame.range.clone()).unwrap_or_default();
            (data, false, true)
        };
        if data.is_empty() {
            return;
        }
        let millis = self.clock.unwrap(message.timestamp);
        let sync = sync || matches!(frame.frame_type, VideoTagHeader::KEY_FRAME | 4);
        let disposable =
            !sync && (frame.frame_type == VideoTagHeader::DISPOSABLE_INTER_FRAME || !needed);
        let unit = Unit {
            track: id,
            stamp: Stamp { millis, nanos: 0 },
            composition: Stamp {
                millis: frame.composition_time.into(),
                nanos: frame.nanos,
            },
            flags: Flags::SYNC.when(sync) | Flags::DISPOSABLE.when(disposable),
            data,
        };
        if frame.format == Format::FourCc(FourCc::MP3) {
            self.push_each(&unit);
        } else {
            self.push(unit);
        }
    }

    /// Several frames of MPEG audio may stand in one body.
    fn push_each(&mut self, unit: &Unit) {
        let mut start = 0;
        while let Some(rest) = unit.data.get(start..)
            && let Ok(header) = mpeg2::audio::Header::parse(rest)
            && let Some(len) = header
                .frame_len()
                .filter(|len| *len < rest.len() && *len > 0)
        {
            let end = start.saturating_add(len);
            let data = slice(&unit.data, start..end).unwrap_or_default();
            self.push(Unit { data, ..*unit });
            start = end;
        }
        if let Some(data) = slice(&unit.data, start..unit.data.len()) {
            self.push(Unit { data, ..*unit });
        }
    }

    /// A frame that nothing can be made of.
    fn complain(&mut self, id: TrackId, frame: &Frame) {
        let left = frame.range.len();
        let Some(input) = self.input(id) else {
            return;
        };
        let what = match frame.format {
            Format::FourCc(four_cc) => {
                if core::mem::replace(&mut input.headless, true) {
                    return;
                }
                format!("{four_cc} frames before their sequence header")
            }
            Format::Sound(_) | Format::Video(_) if core::mem::replace(&mut input.refused, true) => {
                return;
            }
            Format::Sound(byte) => format!("audio of SoundFormat {} is left out", byte >> 4),
            Format::Video(codec_id) => format!("video of CodecID {codec_id} is left out"),
        };
        self.warn(id, left, what);
        self.start_if_complete();
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
        let inputs = self.inputs.iter();
        let tracks = inputs.filter_map(|input| {
            let setup = input.setup.as_ref()?;
            let mut track = Track::new(input.id, setup.grid.timescale(), setup.codec.clone());
            if let Codec::Opus(opus) = &setup.codec {
                track.priming = opus.pre_skip.into();
            }
            Some(track)
        });
        tracks.collect()
    }

    fn start_if_complete(&mut self) {
        let known = |id: &TrackId| {
            let input = self.inputs.iter().find(|input| input.id == *id);
            input.is_some_and(|input| input.setup.is_some() || input.refused)
        };
        let complete = match &self.told.tracks[..] {
            [] => [TrackId(1), TrackId(2)].iter().all(known),
            tracks => tracks.iter().all(known),
        };
        if complete {
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
        let waited = held.first().map_or(0, |first| {
            unit.stamp.millis.saturating_sub(first.stamp.millis)
        });
        self.held_bytes = self.held_bytes.saturating_add(unit.data.len());
        held.push(unit);
        if waited.abs() >= PATIENCE
            || held.len() >= self.limits.held_samples
            || self.held_bytes >= self.limits.incomplete_bytes
        {
            self.start();
        }
    }

    /// The time line jumps, for all tracks.
    fn reset(&mut self) {
        self.events.push_back(Event::Discontinuity);
        for input in &mut self.inputs {
            input.last = None;
            if let Some(setup) = &mut input.setup {
                setup.grid.reset();
            }
        }
    }

    /// Gives a sample with its times in ticks.
    fn give(&mut self, unit: Unit) {
        let Unit {
            track,
            mut stamp,
            composition,
            flags,
            data,
        } = unit;
        let Some(input) = self.input(track) else {
            return;
        };
        let back = |last: i64| stamp.millis < last.saturating_sub(JUMP);
        if input.last.is_some_and(back) {
            self.reset();
        }
        let Some(input) = self.input(track) else {
            return;
        };
        input.last = Some(stamp.millis);
        if let Some(setup) = &mut input.setup {
            let is_video = kind_of(track) == Kind::Video;
            // Audio is presented when it is decoded.
            if !is_video {
                stamp.nanos = composition.nanos;
            }
            let dts = setup.grid.dts(stamp, setup.codec.duration(&data));
            let pts = if is_video {
                setup.grid.pts(dts, composition)
            } else {
                dts
            };
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
