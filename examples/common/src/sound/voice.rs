//! Sound that browsers do not take, made Opus.

use super::{DELAY, Decoder, FRAME, Frame, Opus, RATE, level};
use anyhow::Context;
use bytes::Bytes;
use media::{Sample, Timescale, Track};

/// Bits per second of what comes out.
const BITRATE: u32 = 96_000;
/// A gap that is longer than that is one: 60 ms. Times of RTMP are rounded to milliseconds, and waver.
const GAP: i64 = RATE as i64 * 60 / 1000;

/// A packet of Opus.
#[derive(Debug)]
pub struct Spoken {
    /// When it is heard, in ticks of 48 kHz.
    pub time: i64,
    /// What a decoder takes.
    pub data: Bytes,
    /// How loud it is, in dB below the loudest (RFC 6464).
    pub level: i8,
}

impl Spoken {
    /// As a sample in ticks of 48 kHz, with the track and the flags of the one that it comes of.
    #[must_use]
    pub fn sample(self, of: &Sample) -> Sample {
        Sample {
            track: of.track,
            dts: self.time,
            pts: self.time,
            duration: None,
            flags: of.flags,
            data: self.data,
        }
    }
}

/// Makes frames of 20 ms of what comes in frames of any length.
#[derive(Debug)]
pub struct Voice {
    decoder: Decoder,
    encoder: Opus,
    scale: Timescale,
    /// Of what comes out.
    pub clock: Timescale,
    waiting: Vec<f32>,
    /// When the first of those is heard.
    at: Option<i64>,
}

impl Voice {
    /// Of a track.
    ///
    /// # Errors
    /// If it is not understood.
    pub fn new(track: &Track) -> anyhow::Result<Self> {
        Ok(Self {
            decoder: Decoder::new(&track.codec)?,
            encoder: Opus::new(BITRATE)?,
            scale: track.timescale,
            clock: Timescale::new(RATE as u32).context("a rate")?,
            waiting: Vec::new(),
            at: None,
        })
    }

    /// What comes of a sample.
    ///
    /// # Errors
    /// If it is damaged; the next one may be whole.
    pub fn handle(&mut self, sample: &Sample) -> anyhow::Result<Vec<Spoken>> {
        let begins = self.scale.rescale(sample.pts, self.clock);
        let samples = self.decoder.decode(&sample.data)?;
        let goes_on = |at: &i64| (begins - at - self.waiting.len() as i64 / 2).abs() <= GAP;
        let mut at = self.at.filter(goes_on).unwrap_or_else(|| {
            self.waiting.clear();
            begins
        });
        self.waiting.extend_from_slice(samples);
        let (frames, rest) = self.waiting.as_chunks::<{ 2 * FRAME }>();
        let mut spoken = Vec::new();
        for frame in frames {
            spoken.push(Spoken {
                time: at - DELAY,
                data: self.encoder.encode(frame)?,
                level: decibels(frame),
            });
            at += FRAME as i64;
        }
        self.at = Some(at);
        self.waiting = rest.to_vec();
        Ok(spoken)
    }
}

/// From -127 to 0.
fn decibels(frame: &Frame) -> i8 {
    let decibels = 20.0 * level(frame).max(1e-7).log10();
    decibels.clamp(-127.0, 0.0) as i8
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::codec::{Pcm, PcmFormat};
    use media::{Codec, Flags, TrackId};

    fn sample(pts: i64, data: Vec<u8>) -> Sample {
        Sample {
            track: TrackId(1),
            dts: pts,
            pts,
            duration: None,
            flags: Flags::SYNC,
            data: data.into(),
        }
    }

    #[test]
    fn a_telephone_becomes_opus_in_time() {
        let codec = Codec::Pcm(Pcm::g711(PcmFormat::MuLaw, 8000, 1));
        let track = Track::new(TrackId(1), Timescale::new(8000).unwrap(), codec);
        let mut voice = Voice::new(&track).unwrap();
        let mut times = Vec::new();
        for index in 0..50 {
            // A square wave of full strength, in packets of 40 ms that waver by 5.
            let waver = index % 2 * 40;
            let data = (0..320).map(|at| if at % 16 < 8 { 0x00 } else { 0x80 });
            let spoken = voice.handle(&sample(8000 + index * 320 + waver, data.collect()));
            for spoken in spoken.unwrap() {
                times.push(spoken.time);
                assert!(!spoken.data.is_empty());
                assert!(
                    times.len() < 3 || (-3..=0).contains(&spoken.level),
                    "{}",
                    spoken.level
                );
            }
        }
        assert!((95..=100).contains(&times.len()), "{}", times.len());
        assert_eq!(times[0], 48_000 - DELAY);
        assert!(
            times
                .windows(2)
                .all(|pair| pair[1] - pair[0] == FRAME as i64)
        );
        // After a pause it goes on at its time.
        let silence = voice.handle(&sample(80_000, vec![0xff; 640])).unwrap();
        assert_eq!(silence[0].time, 480_000 - DELAY);
        assert!(silence[1].level < -60, "{}", silence[1].level);
    }
}
