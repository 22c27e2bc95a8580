use super::{Sink, Target, segments};
use anyhow::Result;
use media::{Codec, Event, Sample, Segmenter, Time, Tracks};
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
}

impl Fragmented {
    pub fn new(out: Target) -> Self {
        let mut cuts = segments::cuts(SEGMENT);
        cuts.part_target = Some(FRAGMENT);
        let mut config = packager::Config::muxed();
        config.scattered = true;
        Self {
            segmenter: Segmenter::new(cuts),
            packager: Packager::new(config),
            out,
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
        mp4::codec::sample_entry(codec).is_ok()
    }

    fn keeps_matrix(&self) -> bool {
        true
    }

    fn set_tracks(&mut self, tracks: &Tracks) -> Result<()> {
        self.segmenter.handle_event(&Event::Tracks(tracks.clone()));
        self.work()
    }

    fn handle_sample(&mut self, sample: &Sample) -> Result<()> {
        self.segmenter.handle_event(&Event::Sample(sample.clone()));
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
