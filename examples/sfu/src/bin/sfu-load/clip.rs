//! What is published: a file, laid into packets once.

use anyhow::{Context, Result, ensure};
use media::{Codec, Event, Time, Tracks, WallClock};
use std::path::Path;
use std::time::Duration;

/// A file as RTP payloads.
#[derive(Debug)]
pub(crate) struct Clip {
    pub(crate) frames: Vec<Frame>,
    /// How long it lasts.
    pub(crate) length: Duration,
}

/// One picture.
#[derive(Debug)]
pub(crate) struct Frame {
    /// When it is sent.
    pub(crate) at: Duration,
    pub(crate) keyframe: bool,
    pub(crate) payloads: Vec<Vec<u8>>,
}

/// Largest packet, as browsers make them.
const PACKET: usize = 1200;

impl Clip {
    /// The first track of H.264 in an MP4 file.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let bytes =
            std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut demuxer = mp4::Demuxer::new(mp4::Limits::default());
        let mut config = rtp::sender::Config::new(WallClock::from_unix_nanos(0), "load");
        config.max_packet = PACKET;
        let mut sender = rtp::Sender::new(config, &mut rand::rng());
        let mut clip = Self {
            frames: Vec::new(),
            length: Duration::ZERO,
        };
        let mut tracks = Tracks::default();
        for piece in bytes.chunks(1 << 16).map(Some).chain([None]) {
            match piece {
                Some(piece) => demuxer.handle_input(piece),
                None => demuxer.handle_eof(),
            }
            while let Some(event) = demuxer.poll_event()? {
                match event {
                    Event::Tracks(found) if tracks.is_empty() => {
                        let is_h264 = |track: &&media::Track| matches!(track.codec, Codec::H264(_));
                        tracks = found.iter().filter(is_h264).take(1).cloned().collect();
                        sender.set_tracks(&tracks)?;
                    }
                    Event::Sample(sample) => {
                        let Some(track) = tracks.find(sample.track) else {
                            continue;
                        };
                        let at = to_duration(track.timescale.time(sample.dts));
                        sender.handle_sample(&sample, at)?;
                        let mut payloads = Vec::new();
                        while let Some(output) = sender.poll_output() {
                            if output.kind == rtp::sender::Channel::Rtp {
                                payloads.push(rtp::Packet::parse(&output.data)?.payload().to_vec());
                            }
                        }
                        clip.frames.push(Frame {
                            at,
                            keyframe: sample.is_sync(),
                            payloads,
                        });
                    }
                    _ => {}
                }
            }
        }
        ensure!(!tracks.is_empty(), "the file has no H.264");
        let (Some(first), Some(last)) = (clip.frames.first(), clip.frames.last()) else {
            anyhow::bail!("the file has no pictures");
        };
        ensure!(first.keyframe, "the file does not begin with a keyframe");
        let (start, end) = (first.at, last.at);
        let frame = (end - start) / u32::try_from(clip.frames.len().max(2) - 1)?;
        clip.length = end - start + frame.max(Duration::from_millis(1));
        for frame in &mut clip.frames {
            frame.at -= start;
        }
        Ok(clip)
    }

    /// How long after the one before it the picture `index` comes, in the round.
    pub(crate) fn step(&self, index: usize) -> Duration {
        let at = |index: usize| {
            self.frames
                .get(index)
                .map_or(Duration::ZERO, |frame| frame.at)
        };
        match index.checked_sub(1) {
            Some(before) => at(index).saturating_sub(at(before)),
            None => self.length.saturating_sub(at(self.frames.len() - 1)),
        }
    }

    /// The next keyframe from `index` on, in the round.
    pub(crate) fn keyframe_from(&self, index: usize) -> usize {
        let is_keyframe = |frame: &Frame| frame.keyframe;
        let after = self.frames.iter().skip(index).position(is_keyframe);
        after.map_or(0, |ahead| index + ahead)
    }
}

fn to_duration(time: Time) -> Duration {
    Duration::from_nanos(u64::try_from(time.as_nanos()).unwrap_or_default())
}
