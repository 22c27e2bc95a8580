use super::{Sink, Target, segments};
use anyhow::{Result, bail};
use media::{Codec, Event, Sample, Segmenter, Time, Track, Tracks};
use mp4::packager::{self, Output, Packager};
use std::time::Duration;

/// From one fragment that begins with a keyframe to the next, at least.
const SEGMENT: Duration = Duration::from_secs(1);
/// The longest fragment. A short one is in the processor's cache still when it is written.
const FRAGMENT: Time = Time::from_millis(500);

/// MP4 in fragments: an init segment, then segments, all in one file.
pub struct Fragmented {
    segmenter: Segmenter,
    packager: Packager,
    out: Target,
    tracks: Tracks,
    /// Samples have come: the tracks stand in the file.
    has_begun: bool,
}

impl Fragmented {
    pub fn new(out: Target) -> Self {
        let mut cuts = segments::cuts(SEGMENT);
        cuts.part_target = Some(FRAGMENT);
        cuts.in_band = true;
        let mut config = packager::Config::muxed();
        config.scattered = true;
        Self {
            segmenter: Segmenter::new(cuts),
            packager: Packager::new(config),
            out,
            tracks: Tracks::default(),
            has_begun: false,
        }
    }

    fn work(&mut self) -> Result<()> {
        while let Some(segmented) = self.segmenter.poll_output() {
            self.packager.handle(&segmented)?;
            while let Some(output) = self.packager.poll_output() {
                match output {
                    Output::Init(init) => self.out.append(init.data)?,
                    Output::Part(part) => {
                        self.out.append(part.data)?;
                        for piece in part.payload {
                            self.out.append(piece)?;
                        }
                    }
                    Output::Segment(_) => {}
                }
            }
        }
        Ok(())
    }
}

impl Sink for Fragmented {
    fn name(&self) -> String {
        "fragmented MP4".into()
    }

    fn can_carry(&self, codec: &Codec) -> bool {
        super::mp4_carries(codec)
    }

    fn keeps_matrix(&self) -> bool {
        true
    }

    // A file has one init segment, which comes first.
    fn takes_more_tracks(&self) -> bool {
        false
    }

    /// Those that go stay in the file, what changes in pictures is in the samples; others cannot come.
    fn set_tracks(&mut self, tracks: &Tracks) -> Result<()> {
        if !self.has_begun {
            self.tracks = tracks.clone();
            return Ok(());
        }
        let is_known = |track: &Track| {
            let known = self.tracks.find(track.id);
            known.is_some_and(|known| {
                known.timescale == track.timescale && known.codec.goes_on_as(&track.codec)
            })
        };
        if let Some(other) = tracks.iter().find(|track| !is_known(track)) {
            let (id, codec) = (other.id, other.codec.rfc6381());
            bail!(
                "track {id}, {codec}, cannot join a file of fragments that has begun, nor change in it"
            );
        }
        let now = self.tracks.iter().map(|known| {
            let mut track = known.clone();
            if let Some(now) = tracks.find(known.id) {
                track.codec = now.codec.clone();
            }
            track
        });
        self.segmenter.handle_event(&Event::Tracks(now.collect()));
        self.work()
    }

    fn handle_sample(&mut self, sample: Sample) -> Result<()> {
        if !std::mem::replace(&mut self.has_begun, true) {
            self.segmenter
                .handle_event(&Event::Tracks(self.tracks.clone()));
        }
        self.segmenter.handle_sample(sample);
        self.work()
    }

    fn handle_event(&mut self, event: &Event) -> Result<()> {
        self.segmenter.handle_event(event);
        self.work()
    }

    fn finish(&mut self) -> Result<()> {
        self.segmenter.finish();
        self.work()?;
        self.out.finish()
    }
}
