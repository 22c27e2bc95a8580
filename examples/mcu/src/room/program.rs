//! What everybody outside of the room sees of it: the mix as a stream, for RTMP, RTSP, HLS, DASH and recordings.

use super::share::Unit;
use super::voice::samples;
use crate::sound::encode::{AAC_FRAME, Aac};
use crate::sound::{FRAME, Frame, RATE};
use bytes::Bytes;
use h264::DecoderConfig;
use media::{Codec, Event, Flags, Sample, Timescale, Track, TrackId, Tracks};
use std::num::NonZeroU32;

const VIDEO: TrackId = TrackId(1);
const AUDIO: TrackId = TrackId(2);
/// Ticks of video per second.
const TICKS: u32 = 90_000;
/// Bits per second.
const BITRATE: u32 = 128_000;

/// Where it goes.
pub(crate) trait Out {
    fn handle(&mut self, event: Event);
    fn flush(&mut self);
}

/// The mix as a stream.
#[derive(Debug)]
pub(crate) struct Program<O> {
    pub(crate) out: O,
    sound: Aac,
    /// Whether there are pictures in it.
    shows: bool,
    video: Option<DecoderConfig>,
    told: Option<Tracks>,
    /// When the next frame of AAC begins, in samples of the room's clock.
    next: Option<i64>,
}

impl<O: Out> Program<O> {
    /// With pictures, or without.
    pub(crate) fn new(out: O, shows: bool) -> anyhow::Result<Self> {
        Ok(Self {
            out,
            sound: Aac::new(BITRATE)?,
            shows,
            video: None,
            told: None,
            next: None,
        })
    }

    /// From now on there are pictures in it, or none.
    pub(crate) fn set_shows(&mut self, shows: bool) {
        if shows != self.shows {
            self.shows = shows;
            self.video = None;
        }
    }

    /// Tells the tracks, if they are others than those that were told; whether they are known.
    fn tell(&mut self) -> bool {
        if self.shows && self.video.is_none() {
            // Players would take a stream without pictures for one that has none.
            return false;
        }
        let scale = |ticks: u32| Timescale::new(ticks);
        let (Some(ticks), Some(rate)) = (scale(TICKS), scale(RATE as u32)) else {
            return false;
        };
        let video = self
            .video
            .clone()
            .map(|config| Track::new(VIDEO, ticks, Codec::H264(config)));
        let audio = Track::new(AUDIO, rate, Codec::Aac(self.sound.config().clone()));
        let tracks: Tracks = video.into_iter().chain([audio]).collect();
        if self.told.as_ref() != Some(&tracks) {
            self.out.handle(Event::Tracks(tracks.clone()));
            self.told = Some(tracks);
        }
        true
    }

    /// Takes a picture.
    pub(crate) fn picture(&mut self, unit: &Unit) {
        if !self.shows || self.video.is_none() && !unit.sync {
            return;
        }
        if self.video.as_ref() != Some(&unit.config) {
            self.video = Some(unit.config.clone());
        }
        self.tell();
        let time =
            i64::try_from(i128::from(unit.time) * i128::from(TICKS) / 1_000_000_000).unwrap_or(0);
        self.sample(VIDEO, time, None, unit.sync, unit.data.clone());
    }

    /// Takes a frame of sound that begins at `at`.
    pub(crate) fn sound(&mut self, at: i64, frame: &Frame) {
        // Where the room has stood still, the sound begins anew.
        let next = match self.next {
            Some(next) if (self.expected(next) - at).abs() <= FRAME as i64 => next,
            // The encoder is a frame behind what it is given.
            _ => at - AAC_FRAME as i64,
        };
        self.next = Some(next);
        let units = match self.sound.encode(frame) {
            Ok(units) => units,
            Err(error) => return tracing::error!("no AAC: {error:#}"),
        };
        for data in units {
            let at = self.next.unwrap_or(at);
            self.next = Some(at + AAC_FRAME as i64);
            if at >= 0 && self.tell() {
                self.sample(AUDIO, at, NonZeroU32::new(AAC_FRAME as u32), true, data);
            }
        }
        self.out.flush();
    }

