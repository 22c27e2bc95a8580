use super::{Sink, Target};
use anyhow::Result;
use media::{Codec, Event, Sample, Tracks};
use rtmp::flv::{FileMuxer, FileOutput, Muxer};

/// Key frames that the index at the start has room for.
const INDEX: usize = 1000;

/// An FLV file, with an index of its key frames where bytes can be changed afterwards.
pub struct Flv {
    muxer: FileMuxer,
    out: Target,
}

impl Flv {
    pub fn new(out: Target) -> Self {
        let muxer = FileMuxer::new();
        let muxer = if out.can_patch() {
            muxer.with_index(INDEX)
        } else {
            muxer
        };
        Self { muxer, out }
    }

    fn write(&mut self) -> Result<()> {
        while let Some(output) = self.muxer.poll_output() {
            match output {
                FileOutput::Append(data) => self.out.append(data)?,
                FileOutput::Patch { offset, data } if self.out.can_patch() => {
                    self.out.patch(offset, &data)?;
                }
                FileOutput::Patch { .. } => {}
            }
        }
        Ok(())
    }
}

impl Sink for Flv {
    fn name(&self) -> String {
        "FLV".into()
    }

    fn can_carry(&self, codec: &Codec) -> bool {
        Muxer::carries(codec)
    }

    fn set_tracks(&mut self, tracks: &Tracks) -> Result<()> {
        self.muxer.set_tracks(tracks)?;
        self.write()
    }

    fn handle_sample(&mut self, sample: Sample) -> Result<()> {
        self.muxer.handle_sample(&sample)?;
        self.write()
    }

    fn handle_event(&mut self, event: &Event) -> Result<()> {
        if let Event::Metadata(metadata) = event {
            self.muxer.set_metadata(metadata.clone());
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        self.muxer.finish()?;
        self.write()?;
        self.out.finish()
    }
}
