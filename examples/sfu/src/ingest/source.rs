//! From what a publisher sends to what a room takes: a guest, and packets of theirs. It knows no socket and reads no clock but that of the
//! wall, for reports.

use super::clock::Clock;
use super::picture::Picture;
use crate::message::Source as What;
use crate::room::{Guest, GuestTrack, Packet};
use common::sound::Voice;
use media::{Codec, Event, Kind, Sample, Timescale, Track, TrackId, Tracks, WallClock};
use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime};
use str0m::format::{Codec as Format, CodecSpec, FormatParams};
use str0m::media::{ExtensionValues, Frequency};

/// The tracks of a guest, and how they are called.
pub(super) const PICTURE: &str = "0";
pub(super) const SOUND: &str = "1";
const PICTURE_ID: TrackId = TrackId(1);
const SOUND_ID: TrackId = TrackId(2);

/// Bytes of a packet, with its header, at most: as browsers make them.
const LONGEST: usize = 1200;
/// How often it is told anew when a packet was made.
const REPORTS: Duration = Duration::from_secs(1);

/// What comes of it.
#[derive(Debug)]
pub(super) enum Output {
    /// They are that from now on.
    Guest(Guest),
    /// Packets of a track, which belong together.
    Packets(&'static str, Vec<Packet>),
}

/// A publisher.
#[derive(Debug)]
pub(super) struct Source {
    name: String,
    start: Instant,
    clock: Clock,
    sender: rtp::Sender,
    tracks: Option<Tracks>,
    /// Their ids there, and what is done with them.
    picture: Option<(TrackId, Picture)>,
    sound: Option<(TrackId, Sound)>,
    lanes: [Lane; 2],
    /// What is wrong with the picture, and with the sound.
    wrong: [Option<String>; 2],
    /// Pictures that were left out.
    pub(super) left_out: u64,
    out: VecDeque<Output>,
}

#[derive(Debug)]
enum Sound {
    /// It is Opus already.
    Passed(Timescale),
    Transcoded(Box<Voice>),
}

/// What numbers come next, and what was reported last.
#[derive(Debug, Default)]
struct Lane {
    sequence: u64,
    report: Option<(u32, SystemTime)>,
    reported: Option<(Instant, u64)>,
}

impl Source {
    pub(super) fn new(name: String, now: Instant) -> Self {
        let mut config = rtp::sender::Config::new(WallClock::from_unix_nanos(0), "fluvial");
        config.max_packet = LONGEST;
        Self {
            name,
            start: now,
            clock: Clock::default(),
            sender: rtp::Sender::new(config, &mut rand::rng()),
            tracks: None,
            picture: None,
            sound: None,
            lanes: Default::default(),
            wrong: Default::default(),
            left_out: 0,
            out: VecDeque::new(),
        }
    }

    /// What comes of what was handled.
    pub(super) fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// What is wrong with what they send, if anything is.
    pub(super) fn wrong(&self) -> Option<String> {
        let wrong: Vec<_> = self.wrong.iter().flatten().map(String::as_str).collect();
        (!wrong.is_empty()).then(|| wrong.join("; "))
    }

    pub(super) fn handle(&mut self, event: &Event, now: Instant) {
        match event {
            Event::Tracks(tracks) if self.tracks.as_ref() != Some(tracks) => {
                self.begin(tracks);
                self.tracks = Some(tracks.clone());
            }
            Event::Sample(sample) => self.sample(sample, now),
            Event::Discontinuity => {
                if let Some((_, picture)) = &mut self.picture {
                    picture.restart();
                }
            }
            _ => {}
        }
    }

    /// They send these tracks: the first picture and the first sound are taken.
    fn begin(&mut self, tracks: &Tracks) {
        let mut wrong = [None, None];
        self.picture = tracks.first_of(Kind::Video).and_then(|track| {
            let picture = Picture::new(track).map_err(|why| wrong[0] = Some(why));
            Some((track.id, picture.ok()?))
        });
        let known = self
            .tracks
            .as_ref()
            .and_then(|old| old.first_of(Kind::Audio));
        let track = tracks.first_of(Kind::Audio);
        if known != track || self.sound.is_none() {
            self.sound = track.and_then(|track| {
                let sound = Sound::new(track).map_err(|error| {
                    wrong[1] = Some(format!("no sound: {error:#}"));
                });
                Some((track.id, sound.ok()?))
            });
        }
        self.wrong = wrong;
        self.lay_out();
    }

