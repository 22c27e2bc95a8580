use super::{Sink, Target, segments};
use anyhow::Result;
use media::{Codec, Event, Sample, Segmenter, Tracks};
use mp4::packager::{self, Output, Packager};

/// MP4 in fragments: an init segment, then segments, all in one file.
pub struct Fragmented {
    segmenter: Segmenter,
    packager: Packager,
    out: Target,
}

impl Fragmented {
    pub fn new(out: Target) -> Self {
        Self {
            segmenter: segments::segmenter(),
            packager: Packager::new(packager::Config::muxed()),
            out,
        }
    }

    fn work(&mut self) -> Result<()> {
        while let Some(segmented) = self.segmenter.poll_output() {
            self.packager.handle(&segmented)?;
            while let Some(output) = self.packager.poll_output() {
                match output {
                    Output::Init(init) => self.out.append(&init.data)?,
                    Output::Part(part) => self.out.append(&part.data)?,
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
