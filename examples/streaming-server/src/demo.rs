//! The built-in stream: a clip of a few seconds, looped without a seam, published like any other stream.

use crate::hub::Hub;
use crate::stream::{Publication, Publisher};
use anyhow::{Context, bail, ensure};
use common::Shutdown;
use media::{Event, Sample, Time, Tracks};
use rtmp::flv;
use std::time::Instant;

const NAME: &str = "live/demo";
/// Made by `demo/make.sh`.
const CLIP: &[u8] = include_bytes!("../demo/demo.mp4");

/// Publishes the clip until the shutdown begins.
///
/// # Errors
/// If the clip cannot be read or looped.
pub(crate) fn start(hub: &Hub, cut: &Shutdown) -> anyhow::Result<()> {
    let clip = Clip::parse(CLIP).context("the built-in clip")?;
    let publisher = Publisher {
        peer: None,
        agent: "the built-in clip".into(),
        query: String::new(),
    };
    let Ok(mut publication) = hub.publish(NAME, publisher) else {
        bail!("{NAME} cannot be published");
    };
    tracing::info!(stream = %NAME, "publisher started: built in");
    let cut = cut.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = cut.wait() => {}
            result = clip.play(&mut publication) => if let Err(error) = result {
                tracing::error!(stream = %NAME, "the built-in stream ends: {error:#}");
            }
        }
        drop(publication);
        tracing::info!(stream = %NAME, "publisher gone: the server ends");
    });
    Ok(())
}

/// A clip all of whose tracks last equally long, to the tick.
#[derive(Debug)]
struct Clip {
    tracks: Tracks,
    /// In the order in which they are sent.
    samples: Vec<Sample>,
    length: Time,
}

impl Clip {
    fn parse(file: &[u8]) -> anyhow::Result<Self> {
        let mut demuxer = mp4::Demuxer::new(mp4::Limits::default());
        let mut tracks = Tracks::default();
        let mut samples = Vec::new();
        demuxer.handle_input(file);
        demuxer.handle_eof();
        while let Some(event) = demuxer.poll_event()? {
            match event {
                Event::Tracks(found) => tracks = found,
                Event::Sample(sample) => samples.push(sample),
                Event::Warning(warning) => bail!("{warning}"),
                _ => {}
            }
        }
        let mut length = None;
        for track in &tracks {
            let own = samples.iter().filter(|sample| sample.track == track.id);
            let ticks: i64 = own
                .clone()
                .filter_map(|sample| sample.duration)
                .map(|ticks| i64::from(ticks.get()))
                .sum();
            let first = own.clone().next().map(|sample| sample.dts);
            ensure!(
                first == Some(0),
                "track {} does not start at zero",
                track.id
            );
            let time = track.timescale.time(ticks);
            ensure!(
                *length.get_or_insert(time) == time,
                "track {} has another length",
                track.id
            );
        }
        let length = length.context("no tracks")?;
        let time = |sample: &Sample| {
            tracks
                .find(sample.track)
                .map(|track| track.timescale.time(sample.dts))
        };
        samples.sort_by_key(time);
        Ok(Self {
            tracks,
            samples,
            length,
        })
    }

    /// Publishes it round after round; each goes on where the one before ended.
    async fn play(&self, publication: &mut Publication) -> anyhow::Result<()> {
        let start = Instant::now();
        let mut muxer = flv::Muxer::new();
        muxer.set_tracks(&self.tracks)?;
        for round in 0.. {
            let shift = Time::from_nanos(self.length.as_nanos() * round);
            for sample in &self.samples {
                let Some(track) = self.tracks.find(sample.track) else {
                    continue;
                };
                let ticks = track.timescale.ticks(shift);
                let mut sample = sample.clone();
                sample.dts += ticks;
                sample.pts += ticks;
                let due = start
                    + track
                        .timescale
                        .time(sample.dts)
                        .to_duration()
                        .unwrap_or_default();
                if due > Instant::now() {
                    publication.flush(Instant::now());
                    tokio::time::sleep_until(due.into()).await;
                }
                muxer.handle_sample(&sample)?;
                while let Some(message) = muxer.poll_output() {
                    publication.handle(&message)?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::Kind;

    #[test]
    fn the_clip_loops_without_a_seam() {
        let clip = Clip::parse(CLIP).unwrap();
        assert_eq!(clip.length, Time::from_millis(8000));
        let count = |kind| {
            let track = clip.tracks.first_of(kind).unwrap();
            clip.samples
                .iter()
                .filter(|sample| sample.track == track.id)
                .count()
        };
        assert_eq!((count(Kind::Video), count(Kind::Audio)), (240, 375));
        assert!(
            clip.samples
                .iter()
                .filter(|sample| sample.is_sync())
                .count()
                >= 375 + 4
        );
        assert!(clip.samples.iter().any(|sample| sample.pts > sample.dts));
    }
}