    /// Sets the sender up for what there is, and tells the room.
    fn lay_out(&mut self) {
        let mut tracks = Vec::new();
        let mut told = Vec::new();
        let mut tell = |mid: &str, source, spec| {
            told.push(GuestTrack {
                offers: Vec::new(),
                mid: mid.to_owned(),
                source,
                muted: false,
                layers: vec![(None, spec)],
            });
        };
        if let (Some((_, picture)), Some(scale)) = (&self.picture, self.picture_scale()) {
            let codec = Codec::H264(picture.config.clone());
            tracks.push(Track::new(PICTURE_ID, scale, codec));
            tell(PICTURE, What::Camera, picture.spec());
        }
        if let Some((_, sound)) = &self.sound {
            let codec = Codec::Opus(media::codec::Opus::new(2, 0));
            tracks.push(Track::new(SOUND_ID, sound.scale(), codec));
            tell(SOUND, What::Microphone, opus());
        }
        if !tracks.is_empty()
            && let Err(error) = self.sender.set_tracks(&Tracks::from(tracks))
        {
            tracing::warn!(name = self.name, "cannot be sent: {error}");
        }
        let guest = Guest {
            name: self.name.clone(),
            tracks: told,
            unasked: true,
            warning: self.wrong(),
        };
        self.out.push_back(Output::Guest(guest));
    }

    fn picture_scale(&self) -> Option<Timescale> {
        self.picture.as_ref().map(|(_, picture)| picture.scale)
    }

    fn sample(&mut self, sample: &Sample, now: Instant) {
        if let Some((id, picture)) = &mut self.picture
            && *id == sample.track
        {
            match picture.judge(sample) {
                Ok(()) => {
                    let scale = picture.scale;
                    self.send(PICTURE_ID, scale, sample.clone(), None, now);
                }
                Err(why) => {
                    self.left_out += 1;
                    self.complain(why);
                }
            }
            return;
        }
        let Some((id, sound)) = &mut self.sound else {
            return;
        };
        if *id != sample.track {
            return;
        }
        match sound {
            Sound::Passed(scale) => {
                let scale = *scale;
                self.send(SOUND_ID, scale, sample.clone(), None, now);
            }
            Sound::Transcoded(voice) => {
                let spoken = match voice.handle(sample) {
                    Ok(spoken) => spoken,
                    Err(error) => {
                        return tracing::debug!(name = self.name, "sound is lost: {error:#}");
                    }
                };
                let scale = voice.clock;
                for spoken in spoken {
                    let level = spoken.level;
                    self.send(SOUND_ID, scale, spoken.sample(sample), Some(level), now);
                }
            }
        }
    }

    /// Tells people what is wrong with the picture, once.
    fn complain(&mut self, why: &str) {
        if self.wrong[0].as_deref() != Some(why) {
            self.wrong[0] = Some(why.to_owned());
            self.lay_out();
        }
    }

    fn send(
        &mut self,
        track: TrackId,
        scale: Timescale,
        mut sample: Sample,
        level: Option<i8>,
        now: Instant,
    ) {
        let at = self.clock.place(scale.time(sample.pts), now);
        sample.track = track;
        let passed = now.saturating_duration_since(self.start);
        if let Err(error) = self.sender.handle_sample(&sample, passed) {
            return tracing::debug!(name = self.name, "not sent: {error}");
        }
        let (mid, lane) = match track == PICTURE_ID {
            true => (PICTURE, &mut self.lanes[0]),
            false => (SOUND, &mut self.lanes[1]),
        };
        let mut packets = Vec::new();
        while let Some(output) = self.sender.poll_output() {
            if output.kind == rtp::sender::Channel::Rtcp {
                continue;
            }
            let Ok(packet) = rtp::Packet::parse(&output.data) else {
                continue;
            };
            let is_due = |changes: &u64| {
                let is_new = |(then, told): (Instant, u64)| {
                    told != *changes || now.saturating_duration_since(then) >= REPORTS
                };
                lane.reported.is_none_or(is_new)
            };
            if let Some(changes) = self.clock.changes(now).filter(is_due) {
                let wall = SystemTime::now().checked_sub(now.saturating_duration_since(at));
                lane.report = wall.map(|wall| (packet.timestamp(), wall));
                lane.reported = Some((now, changes));
            }
            packets.push(Packet {
                sequence: lane.sequence,
                time: packet.timestamp(),
                marker: packet.marker(),
                at,
                report: lane.report,
                values: ExtensionValues {
                    audio_level: level,
                    voice_activity: level.map(|level| level > -50),
                    ..ExtensionValues::default()
                },
                payload: packet.payload().into(),
            });
            lane.sequence += 1;
        }
        if !packets.is_empty() {
            self.out.push_back(Output::Packets(mid, packets));
        }
    }
}

impl Sound {
    fn new(track: &Track) -> anyhow::Result<Self> {
        Ok(match &track.codec {
            Codec::Opus(opus) if opus.channel_mapping_family == 0 => Self::Passed(track.timescale),
            _ => Self::Transcoded(Box::new(Voice::new(track)?)),
        })
    }

    const fn scale(&self) -> Timescale {
        match self {
            Self::Passed(scale) => *scale,
            Self::Transcoded(voice) => voice.clock,
        }
    }
}

fn opus() -> CodecSpec {
    CodecSpec {
        codec: Format::Opus,
        clock_rate: Frequency::FORTY_EIGHT_KHZ,
        channels: Some(2),
        format: FormatParams {
            min_p_time: Some(10),
            use_inband_fec: Some(true),
            ..FormatParams::default()
        },
    }
}