    /// When the frame that is given next would begin.
    fn expected(&self, next: i64) -> i64 {
        next + AAC_FRAME as i64 + self.sound.waiting() as i64
    }

    fn sample(
        &mut self,
        track: TrackId,
        time: i64,
        duration: Option<NonZeroU32>,
        sync: bool,
        data: Bytes,
    ) {
        self.out.handle(Event::Sample(Sample {
            track,
            dts: time,
            pts: time,
            duration,
            flags: Flags::SYNC.when(sync),
            data,
        }));
        self.out.flush();
    }
}

/// Whether both clocks agree, for tests and for readers: a second of sound is a second of pictures.
const _: () = assert!(samples(1_000_000_000) == RATE as i64);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::encode::{Encoder, Settings};
    use crate::picture::{Colour, Picture};

    impl Out for Vec<Event> {
        fn handle(&mut self, event: Event) {
            self.push(event);
        }

        fn flush(&mut self) {}
    }

    fn unit(encoder: &mut Encoder, time: i64) -> Unit {
        let encoded = encoder
            .encode(&Picture::new(64, 64, Colour::RED), 0)
            .unwrap()
            .unwrap();
        Unit {
            time,
            sync: encoded.sync,
            data: encoded.data,
            config: encoder.config().unwrap().clone(),
            payloads: Vec::new(),
        }
    }

    fn encoder() -> Encoder {
        Encoder::new(Settings {
            width: 64,
            height: 64,
            rate: 25,
            bitrate: 100_000,
            keyframes: None,
        })
    }

    fn times(events: &[Event], track: TrackId) -> Vec<i64> {
        let time = |event: &Event| match event {
            Event::Sample(sample) if sample.track == track => Some(sample.pts),
            _ => None,
        };
        events.iter().filter_map(time).collect()
    }

    #[test]
    fn tracks_come_first_and_times_agree() {
        let mut program = Program::new(Vec::new(), true).unwrap();
        let mut encoder = encoder();
        let silence = [0.0; 2 * FRAME];
        for frame in 100..150_i64 {
            program.sound(frame * FRAME as i64, &silence);
            if frame >= 110 && frame % 2 == 0 {
                program.picture(&unit(&mut encoder, frame * 20_000_000));
            }
        }
        let events = program.out;
        assert!(matches!(&events[0], Event::Tracks(tracks) if tracks.iter().count() == 2));
        assert_eq!(
            events
                .iter()
                .filter(|event| matches!(event, Event::Tracks(_)))
                .count(),
            1
        );
        let video = times(&events, VIDEO);
        assert_eq!(&video[..2], [110 * 1800, 112 * 1800]);
        let audio = times(&events, AUDIO);
        assert!(audio.windows(2).all(|pair| pair[1] - pair[0] == 1024));
        // What is said in frame 120 is in the frame of AAC that covers it, and one is held by the encoder.
        assert!((audio.last().unwrap() - 150 * 960).abs() < 3 * 1024);
        assert!((audio[0] - 100 * 960) % 1024 == 0);
    }

    #[test]
    fn without_pictures_the_sound_goes_alone_and_pictures_may_come() {
        let mut program = Program::new(Vec::new(), false).unwrap();
        let silence = [0.0; 2 * FRAME];
        for frame in 0..20 {
            program.sound(frame * FRAME as i64, &silence);
        }
        assert!(matches!(&program.out[0], Event::Tracks(tracks) if tracks.iter().count() == 1));
        assert!(times(&program.out, AUDIO).iter().all(|time| *time >= 0));
        program.set_shows(true);
        let mut encoder = encoder();
        program.picture(&unit(&mut encoder, 400_000_000));
        let tracks = program
            .out
            .iter()
            .filter(|event| matches!(event, Event::Tracks(_)));
        assert_eq!(tracks.count(), 2);
        // The room stood still: the times of the sound go on where it does.
        program.sound(100_000, &silence);
        program.sound(100_960, &silence);
        assert!(times(&program.out, AUDIO).last().unwrap().abs_diff(100_000) < 1100);
    }
}
